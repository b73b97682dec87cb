/** The time that a request has, and whether its client still waits. */
import type { IncomingMessage } from 'node:http'
import type { Patience } from '../deps.ts'

/** SECURITY: "every request answered within 5 s", whatever the database does. Of a streamed list each page has as long. */
const requestMs = 4_500

export class Deadline implements Patience {
  private endsAt = performance.now() + requestMs
  private readonly socket: IncomingMessage['socket']

  constructor({ socket }: Pick<IncomingMessage, 'socket'>) {
    this.socket = socket
  }

  left(): number {
    return this.endsAt - performance.now()
  }

  isGone(): boolean {
    return this.socket.destroyed
  }

  /** How long the client takes is its own matter: it has other limits. */
  async withoutCounting<Result>(work: Promise<Result>): Promise<Result> {
    const begunAt = performance.now()
    try {
      return await work
    } finally {
      this.endsAt += performance.now() - begunAt
    }
  }
}
