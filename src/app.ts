/** What answers which path: the GraphQL endpoint, the REST routes, the pages, and the probes of an operator. */
import { randomUUID } from 'node:crypto'
import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http'
import sql from 'sql-template-tag'
import type { Mailbox } from './console/dev-mail.ts'
import { graphiqlPage } from './console/graphiql.ts'
import { consolePages } from './console/pages.ts'
import { contextOf } from './context-of.ts'
import { allowCrossOrigin } from './http/cors.ts'
import type { Deps } from './deps.ts'
import { rememberedCredentials } from './domain/credentials.ts'
import { Problem } from './domain/problem.ts'
import { createGraphqlDoor } from './graphql/door.ts'
import { headersFor } from './graphql/errors.ts'
import { Pipeline } from './graphql/pipeline.ts'
import { buildSchema } from './graphql/schema.ts'
import { readJson } from './http/json-body.ts'
import { graphqlTypeFor, wantsPage } from './http/media-types.ts'
import { HttpRefusal, type RawHeaders, sendJson, setHeaders } from './http/messages.ts'
import { normaliseTarget } from './http/target.ts'
import { createRestHandler } from './rest/handler.ts'

/** SPEC: "`/graphql` 1 MB" */
const maxGraphqlBytes = 1_000_000

/** @param devMailbox where development's mail is kept, if it is */
export function createApp(deps: Deps, devMailbox?: Mailbox): RequestListener {
  const pipeline = new Pipeline(deps, buildSchema())
  const door = { deps, credentials: rememberedCredentials(deps) }
  const graphql = createGraphqlDoor(deps, pipeline)
  const rest = createRestHandler(pipeline)
  const pages = consolePages({ devMailbox, notFound: (_req, res) => sendRefusal(res, '/', nothingHere()) })
  const graphiql = graphiqlPage()
  const constantHeaders = headersOfEveryAnswer(deps.config)
  const tellOfProxy = tellingOfProxy(deps)

  const answer = async (req: IncomingMessage, res: ServerResponse, path: string, requestId: string, headers: RawHeaders): Promise<void> => {
    if (path === '/graphql' && !opensPage(req)) {
      const context = await contextOf(door, req, res, requestId) // a wrong credential is refused whatever comes with it
      return graphql(req, res, headers, context, req.method === 'POST' ? await readJson(req, maxGraphqlBytes) : undefined)
    }
    setHeaders(res, headers)
    if (path === '/graphql') return graphiql(req, res)
    if (path.startsWith('/api/')) return rest(req, res, path, () => contextOf(door, req, res, requestId))
    if (path === '/livez') return sendJson(res, 200, { ok: true })
    if (path === '/readyz') {
      await deps.db.query(sql`select 1`)
      return sendJson(res, 200, { ok: true })
    }
    const page = pages.get(path)
    if (!page) throw nothingHere()
    return page(req, res)
  }

  return (req, res) => {
    const requestId = randomUUID()
    const headers = ['X-Request-Id', requestId, ...constantHeaders]
    const unfit = normaliseTarget(req)
    const path = req.url!.split('?', 1)[0]!
    if (unfit) return sendRefusal(setHeaders(res, headers), path, unfit)
    if (allowCrossOrigin(deps.config, req, res, path, headers)) return
    tellOfProxy(req)
    answer(req, res, path, requestId, headers).catch((error: unknown) => {
      if (res.headersSent) {
        deps.log.warn({ err: error, requestId }, 'an answer was broken off')
        return void res.destroy()
      }
      setHeaders(res, headers)
      if (error instanceof HttpRefusal || error instanceof Problem) {
        if (error instanceof Problem && error.code === 'UNAVAILABLE')
          deps.log.warn({ err: error.cause, requestId }, 'the database does not answer')
        return sendRefusal(res, path, error)
      }
      if (req.socket.destroyed) return void res.destroy() // the client is gone: nobody to answer
      deps.log.error({ err: error, requestId }, 'unexpected error')
      sendRefusal(res, path, new Problem('UNEXPECTED', { requestId }))
    })
  }
}

const headersOfEveryAnswer = ({ publicUrl }: Deps['config']): RawHeaders =>
  Object.entries({
    'X-Content-Type-Options': 'nosniff',
    'Referrer-Policy': 'no-referrer', // an address may hold a link's token
    'Cache-Control': 'no-store', // what may be kept says so itself
    ...(publicUrl.startsWith('https:') ? { 'Strict-Transport-Security': 'max-age=31536000; includeSubDomains' } : {}),
  }).flat()

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

/** What is refused before GraphQL or a route has a say, in the shape that the address's clients expect. */
function sendRefusal(res: ServerResponse, path: string, refusal: HttpRefusal | Problem): void {
  const { message, status } = refusal
  const headers = refusal instanceof HttpRefusal ? refusal.headers : headersFor(refusal.code, refusal.details, true)
  if (path !== '/graphql') return sendJson(res, status, { error: message }, headers)
  const extensions =
    refusal instanceof HttpRefusal ? { code: status === 404 ? 'NOT_FOUND' : 'BAD_USER_INPUT' } : { code: refusal.code, ...refusal.details }
  sendJson(res, status, { errors: [{ message, extensions }] }, { ...headers, 'Content-Type': graphqlTypeFor(res.req) })
}
