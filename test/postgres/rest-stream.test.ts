/** The list of a large district in the memory of a small one: the built gateway, as a process of its own, on a real server. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { request } from 'node:http'
import { createServer } from 'node:net'
import { fileURLToPath } from 'node:url'
import sql from 'sql-template-tag'
import { afterAll, expect, test } from 'vitest'
import { testDatabase } from '../support/database.ts'
import { createTestDistrict } from '../support/fixtures.ts'
import { raw } from '../support/http.ts'

const people = 50_000
const mostGrowthKb = 50 * 1_024

const db = await testDatabase()
const large = await createTestDistrict(db)
const small = await createTestDistrict(db)
const [largeKey, smallKey] = [await large.key(), await small.key()]
for (const [districtId, count] of [
  [large.id, people],
  [small.id, 300],
] as const) {
  const statement = sql`insert into people (district_id, id, first, last, email, email_key, language, roles, tags, sort_name, terms, created_at)
    select ${districtId}, 'p' || n, 'First ' || n, 'Last ' || n, n || '@example.org', n || '@example.org', 'en', '{"1c": 1}', '{2026,north}', 'last ' || n, '{}',
      timestamptz '2026-01-01' + n * interval '1 second'
    from generate_series(1, ${count}::int) n`
  await db.transaction(async (tx) => {
    await tx.query(sql`set local statement_timeout = 0`)
    await tx.query(statement)
  })
}

const port = await freePort()
const url = `http://127.0.0.1:${port}`
const gateway: ChildProcess = spawn(process.execPath, [fileURLToPath(new URL('../../dist/main.js', import.meta.url))], {
  env: { PATH: process.env['PATH'], DATABASE_URL: db.url, SECRET_KEY: 'x'.repeat(32), DEV_MAIL: 'on', PORT: String(port) },
  stdio: 'ignore',
})
afterAll(async () => {
  gateway.kill('SIGTERM')
  if (gateway.exitCode === null) await once(gateway, 'exit')
})
await expect
  .poll(
    async () => {
      expect(gateway.exitCode).toBeNull()
      return (await raw(`${url}/readyz`).catch(() => ({ status: 0 }))).status
    },
    { timeout: 60_000 },
  )
  .toBe(200)

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port: free } = server.address() as { port: number }
  await new Promise((resolve) => server.close(resolve))
  return free
}

/** In kB; `VmHWM` is the most that it was since {@link forgetPeak}. */
const memory = (what: 'VmRSS' | 'VmHWM'): number =>
  Number(new RegExp(`^${what}:\\s+(\\d+) kB`, 'm').exec(readFileSync(`/proc/${gateway.pid}/status`, 'utf8'))![1])
const forgetPeak = (): void => writeFileSync(`/proc/${gateway.pid}/clear_refs`, '5')

async function list(token: string): Promise<{ firstByteMs: number; text: string }> {
  const startedAt = performance.now()
  const sent = request(`${url}/api/people`, { headers: { Authorization: `Bearer ${token}` }, agent: false })
  sent.end()
  const [res] = await once(sent, 'response')
  let [text, firstByteMs] = ['', 0]
  res.setEncoding('utf8')
  for await (const chunk of res) {
    firstByteMs ||= performance.now() - startedAt
    text += chunk
  }
  expect([res.statusCode, res.complete]).toEqual([200, true])
  return { firstByteMs, text }
}

test.runIf(existsSync('/proc/self/clear_refs'))(
  `a list of ${people} people arrives whole, and costs the process less than 50 MB`,
  async () => {
    // A process grows into its work at first, whatever the work is.
    for (let n = 0; n < 20; n++) await list(smallKey)
    const few = await list(smallKey)
    expect(JSON.parse(few.text)).toHaveLength(300)

    forgetPeak()
    const before = memory('VmRSS')
    const all = await list(largeKey)
    const growthKb = memory('VmHWM') - before
    const ids = JSON.parse(all.text).map(({ id }: { id: string }) => id)
    expect(ids).toEqual(Array.from({ length: people }, (_, n) => `p${n + 1}`))
    console.info(
      `first byte of ${people} people after ${Math.round(all.firstByteMs)} ms, of 300 after ${Math.round(few.firstByteMs)} ms; ` +
        `${(all.text.length / 1e6).toFixed(1)} MB grew the process by ${(growthKb / 1_024).toFixed(1)} MB from ${Math.round(before / 1_024)} MB`,
    )
    expect(growthKb).toBeLessThan(mostGrowthKb)
  },
)
