/** How a server ends: no request is lost whose connection it has taken, and what hangs is cut off. */
import type { Server } from 'node:http'
import { Server as NetServer, type Socket } from 'node:net'
import { setImmediate as nextTurn, setTimeout as wait } from 'node:timers/promises'
import { underWay } from './turns.ts'

/** A client that has been silent for so long is not about to send a request. */
const silenceMs = 1_000
const lookEveryMs = 50

/** A server's way out. Until it begins, answers cost nothing more for it. */
export class Draining {
  /** From now on every answer says `Connection: close`, and `/readyz` is 503. Everything else goes on. */
  begun = false
  readonly #connections = new Set<Socket>()

  /** To be told of every connection that a server takes. */
  hold(connection: Socket): void {
    this.#connections.add(connection)
    connection.once('close', () => this.#connections.delete(connection))
  }

  /**
   * Takes no new connection, answers what comes on those that are taken, and closes them when they have nothing to say. Resolves when all
   * are closed, or have been cut off after `mostMs`.
   * @returns how many were cut off
   */
  async end(server: Server, mostMs: number): Promise<number> {
    this.begun = true
    await nextTurn() // whoever has connected by now is taken
    // http.Server's own close() also ends, at once, the connections of clients that are between two requests.
    const closed = new Promise<void>((resolve, reject) => {
      NetServer.prototype.close.call(server, (error) => (error ? reject(error) : resolve()))
    })
    const stopLooking = this.#closeWhenSilent(server)
    await Promise.race([closed, wait(mostMs, undefined, { ref: false })]).finally(stopLooking)
    const left = [...this.#connections].filter(({ destroyed }) => !destroyed)
    for (const connection of left) connection.destroy()
    return left.length
  }

  /** @returns how to stop it */
  #closeWhenSilent(server: Server): () => void {
    const heard = new Map<Socket, { readonly bytes: number; readonly at: number }>()
    const look = (): void => {
      const now = performance.now()
      let allAreSilent = true
      for (const connection of this.#connections) {
        if (underWay(connection)) heard.delete(connection)
        else {
          if (heard.get(connection)?.bytes !== connection.bytesRead) heard.set(connection, { bytes: connection.bytesRead, at: now })
          if (now - heard.get(connection)!.at < silenceMs) allAreSilent = false
        }
      }
      if (!allAreSilent) return
      server.closeIdleConnections() // Node knows which of them have sent a part of a request, and does not name them
      for (const connection of this.#connections) if (connection.bytesRead === 0) connection.destroy()
    }
    look()
    // Behind the sockets' turn, so that whatever has arrived is read.
    const timer = setInterval(() => setImmediate(look), lookEveryMs)
    return () => clearInterval(timer)
  }
}
