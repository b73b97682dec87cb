/** What every answer says beside its own, and what is refused before GraphQL or a route has a say, in the shape that the address's clients expect. */
import { randomUUID } from 'node:crypto'
import type { ServerResponse } from 'node:http'
import type { Config } from './config.ts'
import type { Problem } from './domain/problem.ts'
import { headersFor } from './graphql/errors.ts'
import { graphqlTypeFor } from './http/media-types.ts'
import { HttpRefusal, type RawHeaders, sendJsonText } from './http/messages.ts'
import type { WholeAnswer } from './http/server.ts'

export const headersOfEveryAnswer = ({ publicUrl }: Pick<Config, 'publicUrl'>): RawHeaders =>
  Object.entries({
    'X-Content-Type-Options': 'nosniff',
    'Referrer-Policy': 'no-referrer', // an address may hold a link's token
    'Cache-Control': 'no-store', // what may be kept says so itself
    ...(publicUrl.startsWith('https:') ? { 'Strict-Transport-Security': 'max-age=31536000; includeSubDomains' } : {}),
  }).flat()

/** @param path without its parameters */
function refusalOf(path: string, refusal: HttpRefusal | Problem, accept: string | undefined): WholeAnswer {
  const { message, status } = refusal
  const own = refusal instanceof HttpRefusal ? refusal.headers : headersFor(refusal.code, refusal.details, true)
  if (path !== '/graphql')
    return { status, headers: { ...own, 'Content-Type': 'application/json; charset=utf-8' }, body: JSON.stringify({ error: message }) }
  const extensions =
    refusal instanceof HttpRefusal ? { code: status === 404 ? 'NOT_FOUND' : 'BAD_USER_INPUT' } : { code: refusal.code, ...refusal.details }
  return {
    status,
    headers: { ...own, 'Content-Type': graphqlTypeFor({ headers: { accept } }) },
    body: JSON.stringify({ errors: [{ message, extensions }] }),
  }
}

export function sendRefusal(res: ServerResponse, path: string, refusal: HttpRefusal | Problem): void {
  const { status, headers, body } = refusalOf(path, refusal, res.req.headers.accept)
  sendJsonText(res, status, body, headers)
}

/** A refusal as a whole, for a connection on which there is no request that it answers. */
export function wholeRefusal(common: RawHeaders, path: string, refusal: HttpRefusal, accept: string | undefined): WholeAnswer {
  const { status, headers, body } = refusalOf(path, refusal, accept)
  const own: Record<string, string> = { 'X-Request-Id': randomUUID() }
  for (let at = 0; at < common.length; at += 2) own[common[at]!] = common[at + 1]!
  return { status, headers: { ...own, ...headers, 'Content-Length': String(Buffer.byteLength(body)) }, body }
}
