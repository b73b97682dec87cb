/** A flood of tokens that are nobody's: a lookup each at most, a few at a time, and whoever is known does not notice. */
import { randomBytes } from 'node:crypto'
import sql from 'sql-template-tag'
import { expect, test, vi } from 'vitest'
import { rememberedCredentials } from '../src/domain/credentials.ts'
import { Problem } from '../src/domain/problem.ts'
import { hashToken, makeApiKey, makeToken } from '../src/domain/tokens.ts'
import { otherwise, testDatabase } from './support/database.ts'
import { createTestDistrict } from './support/fixtures.ts'
import { startGateway } from './support/gateway.ts'
import { raw } from './support/http.ts'

const db = await testDatabase()
const district = await createTestDistrict(db)

/** The database; what it finds of a credential is held back until it is let go. */
function gated() {
  const waiting: (() => void)[] = []
  let [lookups, open] = [0, true]
  return {
    db: otherwise(db, {
      async query<Row>(statement: Parameters<typeof db.query>[0]): Promise<Row[]> {
        if (!/from (api_keys k|sessions s) /.test(statement.text)) return db.query(statement)
        lookups++
        const found = await db.query<Row>(statement)
        if (!open) await new Promise<void>((resolve) => waiting.push(resolve))
        return found
      },
    }),
    lookups: () => lookups,
    waiting: () => waiting.length,
    close: () => (open = false),
    letGo() {
      open = true
      for (const go of waiting.splice(0)) go()
    },
  }
}

const patience = { timeout: 60_000 }

const wrong = (count: number) => Array.from({ length: count }, (_, n) => (n % 2 ? makeApiKey : makeToken)(randomBytes))

test('a token costs one lookup, whoever comes while it is under way; what is no token costs none', async () => {
  const gate = gated()
  const credentials = rememberedCredentials(gate)
  const channel = db.watch('credentials', { heard() {}, missed() {} })
  await vi.waitUntil(() => channel.isLive(), patience) // until then nothing is shared
  gate.close()
  const refusals = [...wrong(20), ...Array.from({ length: 30 }, () => 'a'.repeat(43)), 'ck_short', 'nonsense'].map((token) =>
    Promise.resolve(credentials.authenticate(token)).then(
      () => 'let in',
      (error: unknown) => (error instanceof Problem ? error.reason : error),
    ),
  )
  gate.letGo()
  const reasons = await Promise.all(refusals)
  // On a slow machine some of them wait too long for their turn.
  expect(reasons.filter((reason) => reason !== 'INVALID_CREDENTIAL' && reason !== 'UNAVAILABLE')).toEqual([])
  expect(gate.lookups()).toBeLessThanOrEqual(21)
})

test('lookups are few at a time, and whoever is known is answered meanwhile', async () => {
  const gate = gated()
  const gateway = await startGateway({ db: gate.db })
  const known = await district.key()
  const asking = (token: string) => raw(`${gateway.url}/api/me`, { headers: { Authorization: `Bearer ${token}` } })
  expect((await asking(known)).status).toBe(200)
  const before = gate.lookups()
  gate.close()
  const flood = wrong(200).map(asking)
  await expect.poll(gate.waiting, patience).toBe(4) // two keys, two sessions
  for (let n = 0; n < 5; n++) expect((await asking(known)).status).toBe(200)
  expect(gate.waiting()).toBe(4)
  gate.letGo()
  const statuses = (await Promise.all(flood)).map(({ status }) => status)
  // Who has waited too long for a turn is not looked up at all; a slow machine decides how many that are.
  expect(statuses.filter((status) => status !== 401 && status !== 503)).toEqual([])
  const lookups = gate.lookups() - before
  expect(lookups).toBe(statuses.filter((status) => status === 401).length)
  expect((await asking(known)).status).toBe(200)
  expect(gate.lookups() - before, 'the known one was not forgotten').toBe(lookups)
})

test('whoever comes after a revocation does not share a look from before it', async () => {
  const gate = gated()
  const gateway = await startGateway({ db: gate.db })
  const key = await district.key()
  const asking = async () => (await raw(`${gateway.url}/api/me`, { headers: { Authorization: `Bearer ${key}` } })).status
  gate.close()
  const early = asking()
  await expect.poll(gate.waiting, patience).toBe(1)
  await db.query(sql`update api_keys set revoked_at = now() where key_hash = ${hashToken(key)}`)
  const late = asking()
  await expect.poll(gate.waiting, patience).toBe(2)
  gate.letGo()
  expect([await early, await late]).toEqual([200, 401])
  expect(await asking()).toBe(401)
})

test('while the database holds every look back, who waits for a turn is soon told to come again', async () => {
  const gate = gated()
  const gateway = await startGateway({ db: gate.db })
  const keys = await Promise.all(Array.from({ length: 12 }, () => district.key()))
  const asking = async (token: string) => (await raw(`${gateway.url}/api/me`, { headers: { Authorization: `Bearer ${token}` } })).status
  gate.close()
  const answers = keys.map(asking)
  let told = 0
  for (const answer of answers) void answer.then((status) => (told += status === 503 ? 1 : 0))
  await expect.poll(() => told, patience).toBe(10)
  expect(gate.waiting()).toBe(2)
  gate.letGo()
  const statuses = await Promise.all(answers)
  expect(statuses.filter((status) => status === 200)).toHaveLength(2)
  expect(statuses.filter((status) => status === 503)).toHaveLength(10)
  for (const key of keys) expect(await asking(key)).toBe(200)
})
