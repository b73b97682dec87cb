/** Node's own request and response: bodies read within a limit, answers written whole. */
import { isUtf8 } from 'node:buffer'
import type { IncomingMessage, ServerResponse } from 'node:http'

/** A request that HTTP itself refuses. */
export class HttpRefusal extends Error {
  readonly status: number
  readonly headers: Record<string, string>
  constructor(status: number, sentence: string, headers: Record<string, string> = {}) {
    super(sentence)
    this.status = status
    this.headers = headers
  }
}

/**
 * The body as UTF-8 text.
 * @throws HttpRefusal 413 past `maxBytes`, 400 when the bytes are no UTF-8
 */
export function readBody(req: IncomingMessage, maxBytes: number): Promise<string> {
  const tooLarge = () => new HttpRefusal(413, `The body is larger than ${maxBytes} bytes.`, { Connection: 'close' })
  if (Number(req.headers['content-length']) > maxBytes) return Promise.reject(tooLarge())
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = []
    let bytes = 0
    req.on('data', (chunk: Buffer) => {
      bytes += chunk.length
      if (bytes > maxBytes) {
        req.pause().removeAllListeners('data')
        reject(tooLarge())
      } else chunks.push(chunk)
    })
    req.on('end', () => {
      const body = chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks)
      if (isUtf8(body)) resolve(body.toString().replace(/^\uFEFF/, ''))
      else reject(new HttpRefusal(400, 'The body is not UTF-8.'))
    })
    req.on('error', reject)
    req.on('close', () => {
      if (!req.complete) reject(new HttpRefusal(400, 'The body ended early.'))
    })
  })
}

/** Names and values in turn. Node writes them as they are, at a third of what a header costs that is set before. */
export type RawHeaders = readonly string[]

/** Sets headers before the answer's own are known. */
export function setHeaders(res: ServerResponse, headers: RawHeaders): ServerResponse {
  for (let at = 0; at < headers.length; at += 2) res.setHeader(headers[at]!, headers[at + 1]!)
  return res
}

/** @param text JSON. @param headers all of the answer's, but its length */
export function sendWhole(res: ServerResponse, status: number, text: string, headers: RawHeaders): void {
  res.writeHead(status, [...headers, 'Content-Length', String(Buffer.byteLength(text))])
  res.end(text)
}

export const sendJson = (res: ServerResponse, status: number, body: unknown, headers: Record<string, string> = {}): void =>
  sendJsonText(res, status, JSON.stringify(body), headers)

/** @param text JSON */
export function sendJsonText(res: ServerResponse, status: number, text: string, headers: Record<string, string> = {}): void {
  res.writeHead(status, {
    'Content-Type': 'application/json; charset=utf-8',
    'Content-Length': Buffer.byteLength(text),
    'Cache-Control': 'no-store',
    ...headers,
  })
  res.end(text)
}

/** Every value that came under a header's name. Node itself keeps the first of some, and joins others. */
export function headersNamed({ rawHeaders }: IncomingMessage, lowerCaseName: string): string[] {
  const values = []
  for (let at = 0; at < rawHeaders.length; at += 2) {
    const name = rawHeaders[at]!
    if (name.length === lowerCaseName.length && name.toLowerCase() === lowerCaseName) values.push(rawHeaders[at + 1]!)
  }
  return values
}
