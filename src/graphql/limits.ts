/** How much one document may ask for. */
import { type DocumentNode, type GraphQLSchema, parse } from 'graphql'
import { Problem } from '../domain/problem.ts'
import { Measure, signInFields } from './measure.ts'

/** Comments are no tokens, and what is parsed is kept for a while. */
const maxCharacters = 50_000
/** The largest document of GraphiQL and of code generators, their introspection, has a fifth of these tokens. */
const maxTokens = 2_000
/** As written, every fragment put where it is spread. */
const maxFields = 1_000
const maxDepth = 12
/** As answered, every field as often as it can come: 200 people with 100 interviews of 10 fields each are 200,000. */
const maxValues = 250_000
/** One sign-in a document, so that neither aliases nor fragments buy more than one request does. */
const maxSignIns = 1
/** Page sizes that were found affordable are remembered a document. */
const mostRemembered = 20

/**
 * Parses a document of a bounded size.
 * @throws GraphQLError when it is not GraphQL, Problem INVALID_INPUT when it is too long
 */
export function parseWithin(text: string): DocumentNode {
  if (text.length > maxCharacters) throw tooMuch(`${text.length} characters of GraphQL`, `${maxCharacters}`)
  try {
    return parse(text, { maxTokens })
  } catch (error) {
    // graphql-js parses by recursion: what is nested deeper than the stack is a document's fault, not this server's.
    throw error instanceof RangeError ? tooMuch('brackets nested without end', `${maxTokens} tokens`) : error
  }
}

/**
 * Refuses what asks for too much whatever its variables, before it is validated.
 * @throws Problem INVALID_INPUT
 */
export function demandBounded(schema: GraphQLSchema, document: DocumentNode): void {
  const { fields, depth, signIns } = new Measure(schema, document, {}).document()
  if (fields > maxFields) throw tooMuch(`${fields} fields`, `${maxFields}`)
  if (depth > maxDepth) throw tooMuch(`fields ${depth} levels deep`, `${maxDepth} levels`)
  if (signIns > maxSignIns) throw tooMuch(`${signIns} of ${[...signInFields].join(', ')}`, `${maxSignIns}: send them one by one`)
}

/** How many values a document may answer, which depends on its variables: measured once for each set of page sizes. */
export class ValueLimit {
  private readonly schema: GraphQLSchema
  private readonly document: DocumentNode
  private pageVariables: readonly string[] | undefined
  private readonly affordable = new Set<string>()

  constructor(schema: GraphQLSchema, document: DocumentNode) {
    this.schema = schema
    this.document = document
  }

  /** @throws Problem INVALID_INPUT when with these variables, not yet coerced, it asks for too much */
  demand(variables: Readonly<Record<string, unknown>>): void {
    const sizes = this.pageVariables && sizesIn(variables, this.pageVariables)
    if (sizes !== undefined && this.affordable.has(sizes)) return
    const measure = new Measure(this.schema, this.document, variables)
    const { values } = measure.document()
    if (values > maxValues) throw tooMuch(`up to ${values} values`, `${maxValues}: ask for smaller pages (first, last) or fewer fields`)
    this.pageVariables ??= [...measure.pageVariables]
    if (this.affordable.size >= mostRemembered) this.affordable.clear()
    this.affordable.add(sizesIn(variables, this.pageVariables))
  }
}

/** A number, not given, or anything else: these Measure tells apart. */
function sizesIn(variables: Readonly<Record<string, unknown>>, names: readonly string[]): string {
  return names
    .map((name) => {
      const value = Object.hasOwn(variables, name) ? variables[name] : undefined
      return typeof value === 'number' ? value : value === undefined ? '' : '-'
    })
    .join()
}

const tooMuch = (asked: string, most: string): Problem =>
  new Problem('INVALID_INPUT', { sentence: `This document asks for ${asked}; the limit is ${most}.` })
