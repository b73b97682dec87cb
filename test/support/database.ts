/** A migrated database for each test file, its own: embedded, or on the server that TEST_DATABASE_URL names. */
import { readFile } from 'node:fs/promises'
import sql from 'sql-template-tag'
import { afterAll, inject } from 'vitest'
import type { OpenDatabase } from '../../src/adapters/database.ts'
import type { Database, Transactions } from '../../src/deps.ts'
import { openEmbedded } from '../../src/adapters/embedded-postgres.ts'
import { openServer } from '../../src/adapters/postgres-server.ts'
import type { PrismaClient } from '../../src/generated/prisma/client.ts'
import { createDatabase, isServer } from './postgres.ts'

export { isServer }

/** `url` reaches the same database from another process or pool; `undefined` when it is embedded. */
export interface TestDatabase extends OpenDatabase {
  readonly url: string | undefined
  /** The tables as Prisma's models, for what no door of the gateway does. */
  readonly tables: PrismaClient
}

/** A database whose statements go another way, or no way at all: those of requests, those beside them, and the probe's. */
export function otherwise<Db extends Database>(db: Db, changes: Partial<Transactions>): Db {
  const { query, transaction } = db.aside // of a class, whose methods no copy would have
  const aside = { query: query.bind(db.aside), transaction: transaction.bind(db.aside), ...changes }
  const changed: Db = { ...db, ...changes, aside, within: () => changed, probe: async () => void (await aside.query(sql`select 1`)) }
  return changed
}

let opened: Promise<TestDatabase> | undefined

/**
 * The database of this test file: tables and no rows at first, the same one for every call. Call it at the top of the
 * file or in `beforeAll`; it is closed after the last test.
 */
export function testDatabase(): Promise<TestDatabase> {
  if (!opened) {
    opened = open()
    afterAll(async () => (await opened)?.close())
  }
  return opened
}

async function open(): Promise<TestDatabase> {
  const template = inject('template')
  if ('dump' in template) {
    const db = await openEmbedded(undefined, new Blob([await readFile(template.dump)]))
    return { ...db, url: undefined, tables: await db.prisma() }
  }
  const { url, drop } = await createDatabase(template.database)
  const db = openServer({ url, directUrl: url, pooled: false })
  // A test that changes a row behind the gateway's back goes on when the gateway can have heard of it.
  const channel = db.watch('credentials', { heard() {}, missed() {} })
  const tables = (await db.prisma()).$extends({
    query: {
      async $allOperations({ operation, args, query }) {
        const result = await query(args)
        if (/^(update|delete|upsert)/.test(operation)) await channel.caughtUp()
        return result
      },
    },
  })
  return {
    ...db,
    async query(statement) {
      const rows = await db.query(statement)
      if (/^\s*(update|delete)\b/.test(statement.text)) await channel.caughtUp()
      return rows as never
    },
    url,
    tables: tables as unknown as PrismaClient,
    close: () => db.close().then(drop),
  }
}
