/** Documents by their text: parsed, measured, validated and planned once, and kept in a cache that is bounded in bytes. */
import { type DocumentNode, getOperationAST, type GraphQLError, type GraphQLSchema, Kind, type OperationDefinitionNode } from 'graphql'
import { Problem } from '../domain/problem.ts'
import { quote } from '../domain/quote.ts'
import { BoundedCache } from './bounded-cache.ts'
import { demandBounded, parseWithin, ValueLimit } from './limits.ts'
import { type Plan, planOperation } from './planned/plan.ts'
import { introspectionIn, mistakesIn } from './validation.ts'

/** What a document takes in memory for each of its characters: 45 to 110 as parsed, the rest for its plans. */
const bytesPerCharacter = 150
const maxBytes = 32_000_000

export class Documents {
  private readonly schema: GraphQLSchema
  private readonly known = new BoundedCache<Document>(maxBytes)

  constructor(schema: GraphQLSchema) {
    this.schema = schema
  }

  /**
   * The document of this text. Only one without mistakes is kept.
   * @param suggestions whether its mistakes may tell what else there is in the schema
   * @throws GraphQLError when it is not GraphQL, Problem INVALID_INPUT when it asks for too much
   */
  get(text: string, { suggestions = false } = {}): Document {
    const known = this.known.get(text)
    if (known) return known
    const parsed = parseWithin(text)
    demandBounded(this.schema, parsed)
    const document = new Document(this.schema, parsed, { suggestions })
    if (document.mistakes.length === 0) this.known.set(text, document, text.length * bytesPerCharacter)
    return document
  }
}

export class Document {
  readonly schema: GraphQLSchema
  readonly node: DocumentNode
  /** What validation says against it: with any, nothing of it is executed. */
  readonly mistakes: readonly GraphQLError[]
  private looks: readonly GraphQLError[] | undefined
  /** Of the operation that ran last: a document of a hundred operations is kept for no more than one of them. */
  private planned: { readonly operation: OperationDefinitionNode; readonly plan: Plan } | undefined
  private readonly valueLimit: ValueLimit

  constructor(schema: GraphQLSchema, node: DocumentNode, options: { suggestions: boolean }) {
    this.schema = schema
    this.node = node
    this.mistakes = mistakesIn(schema, node, options)
    this.valueLimit = new ValueLimit(schema, node)
  }

  /** Its first look into the schema: a mistake, where the caller may not. Kept apart, since callers differ and documents do not. */
  get introspection(): readonly GraphQLError[] {
    return (this.looks ??= introspectionIn(this.schema, this.node))
  }

  /**
   * The operation of this name, or the only one where none is named.
   * @throws Problem INVALID_INPUT when there is none, or several
   */
  operation(name: string | null | undefined): OperationDefinitionNode {
    const operation = getOperationAST(this.node, name || undefined)
    if (operation) return operation
    const sentence = name
      ? `Unknown operation named "${quote(name)}".`
      : this.node.definitions.some(({ kind }) => kind === Kind.OPERATION_DEFINITION)
        ? 'Must provide operation name if query contains multiple operations.'
        : 'Must provide an operation.'
    throw new Problem('INVALID_INPUT', { sentence })
  }

  /** How one of its operations runs. */
  planOf(operation: OperationDefinitionNode): Plan {
    if (this.planned?.operation === operation) return this.planned.plan
    const plan = planOperation(this.schema, this.node, operation.name?.value)
    if (!plan) throw new Error('a document without mistakes has an operation that cannot be planned')
    this.planned = { operation, plan }
    return plan
  }

  /**
   * @returns whether the answer may be long, so that its length must be checked
   * @throws Problem INVALID_INPUT when with these variables it asks for too much
   */
  demandAffordable(variables: Readonly<Record<string, unknown>>): boolean {
    return this.valueLimit.demand(variables)
  }
}
