/** A PostgreSQL server through `pg`: one pool for plain statements and for Prisma, and a bounded wait for every answer. */
import { PrismaPg } from '@prisma/adapter-pg'
import pg from 'pg'
import type { Sql } from 'sql-template-tag'
import { Problem } from '../domain/problem.ts'
import { dateOid, type OpenDatabase } from './database.ts'
import { answered } from './database-errors.ts'
import { bringUpToDate, migrationStatus } from './migrations.ts'
import { type ServerWatch, watchServer } from './postgres-watch.ts'
import { prismaOn } from './prisma.ts'

/** A request is answered within 5 s, whatever the database does: both waits together stay below. */
const connectTimeoutMs = 2_000
const statementTimeoutMs = 2_500
/** A transaction whose instance is paused or cut off holds its locks no longer than this. */
const idleInTransactionSeconds = 10
const poolSize = 10
/** Any constant will do, as long as every instance uses the same: "cred" in ASCII. */
const migrationLock = 0x63726564

/** Whoever waits for a lock sees what was committed meanwhile: the domain counts on it, whatever the server's own default is. */
const begin = `begin isolation level read committed; set local idle_in_transaction_session_timeout = '${idleInTransactionSeconds}s'`

const textDate = {
  getTypeParser: (oid: number, format?: 'text' | 'binary') =>
    oid === dateOid ? (value: string) => value : pg.types.getTypeParser(oid, format as 'text'),
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
    answered(client.query({ ...(pooled ? {} : names(text)), text, values }).then(({ rows }) => rows as Row[]))
  const prisma = prismaOn(new PrismaPg(pool))
  const watches = new Map<string, ServerWatch>()

  return {
    kind: 'server',
    prisma: prisma.connect,
    query: (statement) => run(pool, statement),
    async transaction(work) {
      const client = await answered(pool.connect())
      let broken: Error | undefined
      const lose = (error: Error): void => void (broken = error)
      client.on('error', lose) // while it is out of the pool nobody else listens, and an error unheard ends the process
      try {
        await answered(client.query(begin))
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
        client.off('error', lose)
        client.release(broken)
      }
    },
    watch(channel, listener) {
      const watch = watches.get(channel) ?? watchServer(directUrl, channel)
      watches.set(channel, watch)
      watch.listeners.push(listener)
      return watch
    },
    async migrate() {
      const client = new pg.Client({
        connectionString: directUrl,
        connectionTimeoutMillis: connectTimeoutMs,
        application_name: 'credentials-gateway migrate',
      })
      // A pool of our own: the engine never closes the one that it would open, and the process would wait for that.
      const engine = new pg.Pool({ connectionString: directUrl, application_name: 'credentials-gateway migrate' })
      client.on('error', () => {}) // the statement under way reports it
      engine.on('error', () => {})
      await answered(
        client.connect().catch((error: Error) => {
          throw Object.assign(error, { direct: true }) // which of the two addresses it was
        }),
      )
      try {
        await client.query('select pg_advisory_lock($1)', [migrationLock])
        return await bringUpToDate(
          async (text) => (await client.query(text)).rows,
          () => runningWholeScripts(engine),
        )
      } finally {
        await engine.end()
        await client.end()
      }
    },
    migrationStatus: () => migrationStatus(async (text) => (await answered(pool.query(text))).rows),
    async close() {
      await Promise.all([...watches.values()].map((watch) => watch.close()))
      await prisma.disconnect()
      await pool.end()
    },
  }
}

/** Prisma's adapter cuts a script at every semicolon, those inside a function's body too. PostgreSQL takes it whole, as one transaction. */
function runningWholeScripts(pool: pg.Pool): PrismaPg {
  const factory = new PrismaPg(pool)
  const connect = factory.connect.bind(factory)
  factory.connect = async () =>
    Object.assign(await connect(), {
      executeScript: async (script: string) => {
        await pool.query(script)
      },
    })
  return factory
}

/** As many as a connection keeps for it; far more than the fixed statements, far fewer than all ways to filter a list. */
const mostNames = 200

/** A name a statement, so that a connection parses and plans it once. Beyond the first ones, a statement has none. */
function statementNames(): (text: string) => { name?: string } {
  const names = new Map<string, { name: string }>()
  return (text) => {
    const known = names.get(text)
    if (known || names.size >= mostNames) return known ?? {}
    const name = { name: `s${names.size}` }
    names.set(text, name)
    return name
  }
}
