/**
 * The way out of the process, of every answer: a client that takes nothing is cut off, and what waits for clients has a limit. What is
 * large is written in pieces, each when the one before has been taken, so that it shows whether anything is. While the server drains,
 * an answer ends its connection.
 */
import { ServerResponse } from 'node:http'
import { Problem } from '../domain/problem.ts'
import type { Draining } from './draining.ts'
import { isLatest } from './turns.ts'

export interface SendingLimits {
  /** How long a client may take nothing. */
  readonly stallMs: number
  /** What may wait in all sockets together, in bytes. */
  readonly maxWaitingBytes: number
}

/** SPEC: "a client that takes nothing for 30 s cut off" */
export const sendingLimits: SendingLimits = { stallMs: 30_000, maxWaitingBytes: 64_000_000 }

/** A refusal and its kind: so little is sent however much waits. */
const alwaysSentBytes = 1_000
/** What a client must take at a time to be one that takes something. */
const pieceBytes = 16_384

interface Waiting {
  rest: Buffer
  /** To be called when all of it is. */
  readonly written: () => void
}

/** Of most answers nothing is large: they have no list of their own. Frozen, since it is everybody's. */
const nothing = Object.freeze([] as Waiting[]) as Waiting[]

/** The class of a server's answers, which count together. */
export function guardedResponses({ stallMs, maxWaitingBytes }: SendingLimits, draining: Draining): typeof ServerResponse {
  let waitingBytes = 0

  class GuardedResponse extends ServerResponse {
    /** What is large and has not been written yet. */
    #queue: Waiting[] = nothing
    #queuedBytes = 0
    #ends = false
    #counted = 0
    #watched = false
    #timer: NodeJS.Timeout | undefined

    /** @throws Problem TOO_MUCH_WAITING, before anything is sent, where there is no room for an answer of this length */
    override writeHead(status: number, a?: unknown, b?: unknown): this {
      const bytes = lengthIn(b ?? a) ?? Number(this.getHeader('content-length') ?? 0)
      if (bytes > alwaysSentBytes && waitingBytes + bytes > maxWaitingBytes && this.req.method !== 'HEAD')
        throw new Problem('TOO_MUCH_WAITING', { retryAfter: 1 })
      // A client that has sent more is owed more: the answer to what came last says it.
      if (draining.begun && isLatest(this)) this.shouldKeepAlive = false
      return super.writeHead(status, a as never, b as never)
    }

    override write(body: unknown, a?: unknown, b?: unknown): boolean {
      const goesOn = this.#isLarge(body) ? this.#enqueue(body, b ?? a) : super.write(body, a as never, b as never)
      this.#watch()
      return goesOn
    }

    override end(body?: unknown, a?: unknown, b?: unknown): this {
      if (this.#isLarge(body)) {
        if (!this.headersSent && !this.hasHeader('content-length')) this.setHeader('Content-Length', bufferOf(body).length)
        this.#ends = true
        this.#enqueue(body, b ?? a)
      } else if (this.#queue.length > 0) this.#ends = true
      else super.end(body, a as never, b as never)
      this.#watch()
      return this
    }

    #isLarge(body: unknown): boolean {
      if (this.req.method === 'HEAD') return false
      return (typeof body === 'string' || body instanceof Uint8Array) && (body.length > pieceBytes || this.#queue.length > 0)
    }

    #enqueue(body: unknown, written: unknown): false {
      if (this.#queue === nothing) this.#begin()
      const rest = bufferOf(body)
      this.#queue.push({ rest, written: typeof written === 'function' ? (written as () => void) : () => {} })
      this.#queuedBytes += rest.length
      if (this.#queue.length === 1) this.#writePieces()
      return false
    }

    /** From now on a drained socket takes the next piece, before anybody else writes. */
    #begin(): void {
      this.#queue = []
      this.emit = (event: string | symbol, ...args: unknown[]): boolean => {
        if (event !== 'drain' || this.#queue.length === 0) return super.emit(event as 'drain', ...(args as []))
        this.#writePieces()
        this.#watch()
        return true
      }
    }

    #writePieces(): void {
      for (let first; (first = this.#queue[0]) && !this.destroyed;) {
        const piece = first.rest.subarray(0, pieceBytes)
        first.rest = first.rest.subarray(pieceBytes)
        this.#queuedBytes -= piece.length
        const isLast = first.rest.length === 0
        if (isLast) this.#queue.shift()
        if (isLast && this.#ends && this.#queue.length === 0) return void super.end(piece, first.written)
        if (!super.write(piece, isLast ? first.written : undefined)) return
      }
      process.nextTick(() => super.emit('drain')) // whoever wrote was told to wait for it
    }

    /** Counts what waits, and gives the client its time where anything does. */
    #watch(): void {
      const bytes = this.destroyed ? 0 : this.writableLength + this.#queuedBytes
      if (bytes === 0 && this.#counted === 0) return
      waitingBytes += bytes - this.#counted
      this.#counted = bytes
      clearTimeout(this.#timer)
      if (bytes === 0) return
      this.#timer = setTimeout(() => this.destroy(new ClientStalled(stallMs)), stallMs)
      if (this.#watched) return
      this.#watched = true
      const taken = () => this.#watch()
      this.on('drain', taken).on('finish', taken).on('close', taken)
    }
  }
  return GuardedResponse as typeof ServerResponse
}

/** What the connection is destroyed with: nobody is left to be told but the log. */
class ClientStalled extends Error {
  constructor(stallMs: number) {
    super(`The client has taken nothing for ${stallMs} ms.`)
  }
}

/** The Content-Length among the headers that `writeHead` is given: an object, or names and values in turn. */
function lengthIn(headers: unknown): number | undefined {
  if (!Array.isArray(headers)) return (headers as Readonly<Record<string, number | undefined>> | undefined)?.['Content-Length']
  const at = headers.lastIndexOf('Content-Length')
  return at === -1 ? undefined : Number(headers[at + 1])
}

const bufferOf = (body: unknown): Buffer => (Buffer.isBuffer(body) ? body : Buffer.from(body as string | Uint8Array))
