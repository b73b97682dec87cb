/** A PostgreSQL server through `pg`: one pool for plain statements and for Prisma, and a bounded wait for every answer. */
import { PrismaPg } from '@prisma/adapter-pg'
import { LRUCache } from 'lru-cache'
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
  pool.on('connect', (client) => names.welcome(client))
  const run = <Row>(client: pg.PoolClient, statement: Sql): Promise<Row[]> => {
    const { text } = statement // put together at every look
    const name = pooled ? undefined : names.of(text)
    const query = name === undefined ? { text, values: statement.values } : { name, text, values: statement.values }
    return answered(client.query(query).then(({ rows }) => rows as Row[]))
  }
  /**
   * A connection for as long as the work takes. One that was lost or left without an answer is thrown away then, and so is one that has
   * outgrown its prepared statements.
   */
  const connected = async <Result>(work: (client: pg.PoolClient, lose: (error: Error) => void) => Promise<Result>): Promise<Result> => {
    const client = await answered(pool.connect())
    let lost: Error | undefined
    const lose = (error: Error): void => void (lost = error)
    client.on('error', lose) // while it is out of the pool nobody else listens, and an error unheard ends the process
    try {
      return await work(client, lose)
    } catch (error) {
      const stands = error instanceof pg.DatabaseError || (error instanceof Problem && error.code !== 'UNAVAILABLE')
      if (!stands) lose(error as Error)
      throw error
    } finally {
      client.off('error', lose)
      client.release(lost ?? names.areOutgrownBy(client))
    }
  }
  const prisma = prismaOn(new PrismaPg(pool))
  const watches = new Map<string, ServerWatch>()

  return {
    kind: 'server',
    prisma: prisma.connect,
    query: (statement) => connected((client) => run(client, statement)),
    transaction: (work) =>
      connected(async (client, lose) => {
        try {
          await answered(client.query(begin))
          const result = await work({ query: (statement) => run(client, statement) })
          await answered(client.query('commit'))
          return result
        } catch (error) {
          // One that does not answer is thrown away, and its transaction with it.
          if (!(error instanceof Problem && error.code === 'UNAVAILABLE')) await client.query('rollback').catch(lose)
          throw error
        }
      }),
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

/** As many as a connection keeps prepared; far more than common documents have shapes of statements. */
const mostNames = 200
/** Connections are opened anew for the sake of names no more often. */
const generationMs = 60_000
/** Statements that came once are remembered to be known when they come again. */
const mostNewcomers = 1_000

/**
 * A name a statement, from its second time on, so that a connection parses and plans it once. When there are too many, all are named anew,
 * on new connections: however many shapes are asked for, no connection keeps more, and what is in use is soon named again.
 */
function statementNames() {
  const newcomers = new LRUCache<string, true>({ max: mostNewcomers })
  const names = new Map<string, string>()
  let count = 0
  let begunAt = Date.now()
  let connections = new WeakSet<pg.PoolClient>()
  return {
    welcome: (client: pg.PoolClient): void => void connections.add(client),
    of(text: string): string | undefined {
      const known = names.get(text)
      if (known !== undefined) return known
      if (!newcomers.has(text)) {
        newcomers.set(text, true)
        return undefined
      }
      if (names.size >= mostNames) {
        if (Date.now() - begunAt < generationMs) return undefined
        names.clear()
        begunAt = Date.now()
        connections = new WeakSet()
      }
      const name = `s${count++}`
      names.set(text, name)
      return name
    },
    areOutgrownBy: (client: pg.PoolClient): boolean => !connections.has(client),
  }
}
