/** The HTTP server: how long clients may take, how many there may be, and what is answered to bytes that are no request. */
import { createServer, type IncomingMessage, type RequestListener, type Server, type ServerResponse, STATUS_CODES } from 'node:http'
import type { Duplex } from 'node:stream'
import { Draining } from './draining.ts'
import { guardedResponses, type SendingLimits, sendingLimits } from './guarded-response.ts'
import { continueWhenRead, HttpRefusal } from './messages.ts'
import { inTurn, underWay } from './turns.ts'

/** What a server hands over. */
export interface App {
  readonly answer: RequestListener
  /** A refusal as the clients of an address expect it. */
  readonly refusal: (target: string, refusal: HttpRefusal, headers?: IncomingMessage['headers']) => WholeAnswer
  /** A connection has ended by an error. */
  readonly broken: (error: Error) => void
}

export interface WholeAnswer {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
}

const settings = {
  headersTimeout: 10_000,
  requestTimeout: 30_000,
  connectionsCheckingInterval: 1_000, // Node looks at these two every 30 s unless it is told
  // Longer than the 60 s for which load balancers keep theirs: the side that sends a request must not meet a closing connection.
  keepAliveTimeout: 75_000,
}
const maxConnections = 10_000

export function createHttpServer(
  app: App,
  {
    limits = sendingLimits,
    draining = new Draining(),
    ...changes
  }: { limits?: SendingLimits; draining?: Draining } & Partial<typeof settings> = {},
): Server {
  const answer: RequestListener = (req, res) => inTurn(req, res, () => app.answer(req, res))
  const server = createServer({ ...settings, ...changes, ServerResponse: guardedResponses(limits, draining) }, answer)
  server.maxConnections = maxConnections
  server.on('connection', (connection) => draining.hold(connection))
  server.on('checkContinue', (req, res) => {
    continueWhenRead(req, res)
    answer(req, res)
  })
  server.on('checkExpectation', (req, res) => {
    const { status, headers, body } = app.refusal(
      req.url ?? '/',
      new HttpRefusal(417, 'Of expectations only 100-continue is met.'),
      req.headers,
    )
    inTurn(req, res, () => res.writeHead(status, { ...headers, Connection: 'close' }).end(body))
  })
  const refuse = (error: ParserError, socket: Duplex, current?: ServerResponse): void => {
    // Where another answer is under way, this one would be read as a part of it, or in its place.
    if (!socket.writable || error.code === 'ECONNRESET' || current?.headersSent || current?.socket === null) {
      app.broken(error)
      return void socket.destroy()
    }
    const target = current?.req.url ?? targetIn(error.rawPacket)
    socket.end(asBytes(app.refusal(target, refusalOf(error), current?.req.headers)), () => socket.destroy())
  }
  const refused = new WeakSet<Duplex>()
  server.on('clientError', (error: ParserError, socket) => {
    if (refused.has(socket)) return // the parser tells of every further byte
    refused.add(socket)
    const current = underWay(socket)
    // What is broken comes after a request that is whole: that one is answered first.
    if (socket.writable && current?.req.complete) current.once('close', () => refuse(error, socket))
    else refuse(error, socket, current)
  })
  return server
}

interface ParserError extends Error {
  readonly code?: string
  /** What could not be parsed. */
  readonly rawPacket?: Buffer
}

/** The reasons of Node's parser and of its clocks that are not simply a malformed request. */
const reasons: Readonly<Record<string, readonly [status: number, sentence: string]>> = {
  HPE_HEADER_OVERFLOW: [431, 'The headers are too large.'],
  HPE_CHUNK_EXTENSIONS_OVERFLOW: [413, 'The extensions of a chunk are too large.'],
  ERR_HTTP_REQUEST_TIMEOUT: [408, 'The request did not come in time.'],
}

const refusalOf = ({ code = '' }: ParserError): HttpRefusal =>
  new HttpRefusal(...(reasons[code] ?? ([400, 'This is not an HTTP request.'] as const)))

/** The target of the request line, where what could not be parsed begins with one. */
function targetIn(packet: Buffer | undefined): string {
  const [method, target] = packet?.subarray(0, 2_000).toString('latin1').split(' ', 2) ?? []
  return method !== undefined && target !== undefined && /^[A-Z]+$/.test(method) ? target : '/'
}

function asBytes({ status, headers, body }: WholeAnswer): string {
  const lines = Object.entries({ ...headers, Connection: 'close' }).map(([name, value]) => `${name}: ${value}\r\n`)
  return `HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\n${lines.join('')}\r\n${body}`
}
