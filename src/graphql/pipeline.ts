/** The one way of a GraphQL request from its text to its answer, whichever door it came by. */
import { GraphQLError, type GraphQLSchema, OperationTypeNode } from 'graphql'
import type { Config } from '../config.ts'
import type { Deps } from '../deps.ts'
import type { Context } from './context.ts'
import { Documents } from './documents.ts'
import { type Answer, finishResult } from './errors.ts'
import { executeOperation } from './execution.ts'
import type { GraphqlRequest } from './request.ts'

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
    const suggestions = mayIntrospect(this.config, context)
    let isQuery = false
    try {
      const document = this.documents.get(request.query, { suggestions })
      const mistakes = document.mistakes.length > 0 || suggestions ? document.mistakes : document.introspection
      if (mistakes.length > 0) return finishResult({ errors: mistakes }, context, { isQuery })
      const operation = document.operation(request.operationName)
      isQuery = operation.operation === OperationTypeNode.QUERY
      if (readOnly && !isQuery) throw onlyByPost()
      return finishResult(await executeOperation(document, operation, context, request.variables, { suggestions }), context, { isQuery })
    } catch (error) {
      return finishResult({ errors: [error as GraphQLError] }, context, { isQuery })
    }
  }
}

/** Whether this caller may look into the schema, by introspection or by "did you mean". */
const mayIntrospect = ({ introspection }: Pick<Config, 'introspection'>, { viewer }: Context): boolean =>
  introspection === 'on' || (introspection === 'signed-in' && viewer.kind !== 'anonymous')

const onlyByPost = () => new GraphQLError('Send a mutation by POST.', { extensions: { http: { status: 405, headers: { Allow: 'POST' } } } })
