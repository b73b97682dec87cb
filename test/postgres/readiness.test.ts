/** What is no reason for /readyz to fail: the channel alone, and a database that a newer version has been at. */
import { afterAll, expect, onTestFinished, test } from 'vitest'
import { migratedOn, startCluster } from '../support/cluster.ts'
import { createTestDistrict } from '../support/fixtures.ts'
import { json, raw } from '../support/http.ts'
import { type GatewayProcess, startProcess } from '../support/process.ts'
import { startTcpProxy } from '../support/tcp-proxy.ts'

const cluster = await startCluster()
afterAll(() => cluster.close())
const db = await migratedOn(cluster)
afterAll(() => db.close())
const key = await (await createTestDistrict(db)).key()

let count = 0
/** It is ready, reads and writes. */
async function expectInUse(gateway: GatewayProcess): Promise<void> {
  expect((await raw(`${gateway.url}/readyz`)).status).toBe(200)
  expect(await gateway.graphql(key, '{ people(first: 1) { nodes { id last } } }')).toMatchObject({ status: 200, json: { data: {} } })
  const person = { first: 'Ada', last: 'Lovelace', email: `newcomer-${count++}@example.org` }
  expect(await raw(`${gateway.url}/api/people`, json(person, { Authorization: `Bearer ${key}` }))).toMatchObject({ status: 201 })
}
const listeners = async () =>
  (await cluster.run("select from pg_stat_activity where application_name = 'credentials-gateway listen'")).length

test.each(['cut off', 'silent'])('a channel that is %s, alone: requests are answered and /readyz is 200, all the time', async (how) => {
  const proxy = await startTcpProxy(cluster.url)
  onTestFinished(() => proxy.close())
  const env = { DIRECT_DATABASE_URL: proxy.url }
  const gateway = await startProcess(cluster.url, { env, atEnd: onTestFinished })
  await expect.poll(listeners, { timeout: 60_000 }).toBe(1)
  if (how === 'silent') proxy.hold()
  else {
    proxy.leadTo('postgresql://127.0.0.1:1')
    proxy.cut()
    await expect.poll(listeners, { timeout: 60_000 }).toBe(0)
  }
  // Longer than it takes to find out.
  for (const endsAt = performance.now() + 3_000; performance.now() < endsAt;) await expectInUse(gateway)
})

test('a database that is ahead of the code is good enough, for who runs and for who starts', async () => {
  const before = await startProcess(cluster.url, { atEnd: onTestFinished })
  await expectInUse(before)
  await cluster.run(
    `insert into _prisma_migrations (id, checksum, migration_name, started_at, finished_at, applied_steps_count)
      values ('of-the-future', 'unknown', '99990101000000_of_the_future', now(), now(), 1)`,
    'alter table people add column nickname text',
    "alter table api_keys add column note text not null default ''",
    'create table of_the_future (id text primary key)',
  )
  for (let n = 0; n < 5; n++) await expectInUse(before)
  const after = await startProcess(cluster.url, { atEnd: onTestFinished })
  await expectInUse(after)
})
