/** The Pothos builder of this schema: its context, its scalars, its plugins, who decides access, and what is nullable where nothing is said. */
import SchemaBuilder from '@pothos/core'
import '@pothos/plugin-scope-auth'
import { type AuthScopes, authScopesOf } from '../access/rules.ts'
import { accessTable } from '../access/table.ts'
import './access-plugin.ts'
import { refusalOf } from './access-refusals.ts'
import type { Context } from './context.ts'
import { DateScalar, DateTimeScalar, JsonScalar, LanguageTagScalar } from './scalars.ts'

export interface SchemaTypes {
  Context: Context
  AuthScopes: AuthScopes
  DefaultAuthStrategy: 'all'
  DefaultFieldNullability: false
  Scalars: {
    ID: { Input: string; Output: string }
    Date: { Input: string; Output: string }
    DateTime: { Input: Date; Output: Date }
    JSON: { Input: unknown; Output: unknown }
    LanguageTag: { Input: string; Output: string }
  }
}

export type Builder = PothosSchemaTypes.SchemaBuilder<PothosSchemaTypes.ExtendDefaultTypes<SchemaTypes>>

/** A fresh builder: a schema is built as often as it is asked for, and no module holds one. */
export function createBuilder(access = accessTable): Builder {
  const builder: Builder = new SchemaBuilder<SchemaTypes>({
    plugins: ['access', 'scopeAuth'],
    access: { table: access, viewerOf: ({ viewer }) => viewer },
    scopeAuth: {
      defaultStrategy: 'all',
      authScopes: ({ viewer }) => authScopesOf(viewer),
      unauthorizedError: (_parent, { viewer }, _info, { failure }) => refusalOf(viewer, failure),
    },
    defaultFieldNullability: false,
  })
  builder.addScalarType('Date', DateScalar)
  builder.addScalarType('DateTime', DateTimeScalar)
  builder.addScalarType('JSON', JsonScalar)
  builder.addScalarType('LanguageTag', LanguageTagScalar)
  return builder
}
