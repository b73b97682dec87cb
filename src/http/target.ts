/**
 * What a request is addressed to (RFC 9112, 3.2; RFC 3986, 6.2.2): one path and one authority, whichever way they were written. They are
 * put into `req.url` and the Host header, so that routing, cookies, `/dev/mail` and cross-origin rules all see the same.
 */
import type { IncomingMessage } from 'node:http'
import { HttpRefusal, headersNamed } from './messages.ts'

/** @returns why the request is refused, where it names no host, several, or none that can be */
export function normaliseTarget(req: IncomingMessage): HttpRefusal | undefined {
  let authority: string | undefined
  if (req.url !== '/graphql') {
    const parts = partsOf(req.url ?? '/')
    req.url = normalisedPath(parts.path) + parts.query
    authority = parts.authority
  }
  const named = headersNamed(req, 'host')
  // HTTP/1.0 knows requests without one.
  if (named.length > 1 || (named.length === 0 && req.httpVersion !== '1.0')) return new HttpRefusal(400, 'Send one Host header.')
  const [host] = named
  if ((host !== undefined && !isHost(host)) || (authority !== undefined && !isHost(authority)))
    return new HttpRefusal(400, 'This is not a host that a request can be sent to.')
  if (authority !== undefined) req.headers.host = authority // RFC 9112, 3.2.2: the Host header is ignored
  return undefined
}

/** A target in absolute form (`GET http://host/path`) names the authority itself. */
function partsOf(target: string): { authority?: string; path: string; query: string } {
  const at = target.indexOf('?')
  const [before, query] = at === -1 ? [target, ''] : [target.slice(0, at), target.slice(at)]
  if (before.startsWith('/')) return { path: before, query }
  const scheme = ['http://', 'https://'].find((each) => before.slice(0, each.length).toLowerCase() === each)
  if (scheme === undefined) return { path: before, query }
  const slash = before.indexOf('/', scheme.length)
  return slash === -1
    ? { authority: before.slice(scheme.length), path: '/', query }
    : { authority: before.slice(scheme.length, slash), path: before.slice(slash), query }
}

/**
 * Characters that need no percent sign stand for themselves (RFC 3986, 2.3), and one slash at the end is none. Everything else stays as it
 * was sent: `%2F` is no separator, and neither `//` nor dots are resolved.
 */
function normalisedPath(path: string): string {
  const decoded = path.includes('%') ? path.replaceAll(/%[\da-f]{2}/gi, unreserved) : path
  return decoded.length > 1 && decoded.endsWith('/') && !decoded.endsWith('//') ? decoded.slice(0, -1) : decoded
}

function unreserved(sequence: string): string {
  const character = String.fromCharCode(Number.parseInt(sequence.slice(1), 16))
  return /[\w.~-]/.test(character) ? character : sequence
}

/** The hosts of late, each of which is judged once. */
const hosts = new Map<string, boolean>()
const mostHosts = 100

function isHost(host: string): boolean {
  const known = hosts.get(host)
  if (known !== undefined) return known
  if (hosts.size >= mostHosts) hosts.clear()
  // Of what else an address may hold nothing belongs into a host.
  const judged = host.length < 262 && !/[\s/?#@\\,]/.test(host) && URL.canParse(`http://${host}`)
  hosts.set(host, judged)
  return judged
}
