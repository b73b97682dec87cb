/** Model calls while connections die, hang, wait or lead through a pooler: what holds for statements holds for them. */
import { afterAll, describe, expect, onTestFinished, test } from 'vitest'
import type { OpenDatabase } from '../../src/adapters/database.ts'
import { openServer, type ServerOptions } from '../../src/adapters/postgres-server.ts'
import type { Patience, Tables } from '../../src/deps.ts'
import { testDatabase } from '../support/database.ts'
import { createTestDistrict } from '../support/fixtures.ts'
import { startPgBouncer } from '../support/pgbouncer.ts'
import { createDatabase, holdOpen } from '../support/postgres.ts'
import { startTcpProxy } from '../support/tcp-proxy.ts'
import { rowsAs } from '../support/rows.ts'

const bystander = await testDatabase()
const url = bystander.url!
const { id: districtId } = await createTestDistrict(bystander)
const name = new URL(url).pathname.slice(1)

const open = (options: Partial<ServerOptions> = {}): OpenDatabase => {
  const db = openServer({ url, directUrl: url, pooled: false, ...options })
  onTestFinished(() => db.close())
  return db
}
const unavailable = { reason: 'UNAVAILABLE' }
const patience = (ms: number): Patience => {
  const endsAt = performance.now() + ms
  return { left: () => endsAt - performance.now(), isGone: () => false }
}
const key = (id: string) => ({ id, keyHash: id, districtId, name: 'Key', hint: 'abcd' })
const read = ({ tables }: { tables: Tables }) => tables.apiKey.findMany({ where: { districtId }, select: { id: true } })
const write = ({ tables }: { tables: Tables }, id: string) => tables.apiKey.create({ data: key(id), select: { id: true } })
const isThere = async (id: string): Promise<boolean> => (await bystander.tables.apiKey.count({ where: { id } })) === 1
const pidOf = async ({ query }: Pick<OpenDatabase, 'query'>): Promise<number> => {
  const [row] = await query(rowsAs<{ pid: number }>`select pg_backend_pid() as pid`)
  return row!.pid
}
const kill = (pid: number) => bystander.query(rowsAs`select pg_terminate_backend(${pid})`)
/** Statements of others that wait for a lock. */
const waiting = async (): Promise<number> =>
  (await bystander.query(rowsAs`select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`)).length
const locked = async (): Promise<() => Promise<void>> => {
  const letGo = await holdOpen(url, 'lock table api_keys in access exclusive mode')
  let isHeld = true
  const letGoOnce = async (): Promise<void> => {
    if (isHeld) await letGo()
    isHeld = false
  }
  onTestFinished(letGoOnce)
  return letGoOnce
}

describe('a connection that dies', () => {
  test('under a read is replaced, and the read is done on another', async () => {
    const db = open({ poolSize: 1 })
    await read(db)
    const letGo = await locked()
    const reading = read(db)
    await expect.poll(waiting, { timeout: 60_000 }).toBe(1)
    await bystander.query(
      rowsAs`select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`,
    )
    await expect.poll(waiting, { timeout: 60_000 }).toBe(1) // again
    await letGo()
    expect(await reading).toEqual([])
  })

  test('under a write refuses it, and nothing is done', async () => {
    const db = open({ poolSize: 1 })
    await read(db)
    const letGo = await locked()
    const writing = write(db, 'killed')
    writing.catch(() => {}) // heard below
    await expect.poll(waiting, { timeout: 60_000 }).toBe(1)
    await bystander.query(
      rowsAs`select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`,
    )
    await expect(writing).rejects.toMatchObject(unavailable)
    await letGo()
    expect(await isThere('killed')).toBe(false)
    expect(await read(db)).toEqual([])
  })

  test('inside a transaction ends that transaction, and the next one has another', async () => {
    const db = open({ poolSize: 1 })
    const work = db.transaction(async (tx) => {
      await write(tx, 'lost')
      await kill(await pidOf(tx))
      await read(tx)
    })
    await expect(work).rejects.toMatchObject(unavailable)
    expect(await isThere('lost')).toBe(false)
    expect(await db.transaction(read)).toEqual([])
  })

  test('while it is idle is replaced', async () => {
    const db = open({ poolSize: 2 })
    await Promise.all([db.query(rowsAs`select pg_sleep(0.05)`), db.query(rowsAs`select pg_sleep(0.05)`)])
    await bystander.query(
      rowsAs`select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid() and application_name = 'credentials-gateway'`,
    )
    expect(await read(db)).toEqual([])
    await write(db, 'idle')
    expect(await bystander.tables.apiKey.deleteMany({ where: { id: 'idle' } })).toEqual({ count: 1 })
  })
})

describe('a transaction in conflict', () => {
  test('a deadlock with another one is undone, and the write is done once more', async () => {
    const db = open()
    await write(db, 'one')
    await write(db, 'two')
    const update = ({ tables }: { tables: Tables }, id: string, text: string) =>
      tables.apiKey.update({ where: { id }, data: { name: text }, select: { id: true } })
    let met = 0
    const both = async (first: string, second: string): Promise<void> =>
      db.transaction(async (tx) => {
        await update(tx, first, first)
        met++
        await expect.poll(() => met, { timeout: 60_000, interval: 5 }).toBeGreaterThanOrEqual(2)
        await update(tx, second, first)
      })
    await Promise.all([both('one', 'two'), both('two', 'one')])
    expect(met).toBe(3)
    await bystander.tables.apiKey.deleteMany({ where: { id: { in: ['one', 'two'] } } })
  })
})

describe('whatever the database does a call ends in time', { retry: 2 }, () => {
  test('a request’s patience ends a call that waits for a lock, at the server, too', async () => {
    const db = open({ poolSize: 1 })
    await read(db)
    const letGo = await locked()
    for (const call of [read, (on: { tables: Tables }) => write(on, 'late')]) {
      const startedAt = performance.now()
      await expect(call(db.within(patience(300)))).rejects.toMatchObject(unavailable)
      expect(performance.now() - startedAt).toBeLessThan(2_000)
      await expect.poll(waiting, { timeout: 5_000 }).toBe(0)
    }
    await letGo()
    expect(await read(db)).toEqual([]) // the connection was given back
    expect(await isThere('late')).toBe(false)
  })

  test('a read that nobody waits for any more is ended', async () => {
    const db = open({ poolSize: 1 })
    await read(db)
    await locked()
    let isGone = false
    const reading = read(db.within({ left: () => 60_000, isGone: () => isGone }))
    reading.catch(() => {}) // heard below
    await expect.poll(waiting, { timeout: 60_000 }).toBe(1)
    isGone = true
    await expect(reading).rejects.toMatchObject(unavailable)
    await expect.poll(waiting, { timeout: 2_000 }).toBe(0)
  })

  test('a lock is waited for 3 s, and no longer', async () => {
    const db = open()
    await locked()
    const startedAt = performance.now()
    await expect(write(db, 'locked')).rejects.toMatchObject({ ...unavailable, cause: { code: '55P03' } })
    await expect(db.aside.transaction((tx) => write(tx, 'locked'))).rejects.toMatchObject({ ...unavailable, cause: { code: '55P03' } })
    expect(performance.now() - startedAt).toBeLessThan(4_500)
  })

  test('a server that falls silent: its connections are thrown away, and all is well when it is back', async () => {
    const proxy = await startTcpProxy(url)
    onTestFinished(() => proxy.close())
    const db = open({ url: proxy.url, poolSize: 2 })
    await read(db)
    proxy.hold()
    const calls = [read(db.within(patience(300))), write(db.within(patience(300)), 'silent')]
    for (const outcome of await Promise.allSettled(calls)) expect(outcome).toMatchObject({ status: 'rejected', reason: unavailable })
    proxy.letGo()
    await expect.poll(() => read(db).catch(() => undefined), { timeout: 60_000 }).toEqual([])
    expect(await isThere('silent')).toBe(false)
  })

  test('a server that falls silent inside a transaction: the call ends in time, and nothing is done', async () => {
    const proxy = await startTcpProxy(url)
    onTestFinished(() => proxy.close())
    const db = open({ url: proxy.url, poolSize: 1 })
    await db.transaction(read)
    const startedAt = performance.now()
    const work = db.within(patience(500)).transaction(async (tx) => {
      await write(tx, 'half')
      proxy.hold()
      await read(tx)
    })
    await expect(work).rejects.toMatchObject(unavailable)
    expect(performance.now() - startedAt).toBeLessThan(3_000)
    proxy.letGo()
    await expect.poll(() => read(db).catch(() => undefined), { timeout: 60_000 }).toEqual([])
    expect(await isThere('half')).toBe(false)
  })

  test('more than the queue holds is refused at once, and the rest is done', async () => {
    const db = open({ poolSize: 1 })
    await read(db)
    const letGo = await locked()
    const calls = Array.from({ length: 20 }, () => read(db))
    const outcomes = Promise.allSettled(calls)
    const refused = await Promise.race(calls.map((call) => call.catch((error: unknown) => error)))
    expect(refused).toMatchObject(unavailable)
    await letGo()
    const done = (await outcomes).filter(({ status }) => status === 'fulfilled')
    expect(done.length).toBe(11)
  })
})

test('the calls of requests and those beside them are not mixed up, whatever of them comes at once', async () => {
  const db = open({ poolSize: 1 })
  await read(db)
  const letGo = await locked()
  const find = ({ tables }: { tables: Tables }) => tables.apiKey.findUnique({ where: { id: 'nobody' } })
  const find2 = ({ tables }: { tables: Tables }) => tables.district.findUnique({ where: { id: districtId }, select: { id: true } })
  const [impatient, patient] = [find(db.within(patience(200))), find(db.within(patience(10_000)))]
  patient.catch(() => {}) // heard below
  await expect(impatient).rejects.toMatchObject(unavailable)
  expect(await find2(db.aside)).toEqual({ id: districtId })
  await letGo()
  expect(await patient).toBeNull()
})

describe('where the time zone of the database is not UTC', () => {
  const at = new Date('2026-07-04T05:06:07.890Z')
  const inNewYork = async (role = ''): Promise<void> => {
    await bystander.query(rowsAs([`alter database ${name} set timezone = 'America/New_York'`]))
    onTestFinished(async () => void (await bystander.query(rowsAs([`alter database ${name} reset timezone${role}`]))))
  }
  const expectRoundTrip = async (db: OpenDatabase): Promise<void> => {
    await db.tables.apiKey.create({ data: { ...key('model'), expiresAt: at } })
    await db.query(
      rowsAs`insert into api_keys (id, key_hash, district_id, name, hint, expires_at) values ('sql', 'sql', ${districtId}, 'Key', '', ${at})`,
    )
    const where = { districtId, id: { in: ['model', 'sql'] } }
    const byModel = await db.tables.apiKey.findMany({ where: { ...where, expiresAt: at }, select: { expiresAt: true } })
    const bySql = await db.query(
      rowsAs`select expires_at as "expiresAt" from api_keys where id in ('model', 'sql') and expires_at = ${at.toISOString()}::timestamptz`,
    )
    expect(await db.tables.apiKey.deleteMany({ where })).toEqual({ count: 2 })
    expect([byModel, bySql]).toEqual([
      [{ expiresAt: at }, { expiresAt: at }],
      [{ expiresAt: at }, { expiresAt: at }],
    ])
  }

  test('on connections of its own a moment is the same by SQL and by a model', async () => {
    await inNewYork()
    await expectRoundTrip(open())
  })

  test('behind a pooler in transaction mode every call is refused until that is mended', async () => {
    await inNewYork()
    const pooler = await startPgBouncer(url)
    onTestFinished(() => pooler.close())
    const db = open({ url: pooler.url, pooled: true })
    const refused = {
      ...unavailable,
      cause: { message: expect.stringMatching(/TimeZone is "America\/New_York" and must be "UTC".*ALTER ROLE/) },
    }
    await expect(read(db)).rejects.toMatchObject(refused)
    await expect(write(db, 'zone')).rejects.toMatchObject(refused)
  })

  test('nor is it counted on where nobody has said that there is a pooler', async () => {
    await inNewYork()
    const pooler = await startPgBouncer(url, 3)
    onTestFinished(() => pooler.close())
    const db = open({ url: pooler.url })
    for (let round = 0; round < 5; round++) {
      const outcomes = await Promise.allSettled(Array.from({ length: 8 }, () => read(db)))
      for (const outcome of outcomes) if (outcome.status === 'rejected') expect(outcome.reason).toMatchObject(unavailable)
    }
    const outcome = await expectRoundTrip(db).catch((error: unknown) => error)
    if (outcome !== undefined) expect(outcome).toMatchObject(unavailable)
  })
})

describe('behind a pooler in transaction mode', async () => {
  const pooler = await startPgBouncer(url, 5)
  afterAll(() => pooler.close())

  test('every transaction is on one connection, and no name of a statement is in the way', async () => {
    const db = open({ url: pooler.url, pooled: true })
    const ids = Array.from({ length: 20 }, (_, n) => `pooled${n}`)
    for (let round = 0; round < 3; round++) {
      const seen = ids.map((id) =>
        db.transaction(async (tx) => {
          await write(tx, id)
          const before = await pidOf(tx)
          const found = await tx.tables.apiKey.findUnique({ where: { id }, select: { id: true } })
          await tx.tables.apiKey.delete({ where: { id } })
          return [found?.id, before === (await pidOf(tx))]
        }),
      )
      expect(await Promise.all(seen)).toEqual(ids.map((id) => [id, true]))
      await Promise.all(ids.map((id) => write(db, id)))
      expect((await read(db)).length).toBe(ids.length)
      expect(await db.tables.apiKey.deleteMany({ where: { id: { in: ids } } })).toEqual({ count: ids.length })
    }
  })
})

test('tables in another schema than public are found', async () => {
  const other = await createDatabase()
  onTestFinished(other.drop)
  const made = new URL(other.url)
  made.searchParams.set('options', '-c search_path=gateway')
  await (
    await holdOpen(other.url, 'create schema gateway; commit')
  )()
  const first = openServer({ url: made.href, directUrl: made.href, pooled: false })
  await first.migrate()
  await first.close()
  const db = openServer({ url: other.url, directUrl: other.url, pooled: false })
  expect(await db.tables.district.findMany()).toEqual([])
  expect(await db.transaction((tx) => tx.tables.district.count())).toBe(0)
  await db.close() // before the database is dropped
})
