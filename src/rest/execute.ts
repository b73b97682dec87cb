/** A route's GraphQL document, checked at the start and executed in process: one validation, one error path for both faces. */
import { type GraphQLError, OperationTypeNode } from 'graphql'
import type { Context } from '../graphql/context.ts'
import { finishResult } from '../graphql/errors.ts'
import { executeOperation, refusedWhole } from '../graphql/execution.ts'
import type { Pipeline } from '../graphql/pipeline.ts'
import type { DataRoute } from './route.ts'

/** The document of a route, ready to run. A refusal is thrown as the first GraphQLError of the answer: no answer of REST is half refused. */
interface Executor {
  /** @throws GraphQLError where the rule of the route's root field refuses this caller, whatever the request holds beside the credential */
  demandAllowed(context: Context): Promise<void>
  /** @throws GraphQLError for any other refusal */
  run(context: Context, variables: Readonly<Record<string, unknown>>): Promise<never>
}

/** @throws Error when the document does not fit the schema */
export function executorOf({ documents }: Pipeline, route: DataRoute): Executor {
  const document = documents.get(route.document)
  const [mistake] = document.mistakes
  if (mistake) throw new Error(`The document of ${route.method} ${route.path} does not fit the schema: ${mistake.message}`)
  const operation = document.operation(undefined)
  const isQuery = operation.operation === OperationTypeNode.QUERY
  return {
    async demandAllowed(context) {
      const refused = await refusedWhole(document, operation, context)
      const [refusal] = refused ? finishResult(refused, context, { isQuery }).result.errors! : []
      if (refusal) throw refusal
    },
    async run(context, variables) {
      const executed = await executeOperation(document, operation, context, variables, { suggestions: false })
      const { data, errors = [] } = finishResult(executed, context, { isQuery }).result
      const refusal = errors.find((error) => !(route.kind === 'record' && route.idAlone && isHiddenRecord(error)))
      if (refusal) throw refusal
      return data as never
    },
  }
}

/** The record beside the id of a payload, which this caller may write and not read. */
const isHiddenRecord = ({ path, extensions }: GraphQLError): boolean => path?.length === 2 && extensions['code'] === 'FORBIDDEN'

/** A member that is not in the body is a variable that is not given. */
export const given = (variables: Record<string, unknown>): Record<string, unknown> =>
  Object.fromEntries(Object.entries(variables).filter(([, value]) => value !== undefined))
