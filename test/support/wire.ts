/** A proxy between a gateway and its server: how often the gateway asks and waits for an answer, and what it is when each is late. */
import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import { afterAll } from 'vitest'
import { openServer } from '../../src/adapters/postgres-server.ts'
import type { Database } from '../../src/deps.ts'

export interface Wire {
  /** The database through the proxy. What it listens to goes beside it. */
  readonly db: Database
  /** Round trips so far: each simple query and each synchronisation, once a connection has been set up. */
  trips(): number
  /** From now on what the server says is so late. */
  delay(ms: number): void
}

/** Opens the database of this address through a proxy; both are closed after the last test. Call it at the top of the file. */
export async function openWire(databaseUrl: string): Promise<Wire> {
  const server = new URL(databaseUrl)
  let [trips, delayMs] = [0, 0]
  const sockets = new Set<Socket>()
  const proxy = createServer((client) => {
    const upstream = connect(Number(server.port), server.hostname)
    const count = countingTrips(() => trips++)
    client.on('data', (bytes) => (count(bytes), upstream.write(bytes)))
    upstream.on('data', (bytes) => void setTimeout(() => client.write(bytes), delayMs))
    for (const [socket, other] of [
      [client, upstream],
      [upstream, client],
    ] as const) {
      sockets.add(socket)
      socket.setNoDelay()
      socket.on('error', () => {}).on('close', () => (sockets.delete(socket), other.destroy()))
    }
  })
  proxy.listen(0, '127.0.0.1')
  await once(proxy, 'listening')
  const through = new URL(databaseUrl)
  through.host = `127.0.0.1:${(proxy.address() as AddressInfo).port}`
  const db = openServer({ url: through.href, directUrl: databaseUrl, pooled: false })
  afterAll(async () => {
    await db.close()
    proxy.close()
    for (const socket of sockets) socket.destroy()
  })
  return { db, trips: () => trips, delay: (ms) => void (delayMs = ms) }
}

/** Reads what a client of PostgreSQL says (protocol 3.0): a start without a type, then messages of a type and a length each. */
function countingTrips(trip: () => void): (bytes: Buffer) => void {
  let [unread, isStarted] = [Buffer.alloc(0), false]
  return (bytes) => {
    unread = Buffer.concat([unread, bytes])
    for (;;) {
      const typeLength = isStarted ? 1 : 0
      if (unread.length < typeLength + 4) return
      const end = typeLength + unread.readUInt32BE(typeLength)
      if (unread.length < end) return
      if (isStarted && ['Q', 'S'].includes(String.fromCharCode(unread[0]!))) trip()
      isStarted = true
      unread = unread.subarray(end)
    }
  }
}
