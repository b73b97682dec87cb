/** GraphQL over HTTP: the common request is answered here, every other one by Yoga; both are read by one reader and answered by one pipeline. */
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Deps } from '../deps.ts'
import { graphqlTypeFor } from '../http/media-types.ts'
import { type RawHeaders, sendWhole, setHeaders } from '../http/messages.ts'
import type { Context } from './context.ts'
import type { Pipeline } from './pipeline.ts'
import { graphqlRequest } from './request.ts'
import type * as YogaModule from './yoga.ts'

/**
 * Answers one request.
 * @param common headers, which every answer has
 * @param body of a POST, as parsed
 */
export type GraphqlDoor = (req: IncomingMessage, res: ServerResponse, common: RawHeaders, context: Context, body: unknown) => Promise<void>

export function createGraphqlDoor(deps: Pick<Deps, 'log'>, pipeline: Pipeline): GraphqlDoor {
  let yoga: Promise<ReturnType<typeof YogaModule.yogaOver>> | undefined // takes as long to load as all the rest together
  return async (req, res, common, context, body) => {
    const request = req.method === 'POST' ? graphqlRequest(body) : undefined
    if (request === undefined || req.url !== '/graphql') {
      setHeaders(res, common)
      yoga ??= import('./yoga.ts').then(({ yogaOver }) => yogaOver(deps, pipeline))
      yoga.catch(() => (yoga = undefined)) // the next request tries again
      return (await yoga)(req, res, { gateway: context, request })
    }
    const { status, headers, result } = await pipeline.answer(context, request)
    sendWhole(res, status, JSON.stringify(result), [...common, 'Content-Type', graphqlTypeFor(req), ...Object.entries(headers).flat()])
  }
}
