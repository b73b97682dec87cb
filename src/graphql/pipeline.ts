/** The one way of a GraphQL request from its text to its answer, whichever door it came by. */
import { GraphQLError, type GraphQLSchema, OperationTypeNode } from 'graphql'
import type { Config } from '../config.ts'
import type { Deps } from '../deps.ts'
import type { Context } from './context.ts'
import { Documents } from './documents.ts'
import { type Answer, finishResult } from './errors.ts'
import { executeOperation } from './execution.ts'

export interface GraphqlRequest {
  readonly query: string
  readonly operationName?: string | null | undefined
  readonly variables?: Readonly<Record<string, unknown>> | null | undefined
}

export class Pipeline {
  readonly documents: Documents
  private readonly config: Pick<Config, 'introspection'>

  constructor({ config }: Pick<Deps, 'config'>, schema: GraphQLSchema) {
    this.config = config
    this.documents = new Documents(schema)
  }

  /**
   * Answers a request. Whatever is wrong with it is told in the answer, fit for a client's eyes.
   * @param readOnly the request came by a method that changes nothing
   */
  async answer(context: Context, request: GraphqlRequest, { readOnly = false } = {}): Promise<Answer> {
    const outcome = { query: false, suggestions: mayIntrospect(this.config, context) }
    try {
      const document = this.documents.get(request.query)
      const mistakes = outcome.suggestions ? document.mistakes : [...document.mistakes, ...document.introspection]
      if (mistakes.length > 0) return finishResult({ errors: mistakes }, context, outcome)
      const operation = document.operation(request.operationName)
      if (readOnly && operation && operation.operation !== OperationTypeNode.QUERY) throw onlyByPost()
      document.demandAffordable(request.variables ?? {})
      outcome.query = operation?.operation === OperationTypeNode.QUERY
      return finishResult(await executeOperation(document, operation, context, request), context, outcome)
    } catch (error) {
      return finishResult({ errors: [error as GraphQLError] }, context, outcome)
    }
  }
}

/** Whether this caller may look into the schema, by introspection or by "did you mean". */
const mayIntrospect = ({ introspection }: Pick<Config, 'introspection'>, { viewer }: Context): boolean =>
  introspection === 'on' || (introspection === 'signed-in' && viewer.kind !== 'anonymous')

const onlyByPost = () => new GraphQLError('Send a mutation by POST.', { extensions: { http: { status: 405, headers: { Allow: 'POST' } } } })
