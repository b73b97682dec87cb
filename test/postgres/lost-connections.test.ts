/** Connections that die under the gateway: what is under way is refused, and the process lives on. */
import { randomBytes } from 'node:crypto'
import { afterAll, expect, test, vi } from 'vitest'
import { openServer } from '../../src/adapters/postgres-server.ts'
import { testDatabase } from '../support/database.ts'
import { rowsAs } from '../support/rows.ts'

const { url } = await testDatabase()
const db = openServer({ url: url!, directUrl: url!, pooled: false })
const bystander = openServer({ url: url!, directUrl: url!, pooled: false })

afterAll(() => Promise.all([db.close(), bystander.close()]))

const killBackend = (pid: number) => bystander.query(rowsAs`select pg_terminate_backend(${pid})`)

test('a backend killed inside a transaction ends that transaction, and nothing else', async () => {
  const work = db.transaction(async (tx) => {
    const [{ pid } = { pid: 0 }] = await tx.query(rowsAs<{ pid: number }>`select pg_backend_pid() as pid`)
    await killBackend(pid)
    await new Promise((resolve) => setTimeout(resolve, 100)) // idle when the connection goes: nobody asks, nobody hears
    await tx.query(rowsAs`select 1`)
  })
  await expect(work).rejects.toMatchObject({ reason: 'UNAVAILABLE' })
  expect(await db.query(rowsAs`select 1 as one`)).toEqual([{ one: 1 }])
})

test('whoever holds a lock and falls silent, as a process does that is stopped, holds it no longer than 10 s', async () => {
  await db.query(rowsAs`create table if not exists things (id int primary key)`)
  await db.query(rowsAs`insert into things values (1) on conflict do nothing`)
  let [held, freed] = [false, false]
  const silent = db.transaction(async (tx) => {
    await tx.query(rowsAs`select from things for update`)
    held = true
    await vi.waitUntil(() => freed, { timeout: 60_000, interval: 50 })
    await tx.query(rowsAs`select 1`)
  })
  await vi.waitUntil(() => held, { timeout: 60_000 })
  const startedAt = performance.now()
  await vi.waitUntil(
    () =>
      bystander.query(rowsAs`select from things for update`).then(
        () => true,
        () => false,
      ),
    { timeout: 60_000, interval: 50 },
  )
  freed = true
  await expect(silent).rejects.toMatchObject({ reason: 'UNAVAILABLE' })
  expect(performance.now() - startedAt).toBeGreaterThan(5_000) // it was held
  expect(await db.query(rowsAs`select 1 as one`)).toEqual([{ one: 1 }])
})

test('a statement, and each of a transaction, sees what was committed while it waited, whatever the default of the server is', async () => {
  const strict = new URL(url!)
  strict.searchParams.set('options', String.raw`-c default_transaction_isolation=repeatable\ read`)
  const other = openServer({ url: strict.href, directUrl: url!, pooled: false })
  const isolation = rowsAs`select current_setting('transaction_isolation') as level`
  expect(await other.query(isolation)).toEqual([{ level: 'read committed' }])
  expect(await other.transaction((tx) => tx.query(isolation))).toEqual([{ level: 'read committed' }])
  await other.close()
})

test('a backend killed under a statement refuses that statement, and the next one has another', async () => {
  const statement = db.query(rowsAs`select pg_terminate_backend(pg_backend_pid())`)
  await expect(statement).rejects.toMatchObject({ reason: 'UNAVAILABLE' })
  expect(await db.query(rowsAs`select 1 as one`)).toEqual([{ one: 1 }])
})

test('idle connections that die are replaced', async () => {
  await Promise.all(Array.from({ length: 5 }, () => db.query(rowsAs`select pg_sleep(0.05)`)))
  await bystander.query(
    rowsAs`select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()`,
  )
  await new Promise((resolve) => setTimeout(resolve, 100))
  expect(await db.query(rowsAs`select 1 as one`)).toEqual([{ one: 1 }])
})

test('a user who is not let in any more is no error of the gateway: what needs the database is refused for now', async () => {
  const role = `gateway_${randomBytes(6).toString('hex')}`
  await bystander.query(rowsAs([`create role ${role} login`]))
  const own = new URL(url!)
  own.username = role
  const theirs = openServer({ url: own.href, directUrl: own.href, pooled: false })
  try {
    expect(await theirs.query(rowsAs`select 1 as one`)).toEqual([{ one: 1 }])
    await bystander.query(rowsAs([`alter role ${role} nologin`]))
    await bystander.query(rowsAs`select pg_terminate_backend(pid) from pg_stat_activity where usename = ${role}`)
    await expect(theirs.query(rowsAs`select 1`)).rejects.toMatchObject({ reason: 'UNAVAILABLE' })
    await expect(theirs.probe()).rejects.toMatchObject({ reason: 'UNAVAILABLE' })
    await bystander.query(rowsAs([`alter role ${role} login`]))
    expect(await theirs.query(rowsAs`select 1 as one`)).toEqual([{ one: 1 }])
  } finally {
    await theirs.close()
    await bystander.query(rowsAs([`drop role ${role}`]))
  }
})
