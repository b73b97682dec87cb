/** Instances that start at the same time apply each migration once. */
import { readMigrations } from '../../src/adapters/migrations.ts'
import { openServer } from '../../src/adapters/postgres-server.ts'
import { expect, test } from 'vitest'
import { createDatabase } from '../support/postgres.ts'
import { rowsAs } from '../support/rows.ts'

test('five instances that start at once on an empty database apply the migrations exactly once', async () => {
  const names = readMigrations().map(({ name }) => name)
  const { url, drop } = await createDatabase()
  const instances = Array.from({ length: 5 }, () => openServer({ url, directUrl: url, pooled: false }))
  const applied = await Promise.all(instances.map((instance) => instance.migrate()))
  expect(applied.flat()).toEqual(names)

  const [first] = instances
  const recorded = await first!.query(rowsAs<{ name: string }>`select migration_name as name from _prisma_migrations order by 1`)
  expect(recorded.map(({ name }) => name)).toEqual(names)
  expect(await Promise.all(instances.map((instance) => instance.migrationStatus()))).toEqual(
    instances.map(() => ({ applied: names, pending: [], changed: [], failed: [] })),
  )
  await Promise.all(instances.map((instance) => instance.close()))
  await drop()
})
