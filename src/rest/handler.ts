/** The REST adapter: match → variables → execute → status and body. It adds no rule of its own. */
import type { IncomingMessage, ServerResponse } from 'node:http'
import { GraphQLError } from 'graphql'
import { invalid, Problem, type ProblemCode, statusOf } from '../domain/problem.ts'
import type { Context } from '../graphql/context.ts'
import { headersFor, problemIn } from '../graphql/errors.ts'
import type { Pipeline } from '../graphql/pipeline.ts'
import { etagOf } from '../http/conditional.ts'
import type { Deadline } from '../http/deadline.ts'
import { readJson } from '../http/json-body.ts'
import { discardBody, HttpRefusal, leaveBody, sendJson, sendJsonText } from '../http/messages.ts'
import { executorOf, given } from './execute.ts'
import { sendKept } from './kept.ts'
import { describeRoutes } from './openapi.ts'
import { cursorAfter } from './page.ts'
import { preconditionOf, versionAt } from './precondition.ts'
import { isVersioned, maxBodyBytes, writtenPlain } from './refusals.ts'
import type { DataRoute, ListRoute, RecordRoute, Route } from './route.ts'
import { routes } from './routes.ts'
import { sentence } from './sentence.ts'
import { ClientGone, type Page, streamArray } from './stream.ts'

/**
 * Answers one request below /api. `contextOf` is asked only for a route that looks at the credential, and anew for every further page
 * that an answer is made of, with the deadline that holds for it where that has begun. What is thrown app.ts answers: errors of HTTP and of the credential, and whatever breaks an answer off.
 */
export type RestHandler = (req: IncomingMessage, res: ServerResponse, path: string, contextOf: ContextOf) => Promise<void>
type ContextOf = (deadline?: Deadline) => Promise<Context>

/** @throws Error at the start when a route's document does not fit the schema */
export function createRestHandler(pipeline: Pipeline): RestHandler {
  const answers = routes.map((route) => ({ route, pattern: patternOf(route), answer: answerOf(pipeline, route) }))
  return (req, res, path, contextOf) => {
    const { answer, params } = match(answers, req.method ?? 'GET', path)
    return answer({ req, res, params, contextOf })
  }
}

interface Request {
  readonly req: IncomingMessage
  readonly res: ServerResponse
  readonly params: Record<string, string>
  readonly contextOf: ContextOf
}
type Answer = (request: Request) => Promise<void>

function answerOf(pipeline: Pipeline, route: Route): Answer {
  if (route.kind === 'description') {
    let description: string | undefined
    return async ({ req, res }) => {
      await discardBody(req, maxBodyBytes)
      sendKept(req, res, (description ??= JSON.stringify(describeRoutes(routes))), 'no-cache')
    }
  }
  const document = executorOf(pipeline, route)
  const version = isVersioned(route) ? versionAt(pipeline, route.path) : undefined
  return async ({ req, res, params, contextOf }) => {
    if (route.kind === 'record' && route.once && isPrefetch(req)) throw onlyWhenOpened()
    const context = await contextOf()
    try {
      await document.demandAllowed(context) // before anything else of the request is looked at
      context.precondition = version && preconditionOf(req, (now) => version(now, params))
      const query = queryOf(req)
      demandPlain(route, query)
      const body = await context.deadline.withoutCounting(jsonBody(req, route))
      const variables = given(route.variables?.({ params, query, body }) ?? {})
      const read: Read = async (after) => {
        if (after === undefined) return document.run(context, variables)
        const now = await contextOf(route.kind === 'list' ? undefined : context.deadline)
        if (res.destroyed) throw new ClientGone()
        return document.run(now, { ...variables, after })
      }
      await (route.kind === 'list' ? streamArray(res, await pageFrom(route, read)) : answerRecord(req, res, route, read))
    } catch (error) {
      if (!(error instanceof GraphQLError) || res.headersSent) throw error
      await leaveBody(req, res, maxBodyBytes)
      refuse(res, error)
    }
  }
}

/** A browser that fetches ahead of a click says so (Fetch: Sec-Purpose; older ones: Purpose, X-Moz). */
const isPrefetch = ({ headers }: IncomingMessage): boolean =>
  ['sec-purpose', 'purpose', 'x-purpose', 'x-moz'].some((name) => /\b(prefetch|prerender|preview)\b/i.test(String(headers[name] ?? '')))
const onlyWhenOpened = () =>
  new HttpRefusal(503, 'This address is good once: it is not answered ahead of being opened.', { 'Retry-After': '1' })

/** The data of a route's document: from the front, or after a cursor, as whoever the credential says at that moment. */
type Read = (after?: string) => Promise<never>

async function pageFrom(route: ListRoute, read: Read, after?: string): Promise<Page> {
  const page = route.page(await read(after))
  const cursor = cursorAfter(page)
  return {
    items: page.nodes.map((node) => route.item(node as never)),
    next: cursor === null ? undefined : () => pageFrom(route, read, cursor),
  }
}

async function answerRecord(req: IncomingMessage, res: ServerResponse, route: RecordRoute, read: Read): Promise<void> {
  const pages = [await read()]
  for (let cursor; (cursor = route.next?.(pages.at(-1)!)) != null;) pages.push(await read(cursor))
  const body = route.body(...pages)
  if (body === null) throw new Problem('NO_SUCH_RECORD')
  const text = JSON.stringify(body)
  if (route.revalidated) sendKept(req, res, text)
  else sendJsonText(res, route.status ?? 200, text, route.versioned && !isIdAlone(body) ? { ETag: etagOf(text) } : {})
}

/** What a caller who may write, and not read, is answered. */
const isIdAlone = (body: unknown): boolean => Object.keys(body as object).length === 1

/**
 * A parameter in the notation that some clients have for lists (`archived[]=true`) would be ignored like any other that nobody knows.
 * @throws Problem INVALID_INPUT
 */
function demandPlain({ docs: { query = {} } }: Route, parameters: URLSearchParams): void {
  for (const name of parameters.keys()) {
    const plain = name.slice(0, name.indexOf('['))
    if (name.includes('[') && Object.hasOwn(query, plain)) throw invalid(plain, writtenPlain(plain))
  }
}

const patternOf = ({ path }: Route): RegExp => new RegExp(`^${path.replaceAll('.', '\\.').replaceAll(/:(\w+)/g, '(?<$1>[^/]+)')}$`)

function match<Matched extends { readonly route: Route; readonly pattern: RegExp }>(
  all: readonly Matched[],
  method: string,
  path: string,
): Matched & { readonly params: Record<string, string> } {
  const here = all.flatMap((each) => {
    const found = each.pattern.exec(path)
    return found ? [{ ...each, params: { ...found.groups } }] : []
  })
  if (here.length === 0) throw new HttpRefusal(404, new Problem('NO_SUCH_ROUTE').message)
  const chosen = here.find(({ route }) => route.method === method)
  if (!chosen)
    throw new HttpRefusal(405, `This address does not take ${method}.`, { Allow: here.map(({ route }) => route.method).join(', ') })
  return chosen
}

const queryOf = ({ url = '' }: IncomingMessage): URLSearchParams =>
  new URLSearchParams(url.includes('?') ? url.slice(url.indexOf('?')) : '')

/** The members of the body; a route that looks at none takes any body, or no body at all. */
async function jsonBody(req: IncomingMessage, { method, variables }: DataRoute): Promise<Record<string, unknown>> {
  if (variables === undefined || method === 'GET' || method === 'DELETE') {
    await discardBody(req, maxBodyBytes)
    return {}
  }
  const body = await readJson(req, maxBodyBytes)
  if (typeof body !== 'object' || body === null || Array.isArray(body)) throw new HttpRefusal(400, 'The body must be a JSON object.')
  return body as Record<string, unknown>
}

function refuse(res: ServerResponse, error: GraphQLError): void {
  const code = error.extensions['code'] as ProblemCode
  const problem = problemIn(error)
  sendJson(res, problem?.status ?? statusOf[code], { error: sentence(error) }, headersFor(code, problem?.details ?? {}, false))
}
