/** The mark of a credential's last use, on a real server: no read waits long for it or fails with it. */
import sql from 'sql-template-tag'
import { afterEach, expect, test, vi } from 'vitest'
import { otherwise } from '../support/database.ts'
import { createTestDistrict } from '../support/fixtures.ts'
import { startGateway } from '../support/gateway.ts'
import { raw, serve } from '../support/http.ts'
import { holdOpen } from '../support/postgres.ts'
import { openWire } from '../support/wire.ts'
import { rowsAs } from '../support/rows.ts'

const gateway = await startGateway()
const { db } = gateway
const wire = await openWire(db.url!)
const district = await createTestDistrict(db)
afterEach(() => vi.useRealTimers())

const isMarked = async (table: 'api_keys' | 'sessions'): Promise<boolean> => {
  const [row] = await db.query<{ isMarked: boolean }>(
    table === 'api_keys'
      ? sql`select bool_and(last_used_at is not null) as "isMarked" from api_keys`
      : sql`select bool_and(last_seen_at > now() - interval '1 minute') as "isMarked" from sessions`,
  )
  return row!.isMarked
}

/** Work done while somebody keeps everybody from writing to a table. */
const whileLocked = async (table: 'api_keys' | 'sessions', work: () => Promise<void>): Promise<void> => {
  const letGo = await holdOpen(db.url!, `lock table ${table} in share mode`)
  try {
    await work()
  } finally {
    await letGo()
  }
}

test.each(['api_keys', 'sessions'] as const)(
  'where %s is locked, reads go on unmarked, and marks are tried again 5 s later',
  async (table) => {
    // A gateway that remembers nobody: each request is a look.
    const url = await serve({
      ...gateway.deps,
      db: { ...otherwise(wire.db, {}), watch: () => ({ isLive: () => false, caughtUp: async () => {}, trouble: () => undefined }) },
    })
    const credential = async (): Promise<string> => {
      if (table === 'api_keys') return district.key()
      const token = await (await district.admin()).token()
      await db.query(rowsAs`update sessions set last_seen_at = now() - interval '1 hour'`)
      return token
    }
    const tokens = [await credential(), await credential()]
    /** What the look took, in round trips. */
    const look = async (token: string): Promise<number> => {
      const before = wire.trips()
      const answer = await raw(`${url}/graphql?query=${encodeURIComponent('{ me { districtId } }')}`, {
        headers: { Authorization: `Bearer ${token}` },
      })
      expect([answer.status, answer.text]).toEqual([200, JSON.stringify({ data: { me: { districtId: district.id } } })])
      return wire.trips() - before
    }
    vi.useFakeTimers({ toFake: ['performance'] })
    await whileLocked(table, async () => {
      expect(await look(tokens[0]!)).toBe(2)
      vi.advanceTimersByTime(4_999)
      expect(await look(tokens[1]!)).toBe(1)
    })
    expect(await look(tokens[0]!)).toBe(1)
    expect(await isMarked(table)).toBe(false)
    vi.advanceTimersByTime(1)
    for (const token of tokens) expect(await look(token)).toBe(1)
    expect(await isMarked(table)).toBe(true)
  },
)

test('a look that finds somebody else at the mark waits for nobody', async () => {
  const token = await district.key()
  const url = await serve({ ...gateway.deps, db: wire.db })
  await db.transaction(async (tx) => {
    await tx.query(rowsAs`select from api_keys where district_id = ${district.id} for update`)
    const before = wire.trips()
    expect((await raw(`${url}/api/me`, { headers: { Authorization: `Bearer ${token}` } })).status).toBe(200)
    expect(wire.trips() - before).toBe(1)
  })
})
