/** Model calls beside SQL: one transaction, the same errors, the database's clock, and no condition that is none. */
import { randomBytes } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import sql from 'sql-template-tag'
import { describe, expect, expectTypeOf, onTestFinished, test } from 'vitest'
import { openEmbedded } from '../src/adapters/embedded-postgres.ts'
import { Duplicate, Missing, type Queryable, type Tables } from '../src/deps.ts'
import type { Prisma } from '../src/generated/prisma/client.ts'
import { isServer, testDatabase } from './support/database.ts'
import { createTestDistrict } from './support/fixtures.ts'
import { recordStatements } from './support/statements.ts'
import { rowsAs } from './support/rows.ts'

const db = await testDatabase()
const { id: districtId } = await createTestDistrict(db)

const newId = (): string => randomBytes(6).toString('hex')
const apiKey = (id = newId()): Prisma.ApiKeyUncheckedCreateInput => ({ id, keyHash: newId(), districtId, name: 'Key', hint: 'abcd' })
const person = (id = newId()): Prisma.PersonUncheckedCreateInput => ({
  id,
  districtId,
  first: 'Ann',
  last: 'Lee',
  email: `${id}@example.org`,
  emailKey: `${id}@example.org`,
  language: 'en',
  sortName: 'lee ann',
})
const names = async (ids: readonly string[]): Promise<string[]> =>
  (await db.query(rowsAs<{ name: string }>`select name from api_keys where id = any (${ids}) order by name`)).map(({ name }) => name)
const keysOf = async (id: string): Promise<number> => db.tables.apiKey.count({ where: { districtId: id } })

describe('in a transaction', () => {
  const [first, second] = [newId(), newId()]
  const insert = rowsAs`insert into api_keys (id, key_hash, district_id, name, hint) values (${second}, ${newId()}, ${districtId}, 'by SQL', 'abcd')`
  const both = async (tx: Queryable): Promise<number> => {
    await tx.tables.apiKey.create({ data: { ...apiKey(first), name: 'by model' } })
    await tx.query(insert)
    const [row] = await tx.query(rowsAs<{ name: string }>`select name from api_keys where id = ${first}`)
    expect(row).toEqual({ name: 'by model' })
    return tx.tables.apiKey.count({ where: { id: { in: [first, second] } } })
  }

  test('models and SQL see each other, and are undone together', async () => {
    const work = db.transaction(async (tx) => {
      expect(await both(tx)).toBe(2)
      throw new Error('changed my mind')
    })
    await expect(work).rejects.toThrow('changed my mind')
    expect(await names([first, second])).toEqual([])
  })

  test('models and SQL are committed together', async () => {
    expect(await db.transaction(both)).toBe(2)
    expect(await names([first, second])).toEqual(['by SQL', 'by model'])
  })

  test('a write of several statements is part of it', async () => {
    const id = newId()
    const district = { id, name: {}, accent: '', billingPlan: 'pro', apiKeys: { create: [apiKeyOf(newId()), apiKeyOf(newId())] } }
    const work = db.transaction(async (tx) => {
      await tx.tables.district.create({ data: district })
      expect(await tx.tables.apiKey.count({ where: { districtId: id } })).toBe(2)
      throw new Error('changed my mind')
    })
    await expect(work).rejects.toThrow('changed my mind')
    expect(await db.tables.district.findUnique({ where: { id } })).toBeNull()
    await db.transaction((tx) => tx.tables.district.create({ data: district }))
    expect(await keysOf(id)).toBe(2)
  })

  test('calls at once are done one after another, and each has its own outcome', async () => {
    const { id } = await db.tables.apiKey.create({ data: apiKey() })
    const work = db.transaction(async (tx) => {
      const found = [id, newId(), id].map((each) => tx.tables.apiKey.findUnique({ where: { id: each }, select: { id: true } }))
      expect(await Promise.all(found)).toEqual([{ id }, null, { id }])
      const outcomes = await Promise.allSettled([
        tx.tables.apiKey.create({ data: apiKey(id) }),
        tx.tables.apiKey.count(),
        tx.tables.apiKey.create({ data: apiKey() }),
      ])
      return outcomes.map(({ status }) => status)
    })
    await expect(work).rejects.toThrow('had failed, and that was not passed on')
    expect(
      await db.transaction(async (tx) => {
        const made = await Promise.all(Array.from({ length: 5 }, () => tx.tables.apiKey.create({ data: apiKey(), select: { id: true } })))
        return new Set(made.map((each) => each.id)).size
      }),
    ).toBe(5)
  })

  test('the statements of calls at once are not mixed', async () => {
    const sent = await recordStatements(db).during(() =>
      db.transaction(async (tx) => {
        const made = [newId(), newId()].map((id) =>
          tx.tables.district.create({ data: { id, name: {}, accent: '', billingPlan: 'pro', apiKeys: { create: [apiKeyOf(newId())] } } }),
        )
        await Promise.all(made)
      }),
    )
    const [one, other] = [sent.slice(0, sent.length / 2), sent.slice(sent.length / 2)]
    expect(one.length).toBeGreaterThan(1)
    expect(one.map(({ text }) => text)).toEqual(other.map(({ text }) => text))
  })

  test('transactions at once do not take each other’s calls', async () => {
    const ids = Array.from({ length: 8 }, newId)
    const seen = ids.map((id) =>
      db.transaction(async (tx) => {
        await tx.tables.apiKey.create({ data: apiKey(id) })
        const found = await Promise.all(ids.map((each) => tx.tables.apiKey.findUnique({ where: { id: each }, select: { id: true } })))
        await tx.tables.apiKey.delete({ where: { id } })
        return found.flatMap((each) => each?.id ?? [])
      }),
    )
    expect(await Promise.all(seen)).toEqual(ids.map((id) => [id]))
  })

  test('a call that nobody awaits is part of it, and one that comes later is refused', async () => {
    const [id, later] = [newId(), newId()]
    let kept: Tables | undefined
    await db.transaction((tx) => {
      kept = tx.tables
      void tx.tables.apiKey.create({ data: apiKey(id) })
      return Promise.resolve()
    })
    expect(await names([id])).toEqual(['Key'])
    await expect(kept!.apiKey.create({ data: apiKey(later) })).rejects.toThrow('had ended')
    expect(await names([later])).toEqual([])
  })

  test('a write that failed undoes it, even where the work goes on', async () => {
    const id = newId()
    const work = db.transaction(async (tx) => {
      await tx.tables.apiKey.create({ data: apiKey(id) })
      await tx.tables.apiKey.update({ where: { id: newId() }, data: { name: 'nobody' } }).catch(() => {})
    })
    await expect(work).rejects.toThrow('had failed, and that was not passed on')
    expect(await names([id])).toEqual([])
  })
})

const apiKeyOf = (id: string) => ({ id, keyHash: newId(), name: 'Key', hint: 'abcd' })

describe('outside of a transaction', () => {
  test('a write of several statements is done as a whole or not at all', async () => {
    const [id, taken] = [newId(), newId()]
    await db.tables.apiKey.create({ data: apiKey(taken) })
    const district = { id, name: {}, accent: '', billingPlan: 'pro' }
    const failing = db.tables.district.create({ data: { ...district, apiKeys: { create: [apiKeyOf(newId()), apiKeyOf(taken)] } } })
    await expect(failing).rejects.toBeInstanceOf(Duplicate)
    expect(await db.tables.district.findUnique({ where: { id } })).toBeNull()
    await db.tables.district.create({ data: { ...district, apiKeys: { create: [apiKeyOf(newId()), apiKeyOf(newId())] } } })
    expect(await keysOf(id)).toBe(2)
  })

  test('a read of several statements has all of them', async () => {
    const { id } = await db.tables.person.create({ data: person() })
    const found = await db.tables.person.findMany({
      where: { id },
      select: { id: true, district: { select: { id: true, boards: { select: { id: true } } } } },
    })
    expect(found).toEqual([{ id, district: { id: districtId, boards: [{ id: '1a' }, { id: '1b' }] } }])
  })
})

describe('what fails is told as it is of SQL', () => {
  test('a row that would be there twice', async () => {
    const { id } = await db.tables.apiKey.create({ data: apiKey() })
    await expect(db.tables.apiKey.create({ data: apiKey(id) })).rejects.toBeInstanceOf(Duplicate)
    await expect(db.transaction((tx) => tx.tables.apiKey.create({ data: apiKey(id) }))).rejects.toBeInstanceOf(Duplicate)
    await expect(db.tables.apiKey.createMany({ data: [apiKey(), apiKey(id)] })).rejects.toBeInstanceOf(Duplicate)
  })

  test('a row that is not there', async () => {
    const nobody = { where: { id: newId() } }
    await expect(db.tables.apiKey.update({ ...nobody, data: { name: 'x' } })).rejects.toBeInstanceOf(Missing)
    await expect(db.tables.apiKey.delete(nobody)).rejects.toBeInstanceOf(Missing)
    await expect(db.tables.apiKey.findUniqueOrThrow(nobody)).rejects.toBeInstanceOf(Missing)
    await expect(db.transaction((tx) => tx.tables.apiKey.delete(nobody))).rejects.toBeInstanceOf(Missing)
    expect(await db.tables.apiKey.findUnique(nobody)).toBeNull()
    expect(await db.tables.apiKey.deleteMany(nobody)).toEqual({ count: 0 })
  })

  test('a call that makes no sense is a bug, and no fault of the database', async () => {
    const wrong = { where: { id: 7 } } as unknown as { where: { id: string } }
    await expect(db.tables.apiKey.findMany(wrong)).rejects.toMatchObject({ name: 'PrismaClientValidationError' })
    await expect(db.tables.apiKey.deleteMany(wrong)).rejects.toMatchObject({ name: 'PrismaClientValidationError' })
  })
})

describe('an undefined member', () => {
  const nothing = undefined as unknown as string // what a cast, or an untyped value, brings
  const calls: Readonly<Record<string, (tables: Tables) => Promise<unknown>>> = {
    findMany: (tables) => tables.apiKey.findMany({ where: { id: nothing } }),
    findFirst: (tables) => tables.apiKey.findFirst({ where: { AND: [{ districtId, id: nothing }] } }),
    findUnique: (tables) => tables.person.findUnique({ where: { districtId_id: { districtId, id: nothing } } }),
    count: (tables) => tables.apiKey.count({ where: { id: { in: [nothing] } } }),
    aggregate: (tables) => tables.apiKey.aggregate({ where: { district: { id: nothing } }, _max: { createdAt: true } }),
    groupBy: (tables) => tables.apiKey.groupBy({ by: ['districtId'], where: { id: { not: nothing } } }),
    create: (tables) => tables.apiKey.create({ data: { ...apiKey(), createdById: nothing } }),
    createMany: (tables) => tables.apiKey.createMany({ data: [{ ...apiKey(), createdById: nothing }] }),
    update: (tables) => tables.apiKey.update({ where: { id: 'a', districtId: nothing }, data: { name: 'x' } }),
    updateMany: (tables) => tables.apiKey.updateMany({ where: { districtId: nothing }, data: { name: 'x' } }),
    'updateMany, of its data': (tables) => tables.apiKey.updateMany({ where: { id: 'a' }, data: { name: nothing } }),
    upsert: (tables) => tables.apiKey.upsert({ where: { id: 'a' }, create: apiKey(), update: { name: nothing } }),
    delete: (tables) => tables.apiKey.delete({ where: { id: 'a', name: nothing } }),
    deleteMany: (tables) => tables.apiKey.deleteMany({ where: { OR: [{ id: nothing }] } }),
    'deleteMany, of all its conditions': (tables) => tables.apiKey.deleteMany({ where: undefined as unknown as object }),
    'a nested write': (tables) =>
      tables.district.update({ where: { id: districtId }, data: { apiKeys: { deleteMany: { createdById: nothing } } } }),
    'a nested read': (tables) => tables.district.findMany({ where: { id: 'a' }, select: { apiKeys: { where: { id: nothing } } } }),
  }

  test.each(Object.keys(calls))('is refused before any SQL: %s', async (name) => {
    await db.tables.apiKey.create({ data: apiKey() })
    const before = await db.query(rowsAs`select * from api_keys order by id`)
    const sent = await recordStatements(db).during(async () => {
      await expect(calls[name]!(db.tables)).rejects.toThrow(/undefined/)
      await expect(db.transaction((tx) => calls[name]!(tx.tables))).rejects.toThrow(/undefined/)
    })
    expect(sent).toEqual([])
    expect(await db.query(rowsAs`select * from api_keys order by id`)).toEqual(before)
  })

  test('is refused by the compiler', () => {
    const unsure = 'a' as string | undefined
    const refused = [
      // @ts-expect-error an undefined condition
      (tables: Tables) => tables.apiKey.findMany({ where: { id: unsure } }),
      // @ts-expect-error an undefined condition
      (tables: Tables) => tables.apiKey.deleteMany({ where: { id: unsure } }),
      // @ts-expect-error undefined data
      (tables: Tables) => tables.apiKey.updateMany({ where: { id: 'a' }, data: { name: unsure } }),
      // @ts-expect-error an undefined condition of what is nested
      (tables: Tables) => tables.district.findMany({ select: { apiKeys: { where: { id: unsure } } } }),
    ]
    expect(refused).toHaveLength(4)
  })
})

test('there are models and nothing else: no raw SQL, no transaction of Prisma’s, no connection', () => {
  expectTypeOf<Extract<keyof Tables, `$${string}`>>().toEqualTypeOf<never>()
  expectTypeOf<keyof Tables>().toEqualTypeOf<Uncapitalize<Prisma.ModelName>>()
  expect(Object.keys(db.tables)).toEqual([])
})

describe('time', () => {
  test('of a new row is the database’s: the beginning of its transaction', async () => {
    await db.transaction(async (tx) => {
      const [{ now } = { now: undefined }] = await tx.query(rowsAs<{ now: Date }>`select now()::timestamptz(3) as now`)
      const made = await tx.tables.person.create({ data: person(), select: { createdAt: true, updatedAt: true } })
      expect(made).toEqual({ createdAt: now, updatedAt: now })
    })
  })

  test.each(['2026-03-04T05:06:07.890Z', '2026-07-04T23:59:59.999Z', '1969-12-31T23:59:59.001Z'])(
    'is the same through SQL and a model: %s',
    async (text) => {
      const at = new Date(text)
      const [byModel, bySql] = [newId(), newId()]
      await db.tables.apiKey.create({ data: { ...apiKey(byModel), expiresAt: at } })
      await db.query(
        rowsAs`insert into api_keys (id, key_hash, district_id, name, hint, expires_at) values (${bySql}, ${newId()}, ${districtId}, 'Key', '', ${at})`,
      )
      const where = { id: { in: [byModel, bySql] } }
      expect(await db.tables.apiKey.findMany({ where, select: { expiresAt: true } })).toEqual([{ expiresAt: at }, { expiresAt: at }])
      const read = sql`select expires_at as "expiresAt", extract(epoch from expires_at)::float8 * 1000 as ms from api_keys where id = any (${[byModel, bySql]})`
      expect(await db.query(read)).toEqual([
        { expiresAt: at, ms: at.getTime() },
        { expiresAt: at, ms: at.getTime() },
      ])
      expect(await db.tables.apiKey.count({ where: { ...where, expiresAt: { equals: at } } })).toBe(2)
    },
  )

  test('of a day is that day', async () => {
    const [{ form, profile } = { form: '', profile: '' }] = await db.query(
      rowsAs<{
        form: string
        profile: string
      }>`select (select id from forms where district_id = ${districtId} limit 1) as form, (select id from profiles where district_id = ${districtId} limit 1) as profile`,
    )
    const { id: personId } = await db.tables.person.create({ data: person() })
    const date = new Date('2026-03-04T00:00:00.000Z')
    const { id } = await db.tables.interview.create({
      data: { id: newId(), districtId, personId, date, boardId: '1a', formId: form, profileId: profile },
    })
    expect(await db.query(rowsAs`select date::text from interviews where id = ${id}`)).toEqual([{ date: '2026-03-04' }])
    expect(await db.tables.interview.findFirst({ where: { id }, select: { date: true } })).toEqual({ date })
  })
})

// On a server: test/postgres/tables.test.ts.
test.runIf(!isServer)('a moment is the same by SQL and by a model where the time zone of an embedded database is not UTC', async () => {
  const place = await mkdtemp(join(tmpdir(), 'credentials-gateway-zone-'))
  onTestFinished(() => rm(place, { recursive: true }))
  const folder = join(place, 'postgres')
  const before = await openEmbedded(folder)
  await before.query(rowsAs`alter system set timezone = 'America/New_York'`)
  await before.close()
  const zoned = await openEmbedded(folder)
  onTestFinished(() => zoned.close())
  const at = new Date('2026-07-04T05:06:07.890Z')
  await zoned.tables.requestBucket.create({ data: { key: 'model', fullAt: at } })
  await zoned.query(rowsAs`insert into request_buckets (key, full_at) values ('sql', ${at})`)
  expect(
    await zoned.query(rowsAs`select full_at as "fullAt" from request_buckets where full_at = ${at.toISOString()}::timestamptz`),
  ).toEqual([{ fullAt: at }, { fullAt: at }])
  expect(await zoned.tables.requestBucket.findMany({ where: { fullAt: at }, select: { fullAt: true } })).toEqual([
    { fullAt: at },
    { fullAt: at },
  ])
})

test('every statement of a model is recorded, in the order in which they ran', async () => {
  const sent = await recordStatements(db).during(async () => {
    await db.tables.apiKey.findMany({ where: { id: 'nobody' } })
    await db.transaction((tx) => tx.tables.apiKey.deleteMany({ where: { id: 'nobody' } }))
  })
  expect(sent.map(({ text }) => text.split(' ')[0])).toEqual(['SELECT', 'DELETE'])
  expect(sent[0]!.values).toContain('nobody')
})
