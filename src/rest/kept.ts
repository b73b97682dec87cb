/** An answer that a client may keep: it asks again with its ETag, and while that stands it is told so in place of a body. */
import type { IncomingMessage, ServerResponse } from 'node:http'
import { clientHas, etagOf } from '../http/conditional.ts'
import { sendJsonText } from '../http/messages.ts'

/** @param text JSON */
export function sendKept(req: IncomingMessage, res: ServerResponse, text: string, cacheControl = 'private, no-cache'): void {
  const etag = etagOf(text)
  const kept = { ETag: etag, 'Cache-Control': cacheControl }
  if (!clientHas(req, etag)) return sendJsonText(res, 200, text, kept)
  res.writeHead(304, kept)
  res.end()
}
