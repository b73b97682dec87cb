/** An answer that a client may keep: it asks again with its ETag, and while that stands it is told so in place of a body. */
import { hash } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { sendJsonText } from '../http/messages.ts'

/** @param text JSON; equal bytes have equal ETags, and others have others (RFC 9110, 8.8.1: strong) */
export function sendKept({ headers }: IncomingMessage, res: ServerResponse, text: string, cacheControl = 'private, no-cache'): void {
  const etag = `"${hash('sha256', text, 'base64url')}"`
  const kept = { ETag: etag, 'Cache-Control': cacheControl }
  if (!names(headers['if-none-match'], etag)) return sendJsonText(res, 200, text, kept)
  res.writeHead(304, kept)
  res.end()
}

/** Compared weakly, as RFC 9110, 13.1.2 has it: `W/"x"` names `"x"`. `*` names whatever there is. */
const names = (ifNoneMatch: string | undefined, etag: string): boolean =>
  ifNoneMatch !== undefined && (ifNoneMatch.trim() === '*' || [...ifNoneMatch.matchAll(/"[^"]*"/g)].some(([each]) => each === etag))
