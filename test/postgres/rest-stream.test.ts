/** The list of a large district in the memory of a small one: the built gateway, as a process of its own, on a real server. */
import { once } from 'node:events'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { request } from 'node:http'
import sql from 'sql-template-tag'
import { expect, onTestFinished, test } from 'vitest'
import { testDatabase } from '../support/database.ts'
import { createTestDistrict } from '../support/fixtures.ts'
import { startProcess } from '../support/process.ts'

const people = 100_000
const mostGrowthKb = 50 * 1_024

const db = await testDatabase()
const large = await createTestDistrict(db)
const small = await createTestDistrict(db)
const [largeKey, smallKey] = [await large.key(), await small.key()]
await insert(large.id, people)
await insert(small.id, 300)

/** A thousand a statement: each is answered in time on a slow machine, too. */
async function insert(districtId: string, count: number): Promise<void> {
  for (let from = 1; from <= count; from += 1_000)
    await db.query(
      sql`insert into people (district_id, id, first, last, email, email_key, language, roles, tags, sort_name, terms, created_at)
          select ${districtId}, 'p' || n, 'First ' || n, 'Last ' || n, n || '@example.org', n || '@example.org', 'en', '{"1c": 1}', '{2026,north}',
            'last ' || n, '{}', timestamptz '2026-01-01' + n * interval '1 second'
          from generate_series(${from}::int, ${Math.min(from + 999, count)}::int) n`,
    )
}

async function list(url: string, token: string): Promise<{ firstByteMs: number; text: string }> {
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

// Again, where garbage happened to be collected late: what holds a whole list holds it every time.
test.runIf(existsSync('/proc/self/clear_refs'))(
  `a list of ${people} people arrives whole, and costs the process less than 50 MB`,
  { retry: 2 },
  async () => {
    // With little room for young objects: V8 makes it larger when it sees fit, and that would be counted as the list's.
    const { url, child } = await startProcess(db.url!, { env: { NODE_OPTIONS: '--max-semi-space-size=2' }, atEnd: onTestFinished })
    /** In kB; `VmHWM` is the most that it was since {@link forgetPeak}. */
    const memory = (what: 'VmRSS' | 'VmHWM'): number =>
      Number(new RegExp(`^${what}:\\s+(\\d+) kB`, 'm').exec(readFileSync(`/proc/${child.pid}/status`, 'utf8'))![1])
    const forgetPeak = (): void => writeFileSync(`/proc/${child.pid}/clear_refs`, '5')

    // A process grows into its work at first, whatever the work is.
    for (let n = 0; n < 300; n++) await list(url, smallKey)
    const few = await list(url, smallKey)
    expect(JSON.parse(few.text)).toHaveLength(300)

    forgetPeak()
    const before = memory('VmRSS')
    const all = await list(url, largeKey)
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
