/** A route's GraphQL document, checked at the start and executed in process: one validation, one error path for both faces. */
import { type GraphQLError, OperationTypeNode } from 'graphql'
import type { Context } from '../graphql/context.ts'
import { finishResult } from '../graphql/errors.ts'
import { executeOperation } from '../graphql/execution.ts'
import type { Pipeline } from '../graphql/pipeline.ts'
import type { DataRoute } from './route.ts'

/**
 * Executes the document of a route.
 * @throws GraphQLError for the first refusal in the answer: REST has no answer that is half refused
 */
type Run = (context: Context, variables: Readonly<Record<string, unknown>>) => Promise<never>

/** @throws Error when the document does not fit the schema */
export function executorOf({ documents }: Pipeline, route: DataRoute): Run {
  const document = documents.get(route.document)
  const [mistake] = document.mistakes
  if (mistake) throw new Error(`The document of ${route.method} ${route.path} does not fit the schema: ${mistake.message}`)
  const operation = document.operation(undefined)
  const query = operation?.operation === OperationTypeNode.QUERY
  return async (context, variables) => {
    const executed = await executeOperation(document, operation, context, { variables })
    const { data, errors = [] } = finishResult(executed, context, { query, suggestions: false }).result
    const refusal = errors.find((error) => !(route.kind === 'record' && route.idAlone && isHiddenRecord(error)))
    if (refusal) throw refusal
    return data as never
  }
}

/** The record beside the id of a payload, which this caller may write and not read. */
const isHiddenRecord = ({ path, extensions }: GraphQLError): boolean => path?.length === 2 && extensions['code'] === 'FORBIDDEN'
