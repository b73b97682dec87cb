/** How much one document may ask for. Fragments count as often as they are spread, and are looked at once each. */
import {
  type DocumentNode,
  type FieldNode,
  type FragmentDefinitionNode,
  getNamedType,
  type GraphQLNamedType,
  type GraphQLSchema,
  isCompositeType,
  isInterfaceType,
  isObjectType,
  Kind,
  parse,
  type ParseOptions,
  type SelectionSetNode,
  type Source,
} from 'graphql'
import type { Plugin } from 'graphql-yoga'
import { defaultPageSize, maxPageSize } from '../domain/paging.ts'
import { Problem } from '../domain/problem.ts'
import type { ServerContext } from './server.ts'

/** The largest document of GraphiQL and of code generators, their introspection, has a fifth of these tokens. */
const maxTokens = 2_000
const maxFields = 1_000
const maxDepth = 12
/** 200 people with 200 interviews each, and some to spare. */
const maxRecords = 50_000

/** Refuses what asks for too much, before it is validated; for what depends on variables, before it is executed. */
export function documentLimits(schema: GraphQLSchema): Plugin<ServerContext> {
  const seen = new WeakSet<DocumentNode>()
  return {
    onParse({ setParseFn }) {
      setParseFn(parseWithin)
      return ({ result }) => {
        if (!result || result instanceof Error || seen.has(result)) return
        const { fields, depth } = new Measure(result).document()
        if (fields > maxFields) throw tooMuch(`${fields} fields`, `${maxFields} fields`)
        if (depth > maxDepth) throw tooMuch(`fields ${depth} levels deep`, `${maxDepth} levels`)
        seen.add(result)
      }
    },
    onExecute({ args: { document, variableValues } }) {
      const records = new Measure(document, schema, variableValues ?? {}).document().records
      if (records > maxRecords) throw tooMuch(`up to ${records} records`, `${maxRecords}: ask for smaller pages (first, last)`)
    },
  }
}

/** graphql-js parses by recursion: what is nested deeper than the stack is a document's fault, not this server's. */
function parseWithin(source: string | Source, options?: ParseOptions): DocumentNode {
  try {
    return parse(source, { ...options, maxTokens })
  } catch (error) {
    throw error instanceof RangeError ? tooMuch('brackets nested without end', `${maxTokens} tokens`) : error
  }
}

const tooMuch = (asked: string, most: string): Problem =>
  new Problem('INVALID_INPUT', { sentence: `This document asks for ${asked}; the limit is ${most}.` })

interface Size {
  readonly fields: number
  readonly depth: number
  /** Records that can be read, at the most. */
  readonly records: number
}

const nothing: Size = { fields: 0, depth: 0, records: 0 }

class Measure {
  private readonly fragments: ReadonlyMap<string, FragmentDefinitionNode>
  private readonly known = new Map<string, Size>()
  private readonly parsed: DocumentNode
  private readonly schema: GraphQLSchema | undefined
  private readonly variables: Readonly<Record<string, unknown>>

  constructor(document: DocumentNode, schema?: GraphQLSchema, variables: Readonly<Record<string, unknown>> = {}) {
    this.parsed = document
    this.schema = schema
    this.variables = variables
    this.fragments = new Map(
      document.definitions.filter((each) => each.kind === Kind.FRAGMENT_DEFINITION).map((each) => [each.name.value, each]),
    )
  }

  document(): Size {
    return this.parsed.definitions
      .filter((each) => each.kind === Kind.OPERATION_DEFINITION)
      .map((operation) => this.selection(operation.selectionSet, this.schema?.getRootType(operation.operation) ?? undefined))
      .reduce(largest, nothing)
  }

  private selection({ selections }: SelectionSetNode, type: GraphQLNamedType | undefined): Size {
    return selections
      .map((selection) => {
        if (selection.kind === Kind.FIELD) return this.field(selection, type)
        if (selection.kind === Kind.FRAGMENT_SPREAD) return this.fragment(selection.name.value)
        const condition = selection.typeCondition?.name.value
        return this.selection(selection.selectionSet, condition === undefined ? type : this.schema?.getType(condition))
      })
      .reduce(together, nothing)
  }

  private fragment(name: string): Size {
    const known = this.known.get(name)
    if (known) return known
    this.known.set(name, nothing) // one that spreads itself ends here; validation refuses it
    const fragment = this.fragments.get(name)
    const size = fragment ? this.selection(fragment.selectionSet, this.schema?.getType(fragment.typeCondition.name.value)) : nothing
    this.known.set(name, size)
    return size
  }

  private field(field: FieldNode, parent: GraphQLNamedType | undefined): Size {
    const { name, selectionSet } = field
    if (name.value === '__schema' || name.value === '__type') return { fields: 1, depth: 1, records: 0 } // introspection is finite
    const definition = isObjectType(parent) || isInterfaceType(parent) ? parent.getFields()[name.value] : undefined
    const type = definition && getNamedType(definition.type)
    const inside = selectionSet ? this.selection(selectionSet, isCompositeType(type) ? type : undefined) : nothing
    const page = type?.name.endsWith('Connection') ? this.pageSize(field) : undefined
    return {
      fields: inside.fields + 1,
      depth: inside.depth + 1,
      records: page === undefined ? inside.records : page * (1 + inside.records),
    }
  }

  private pageSize({ arguments: args = [] }: FieldNode): number {
    for (const { name, value } of args) {
      if (name.value !== 'first' && name.value !== 'last') continue
      const size =
        value.kind === Kind.VARIABLE ? this.variables[value.name.value] : value.kind === Kind.INT ? Number(value.value) : undefined
      if (typeof size === 'number') return Math.min(Math.max(size, 0), maxPageSize)
    }
    return defaultPageSize
  }
}

const together = (a: Size, b: Size): Size => ({
  fields: a.fields + b.fields,
  depth: Math.max(a.depth, b.depth),
  records: a.records + b.records,
})
const largest = (a: Size, b: Size): Size => ({
  fields: Math.max(a.fields, b.fields),
  depth: Math.max(a.depth, b.depth),
  records: Math.max(a.records, b.records),
})
