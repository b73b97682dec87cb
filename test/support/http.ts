/** HTTP as an attacker writes it: any header, any bytes; and a gateway over dependencies that a test has tampered with. */
import { once } from 'node:events'
import { type IncomingHttpHeaders, request, type Server } from 'node:http'
import { type AddressInfo, connect, type Socket } from 'node:net'
import { text } from 'node:stream/consumers'
import { afterAll } from 'vitest'
import { createApp } from '../../src/app.ts'
import type { Deps } from '../../src/deps.ts'
import { createHttpServer } from '../../src/http/server.ts'

/** An answer's body. Tests look into it before they know its shape: what is not there fails their assertion. */
// oxlint-disable-next-line typescript/no-explicit-any
export type Json = any

export interface RawAnswer {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly text: string
  /** The parsed JSON, or `undefined` for something else. */
  readonly json: Json
}

export interface RawRequest {
  readonly method?: string
  /** An array sends the header once for each value. */
  readonly headers?: Readonly<Record<string, string | string[]>>
  readonly body?: string | Buffer
}

/** One request without fetch's manners: forbidden headers (Origin, Host, Sec-Fetch-Site, Cookie) are sent as they are given. */
export async function raw(url: string, { method = 'GET', headers = {}, body }: RawRequest = {}): Promise<RawAnswer> {
  const to = doorOf(url)
  const length = body === undefined || 'Transfer-Encoding' in headers ? {} : { 'Content-Length': String(Buffer.byteLength(body)) }
  const sent = request(to, { method, headers: { ...length, ...headers }, agent: false })
  const answered = once(sent, 'response')
  sent.on('error', () => {}) // the answer may come, and the connection end, before the whole body is sent
  sent.end(body)
  const [res] = await answered
  const answer = await text(res)
  return { status: res.statusCode as number, headers: res.headers as IncomingHttpHeaders, text: answer, json: parsed(answer) }
}

/** With TEST_DOOR=yoga every GraphQL request goes by Yoga's door: the same address with a question mark is no common request. */
export const doorOf = (url: string): string => (process.env['TEST_DOOR'] === 'yoga' ? url.replace(/\/graphql$/, '/graphql?') : url)

/** The first line of what a server answers to these bytes. */
export async function statusLineFor(url: string, bytes: string | Buffer): Promise<string> {
  const { hostname, port } = new URL(url)
  const socket = connect(Number(port), hostname)
  socket.on('error', () => {})
  socket.write(bytes)
  const chunks: Buffer[] = []
  for await (const chunk of socket) {
    chunks.push(chunk as Buffer)
    if (Buffer.concat(chunks).includes('\r\n')) break
  }
  socket.destroy()
  return Buffer.concat(chunks).toString('latin1').split('\r\n', 1)[0]!
}

/** Opens a connection, sends these bytes, and reads nothing. */
export async function sendUnread(url: string, bytes: string): Promise<Socket> {
  const socket = connect(Number(new URL(url).port), '127.0.0.1')
  await once(socket, 'connect')
  socket.on('error', () => {}).pause()
  socket.write(bytes)
  return socket
}

/** The gateway over these dependencies, without a mailer of its own; it ends after the last test. @returns its address */
export const serve = (deps: Deps): Promise<string> => listening(createHttpServer(createApp(deps)))

/** A server on a free port, until the last test is over. @returns its address */
export async function listening(server: Server): Promise<string> {
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  afterAll(() => {
    server.close()
    server.closeAllConnections()
  })
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

/**
 * A client's address for X-Forwarded-For, for a gateway with one trusted proxy: another at each call, and in a network (/24) of its own,
 * as if from another corner of the Internet, so that what is counted of one test is not counted of the next.
 */
export const newAddress = (): string => `10.${++networks >> 8}.${networks & 255}.7`
let networks = 0

/** A body as JSON, with its header. */
export const json = (body: unknown, headers: RawRequest['headers'] = {}): RawRequest => ({
  method: 'POST',
  headers: { 'Content-Type': 'application/json', ...headers },
  body: typeof body === 'string' ? body : JSON.stringify(body),
})

export function parsed(answer: string): unknown {
  try {
    return JSON.parse(answer)
  } catch {
    return undefined
  }
}
