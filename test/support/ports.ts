/** Ports for servers that cannot say which one the system gave them: they are told a number before they start. */
import { once } from 'node:events'
import { createServer } from 'node:net'

// Below the ports that Linux gives to outgoing connections and to `listen(0)` (from 32768), which would take one between here and the
// server's start. Each worker of Vitest has a share of its own, so that two never pick the same.
const [first, shares, share] = [10_000, 8, 1_250]
const begin = first + (Number(process.env['VITEST_POOL_ID'] ?? 0) % shares) * share
let next = Math.floor(Math.random() * share)

/** A port on which nobody listens, and that is not told twice in a row. */
export async function freePort(): Promise<number> {
  for (let tries = 0; tries < share; tries++) {
    const port = begin + (next++ % share)
    if (await isFree(port)) return port
  }
  throw new Error(`no port from ${begin} to ${begin + share - 1} is free`)
}

async function isFree(port: number): Promise<boolean> {
  const server = createServer().listen(port, '127.0.0.1')
  try {
    await once(server, 'listening') // rejects with EADDRINUSE
  } catch {
    return false
  }
  server.close()
  await once(server, 'close')
  return true
}
