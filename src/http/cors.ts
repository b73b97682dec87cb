/** Cross-origin requests: the configured origins may call with a bearer token, and no origin ever with a cookie. */
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Config } from '../config.ts'
import { type RawHeaders, setHeaders } from './messages.ts'

const preflightSeconds = 7_200

/**
 * Sets what the answer needs to be read by an allowed origin.
 * @param headers that every answer has
 * @returns whether it was a preflight, answered here
 */
export function allowCrossOrigin(
  { corsOrigins }: Pick<Config, 'corsOrigins'>,
  req: IncomingMessage,
  res: ServerResponse,
  path: string,
  headers: RawHeaders,
): boolean {
  if (path !== '/graphql' && !path.startsWith('/api/')) return false
  if (corsOrigins.length > 0) res.appendHeader('Vary', 'Origin')
  const { origin } = req.headers
  if (origin === undefined || !corsOrigins.includes(origin)) return false
  res.setHeader('Access-Control-Allow-Origin', origin)
  res.setHeader('Access-Control-Expose-Headers', 'ETag, Retry-After, WWW-Authenticate, X-Request-Id')
  if (req.method !== 'OPTIONS' || req.headers['access-control-request-method'] === undefined) return false
  res.appendHeader('Vary', 'Access-Control-Request-Headers')
  const wanted = headersAskedFor(req)
  setHeaders(res, headers).writeHead(204, {
    'Access-Control-Allow-Methods': 'GET, POST, PATCH, DELETE',
    ...(wanted.length > 0 ? { 'Access-Control-Allow-Headers': wanted.join(', ') } : {}),
    'Access-Control-Max-Age': preflightSeconds,
  })
  res.end()
  return true
}

/** Whatever a client wants to send, as no credential crosses origins by itself; but X-Session, which asks for the cookie. */
const headersAskedFor = ({ headers }: IncomingMessage): string[] =>
  (headers['access-control-request-headers'] ?? '')
    .split(',')
    .map((name) => name.trim())
    .filter((name) => token.test(name) && name.toLowerCase() !== 'x-session')

/** RFC 9110, 5.6.2 */
const token = /^[!#$%&'*+.^_`|~\w-]+$/
