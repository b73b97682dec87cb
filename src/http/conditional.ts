/** Conditional requests (RFC 9110, 13): a client says which version it has, and is told when that still stands. */
import { hash } from 'node:crypto'
import type { IncomingMessage } from 'node:http'

/** A strong validator (RFC 9110, 8.8.1): equal bytes have equal tags, others have others. */
export const etagOf = (content: string | Buffer): string => `"${hash('sha256', content, 'base64url')}"`

/** Whether the client has this version (If-None-Match, compared weakly as RFC 9110, 13.1.2 has it), so that 304 answers it. */
export const clientHas = ({ headers }: Pick<IncomingMessage, 'headers'>, etag: string): boolean =>
  names(headers['if-none-match'], opaqueTag(etag), opaqueTag)

const opaqueTag = (etag: string): string => (etag.startsWith('W/') ? etag.slice(2) : etag)

/** Whether a list of entity tags names this one. `*` names whatever there is. */
function names(list: string | undefined, etag: string, comparable: (tag: string) => string): boolean {
  if (list === undefined) return false
  return list.trim() === '*' || [...list.matchAll(/(?:W\/)?"[^"]*"/g)].some(([tag]) => comparable(tag) === etag)
}
