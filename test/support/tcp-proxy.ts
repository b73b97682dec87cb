/** A way to a server that can be made slow, silent, cut, or led to another server: what a network, a balancer or a pooler does to connections. */
import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'

export interface TcpProxy {
  /** The address of the database by this way. */
  readonly url: string
  /** From now on what the server says is so late. */
  delay(ms: number): void
  /** Nothing passes any more, and nothing is closed, until it is let go. */
  hold(): void
  letGo(): void
  /** Whoever connects from now on comes to this database; who is connected stays where they are. */
  leadTo(databaseUrl: string): void
  /** Ends all connections. */
  cut(): void
  close(): Promise<void>
}

/** @param listen called for each connection; what it returns is told of everything that its client says */
export async function startTcpProxy(databaseUrl: string, listen: () => (bytes: Buffer) => void = () => () => {}): Promise<TcpProxy> {
  let [target, delayMs, isHeld] = [new URL(databaseUrl), 0, false]
  const pairs = new Set<readonly Socket[]>()
  const held: (() => void)[] = []
  const pass = (bytes: Buffer, to: Socket, ms: number): void => {
    const write = (): void => void (isHeld ? held.push(write) : to.write(bytes))
    if (ms === 0) write()
    else setTimeout(write, ms)
  }
  const proxy = createServer((client) => {
    const server = connect(Number(target.port), target.hostname)
    const pair = [client, server] as const
    pairs.add(pair)
    const hear = listen()
    client.on('data', (bytes) => {
      hear(bytes)
      pass(bytes, server, 0)
    })
    server.on('data', (bytes) => pass(bytes, client, delayMs))
    for (const socket of pair) {
      socket.setNoDelay()
      socket
        .on('error', () => {})
        .on('close', () => {
          pairs.delete(pair)
          for (const each of pair) each.destroy()
        })
    }
  })
  proxy.listen(0, '127.0.0.1')
  await once(proxy, 'listening')
  const through = new URL(databaseUrl)
  through.host = `127.0.0.1:${(proxy.address() as AddressInfo).port}`
  const cut = (): void => {
    for (const socket of [...pairs].flat()) socket.destroy()
  }
  return {
    url: through.href,
    delay: (ms) => void (delayMs = ms),
    hold: () => void (isHeld = true),
    letGo() {
      isHeld = false
      for (const write of held.splice(0)) write()
    },
    leadTo: (url) => void (target = new URL(url)),
    cut,
    async close() {
      proxy.close()
      cut()
      await once(proxy, 'close')
    },
  }
}
