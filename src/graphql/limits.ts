/** How much one document may ask for. */
import { type DocumentNode, GraphQLError, type GraphQLSchema, Lexer, parse, Source, TokenKind } from 'graphql'
import { Problem } from '../domain/problem.ts'
import { mostQuoted, quote } from '../domain/quote.ts'
import { Measure, signInFields } from './measure.ts'
import { repetitions } from './repetition.ts'

/** Comments are no tokens, and what is parsed is kept for a while. */
const maxCharacters = 50_000
/** The largest document of GraphiQL and of code generators, their introspection, has a twelfth of these tokens. */
const maxTokens = 2_000
/** What is a name or a bracket of hundreds is made to fill an answer or a stack. */
const maxNameLength = 100
const maxBrackets = 50
const maxDirectives = 50
/** Of one field in one selection set, every fragment put where it is spread. */
const maxAliases = 50
/** Of one selection set: each may be refused by an error of its own. */
const maxNames = 200
/** Under one name or several. A field that many fragments have is written often; validation compares each with each. */
const maxRepetitions = 200
/** As written, every fragment put where it is spread. */
const maxFields = 1_000
const maxDepth = 12
/** As answered, every field as often as it can come: 200 people with 100 interviews of 10 fields each are 200,000. */
const maxValues = 250_000
/** Short ones: so many are no long answer. */
const fewValues = 2_000
/** One sign-in a document, so that neither aliases nor fragments buy more than one request does. */
const maxSignIns = 1
/** Page sizes that were found affordable are remembered a document. */
const mostRemembered = 20

/**
 * Parses a document of a bounded size. Its tokens are looked at first: brackets, which bound the parser's recursion, and names, which
 * graphql-js repeats in its sentences.
 * @throws GraphQLError when it is not GraphQL, Problem INVALID_INPUT when it is too long
 */
export function parseWithin(text: string): DocumentNode {
  if (text.length > maxCharacters) throw tooMuch(`${text.length} characters of GraphQL`, `${maxCharacters}`)
  try {
    demandPlainTokens(text)
    return parse(text)
  } catch (error) {
    throw error instanceof GraphQLError ? syntaxMistake(text, error) : error
  }
}

/** @throws Problem INVALID_INPUT */
function demandPlainTokens(text: string): void {
  const lexer = new Lexer(new Source(text))
  let [tokens, directives, brackets] = [0, 0, 0]
  for (;;) {
    const { kind, value } = lexer.advance()
    if (kind === TokenKind.EOF) return
    if (++tokens > maxTokens) throw tooMuch(`more than ${maxTokens} tokens`, `${maxTokens} tokens`)
    if (kind === TokenKind.NAME && value.length > maxNameLength)
      throw tooMuch(`a name of ${value.length} characters`, `${maxNameLength} characters a name`)
    if (kind === TokenKind.AT && ++directives > maxDirectives)
      throw tooMuch(`more than ${maxDirectives} directives`, `${maxDirectives} directives`)
    if (opening.has(kind) && ++brackets > maxBrackets)
      throw tooMuch(`brackets nested more than ${maxBrackets} deep`, `${maxBrackets} levels of brackets`)
    if (closing.has(kind)) brackets--
  }
}

const opening: ReadonlySet<string> = new Set([TokenKind.BRACE_L, TokenKind.BRACKET_L, TokenKind.PAREN_L])
const closing: ReadonlySet<string> = new Set([TokenKind.BRACE_R, TokenKind.BRACKET_R, TokenKind.PAREN_R])

/** graphql-js repeats the token that it did not expect: a long one is cut in the text, and the text up to there parsed again. */
function syntaxMistake(text: string, error: GraphQLError): GraphQLError {
  const at = error.positions?.[0] ?? 0
  if (error.message.length <= mostQuoted) return error
  try {
    const { kind, value } = new Lexer(new Source(text.slice(at))).advance()
    const isText = kind === TokenKind.STRING || kind === TokenKind.BLOCK_STRING
    parse(text.slice(0, at) + (isText ? JSON.stringify(quote(value)) : value.slice(0, mostQuoted)))
  } catch (shorter) {
    if (shorter instanceof GraphQLError) return new GraphQLError(shorter.message, { source: error.source, positions: error.positions })
  }
  return new GraphQLError('Syntax Error: This is no GraphQL.', { source: error.source, positions: error.positions })
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
  for (const { names, fields: repeated } of repetitions(document)) {
    for (const { field, aliases, times } of repeated) {
      if (aliases > maxAliases) throw tooMuch(`${aliases} aliases of ${field} in one selection`, `${maxAliases} aliases of one field`)
      if (times > maxRepetitions) throw tooMuch(`${field} ${times} times in one selection`, `${maxRepetitions} times`)
    }
    if (names > maxNames) throw tooMuch(`${names} fields in one selection`, `${maxNames} fields in one selection`)
  }
}

/** How many values a document may answer, which depends on its variables: measured once for each set of page sizes. */
export class ValueLimit {
  private readonly schema: GraphQLSchema
  private readonly document: DocumentNode
  private pageVariables: readonly string[] | undefined
  /** By page sizes: whether the answer may be long. */
  private readonly affordable = new Map<string, boolean>()

  constructor(schema: GraphQLSchema, document: DocumentNode) {
    this.schema = schema
    this.document = document
  }

  /**
   * @returns whether the answer may be long, so that its length must be checked
   * @throws Problem INVALID_INPUT when with these variables, not yet coerced, it asks for too much
   */
  demand(variables: Readonly<Record<string, unknown>>): boolean {
    const sizes = this.pageVariables && sizesIn(variables, this.pageVariables)
    const known = sizes === undefined ? undefined : this.affordable.get(sizes)
    if (known !== undefined) return known
    const measure = new Measure(this.schema, this.document, variables)
    const { values } = measure.document()
    if (values > maxValues) throw tooMuch(`up to ${values} values`, `${maxValues}: ask for smaller pages (first, last) or fewer fields`)
    this.pageVariables ??= [...measure.pageVariables]
    if (this.affordable.size >= mostRemembered) this.affordable.clear()
    const mayBeLong = values > fewValues || measure.hasLongTexts
    this.affordable.set(sizesIn(variables, this.pageVariables), mayBeLong)
    return mayBeLong
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
