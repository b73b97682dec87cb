/** A database that is made read-only and writable again, under gateways that run on it. */
import { afterAll, afterEach, describe, expect, onTestFinished, test } from 'vitest'
import { migratedOn, startCluster } from '../support/cluster.ts'
import { createTestDistrict } from '../support/fixtures.ts'
import { json, raw } from '../support/http.ts'
import { freePort } from '../support/ports.ts'
import { launch, startProcess } from '../support/process.ts'

const cluster = await startCluster()
afterAll(() => cluster.close())
const db = await migratedOn(cluster)
afterAll(() => db.close())
const district = await createTestDistrict(db)
const gateway = await startProcess(cluster.url)

/** SECURITY: "healthy again < 2 s after it is back" */
const healsWithinMs = 2_000

const readyz = async () => (await raw(`${gateway.url}/readyz`)).status
let count = 0
const write = (token: string) =>
  raw(
    `${gateway.url}/api/people`,
    json({ first: 'Ada', last: 'Lovelace', email: `newcomer-${count++}@example.org` }, { Authorization: `Bearer ${token}` }),
  )
const writeByGraphql = (token: string) =>
  gateway.graphql(token, 'mutation ($input: CreatePersonInput!) { createPerson(input: $input) { id } }', {
    input: { first: 'Ada', last: 'Lovelace', email: `newcomer-${count++}@example.org` },
  })
/** Every connection of gateways is made anew. */
const reconnect =
  "select pg_terminate_backend(pid, 60000) from pg_stat_activity where application_name like 'credentials-gateway%' and pid <> pg_backend_pid()"
const soon = (what: () => Promise<number>, status: number) => expect.poll(what, { timeout: 60_000, interval: 20 }).toBe(status)

/** How it is made so, and writable again. Whoever looks writes nothing themselves. */
const ways = {
  'the server, for connections that there are': {
    readOnly: ['alter system set default_transaction_read_only = on', 'select pg_reload_conf()'],
    writable: ['set default_transaction_read_only = off', 'alter system reset default_transaction_read_only', 'select pg_reload_conf()'],
  },
  'the database, for connections that are made from then on': {
    readOnly: ['alter database postgres set default_transaction_read_only = on', reconnect],
    writable: ['set default_transaction_read_only = off', 'alter database postgres reset default_transaction_read_only'],
  },
} as const

afterEach(() => cluster.run(...Object.values(ways).flatMap(({ writable }) => writable)))

describe.each(Object.entries(ways))('%s', (_name, { readOnly, writable }) => {
  test('read-only: writes are 503, /readyz too, reads go on; writable again: all of it heals by itself', async () => {
    const credentials = [await district.key(), await (await district.admin()).token()]
    const fresh = [await district.key(), await (await district.admin()).token()]
    await soon(readyz, 200)
    for (const token of credentials) expect((await write(token)).status).toBe(201)

    await cluster.run(...readOnly)
    await soon(readyz, 503)
    // Whether they are remembered or not: their last use alone cannot be written.
    for (const token of [...credentials, ...fresh]) {
      const overRest = await write(token)
      expect([overRest.status, overRest.headers['retry-after'], overRest.json], overRest.text).toEqual([
        503,
        '3',
        { error: 'The database takes no writes just now. Try again in a moment.' },
      ])
      expect(await writeByGraphql(token)).toMatchObject({
        status: 503,
        headers: { 'retry-after': '3' },
        json: { errors: [{ extensions: { code: 'UNAVAILABLE', retryAfter: 3 } }] },
      })
      const read = await raw(`${gateway.url}/api/people`, { headers: { Authorization: `Bearer ${token}` } })
      expect(read.status, read.text).toBe(200)
      expect(await gateway.graphql(token, '{ people { totalCount } }')).toMatchObject({ status: 200 })
    }
    expect((await raw(`${gateway.url}/api/auth/request`, json({ email: 'a@example.org' }))).status).toBe(503)
    expect((await raw(`${gateway.url}/livez`)).status).toBe(200)
    expect(await readyz()).toBe(503)

    await cluster.run(...writable)
    const healedAt = performance.now()
    await soon(async () => (await write(credentials[0]!)).status, 201)
    expect(performance.now() - healedAt).toBeLessThan(healsWithinMs)
    await soon(readyz, 200)
    expect(performance.now() - healedAt).toBeLessThan(healsWithinMs)
    // Nobody meets a connection any more that was made while it was read-only.
    const answers = await Promise.all(Array.from({ length: 40 }, () => write(credentials[0]!)))
    expect(answers.map(({ status }) => status)).toEqual(answers.map(() => 201))
  })

  test('/readyz alone, which a balancer asks, finds out that it is writable again', async () => {
    await soon(readyz, 200)
    await cluster.run(...readOnly)
    await soon(readyz, 503)
    await cluster.run(...writable)
    const healedAt = performance.now()
    await soon(readyz, 200)
    expect(performance.now() - healedAt).toBeLessThan(healsWithinMs)
    const key = await district.key()
    const answers = await Promise.all(Array.from({ length: 20 }, () => write(key)))
    expect(answers.map(({ status }) => status)).toEqual(answers.map(() => 201))
  })
})

test('where nobody asks /readyz, the first write meets a connection that was made while it was read-only, and is done over a new one', async () => {
  const key = await district.key()
  const { readOnly, writable } = ways['the database, for connections that are made from then on']
  await cluster.run(...readOnly)
  await soon(async () => (await write(key)).status, 503)
  const read = () => gateway.graphql(key, '{ people { totalCount } }') // which leaves the connections as they are
  for (const { status } of await Promise.all(Array.from({ length: 40 }, read))) expect(status).toBe(200)
  await cluster.run(...writable)
  await new Promise((resolve) => setTimeout(resolve, 1_100)) // connections are replaced once a second at most
  for (let n = 0; n < 20; n++) expect((await write(key)).status).toBe(201)
})

test('a gateway that starts on a database that is read-only, and lacks no migration, serves reads, is not ready, and heals', async () => {
  const key = await district.key()
  const { readOnly, writable } = ways['the server, for connections that there are']
  await cluster.run(...readOnly)
  const url = `http://127.0.0.1:${await freePort()}`
  const { child } = launch(cluster.url, { PORT: new URL(url).port })
  onTestFinished(() => void child.kill('SIGKILL'))
  const statusOf = (path: string) =>
    raw(url + path, { headers: { Authorization: `Bearer ${key}` } }).then(
      ({ status }) => status,
      () => 0, // it does not listen yet
    )
  await soon(() => statusOf('/api/people'), 200)
  expect(await statusOf('/readyz')).toBe(503)
  await cluster.run(...writable)
  const healedAt = performance.now()
  await soon(() => statusOf('/readyz'), 200)
  expect(performance.now() - healedAt).toBeLessThan(healsWithinMs)
})
