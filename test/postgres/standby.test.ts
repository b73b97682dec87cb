/** Another server behind the same address: a standby, its promotion, and an old primary that lives on. Gateways are processes, as deployed. */
import { describe, expect, onTestFinished, test } from 'vitest'
import { hashToken } from '../../src/domain/tokens.ts'
import { type Cluster, migratedOn, startCluster } from '../support/cluster.ts'
import type { TestDatabase } from '../support/database.ts'
import { createTestDistrict } from '../support/fixtures.ts'
import { json, raw } from '../support/http.ts'
import { type GatewayProcess, startProcess } from '../support/process.ts'
import { startTcpProxy, type TcpProxy } from '../support/tcp-proxy.ts'
import { rowsAs } from '../support/rows.ts'

/** SECURITY: "healthy again < 2 s after it is back" and "dead everywhere within 1 s" */
const [healsWithinMs, deadWithinMs] = [2_000, 1_000]

interface Setting {
  readonly primary: Cluster
  readonly standby: Cluster
  /** The address that gateways have. It leads to the primary. */
  readonly proxy: TcpProxy
  readonly gateways: readonly GatewayProcess[]
  readonly key: string
}

/** Two gateways on a primary that has a standby. @param direct whether they listen straight on the primary, past the address */
async function replicated(direct: boolean): Promise<Setting> {
  const primary = await startCluster()
  onTestFinished(() => primary.close())
  const db = await migratedOn(primary)
  const key = await (await createTestDistrict(db)).key()
  await db.close()
  const standby = await primary.standby()
  onTestFinished(() => standby.close())
  const proxy = await startTcpProxy(primary.url)
  onTestFinished(() => proxy.close())
  const env = direct ? { DIRECT_DATABASE_URL: primary.url } : {}
  const gateways = [
    await startProcess(proxy.url, { env, atEnd: onTestFinished }),
    await startProcess(proxy.url, { env, atEnd: onTestFinished }),
  ]
  for (const gateway of gateways) await soon(() => status(gateway, key), 200)
  return { primary, standby, proxy, gateways, key }
}

const status = async (gateway: GatewayProcess, token: string) => (await gateway.graphql(token, '{ people { totalCount } }')).status
const ready = (gateway: GatewayProcess) => raw(`${gateway.url}/readyz`)
let count = 0
const write = async (gateway: GatewayProcess, token: string) =>
  raw(
    `${gateway.url}/api/people`,
    json({ first: 'Ada', last: 'Lovelace', email: `newcomer-${count++}@example.org` }, { Authorization: `Bearer ${token}` }),
  )
const soon = <Value>(what: () => Promise<Value>, value: Value) => expect.poll(what, { timeout: 60_000, interval: 20 }).toBe(value)

/** All of them read, write and are ready, soon enough after now. */
async function expectHealed(gateways: readonly GatewayProcess[], key: string): Promise<void> {
  const healedAt = performance.now()
  for (const gateway of gateways) {
    await soon(async () => (await write(gateway, key)).status, 201)
    await soon(() => status(gateway, key), 200)
    await soon(async () => (await ready(gateway)).status, 200)
  }
  expect(performance.now() - healedAt).toBeLessThan(healsWithinMs)
}

/** Whether what is remembered is served: a key that ended without a word to anybody is let in while it is. */
async function isServedFromMemory(gateway: GatewayProcess, db: TestDatabase, key: string): Promise<boolean> {
  for (let n = 0; n < 3; n++) expect(await status(gateway, key)).toBe(200)
  const end = (revokedAt: Date | null) =>
    db.transaction(async (tx) => {
      await tx.query(rowsAs`set local session_replication_role = replica`)
      await tx.query(rowsAs`update api_keys set revoked_at = ${revokedAt} where key_hash = ${hashToken(key)}`)
    })
  await end(new Date())
  const isLetIn = (await status(gateway, key)) === 200
  await end(null)
  return isLetIn
}

/** A key that is revoked by way of one gateway is refused by all: no request is let in that was sent a second later. */
async function expectRevocable(gateways: readonly GatewayProcess[], db: TestDatabase): Promise<void> {
  const district = await createTestDistrict(db)
  const admin = await (await district.admin()).token()
  for (let round = 0; round < 5; round++) {
    const key = await district.key()
    for (const gateway of gateways) for (let n = 0; n < 5; n++) expect(await status(gateway, key)).toBe(200)
    const [row] = await db.query(rowsAs<{ id: string }>`select id from api_keys where key_hash = ${hashToken(key)}`)
    const revoked = await gateways[0]!.graphql(admin, 'mutation ($id: ID!) { revokeApiKey(id: $id) { apiKey { id } } }', row!)
    expect(revoked.json.errors, revoked.text).toBeUndefined()
    const revokedAt = performance.now()
    for (const gateway of gateways) {
      for (let last = 0; ;) {
        const sentAt = performance.now()
        if ((await status(gateway, key)) !== 200) {
          expect(last).toBeLessThan(deadWithinMs)
          break
        }
        last = sentAt - revokedAt
      }
    }
  }
}

test('a standby is no use: everything is 503, connections to it are dropped, and once it is promoted it is in use by itself', async () => {
  const { primary, standby, proxy, gateways, key } = await replicated(false)
  await primary.stop()
  proxy.leadTo(standby.url)
  proxy.cut()
  for (const gateway of gateways) {
    await soon(async () => (await ready(gateway)).status, 503)
    for (const answer of [
      await write(gateway, key),
      await gateway.graphql(key, '{ people { totalCount } }'),
      await raw(`${gateway.url}/api/people`, { headers: { Authorization: `Bearer ${key}` } }),
      await ready(gateway),
    ])
      expect([answer.status, answer.headers['retry-after']], answer.text).toEqual([503, '3'])
    expect((await raw(`${gateway.url}/livez`)).status).toBe(200)
  }
  const connections = async () =>
    (await standby.run("select from pg_stat_activity where application_name like 'credentials-gateway%'")).length
  await soon(connections, 0)

  await standby.promote()
  await expectHealed(gateways, key)
})

test('where it becomes a standby behind connections that stay, as a pooler has them, it is dropped, too', async () => {
  const { primary, standby, proxy, gateways, key } = await replicated(false)
  // What was open stays open, on a server that takes no writes any more; what is opened leads to the other one.
  await standby.promote()
  proxy.leadTo(standby.url)
  await primary.run('alter system set default_transaction_read_only = on', 'select pg_reload_conf()')
  for (const gateway of gateways) await soon(async () => (await write(gateway, key)).status, 201)
  const [{ left } = {}] = await standby.run('select count(*)::int as left from people')
  expect(left).toBeGreaterThan(0)
})

describe('an old primary lives on, and the address leads to the one that was promoted', () => {
  test('that works at once, and a key revoked there is dead on every instance within a second', async () => {
    const { standby, proxy, gateways, key } = await replicated(false)
    await standby.promote()
    proxy.leadTo(standby.url)
    proxy.cut()
    await expectHealed(gateways, key)
    const db = await migratedOn(standby)
    onTestFinished(() => db.close())
    await expectRevocable(gateways, db)
    for (const gateway of gateways) await soon(() => isServedFromMemory(gateway, db, key), true)
    expect(await ready(gateways[0]!)).toMatchObject({ status: 200, json: { ok: true } })
  })

  test('though DIRECT_DATABASE_URL still leads to the old one: nothing is served from memory, and /readyz says why', async () => {
    const { standby, proxy, gateways, key } = await replicated(true)
    await standby.promote()
    proxy.leadTo(standby.url)
    proxy.cut()
    await expectHealed(gateways, key)
    const db = await migratedOn(standby)
    onTestFinished(() => db.close())
    await expectRevocable(gateways, db)
    for (const gateway of gateways) {
      expect(await isServedFromMemory(gateway, db, key)).toBe(false)
      await soon(async () => (await ready(gateway)).json.warning !== undefined, true)
      expect(await ready(gateway)).toMatchObject({
        status: 200,
        json: { ok: true, warning: expect.stringMatching(/^DIRECT_DATABASE_URL hears nothing .* different servers/) },
      })
    }
  })
})
