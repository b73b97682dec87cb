/** What a document asks for, at most. Fragments count as often as they are spread, and are looked at once each. */
import {
  type DocumentNode,
  type FieldNode,
  type FragmentDefinitionNode,
  getNamedType,
  getNullableType,
  type GraphQLNamedType,
  type GraphQLSchema,
  isInterfaceType,
  isListType,
  isObjectType,
  Kind,
  type OperationDefinitionNode,
  type SelectionSetNode,
  type ValueNode,
} from 'graphql'
import { defaultPageSize, maxPageSize } from '../domain/paging.ts'

/** What takes or sends a secret of a sign-in. */
export const signInFields: ReadonlySet<string> = new Set(['requestLogin', 'verifyCode', 'verifyMagicLink'])
/** The types whose fields hold what people wrote or said. */
const withLongTexts: ReadonlySet<string> = new Set(['InterviewResponse', 'Recording'])
/** A list that is no page: the roles of a person, the mentors, the arguments of a field. */
const assumedListSize = 5

interface Size {
  readonly fields: number
  /** Without introspection, which nests by nature. */
  readonly depth: number
  readonly values: number
  /** Of all operations, though only one of them will run. */
  readonly signIns: number
}

const nothing: Size = { fields: 0, depth: 0, values: 0, signIns: 0 }

export class Measure {
  private readonly schema: GraphQLSchema
  private readonly operations: readonly OperationDefinitionNode[]
  private readonly fragments: ReadonlyMap<string, FragmentDefinitionNode>
  private readonly variables: Readonly<Record<string, unknown>>
  private readonly known = new Map<string, Size>()
  /** The variables that say how large a page is: on these alone, and on their defaults, the number of values depends. */
  readonly pageVariables = new Set<string>()
  /** It asks for texts whose length nobody can tell before. */
  hasLongTexts = false

  constructor(schema: GraphQLSchema, { definitions }: DocumentNode, variables: Readonly<Record<string, unknown>>) {
    this.schema = schema
    this.operations = definitions.filter((each) => each.kind === Kind.OPERATION_DEFINITION)
    this.fragments = new Map(definitions.filter((each) => each.kind === Kind.FRAGMENT_DEFINITION).map((each) => [each.name.value, each]))
    this.variables = variables
  }

  /** The largest of its operations, and the sign-ins of all. */
  document(): Size {
    return this.operations
      .map(({ selectionSet, operation }) => this.selection(selectionSet, this.schema.getRootType(operation) ?? undefined))
      .reduce(largest, nothing)
  }

  private selection({ selections }: SelectionSetNode, type: GraphQLNamedType | undefined): Size {
    return selections
      .map((selection) => {
        if (selection.kind === Kind.FIELD) return this.field(selection, type)
        if (selection.kind === Kind.FRAGMENT_SPREAD) return this.fragment(selection.name.value)
        const condition = selection.typeCondition?.name.value
        return this.selection(selection.selectionSet, condition === undefined ? type : this.schema.getType(condition))
      })
      .reduce(together, nothing)
  }

  private fragment(name: string): Size {
    const known = this.known.get(name)
    if (known) return known
    this.known.set(name, nothing) // one that spreads itself ends here; validation refuses it
    const fragment = this.fragments.get(name)
    const size = fragment ? this.selection(fragment.selectionSet, this.schema.getType(fragment.typeCondition.name.value)) : nothing
    this.known.set(name, size)
    return size
  }

  private field(field: FieldNode, parent: GraphQLNamedType | undefined): Size {
    const { name, selectionSet } = field
    const meta = metaFields[name.value]
    const definition = isObjectType(parent) || isInterfaceType(parent) ? parent.getFields()[name.value] : undefined
    const type = meta ? this.schema.getType(meta) : definition && getNamedType(definition.type)
    const inside = selectionSet ? this.selection(selectionSet, type) : nothing
    if (parent && withLongTexts.has(parent.name)) this.hasLongTexts = true
    return {
      fields: inside.fields + 1,
      depth: meta ? 1 : inside.depth + 1,
      values: 1 + inside.values * this.timesOf(field, parent, definition && isListType(getNullableType(definition.type)), type),
      signIns: inside.signIns + (parent === this.schema.getMutationType() && signInFields.has(name.value) ? 1 : 0),
    }
  }

  /** How often what is inside a field can come. A page is counted where the connection is entered. */
  private timesOf(
    field: FieldNode,
    parent: GraphQLNamedType | undefined,
    isList: boolean | undefined,
    type: GraphQLNamedType | undefined,
  ): number {
    if (type?.name.endsWith('Connection')) return this.pageSize(field)
    if (!isList || parent?.name.endsWith('Connection')) return 1
    return parent?.name === '__Schema' ? Object.keys(this.schema.getTypeMap()).length : assumedListSize
  }

  private pageSize({ arguments: args = [] }: FieldNode): number {
    const sizes = args.filter(({ name }) => name.value === 'first' || name.value === 'last').map(({ value }) => this.numberIn(value))
    const size = sizes.find((each) => each !== undefined)
    return size === undefined ? defaultPageSize : Math.min(Math.max(size, 0), maxPageSize)
  }

  /** What an argument will be; of a variable that is not given, its default: the largest, where operations differ in it. */
  private numberIn(value: ValueNode): number | undefined {
    if (value.kind === Kind.INT) return Number(value.value)
    if (value.kind !== Kind.VARIABLE) return undefined
    const { value: name } = value.name
    this.pageVariables.add(name)
    if (name === '__proto__') return maxPageSize // graphql-js loses what a variable of this name holds
    const given = Object.hasOwn(this.variables, name) ? this.variables[name] : undefined
    if (given !== undefined) return typeof given === 'number' ? given : undefined
    const defaults = this.operations
      .flatMap(({ variableDefinitions = [] }) => variableDefinitions)
      .map(({ variable, defaultValue }) =>
        variable.name.value === name && defaultValue?.kind === Kind.INT ? Number(defaultValue.value) : 0,
      )
    return Math.max(...defaults) || undefined
  }
}

/** The ways into introspection. */
const metaFields: Readonly<Record<string, string>> = { __schema: '__Schema', __type: '__Type' }

const together = (a: Size, b: Size): Size => ({
  fields: a.fields + b.fields,
  depth: Math.max(a.depth, b.depth),
  values: a.values + b.values,
  signIns: a.signIns + b.signIns,
})
const largest = (a: Size, b: Size): Size => ({
  fields: Math.max(a.fields, b.fields),
  depth: Math.max(a.depth, b.depth),
  values: Math.max(a.values, b.values),
  signIns: a.signIns + b.signIns,
})
