/** The log of a gateway whose database is away: real processes, and a connection between them that is cut. */
import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import { expect, onTestFinished, test } from 'vitest'
import { testDatabase } from '../support/database.ts'
import { createTestDistrict } from '../support/fixtures.ts'
import { raw } from '../support/http.ts'
import { startProcess } from '../support/process.ts'

interface Line {
  readonly level: number
  readonly msg: string
  readonly count?: number
  readonly err?: { readonly stack: string }
}

const db = await testDatabase()
const key = await (await createTestDistrict(db)).key()

/** The same database at another address, until it is cut off. */
async function cuttable(databaseUrl: string): Promise<{ url: string; cut: () => void }> {
  const { port, hostname } = new URL(databaseUrl)
  const sockets = new Set<Socket>()
  const server = createServer((client) => {
    const upstream = connect(Number(port), hostname)
    for (const [from, to] of [
      [client, upstream],
      [upstream, client],
    ] as const) {
      sockets.add(from)
      from.on('error', () => to.destroy()).on('close', () => to.destroy())
      from.pipe(to)
    }
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const url = new URL(databaseUrl)
  url.hostname = '127.0.0.1'
  url.port = String((server.address() as AddressInfo).port)
  const cut = (): void => {
    server.close()
    for (const socket of sockets) socket.destroy()
  }
  onTestFinished(cut)
  return { url: url.href, cut }
}

test('an outage costs the log a few lines a second however many requests it refuses, and every refusal is counted', async () => {
  const { url, cut } = await cuttable(db.url!)
  const gateway = await startProcess(url, { atEnd: onTestFinished })
  expect(await gateway.graphql(key, '{ people { totalCount } }')).toMatchObject({ status: 200 })
  cut()

  const endsAt = performance.now() + 3_000
  let refused = 0
  while (performance.now() < endsAt || refused < 600) {
    const answers = await Promise.all([
      ...Array.from({ length: 5 }, () => gateway.graphql(key, '{ people { totalCount } }')),
      ...Array.from({ length: 4 }, () => raw(`${gateway.url}/api/people`, { headers: { Authorization: `Bearer ${key}` } })),
      raw(`${gateway.url}/readyz`),
    ])
    refused += answers.filter(({ status }) => status === 503).length
  }
  gateway.child.kill('SIGTERM') // in the middle of a second: what is counted by then is logged
  expect(await once(gateway.child, 'close')).toEqual([0, null])

  const lines = gateway
    .output()
    .split('\n')
    .filter((line) => line.startsWith('{'))
    .map((line) => JSON.parse(line) as Line)
    .filter(({ msg }) => msg === 'refused for now' || msg === 'the database does not answer')
  expect(lines.reduce((sum, { count = 1 }) => sum + count, 0)).toBe(refused)
  expect(lines.length).toBeLessThan(refused / 5)
  const first = lines.find(({ err }) => err !== undefined)
  expect(first).toMatchObject({ level: 40, err: { stack: expect.stringContaining('at ') } })
})
