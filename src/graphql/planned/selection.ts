/**
 * What a document selects, resolved against the schema: the fields of every selection set in the order of their
 * response names, those inside an object when one of its type is first met.
 */
import {
  type FieldNode,
  type FragmentDefinitionNode,
  type GraphQLField,
  type GraphQLFieldResolver,
  type GraphQLObjectType,
  type GraphQLSchema,
  defaultFieldResolver,
  TypeNameMetaFieldDef,
} from 'graphql'
import { collectFields, collectSubfields } from 'graphql/execution/collectFields.js'
import { type ExecutionContext, getFieldDef } from 'graphql/execution/execute.js'
import { type ArgumentReader, argumentReader } from './arguments.ts'
import { type Completion, completionOf, takesInfo } from './completion.ts'

/** The fields of an object of one type. */
export interface Selection {
  readonly fields: readonly PlannedField[]
  /** A response name that on an ordinary object would be its prototype. */
  readonly hasProto: boolean
}

export class PlannedField {
  readonly responseName: string
  readonly name: string
  readonly nodes: readonly FieldNode[]
  readonly definition: GraphQLField<unknown, unknown>
  readonly parentType: GraphQLObjectType
  /** `undefined`: the property of the source that is named like the field. */
  readonly resolve: GraphQLFieldResolver<unknown, unknown> | undefined
  readonly isTypename: boolean
  readonly completion: Completion
  readonly takesInfo: boolean
  /** None for a field without arguments. */
  readonly readArguments: ArgumentReader | undefined
  /** None for a leaf. */
  private selections: Map<GraphQLObjectType, Selection> | undefined
  private lastType: GraphQLObjectType | undefined
  private lastSelection: Selection | undefined

  constructor(
    definition: GraphQLField<unknown, unknown>,
    parentType: GraphQLObjectType,
    responseName: string,
    nodes: readonly FieldNode[],
  ) {
    this.responseName = responseName
    this.name = definition.name
    this.nodes = nodes
    this.definition = definition
    this.parentType = parentType
    this.resolve = definition.resolve ?? (definition.args.length > 0 ? defaultFieldResolver : undefined)
    this.isTypename = definition === TypeNameMetaFieldDef
    this.completion = completionOf(definition.type)
    this.takesInfo = takesInfo(this.completion)
    this.readArguments = definition.args.length > 0 ? argumentReader(definition, nodes[0]!) : undefined
  }

  /** What is selected of this field's objects of a type, if it was planned before. */
  planned(type: GraphQLObjectType): Selection | undefined {
    if (type === this.lastType) return this.lastSelection
    const selection = this.selections?.get(type)
    if (selection) this.remember(type, selection)
    return selection
  }

  remember(type: GraphQLObjectType, selection: Selection): void {
    this.selections ??= new Map()
    this.selections.set(type, selection)
    this.lastType = type
    this.lastSelection = selection
  }
}

/** The selections of an operation, for one choice of what @skip and @include leave. */
export class SelectionTree {
  readonly root: Selection
  private readonly schema: GraphQLSchema
  private readonly fragments: Record<string, FragmentDefinitionNode>
  private readonly conditions: Record<string, unknown>
  private readonly bound: { readonly maxFields: number; readonly exceeded: () => void }
  private fields = 0

  /**
   * @param conditions the variables that @skip and @include look at
   * @throws GraphQLError when a condition of the root's fields is null or missing
   */
  constructor(
    { schema, fragments, operation }: Pick<ExecutionContext, 'schema' | 'fragments' | 'operation'>,
    rootType: GraphQLObjectType,
    conditions: Record<string, unknown>,
    bound: { readonly maxFields: number; readonly exceeded: () => void },
  ) {
    this.schema = schema
    this.fragments = fragments
    this.conditions = conditions
    this.bound = bound
    this.root = this.plan(rootType, collectFields(schema, fragments, conditions, rootType, operation.selectionSet))
  }

  /** @throws GraphQLError when a condition is null or missing */
  selectionOf(field: PlannedField, type: GraphQLObjectType): Selection {
    const known = field.planned(type)
    if (known) return known
    const selection = this.plan(type, collectSubfields(this.schema, this.fragments, this.conditions, type, field.nodes))
    field.remember(type, selection)
    return selection
  }

  private plan(parentType: GraphQLObjectType, collected: ReadonlyMap<string, readonly FieldNode[]>): Selection {
    const fields = [...collected].flatMap(([responseName, nodes]) => {
      const definition = getFieldDef(this.schema, parentType, nodes[0]!)
      return definition ? [new PlannedField(definition, parentType, responseName, nodes)] : []
    })
    this.fields += fields.length
    if (this.fields > this.bound.maxFields) this.bound.exceeded()
    return { fields, hasProto: collected.has('__proto__') }
  }
}
