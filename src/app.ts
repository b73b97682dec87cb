/** What answers which path: the GraphQL endpoint, the REST routes, the pages, and the probes of an operator. */
import { randomUUID } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Mailbox } from './console/dev-mail.ts'
import { graphiqlPage } from './console/graphiql.ts'
import { consolePages } from './console/pages.ts'
import { contextOf } from './context-of.ts'
import { allowCrossOrigin } from './http/cors.ts'
import type { Deps } from './deps.ts'
import { rememberedCredentials } from './domain/credentials.ts'
import { Problem } from './domain/problem.ts'
import { createGraphqlDoor } from './graphql/door.ts'
import { Pipeline } from './graphql/pipeline.ts'
import { buildSchema } from './graphql/schema.ts'
import type { Draining } from './http/draining.ts'
import { readJson } from './http/json-body.ts'
import { wantsPage } from './http/media-types.ts'
import { discardBody, HttpRefusal, leaveBody, type RawHeaders, sendJson, setHeaders } from './http/messages.ts'
import type { App } from './http/server.ts'
import { normaliseTarget } from './http/target.ts'
import { type Page, reading } from './console/page.ts'
import { maxBodyBytes } from './rest/refusals.ts'
import { headersOfEveryAnswer, sendRefusal, wholeRefusal } from './refusal.ts'
import { onceASecond } from './repeated-log.ts'
import { createRestHandler } from './rest/handler.ts'

/** SPEC: "`/graphql` 1 MB" */
const maxGraphqlBytes = 1_000_000

/** @param devMailbox where development's mail is kept, if it is. @param draining of the server that it answers for */
export function createApp(deps: Deps, devMailbox?: Mailbox, draining: Pick<Draining, 'begun'> = { begun: false }): App {
  const pipeline = new Pipeline(deps, buildSchema())
  const credentials = rememberedCredentials(deps)
  const door = { deps, credentials }
  const graphql = createGraphqlDoor(deps, pipeline)
  const rest = createRestHandler(pipeline)
  const pages = consolePages({ devMailbox, notFound: (_req, res) => sendRefusal(res, '/', nothingHere()) })
  const graphiql = graphiqlPage()
  const constantHeaders = headersOfEveryAnswer(deps.config)
  const tellOfProxy = tellingOfProxy(deps)

  const isOk: Page = (_req, res) => sendJson(res, 200, { ok: true })
  const probes: ReadonlyMap<string, Page> = new Map([
    ['/livez', reading(isOk)],
    [
      '/readyz',
      reading(async (_req, res) => {
        if (draining.begun) throw new HttpRefusal(503, 'The gateway is shutting down.', { 'Retry-After': '1' })
        await deps.db.probe()
        const warning = credentials.trouble()
        sendJson(res, 200, { ok: true, ...(warning === undefined ? {} : { warning }) })
      }),
    ],
  ])

  const answer = async (req: IncomingMessage, res: ServerResponse, path: string, requestId: string, headers: RawHeaders): Promise<void> => {
    if (path === '/graphql' && !opensPage(req)) {
      const context = await contextOf(door, req, res, requestId) // a wrong credential is refused whatever comes with it
      if (req.method === 'POST')
        return graphql(req, res, headers, context, await context.deadline.withoutCounting(readJson(req, maxGraphqlBytes)))
      await discardBody(req, maxGraphqlBytes)
      return graphql(req, res, headers, context, undefined)
    }
    setHeaders(res, headers)
    if (path.startsWith('/api/')) return rest(req, res, path, (deadline) => contextOf(door, req, res, requestId, deadline))
    await discardBody(req, maxBodyBytes)
    const page = path === '/graphql' ? graphiql : (probes.get(path) ?? pages.get(path))
    if (!page) throw nothingHere()
    return page(req, res)
  }

  const explain = (requestId: string, error: unknown): HttpRefusal | Problem => {
    if (error instanceof HttpRefusal) return error
    if (!(error instanceof Problem)) {
      onceASecond(deps.log).error({ err: error, requestId }, 'unexpected error')
      return new Problem('UNEXPECTED', { requestId })
    }
    if (error.code === 'UNAVAILABLE') onceASecond(deps.log).warn({ err: error.cause ?? error, requestId }, 'refused for now')
    return error
  }

  interface Failure {
    readonly path: string
    readonly requestId: string
    readonly headers: RawHeaders
    readonly error: unknown
  }
  const fail = async (req: IncomingMessage, res: ServerResponse, { path, requestId, headers, error }: Failure): Promise<void> => {
    try {
      if (res.headersSent) throw error
      if (req.socket.destroyed) return void res.destroy() // the client is gone: nobody to answer
      setHeaders(res, headers)
      const refusal = explain(requestId, error)
      await leaveBody(req, res, path === '/graphql' ? maxGraphqlBytes : maxBodyBytes)
      sendRefusal(res, path, refusal)
    } catch (broken) {
      onceASecond(deps.log).warn({ err: broken, requestId }, 'an answer was broken off')
      res.destroy()
    }
  }

  return {
    answer(req, res) {
      const requestId = randomUUID()
      const headers = ['X-Request-Id', requestId, ...constantHeaders]
      const unfit = normaliseTarget(req)
      const path = pathOf(req.url!)
      if (!unfit && allowCrossOrigin(deps.config, req, res, path, headers)) return
      tellOfProxy(req)
      const answered = unfit ? Promise.reject(unfit) : answer(req, res, path, requestId, headers)
      answered.catch((error: unknown) => fail(req, res, { path, requestId, headers, error }))
    },
    refusal: (target, refusal, { accept } = {}) => wholeRefusal(constantHeaders, pathOf(target), refusal, accept),
    // A parser's error carries the bytes that it met, in which there may be a secret: they are no part of the log.
    broken: ({ message }) => deps.log.info({ reason: message }, 'a connection was broken off'),
  }
}

const pathOf = (target: string): string => target.split('?', 1)[0]!

/** Behind a proxy that the configuration does not know of, everybody is one client to every limit. The log says so, once. */
function tellingOfProxy({ config, log }: Deps): (req: IncomingMessage) => void {
  let told = config.trustedProxyHops > 0
  return ({ headers }) => {
    if (told || headers['x-forwarded-for'] === undefined) return
    told = true
    log.warn(
      'a request came with X-Forwarded-For, which is not believed: where there are proxies in front, TRUSTED_PROXY_HOPS is to say how many',
    )
  }
}

const nothingHere = () => new HttpRefusal(404, new Problem('NO_SUCH_ROUTE').message)

/** A browser that opens the address, and not one that follows a link to an answer. */
const opensPage = (req: IncomingMessage): boolean =>
  (req.method === 'GET' || req.method === 'HEAD') && wantsPage(req) && !/[?&](query|extensions)=/.test(req.url ?? '')
