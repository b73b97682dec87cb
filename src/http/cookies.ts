/** Cookies: read from a request, set with an answer. */
import type { IncomingMessage, ServerResponse } from 'node:http'

/** A cookie of a request. */
export function cookieOf({ headers }: IncomingMessage, name: string): string | undefined {
  for (const pair of headers.cookie?.split(';') ?? []) {
    const at = pair.indexOf('=')
    if (at > 0 && pair.slice(0, at).trim() === name) return pair.slice(at + 1).trim()
  }
  return undefined
}

/** The names of our cookies, and how one is set. */
export function cookieJar(publicUrl: string, res: ServerResponse) {
  const secure = publicUrl.startsWith('https:')
  const prefix = secure ? '__Host-' : ''
  return {
    session: `${prefix}session`,
    browser: `${prefix}browser`,
    device: `${prefix}device`,
    set(name: string, value: string, maxAgeSeconds: number) {
      res.appendHeader(
        'Set-Cookie',
        `${name}=${value}; Path=/; Max-Age=${maxAgeSeconds}; HttpOnly; SameSite=Lax${secure ? '; Secure' : ''}`,
      )
    },
  }
}
