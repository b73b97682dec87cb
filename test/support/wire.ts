/** A proxy between a gateway and its server: how often the gateway asks and waits for an answer, and what it is when each is late. */
import { afterAll } from 'vitest'
import { openServer } from '../../src/adapters/postgres-server.ts'
import type { Database } from '../../src/deps.ts'
import { startTcpProxy } from './tcp-proxy.ts'

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
  let trips = 0
  const proxy = await startTcpProxy(databaseUrl, () => countingTrips(() => trips++))
  const db = openServer({ url: proxy.url, directUrl: databaseUrl, pooled: false })
  afterAll(async () => {
    await db.close()
    await proxy.close()
  })
  return { db, trips: () => trips, delay: proxy.delay }
}

/**
 * Reads what a client of PostgreSQL says (protocol 3.0): a start without a type, then messages of a type and a length each. The first query
 * of a connection makes its settings, and is a part of setting it up.
 */
function countingTrips(trip: () => void): (bytes: Buffer) => void {
  let [unread, isStarted, isSettled, isRequests] = [Buffer.alloc(0), false, false, false]
  return (bytes) => {
    unread = Buffer.concat([unread, bytes])
    for (;;) {
      const typeLength = isStarted ? 1 : 0
      if (unread.length < typeLength + 4) return
      const end = typeLength + unread.readUInt32BE(typeLength)
      if (unread.length < end) return
      isRequests ||= !isStarted && !unread.includes('credentials-gateway announce') // which goes on whatever is asked
      if (isStarted && ['Q', 'S'].includes(String.fromCharCode(unread[0]!))) {
        if (isSettled && isRequests) trip()
        isSettled = true
      }
      isStarted = true
      unread = unread.subarray(end)
    }
  }
}
