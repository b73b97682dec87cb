/** GraphQL over HTTP: the common request is read and written here, every other one by Yoga; both are answered by one pipeline. */
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Deps } from '../deps.ts'
import { type RawHeaders, sendWhole, setHeaders } from '../http/messages.ts'
import type { Context } from './context.ts'
import type { GraphqlRequest, Pipeline } from './pipeline.ts'
import type * as YogaModule from './yoga.ts'

/**
 * Answers one request.
 * @param common headers, which every answer has
 * @param body of a POST, as JSON text
 */
export type GraphqlDoor = (
  req: IncomingMessage,
  res: ServerResponse,
  common: RawHeaders,
  context: Context,
  body: string | undefined,
) => Promise<void>

export function createGraphqlDoor(deps: Pick<Deps, 'log'>, pipeline: Pipeline): GraphqlDoor {
  let yoga: Promise<ReturnType<typeof YogaModule.yogaOver>> | undefined // takes as long to load as all the rest together
  return async (req, res, common, context, body) => {
    const mediaType = req.url === '/graphql' ? mediaTypes.get(req.headers.accept) : undefined
    const request = mediaType === undefined || body === undefined ? undefined : commonRequest(body)
    if (request === undefined || mediaType === undefined) {
      setHeaders(res, common)
      yoga ??= import('./yoga.ts').then(({ yogaOver }) => yogaOver(deps, pipeline))
      yoga.catch(() => (yoga = undefined)) // the next request tries again
      return (await yoga)(Object.assign(req, body === undefined ? {} : { body }), res, { gateway: context })
    }
    const { status, headers, result } = await pipeline.answer(context, request)
    sendWhole(res, status, JSON.stringify(result), [...common, 'Content-Type', mediaType, ...Object.entries(headers).flat()])
  }
}

const [json, graphqlJson] = ['application/json', 'application/graphql-response+json'] as const
const [asJson, asGraphqlJson] = [`${json}; charset=utf-8`, `${graphqlJson}; charset=utf-8`]

/** What common clients accept, and which of the two types Yoga answers them in. */
const mediaTypes: ReadonlyMap<string | undefined, string> = new Map([
  [undefined, asJson],
  ['*/*', asJson],
  [json, asJson],
  ['application/json, */*', asJson],
  ['application/json, text/plain, */*', asJson],
  [graphqlJson, asGraphqlJson],
  [`${graphqlJson}, ${json}`, asGraphqlJson],
  [`${graphqlJson},${json};q=0.9`, asGraphqlJson],
])

const members: ReadonlySet<string> = new Set(['query', 'variables', 'operationName', 'extensions'])

/** One operation, whose every member is what it should be; about everything else Yoga has something to say. */
function commonRequest(body: string): GraphqlRequest | undefined {
  let request: unknown
  try {
    request = JSON.parse(body)
  } catch {
    return undefined
  }
  if (!isObject(request)) return undefined
  for (const name in request) if (!members.has(name)) return undefined
  const { query, variables, operationName, extensions } = request
  const isCommon =
    typeof query === 'string' &&
    (variables == null || isObject(variables)) &&
    (extensions == null || isObject(extensions)) &&
    (operationName == null || typeof operationName === 'string')
  return isCommon ? ({ query, variables, operationName } as GraphqlRequest) : undefined
}

const isObject = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null && !Array.isArray(value)
