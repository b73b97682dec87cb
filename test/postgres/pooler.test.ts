/** A revocation that is heard, not hoped for: whatever the two addresses lead to, a key that was revoked is dead within a second everywhere. */
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { hashToken } from '../../src/domain/tokens.ts'
import { testDatabase } from '../support/database.ts'
import { createTestDistrict } from '../support/fixtures.ts'
import { raw } from '../support/http.ts'
import { type Pooler, startPgBouncer } from '../support/pgbouncer.ts'
import { createDatabase, type ServerDatabase } from '../support/postgres.ts'
import { type GatewayProcess, startProcess } from '../support/process.ts'
import { startTcpProxy } from '../support/tcp-proxy.ts'
import { rowsAs } from '../support/rows.ts'

const db = await testDatabase()
const district = await createTestDistrict(db)
const admin = await (await district.admin()).token()

const idOf = async (key: string): Promise<string> => {
  const [row] = await db.query(rowsAs<{ id: string }>`select id from api_keys where key_hash = ${hashToken(key)}`)
  return row!.id
}
const works = async (gateway: GatewayProcess, token: string): Promise<boolean> =>
  (await gateway.graphql(token, '{ me { districtId } }')).status === 200
const revoke = async (gateway: GatewayProcess, id: string): Promise<void> => {
  const { json, text } = await gateway.graphql(admin, 'mutation ($id: ID!) { revokeApiKey(id: $id) { apiKey { id } } }', { id })
  expect(json.errors, text).toBeUndefined()
}

/** Revoked through one, is it dead on all: at once here, and for requests that are sent a second later there. */
async function expectDead([here, there]: readonly [GatewayProcess, GatewayProcess]): Promise<void> {
  for (let round = 0; round < 5; round++) {
    const key = await district.key()
    const id = await idOf(key)
    for (let n = 0; n < 5; n++) for (const gateway of [here, there]) expect(await works(gateway, key)).toBe(true)
    await revoke(here, id)
    const revokedAt = performance.now()
    expect(await works(here, key)).toBe(false)
    for (let sentAt = performance.now(); await works(there, key); sentAt = performance.now()) expect(sentAt - revokedAt).toBeLessThan(1_000)
  }
}

const readiness = async ({ url }: GatewayProcess) => raw(`${url}/readyz`)

describe('through a pooler in transaction mode', () => {
  let pooler: Pooler
  beforeAll(async () => {
    pooler = await startPgBouncer(db.url!)
  })
  afterAll(() => pooler.close())

  test('with a direct address beside it keys are remembered, and a revoked one is dead within a second', async () => {
    const env = { DIRECT_DATABASE_URL: db.url! }
    const both = [
      await startProcess(pooler.url, { env, atEnd: onTestFinished }),
      await startProcess(pooler.url, { env, atEnd: onTestFinished }),
    ] as const
    await expectDead(both)
    for (const gateway of both) {
      expect((await readiness(gateway)).json).toEqual({ ok: true })
      expect(gateway.output()).not.toContain('hears nothing')
    }
    // Remembered: what was ended without a word goes on for a while.
    const key = await district.key()
    await expect
      .poll(
        async () => {
          await works(both[0], key)
          await db.transaction(async (tx) => {
            await tx.query(rowsAs`set local session_replication_role = replica`)
            await tx.query(rowsAs`update api_keys set revoked_at = now() where key_hash = ${hashToken(key)}`)
          })
          const isRemembered = await works(both[0], key)
          await db.query(rowsAs`update api_keys set revoked_at = null where key_hash = ${hashToken(key)}`)
          return isRemembered
        },
        { timeout: 60_000 },
      )
      .toBe(true)
  })

  test('that nobody has said is one, nothing is remembered, everything works, and the gateway says what to do', async () => {
    const both = [
      await startProcess(pooler.url, { atEnd: onTestFinished }),
      await startProcess(pooler.url, { atEnd: onTestFinished }),
    ] as const
    await expectDead(both)
    for (const gateway of both) {
      await expect.poll(() => gateway.output(), { timeout: 60_000 }).toContain('DATABASE_URL hears nothing of what it announces')
      expect(gateway.output()).toContain('set DIRECT_DATABASE_URL')
      const { status, json } = await readiness(gateway)
      expect([status, json]).toEqual([200, { ok: true, warning: expect.stringContaining('hears nothing') }])
    }
    // Many statements again and again, over connections that others have, too: no name of a statement is in the way.
    const list = '{ people(first: 5) { totalCount nodes { id } } }'
    for (let round = 0; round < 10; round++) {
      const answers = await Promise.all(Array.from({ length: 20 }, (_, n) => both[n % 2]!.graphql(admin, list)))
      for (const { json, text } of answers) expect(json.errors, text).toBeUndefined()
    }
    await expectDead(both)
  })
})

test('a direct address that cannot be reached any more is told of, and nothing is remembered until it can', async () => {
  const way = await startTcpProxy(db.url!)
  const direct = new URL(way.url)
  const gateway = await startProcess(db.url!, { env: { DIRECT_DATABASE_URL: direct.href }, atEnd: onTestFinished })
  expect((await readiness(gateway)).json).toEqual({ ok: true })
  await way.close()
  const warning = expect.stringContaining('DIRECT_DATABASE_URL cannot be listened on')
  await expect.poll(async () => (await readiness(gateway)).json, { timeout: 60_000 }).toEqual({ ok: true, warning })
  expect(gateway.output()).toContain('DIRECT_DATABASE_URL cannot be listened on')
  await expectDead([gateway, gateway])
})

describe('with a direct address that leads elsewhere', () => {
  let other: ServerDatabase
  beforeAll(async () => {
    other = await createDatabase()
  })
  afterAll(() => other.drop())

  test('nothing is remembered, and the gateway says so in its log and in /readyz', async () => {
    // A start migrates by the direct address: the other database is as far.
    const env = { DIRECT_DATABASE_URL: other.url }
    const both = [
      await startProcess(db.url!, { env, atEnd: onTestFinished }),
      await startProcess(db.url!, { env, atEnd: onTestFinished }),
    ] as const
    await expectDead(both)
    for (const gateway of both) {
      await expect
        .poll(() => gateway.output(), { timeout: 60_000 })
        .toContain('DIRECT_DATABASE_URL hears nothing of what DATABASE_URL announces')
      const { status, json } = await readiness(gateway)
      expect([status, json]).toEqual([200, { ok: true, warning: expect.stringContaining('DIRECT_DATABASE_URL hears nothing') }])
    }
    await expectDead(both)
  })
})
