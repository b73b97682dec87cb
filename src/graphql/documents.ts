/** Documents by their text: parsed, measured, validated and planned once, and kept in a cache that is bounded in bytes. */
import {
  type ASTVisitor,
  type DocumentNode,
  getOperationAST,
  GraphQLError,
  type GraphQLSchema,
  NoSchemaIntrospectionCustomRule,
  type OperationDefinitionNode,
  specifiedRules,
  validate,
  type ValidationContext,
} from 'graphql'
import { BoundedCache } from './bounded-cache.ts'
import { demandBounded, parseWithin, ValueLimit } from './limits.ts'
import { type Plan, planOperation } from './planned/plan.ts'

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
   * @throws GraphQLError when it is not GraphQL, Problem INVALID_INPUT when it asks for too much
   */
  get(text: string): Document {
    const known = this.known.get(text)
    if (known) return known
    const parsed = parseWithin(text)
    demandBounded(this.schema, parsed)
    const document = new Document(this.schema, parsed)
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
  private planned: { readonly operation: OperationDefinitionNode; readonly plan: Plan | undefined } | undefined
  private readonly valueLimit: ValueLimit

  constructor(schema: GraphQLSchema, node: DocumentNode) {
    this.schema = schema
    this.node = node
    this.mistakes = validate(schema, node, rules)
    this.valueLimit = new ValueLimit(schema, node)
  }

  /** Its first look into the schema: a mistake, where the caller may not. Kept apart, since callers differ and documents do not. */
  get introspection(): readonly GraphQLError[] {
    return (this.looks ??= validate(this.schema, this.node, [NoSchemaIntrospectionCustomRule]).slice(0, 1))
  }

  /** The operation of this name, or the only one. */
  operation(name: string | null | undefined): OperationDefinitionNode | undefined {
    return getOperationAST(this.node, name) ?? undefined
  }

  /** How the operation runs; nothing where graphql-js is to interpret it. */
  planOf(operation: OperationDefinitionNode): Plan | undefined {
    if (this.planned?.operation !== operation)
      this.planned = { operation, plan: planOperation(this.schema, this.node, operation.name?.value) }
    return this.planned.plan
  }

  /** @throws Problem INVALID_INPUT when with these variables it asks for too much */
  demandAffordable(variables: Readonly<Record<string, unknown>>): void {
    this.valueLimit.demand(variables)
  }
}

/** graphql-js finds out only when it executes them that the schema has no subscriptions (its version 17 has this rule). */
const knownOperationTypes = (context: ValidationContext): ASTVisitor => ({
  OperationDefinition(node) {
    if (!context.getSchema().getRootType(node.operation))
      context.reportError(new GraphQLError(`There is no ${node.operation} in this schema.`, { nodes: node }))
  },
})
const rules = [...specifiedRules, knownOperationTypes]
