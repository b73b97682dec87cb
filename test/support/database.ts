/** A migrated database for each test file, its own: embedded, or on the server that TEST_DATABASE_URL names. */
import { readFile } from 'node:fs/promises'
import type { Sql } from 'sql-template-tag'
import { afterAll, inject } from 'vitest'
import type { OpenDatabase } from '../../src/adapters/database.ts'
import type { Database, Tables, Transactions } from '../../src/deps.ts'
import { openEmbedded } from '../../src/adapters/embedded-postgres.ts'
import { openServer } from '../../src/adapters/postgres-server.ts'
import type { OnResult, Statement } from '../../src/sql/statement.ts'
import { createDatabase, isServer } from './postgres.ts'
import { differences, rowsAs } from './rows.ts'

export { isServer }

/** `url` reaches the same database from another process or pool; `undefined` when it is embedded. */
export interface TestDatabase extends OpenDatabase {
  query<Row>(statement: Statement<Row>): Promise<Row[]>
  /** A test's own, whose rows are what the test says. */
  query<Row>(statement: Sql): Promise<Row[]>
  readonly url: string | undefined
}

/** A database whose statements go another way, or no way at all: those of requests, those beside them, and the probe's. */
export function otherwise<Db extends Database>(db: Db, changes: Partial<Transactions>): Db {
  const { query, tables, transaction } = db.aside // of a class, whose methods no copy would have
  const aside = { query: query.bind(db.aside), tables, transaction: transaction.bind(db.aside), ...changes }
  const changed: Db = { ...db, ...changes, aside, within: () => changed, probe: async () => void (await aside.query(rowsAs`select 1`)) }
  return changed
}

const unlike: string[] = []
/** Every statement of the gateway that a test runs is what it says it is. */
const onResult: OnResult = (statement, fields, rows) => {
  const found = differences(statement, fields, rows)
  unlike.push(...found)
  if (found.length > 0) throw new Error(found.join('\n'))
}

/** Takes them, where a test means them. */
export const takeDifferences = (): string[] => unlike.splice(0)

let opened: Promise<TestDatabase> | undefined

/**
 * The database of this test file: tables and no rows at first, the same one for every call. Call it at the top of the
 * file or in `beforeAll`; it is closed after the last test.
 */
export function testDatabase(): Promise<TestDatabase> {
  if (!opened) {
    opened = open()
    afterAll(async () => {
      await (await opened)?.close()
      if (unlike.length > 0) throw new Error(unlike.join('\n')) // whatever became of it in an answer
    })
  }
  return opened
}

async function open(): Promise<TestDatabase> {
  const template = inject('template')
  if ('dump' in template) {
    const db = await openEmbedded(undefined, { loadDataDir: new Blob([await readFile(template.dump)]), onResult })
    return { ...db, query: db.query as TestDatabase['query'], url: undefined }
  }
  const { url, drop } = await createDatabase(template.database)
  const db = openServer({ url, directUrl: url, pooled: false, onResult })
  // A test that changes a row behind the gateway's back goes on when the gateway can have heard of it.
  const channel = db.watch('credentials', { heard() {}, missed() {} })
  return {
    ...db,
    async query<Row>(statement: Sql) {
      const rows = await db.query(statement as Statement<Row>)
      if (/^\s*(update|delete)\b/.test(statement.text)) await channel.caughtUp()
      return rows
    },
    url,
    tables: tablesThrough(db.tables, async (operation, call) => {
      const result = await call()
      if (/^(update|delete|upsert)/.test(operation)) await channel.caughtUp()
      return result
    }),
    close: () => db.close().then(drop),
  }
}

/** The same tables, each of whose calls goes through this. */
export function tablesThrough(tables: Tables, through: (operation: string, call: () => Promise<unknown>) => Promise<unknown>): Tables {
  type Operations = Readonly<Record<string, (args: unknown) => Promise<unknown>>>
  const operationsOf = (operations: Operations): Operations =>
    new Proxy(operations, {
      get: (_, operation: string) => (args: unknown) => through(operation, () => operations[operation]!(args)),
    })
  return new Proxy(tables, { get: (_, model: keyof Tables) => operationsOf(tables[model] as unknown as Operations) })
}
