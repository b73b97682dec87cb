/** Migrations build what schema.prisma says, are applied once, and are recorded as Prisma's own tool records them. */
import { createHash } from 'node:crypto'
import { PGlite } from '@electric-sql/pglite'
import { PrismaPGlite } from 'pglite-prisma-adapter'
import sql from 'sql-template-tag'
import { expect, test } from 'vitest'
import { MigrationFailed, migrationStatus, readMigrations, readSchema, type Migration } from '../src/adapters/migrations.ts'
import { SchemaTool } from '../src/adapters/schema-engine.ts'
import { failureSentence } from '../src/failure.ts'
import { isServer, testDatabase } from './support/database.ts'

const database = testDatabase()
const migrations = readMigrations()
const names = migrations.map(({ name }) => name)
const schema = readSchema()
const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex')

// The engine compares on embedded databases, wherever the tests run.
test.runIf(!isServer)('the migrations build what schema.prisma says, and what one of them alone has is noticed', async () => {
  const lite = await PGlite.create()
  const tool = await SchemaTool.connect(new PrismaPGlite(lite), schema)
  expect(await tool.drift(migrations, schema)).toBe('')

  const withColumn = schema.replace('model Person {', 'model Person {\n  nickname String?')
  const withTable: Migration = { name: '99990101000000_stray', sql: 'create table stray (id text primary key)' }
  const difference = await tool.drift([...migrations, withTable], withColumn)
  expect(difference).toContain('ADD COLUMN     "nickname" TEXT')
  expect(difference).toContain('DROP TABLE "stray"')
  await lite.close()
})

test('each migration is recorded as applied, with the SHA-256 of its file', async () => {
  const db = await database
  const recorded = await db.query(sql`
    select migration_name as name, checksum, applied_steps_count as steps, finished_at is not null as finished, rolled_back_at as "rolledBackAt"
    from _prisma_migrations order by migration_name`)
  expect(recorded).toEqual(
    migrations.map(({ name, sql: text }) => ({ name, checksum: sha256(text), steps: 1, finished: true, rolledBackAt: null })),
  )
})

test('migrating again does nothing', async () => {
  const db = await database
  const before = await db.query(sql`select * from _prisma_migrations`)
  expect(await db.migrate()).toEqual([])
  expect(await db.query(sql`select * from _prisma_migrations`)).toEqual(before)
  expect(await db.migrationStatus()).toEqual({ applied: names, pending: [], changed: [], failed: [] })
})

test('a new, a changed and an unfinished migration are told apart', async () => {
  const db = await database
  const select = (text: string) => db.query<Record<string, unknown>>(sql([text] as never))
  const [first, ...rest] = migrations
  const edited = [{ ...first!, sql: `${first!.sql}\n-- edited` }, ...rest, { name: '99990101000000_new', sql: 'select 1' }]
  expect(await migrationStatus(select, edited)).toEqual({
    applied: names,
    pending: ['99990101000000_new'],
    changed: [first!.name],
    failed: [],
  })

  await db.query(sql`update _prisma_migrations set finished_at = null where migration_name = ${first!.name}`)
  expect(await migrationStatus(select)).toMatchObject({ applied: names.slice(1), failed: [first!.name] })
  await db.query(sql`update _prisma_migrations set finished_at = now()`)
})

test('a database without the record has everything pending', async () => {
  const none = await migrationStatus(async () => [{ present: false }])
  expect(none).toEqual({ applied: [], pending: names, changed: [], failed: [] })
})

test('a migration that did not finish stops the next start with one sentence that names it', async () => {
  const db = await database
  const [first] = names
  await db.query(sql`update _prisma_migrations set finished_at = null where migration_name = ${first}`)
  try {
    const failure: unknown = await db.migrate().catch((error: unknown) => error)
    expect(failure).toBeInstanceOf(MigrationFailed)
    expect(failureSentence(failure, {})).toMatch(new RegExp(`^A migration began and did not finish: ${first}\\. .*$`))
  } finally {
    await db.query(sql`update _prisma_migrations set finished_at = now() where migration_name = ${first}`)
  }
  expect(await db.migrate()).toEqual([])
})
