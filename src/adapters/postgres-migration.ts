/** Migrating a server: over session-mode connections, by one process at a time. */
import { PrismaPg } from '@prisma/adapter-pg'
import { setTimeout as wait } from 'node:timers/promises'
import pg from 'pg'
import type { Logger } from 'pino'
import { answered, ReadOnly, told } from './database-errors.ts'
import { bringUpToDate, MigrationFailed, migrationStatus } from './migrations.ts'
import { settle } from './postgres-settings.ts'

const connectTimeoutMs = 2_000
const selectTimeoutMs = 10_000
/** Between two looks whether another process has finished. */
const lockPauseMs = 250
/** Any constant will do, as long as every instance uses the same: "cred" in ASCII. */
const migrationLock = 0x63726564
/** A migration takes as long as it takes. */
const noTimeouts = { statement: 0, lock: 0, idleInTransaction: 0 }

/**
 * Applies what is pending.
 * @returns the names of the migrations applied
 * @throws Problem UNAVAILABLE, MigrationFailed; a command does not wait for another process that is at it
 */
export async function migrateServer({
  directUrl,
  isCommand,
  log,
}: {
  directUrl: string
  isCommand: boolean
  log: Pick<Logger, 'info'> | undefined
}): Promise<readonly string[]> {
  const settings = {
    connectionString: directUrl,
    connectionTimeoutMillis: connectTimeoutMs,
    keepAlive: true,
    application_name: 'credentials-gateway migrate',
  }
  const client = new pg.Client(settings)
  // A pool of our own: the engine never closes the one that it would open, and the process would wait for that.
  const engine = new pg.Pool({ ...settings, onConnect: settleEach as (each: pg.ClientBase) => void })
  client.on('error', () => {}) // the statement under way reports it
  engine.on('error', () => {})
  const direct = <Result>(work: Promise<Result>): Promise<Result> =>
    answered(
      work.catch((error: Error) => {
        throw Object.assign(error, { direct: true }) // which of the two addresses it was
      }),
    )
  try {
    await direct(client.connect())
    const { schema, readOnly } = await direct(settle(client, noTimeouts))
    await takeLock(client, isCommand, log)
    const select = async (text: string): Promise<Record<string, unknown>[]> =>
      (await answered(client.query({ text, query_timeout: selectTimeoutMs } as pg.QueryConfig))).rows
    if (readOnly && (await migrationStatus(select)).pending.length > 0)
      throw told(new ReadOnly('migrations are pending, and the database takes no writes'))
    return await bringUpToDate(select, () => runningWholeScripts(engine, schema))
  } finally {
    await engine.end()
    await client.end()
  }
}

/** The pool waits for it, whatever its types say. */
const settleEach = (client: pg.ClientBase): Promise<unknown> => settle(client, noTimeouts)

/**
 * Asks again and again: who waited at the server would not notice that it has gone. The lock is held by a transaction that stays open, and
 * not by the session: a pooler that nobody told of would give the session to others with it.
 */
async function takeLock(client: pg.Client, isCommand: boolean, log: Pick<Logger, 'info'> | undefined): Promise<void> {
  await answered(client.query('begin; set local idle_in_transaction_session_timeout = 0'))
  const ask = { text: 'select pg_try_advisory_xact_lock($1) as taken', values: [migrationLock], query_timeout: selectTimeoutMs }
  for (let isFirst = true; ; isFirst = false) {
    const { rows } = await answered(client.query<{ taken: boolean }>(ask))
    if (rows[0]!.taken) return
    if (isCommand) throw new MigrationFailed('Another process is migrating this database. Wait until it has finished, and run this again.')
    if (isFirst) log?.info('another process is migrating the database: waiting until it has finished')
    await wait(lockPauseMs)
  }
}

/** Prisma's adapter cuts a script at every semicolon, those inside a function's body too. PostgreSQL takes it whole, as one transaction. */
function runningWholeScripts(pool: pg.Pool, schema: string): PrismaPg {
  const factory = new PrismaPg(pool, { schema })
  const connect = factory.connect.bind(factory)
  factory.connect = async () =>
    Object.assign(await connect(), {
      executeScript: async (script: string) => {
        await pool.query(script)
      },
    })
  return factory
}
