/**
 * Binds the access table to the schema: the fields that enter what is guarded take their row as scope-auth's `authScopes`. A guarded type
 * without a row, a row for nothing, or anything that scope-auth is told elsewhere fails the build.
 */
import SchemaBuilder, {
  BasePlugin,
  isThenable,
  type MaybePromise,
  type PothosOutputFieldConfig,
  type PothosOutputFieldType,
  PothosSchemaError,
  type PothosTypeConfig,
  type SchemaTypes,
} from '@pothos/core'
import { type AuthFailure, type AuthScopeMap, RequestCache } from '@pothos/plugin-scope-auth'
import { defaultFieldResolver, type GraphQLFieldResolver, type GraphQLSchema } from 'graphql'
import { open } from '../access/rules.ts'

/** The extension `decide` of a guarded field: evaluates its rule without its resolver. @returns the failure, or null */
export type Decide<Context> = (context: Context) => MaybePromise<AuthFailure | null>

type Resolver<Types extends SchemaTypes> = GraphQLFieldResolver<unknown, Types['Context'], object>

declare global {
  export namespace PothosSchemaTypes {
    export interface Plugins<Types extends SchemaTypes> {
      access: AccessPlugin<Types>
    }
    export interface SchemaBuilderOptions<Types extends SchemaTypes> {
      access: {
        readonly table: Readonly<Record<string, AuthScopeMap<Types>>>
        /** The immutable viewer that decisions are cached by. */
        readonly viewerOf: (context: Types['Context']) => object
      }
    }
  }
}

/** What scope-auth takes from types and fields. The access table alone decides. */
const ofScopeAuth = [
  'authScopes',
  'grantScopes',
  'runScopesOnType',
  'skipInterfaceScopes',
  'skipTypeScopes',
  'unauthorizedError',
  'unauthorizedResolver',
]

class AccessPlugin<Types extends SchemaTypes> extends BasePlugin<Types> {
  override beforeBuild(): void {
    if (this.options.disableScopeAuth) throw new PothosSchemaError('toSchema({ disableScopeAuth }) would leave everything open: remove it')
  }

  override onTypeConfig(type: PothosTypeConfig): PothosTypeConfig {
    demandFreeOfRules(type.name, type.pothosOptions)
    this.ruleOfType(type.name)
    return type
  }

  /** Before the resolver, and before anything is read for it. What is inside a guarded type, its scalars and rows, asks no more. */
  override onOutputFieldConfig(field: PothosOutputFieldConfig<Types>): PothosOutputFieldConfig<Types> {
    demandFreeOfRules(`${field.parentType}.${field.name}`, field.pothosOptions)
    const rule = this.ruleOfField(field)
    if (rule === 'open') return field
    return Object.assign({}, field, {
      extensions: { ...field.extensions, decide: this.decisionBy(rule) },
      pothosOptions: Object.assign({}, field.pothosOptions, { authScopes: rule }),
    })
  }

  /**
   * A permitted field calls its own resolver; scope-auth's, which adds two promises to each asynchronous field, is called only to refuse.
   * Its cache is cleared at once: the cache is a WeakMap whose values refer to their keys, which V8 frees only in a full collection, and
   * with them the rows of the request.
   */
  override wrapResolve(
    guarded: Resolver<Types>,
    { resolve = defaultFieldResolver, extensions }: PothosOutputFieldConfig<Types>,
  ): Resolver<Types> {
    const decide = extensions?.['decide'] as Decide<Types['Context']> | undefined
    if (!decide) return guarded
    return (parent, args, context, info) => {
      if (decide(context) === null) return resolve(parent, args, context, info)
      try {
        return guarded(parent, args, context, info)
      } finally {
        RequestCache.clearForContext(context)
      }
    }
  }

  override afterBuild(schema: GraphQLSchema): GraphQLSchema {
    const stale = Object.keys(this.builder.options.access.table).filter((row) => {
      const [typeName, fieldName] = row.split('.') as [string, string?]
      const type = schema.getType(typeName)
      return !type || (fieldName !== undefined && !('getFields' in type && fieldName in type.getFields()))
    })
    if (stale.length > 0) throw new PothosSchemaError(`The access table has rows for nothing: ${stale.join(', ')}`)
    return schema
  }

  /**
   * Caches decisions by viewer: a decision depends on the rule and the viewer alone, and requests of one credential share the object. A
   * change of viewer inside a document brings another object, and so another decision.
   */
  private decisionBy(rule: AuthScopeMap<Types>): Decide<Types['Context']> {
    const { viewerOf } = this.builder.options.access
    const known = new WeakMap<object, AuthFailure | null>()
    return (context) => {
      const viewer = viewerOf(context)
      const before = known.get(viewer)
      if (before !== undefined) return before
      const decision = new RequestCache(this.builder, context).evaluateScopeMap(rule)
      if (!isThenable(decision)) known.set(viewer, decision)
      return decision
    }
  }

  /** The field's own row; else that of the type it leads to. Inside a connection nothing is asked again. */
  private ruleOfField(field: PothosOutputFieldConfig<Types>): AuthScopeMap<Types> | 'open' {
    const own = this.row(`${field.parentType}.${field.name}`)
    if (own) return own
    const isRoot = field.kind === 'Query' || field.kind === 'Mutation' || field.kind === 'Subscription'
    if (!isRoot && this.carriedBy(field.parentType) !== undefined) return 'open'
    const rule = this.ruleOfType(this.typeNameOf(field.type))
    // A root field that leads to nothing guarded must say so itself.
    if (isRoot && rule === 'open') throw new PothosSchemaError(`${field.parentType}.${field.name} has no row in the access table`)
    return rule
  }

  private ruleOfType(name: string): AuthScopeMap<Types> | 'open' {
    const row = this.row(name)
    if (row) return row
    const type = this.builder.configStore.getTypeConfig(name)
    if (!['Object', 'Interface', 'Union'].includes(type.graphqlKind) || ['Query', 'Mutation', 'Subscription'].includes(name)) return 'open'
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

  private row(name: string): AuthScopeMap<Types> | 'open' | undefined {
    const rule = Object.hasOwn(this.builder.options.access.table, name) ? this.builder.options.access.table[name] : undefined
    return rule === open ? 'open' : rule
  }

  private typeNameOf(type: PothosOutputFieldType<Types>): string {
    return type.kind === 'List' ? this.typeNameOf(type.type) : this.builder.configStore.getTypeConfig(type.ref).name
  }
}

/** @throws PothosSchemaError for an access rule that is written at a type or a field */
function demandFreeOfRules(at: string, options: object): void {
  const found = ofScopeAuth.filter((name) => name in options)
  if (found.length > 0)
    throw new PothosSchemaError(`${at} says ${found.join(', ')} itself: remove it, and write its rule as a row of the access table`)
}

SchemaBuilder.registerPlugin('access', AccessPlugin)
