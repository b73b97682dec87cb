/** Binds the access table to the schema, at the fields that enter what is guarded; a guarded type without a row, or a row for nothing, fails the build. */
import SchemaBuilder, {
  BasePlugin,
  PothosSchemaError,
  type PothosOutputFieldConfig,
  type PothosOutputFieldType,
  type PothosTypeConfig,
  type SchemaTypes,
} from '@pothos/core'
import type { GraphQLField, GraphQLFieldResolver, GraphQLSchema } from 'graphql'
import { open, refusal, requiredScopes, type Rule } from '../access/rules.ts'
import type { AccessTable } from '../access/table.ts'
import type { Viewer } from '../access/viewer.ts'
import { Problem } from '../domain/problem.ts'

declare global {
  export namespace PothosSchemaTypes {
    export interface Plugins<Types extends SchemaTypes> {
      access: AccessPlugin<Types>
    }
    export interface SchemaBuilderOptions<Types extends SchemaTypes> {
      access: AccessTable
    }
  }
}

/** What stands in the viewer's way, if anything does. */
function obstacle(rule: Rule, viewer: Viewer): Problem | undefined {
  const reason = refusal(rule, viewer)
  if (reason === 'MISSING_SCOPE') return new Problem(reason, { requiredScopes: requiredScopes(rule) })
  return reason && new Problem(reason)
}

const ruleOfResolver = new WeakMap<object, Rule>()

/** What a field's rule says to this viewer, before anything of the request but the credential is looked at. */
export function obstacleAt({ resolve }: Pick<GraphQLField<unknown, unknown>, 'resolve'>, viewer: Viewer): Problem | undefined {
  const rule = resolve && ruleOfResolver.get(resolve)
  return rule && obstacle(rule, viewer)
}

class AccessPlugin<Types extends SchemaTypes> extends BasePlugin<Types> {
  override onTypeConfig(type: PothosTypeConfig): PothosTypeConfig {
    this.ruleOfType(type.name)
    return type
  }

  /** Before the resolver, and before anything is read for it. What is inside a guarded type, its scalars and rows, asks no more. */
  override wrapResolve(
    resolve: GraphQLFieldResolver<unknown, Types['Context'], object>,
    field: PothosOutputFieldConfig<Types>,
  ): GraphQLFieldResolver<unknown, Types['Context'], object> {
    const rule = this.ruleOfField(field)
    if (rule === open) return resolve
    const guarded: typeof resolve = (parent, args, context, info) => {
      const problem = obstacle(rule, (context as { readonly viewer: Viewer }).viewer)
      if (problem) throw problem
      return resolve(parent, args, context, info)
    }
    ruleOfResolver.set(guarded, rule)
    return guarded
  }

  override afterBuild(schema: GraphQLSchema): GraphQLSchema {
    const stale = Object.keys(this.builder.options.access).filter((row) => {
      const [typeName, fieldName] = row.split('.') as [string, string?]
      const type = schema.getType(typeName)
      return !type || (fieldName !== undefined && !('getFields' in type && fieldName in type.getFields()))
    })
    if (stale.length > 0) throw new PothosSchemaError(`The access table has rows for nothing: ${stale.join(', ')}`)
    return schema
  }

  /** The field's own row; else that of the type it leads to. Inside a connection nothing is asked again. */
  private ruleOfField(field: PothosOutputFieldConfig<Types>): Rule {
    const own = this.row(`${field.parentType}.${field.name}`)
    if (own) return own
    const isRoot = field.kind === 'Query' || field.kind === 'Mutation' || field.kind === 'Subscription'
    if (!isRoot && this.carriedBy(field.parentType) !== undefined) return open
    const rule = this.ruleOfType(this.typeNameOf(field.type))
    // A root field that leads to nothing guarded must say so itself.
    if (isRoot && rule === open) throw new PothosSchemaError(`${field.parentType}.${field.name} has no row in the access table`)
    return rule
  }

  private ruleOfType(name: string): Rule {
    const row = this.row(name)
    if (row) return row
    const type = this.builder.configStore.getTypeConfig(name)
    if (!['Object', 'Interface', 'Union'].includes(type.graphqlKind) || ['Query', 'Mutation', 'Subscription'].includes(name)) return open
    const carried = this.carriedBy(name)
    if (carried === undefined) throw new PothosSchemaError(`${name} has no row in the access table`)
    return this.ruleOfType(carried)
  }

  /** What a connection or an edge carries. */
  private carriedBy(name: string): string | undefined {
    if (this.row(name)) return undefined
    const fields = this.builder.configStore.getFields(name)
    const node = fields.get('node') ?? fields.get('nodes')
    return /(Connection|Edge)$/.test(name) && node ? this.typeNameOf(node.type as PothosOutputFieldType<Types>) : undefined
  }

  private row(name: string): Rule | undefined {
    return Object.hasOwn(this.builder.options.access, name) ? this.builder.options.access[name] : undefined
  }

  private typeNameOf(type: PothosOutputFieldType<Types>): string {
    return type.kind === 'List' ? this.typeNameOf(type.type) : this.builder.configStore.getTypeConfig(type.ref).name
  }
}

SchemaBuilder.registerPlugin('access', AccessPlugin)
