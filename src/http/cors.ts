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
  setHeaders(res, headers).writeHead(204, {
    'Access-Control-Allow-Methods': 'GET, POST, PATCH, DELETE',
    'Access-Control-Allow-Headers': 'Authorization, Content-Type, Idempotency-Key, If-None-Match',
    'Access-Control-Max-Age': preflightSeconds,
  })
  res.end()
  return true
}
