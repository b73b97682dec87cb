/** A change that is bound to the version that its client has read (If-Match): judged by what a GET of the same path would answer. */
import type { IncomingMessage } from 'node:http'
import { invalid, Problem } from '../domain/problem.ts'
import type { Context } from '../graphql/context.ts'
import { problemIn } from '../graphql/errors.ts'
import type { Pipeline } from '../graphql/pipeline.ts'
import { etagOf, writeConditionOf } from '../http/conditional.ts'
import { executorOf, given } from './execute.ts'
import type { RecordRoute } from './route.ts'
import { routes } from './routes.ts'

/** The ETag of the version that a GET of this path would answer, as this caller, in this context. */
export function versionAt(
  pipeline: Pipeline,
  path: string,
): (context: Context, params: Readonly<Record<string, string>>) => Promise<string> {
  const reading = routes.find((route) => route.kind === 'record' && route.method === 'GET' && route.path === path) as RecordRoute
  const document = executorOf(pipeline, reading)
  return async (context, params) => {
    const variables = reading.variables?.({ params, query: new URLSearchParams(), body: {} }) ?? {}
    const data = await document.run(context, given(variables)).catch((error: unknown) => {
      // It has its place in another document than the one that is answered; and a transaction that a Problem ends keeps its connection.
      throw problemIn(error) ?? error
    })
    const body = reading.body(data)
    if (body === null) throw new Problem('NO_SUCH_RECORD')
    return etagOf(JSON.stringify(body))
  }
}

/**
 * What the headers of a request ask of the record that it changes; it is judged in the write's transaction.
 * @param version the ETag that the record has in a context
 * @throws Problem INVALID_INPUT for a header that holds no ETags
 */
export function preconditionOf(req: IncomingMessage, version: (context: Context) => Promise<string>): Context['precondition'] {
  const condition = writeConditionOf(req)
  if (condition === undefined) return undefined
  if ('malformed' in condition) throw invalid(condition.malformed, `${condition.malformed} holds ETags in quotation marks, or *.`)
  return async (context) => {
    if (!condition.holds(condition.namesVersions ? await version(context) : '')) throw new Problem('OTHER_VERSION')
  }
}
