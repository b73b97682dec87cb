/**
 * The requests of a connection are answered one after another. A client that pipelines (RFC 9112, 9.3.2) gets its answers in order anyway;
 * so one that asks much and reads nothing costs one answer, and what is broken is never taken for the answer to what was whole.
 */
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Duplex } from 'node:stream'

/** Clients that pipeline send 16 or so. One that goes on without reading is cut off, and may ask again on another connection. */
const maxWaitingRequests = 100

// Properties, since V8 does not drop entries of a WeakMap before it collects everything.
const latest = Symbol('latest')
const waiting = Symbol('waiting')
type Connection = Duplex & { [latest]?: ServerResponse; [waiting]?: number }

/** Calls `answer` when all requests before this one have been answered. For nearly all requests that is now. */
export function inTurn(req: IncomingMessage, res: ServerResponse, answer: () => void): void {
  const connection: Connection = req.socket
  const before = connection[latest]
  connection[latest] = res
  if (res.socket !== null || before === undefined) return answer() // Node gives the socket to whose turn it is
  connection[waiting] = (connection[waiting] ?? 0) + 1
  if (connection[waiting] > maxWaitingRequests)
    return void connection.destroy(new Error(`More than ${maxWaitingRequests} requests wait for their turn.`))
  before.once('close', () => {
    connection[waiting]!--
    if (!connection.destroyed) answer()
  })
}

/** The answer to the request that came last on a connection, while not all of it is sent. */
export function underWay(connection: Connection): ServerResponse | undefined {
  const res = connection[latest]
  return res?.writableFinished === false ? res : undefined
}

/** Whether no request waits on the connection behind this one, whose answer may end it then. */
export const isLatest = (res: ServerResponse): boolean => (res.req.socket as Connection)[latest] === res
