/** PostgreSQL behind one interface: a server through `pg`, or embedded through PGlite; Prisma on the same connections. */
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import type { PGlite } from '@electric-sql/pglite'
import { PrismaPg } from '@prisma/adapter-pg'
import type { SqlMigrationAwareDriverAdapterFactory } from '@prisma/driver-adapter-utils'
import pg from 'pg'
import type { Sql } from 'sql-template-tag'
import type { Config } from '../config.ts'
import type { Database, Queryable } from '../deps.ts'
import { Problem } from '../domain/problem.ts'
import { PrismaClient } from '../generated/prisma/client.ts'
import { isUnavailable } from './database-errors.ts'
import { applyMigrations, migrationStatus, type MigrationStatus } from './migrations.ts'

/** A database that can also be migrated and closed. */
export interface OpenDatabase extends Database {
  readonly kind: 'server' | 'embedded'
  /** Applies pending migrations, one instance at a time; the names of those applied. */
  migrate(): Promise<readonly string[]>
  migrationStatus(): Promise<MigrationStatus>
  close(): Promise<void>
}

/** A request is answered within 5 s, whatever the database does: both waits together stay below. */
const connectTimeoutMs = 2_000
const statementTimeoutMs = 2_500
const poolSize = 10
/** Any constant will do, as long as every instance uses the same: "cred" in ASCII. */
const migrationLock = 0x63726564

/** Dates stay the text they are (`pg` would shift them by the time zone); JSON and timestamps are parsed by both drivers. */
const dateOid = 1082
const textDate = {
  getTypeParser: (oid: number, format?: 'text' | 'binary') =>
    oid === dateOid ? (value: string) => value : pg.types.getTypeParser(oid, format as 'text'),
}

export function openDatabase(config: Pick<Config, 'databaseUrl' | 'directDatabaseUrl' | 'pooled' | 'dataDir'>): Promise<OpenDatabase> {
  return config.databaseUrl === undefined
    ? openEmbedded(join(config.dataDir, 'postgres'))
    : Promise.resolve(
        openServer({ url: config.databaseUrl, directUrl: config.directDatabaseUrl ?? config.databaseUrl, pooled: config.pooled }),
      )
}

/** Connects when the first statement runs, so that a server that is away at the start is met like one that goes away. */
export function openServer({ url, directUrl, pooled }: { url: string; directUrl: string; pooled: boolean }): OpenDatabase {
  const pool = new pg.Pool({
    connectionString: url,
    max: poolSize,
    connectionTimeoutMillis: connectTimeoutMs,
    query_timeout: statementTimeoutMs,
    ...(pooled ? {} : { statement_timeout: statementTimeoutMs }), // a pooler refuses parameters it does not know
    types: textDate as never,
    application_name: 'credentials-gateway',
  })
  pool.on('error', () => {}) // an idle connection died: the pool drops it, the next statement opens another
  const names = statementNames()
  const run = <Row>(client: pg.Pool | pg.PoolClient, { text, values }: Sql): Promise<Row[]> =>
    answered(client.query(pooled ? { text, values } : { name: names(text), text, values }).then(({ rows }) => rows as Row[]))
  const prisma = prismaOn(new PrismaPg(pool))

  return {
    kind: 'server',
    prisma,
    query: (statement) => run(pool, statement),
    async transaction(work) {
      const client = await answered(pool.connect())
      let broken: Error | undefined
      try {
        await answered(client.query('begin'))
        const result = await work({ query: (statement) => run(client, statement) })
        await answered(client.query('commit'))
        return result
      } catch (error) {
        // A connection that does not answer is thrown away, and its transaction with it.
        if (error instanceof Problem && error.code === 'UNAVAILABLE') broken = error
        else
          await client.query('rollback').catch((lost: Error) => {
            broken = lost
          })
        throw error
      } finally {
        client.release(broken)
      }
    },
    async migrate() {
      const client = new pg.Client({
        connectionString: directUrl,
        connectionTimeoutMillis: connectTimeoutMs,
        application_name: 'credentials-gateway migrate',
      })
      await answered(
        client.connect().catch((error: Error) => {
          throw Object.assign(error, { direct: true }) // which of the two addresses it was
        }),
      )
      try {
        await client.query('select pg_advisory_lock($1)', [migrationLock])
        const { pending, failed } = await migrationStatus(async (text) => (await client.query(text)).rows)
        if (pending.length + failed.length === 0) return []
        // A pool of our own: the engine never closes the one that it would open, and the process would wait for that.
        const engine = new pg.Pool({ connectionString: directUrl, application_name: 'credentials-gateway migrate' })
        try {
          return await applyMigrations(new PrismaPg(engine))
        } finally {
          await engine.end()
        }
      } finally {
        await client.end()
      }
    },
    migrationStatus: () => migrationStatus(async (text) => (await answered(pool.query(text))).rows),
    async close() {
      await prisma.$disconnect()
      await pool.end()
    },
  }
}

/** @param folder where the data lives; `undefined` keeps it in memory, as tests do */
export async function openEmbedded(folder: string | undefined, loadDataDir?: Blob): Promise<OpenDatabase> {
  const [{ PGlite: Embedded }, { PrismaPGlite }] = await Promise.all([import('@electric-sql/pglite'), import('pglite-prisma-adapter')])
  if (folder !== undefined) mkdirSync(folder, { recursive: true, mode: 0o700 })
  const lite: PGlite = await Embedded.create({
    ...(folder === undefined ? {} : { dataDir: folder }),
    ...(loadDataDir === undefined ? {} : { loadDataDir }),
    parsers: { [dateOid]: (value: string) => value },
  })
  const factory: SqlMigrationAwareDriverAdapterFactory = new PrismaPGlite(lite)
  const prisma = prismaOn(factory)
  const queryable = (client: Pick<PGlite, 'query'>): Queryable => ({
    query: async <Row>({ text, values }: Sql) => (await client.query<Row>(text, values as unknown[])).rows,
  })
  return {
    kind: 'embedded',
    prisma,
    ...queryable(lite),
    transaction: (work) => lite.transaction((tx) => work(queryable(tx))),
    async migrate() {
      const { pending, failed } = await migrationStatus(async (text) => (await lite.query<Record<string, unknown>>(text)).rows)
      return pending.length + failed.length === 0 ? [] : applyMigrations(factory)
    },
    migrationStatus: () => migrationStatus(async (text) => (await lite.query<Record<string, unknown>>(text)).rows),
    async close() {
      await prisma.$disconnect()
      await lite.close()
    },
  }
}

function prismaOn(adapter: SqlMigrationAwareDriverAdapterFactory): PrismaClient {
  const client = new PrismaClient({ adapter })
  return client.$extends({ query: { $allOperations: ({ args, query }) => answered(query(args)) } }) as unknown as PrismaClient
}

/** Every statement's result passes here: the one place where a driver's error becomes UNAVAILABLE. */
async function answered<Result>(result: Promise<Result>): Promise<Result> {
  try {
    return await result
  } catch (error) {
    throw isUnavailable(error) ? new Problem('UNAVAILABLE', { retryAfter: 1 }, { cause: error }) : error
  }
}

/** A name a statement, so that a connection parses and plans it once. The statements are the code's own: a bounded set. */
function statementNames(): (text: string) => string {
  const names = new Map<string, string>()
  return (text) => {
    let name = names.get(text)
    if (name === undefined) names.set(text, (name = `s${names.size}`))
    return name
  }
}
