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

/** How the clients that wait for it are told to send their body (RFC 9110, 10.1.1): when it is read, and not before it may be refused. */
const continuations = new WeakMap<IncomingMessage, () => void>()

/** The client of this request waits with its body. Where nobody asks for it, the connection ends with the answer. */
export function continueWhenRead(req: IncomingMessage, res: ServerResponse): void {
  res.shouldKeepAlive = false
  continuations.set(req, () => res.writeContinue())
}

const bodyTooLarge = (maxBytes: number): HttpRefusal =>
  new HttpRefusal(413, `The body is larger than ${maxBytes} bytes.`, { Connection: 'close' })

/**
 * The body as UTF-8 text.
 * @throws HttpRefusal 413 past `maxBytes`, 400 when the bytes are no UTF-8
 */
export function readBody(req: IncomingMessage, maxBytes: number): Promise<string> {
  const chunks: Buffer[] = []
  return read(
    req,
    maxBytes,
    (chunk) => void chunks.push(chunk),
    () => {
      const body = chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks)
      if (!isUtf8(body)) throw new HttpRefusal(400, 'The body is not UTF-8.')
      const text = body.toString()
      return text.startsWith('\uFEFF') ? text.slice(1) : text
    },
  )
}

/**
 * Reads what is left of a body that nobody asks for, and forgets it: what follows on the connection is the next request.
 * @throws HttpRefusal 413 past `maxBytes`
 */
export async function discardBody(req: IncomingMessage, maxBytes: number): Promise<void> {
  if (req.complete || req.destroyed || !hasBody(req) || continuations.has(req)) return
  await read(
    req,
    maxBytes,
    () => {},
    () => {},
  )
}

/**
 * Before a refusal that came without the body's being read: what is left of it would be taken for the next request. One that does not end
 * ends the connection.
 */
export const leaveBody = (req: IncomingMessage, res: ServerResponse, maxBytes: number): Promise<void> =>
  discardBody(req, maxBytes).catch(() => void res.setHeader('Connection', 'close'))

const hasBody = ({ headers }: IncomingMessage): boolean =>
  headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0

/** Requests whose body was longer than it may be: it is not read on. */
const overlong = new WeakSet<IncomingMessage>()

/** @throws HttpRefusal 413, with which reading ends and the connection is to be closed */
function read<Whole>(req: IncomingMessage, maxBytes: number, take: (chunk: Buffer) => void, end: () => Whole): Promise<Whole> {
  const { headers } = req
  if (Number(headers['content-length']) > maxBytes || overlong.has(req)) return Promise.reject(bodyTooLarge(maxBytes))
  if (headers.expect !== undefined) continuations.get(req)?.()
  return new Promise((resolve, reject) => {
    let bytes = 0
    req.on('data', (chunk: Buffer) => {
      bytes += chunk.length
      if (bytes <= maxBytes) return take(chunk)
      req.pause().removeAllListeners('data')
      overlong.add(req)
      reject(bodyTooLarge(maxBytes))
    })
    req.on('end', () => {
      try {
        resolve(end())
      } catch (error) {
        reject(error as Error)
      }
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
