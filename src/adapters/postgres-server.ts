/** A PostgreSQL server through `pg`: a pool for requests, a few connections beside it, and one that hears what is announced. */
import type pg from 'pg'
import type { Logger } from 'pino'
import sql from 'sql-template-tag'
import type { Patience } from '../deps.ts'
import { computed } from '../sql/columns.ts'
import { type OnResult, statement } from '../sql/statement.ts'
import type { OpenDatabase } from './database.ts'
import { answered, ReadOnly, told } from './database-errors.ts'
import { migrationStatus } from './migrations.ts'
import { migrateServer } from './postgres-migration.ts'
import { pgAdapterOver } from './postgres-models.ts'
import { ConnectionPool } from './postgres-pool.ts'
import { type Opened, settle, type Timeouts } from './postgres-settings.ts'
import { ServerTransactions } from './postgres-transactions.ts'
import { announcementTrouble, type ServerWatch, watchServer } from './postgres-watch.ts'
import { Models } from './prisma.ts'
import { StatementNames } from './statement-names.ts'
import { patienceOf } from './waits.ts'

export interface ServerOptions {
  readonly url: string
  /** A session-mode connection to the same database. */
  readonly directUrl: string
  /** `url` is a transaction-mode pooler: no named statements, no settings, no session locks on it. */
  readonly pooled: boolean
  readonly poolSize?: number
  /** An operator's command: nothing it does has a deadline. */
  readonly isCommand?: boolean
  readonly log?: Pick<Logger, 'info' | 'warn'>
  /** For tests: compares what statements say with what comes. */
  readonly onResult?: OnResult
}

const defaultPoolSize = 10
/** SPEC: "probes, credentials and mailer share 3 connections beside the pool" */
const asideSize = 3
/** So many times its size may wait for a connection of the pool. */
const queueFactor = 10
const asideQueue = 1_000

/** A request is answered within 5 s, whatever the database does. What is not given up in time ends by these at the server. */
const requestTimeouts: Timeouts = { statement: 4_500, lock: 3_000, idleInTransaction: 10_000 }
const asideTimeouts: Timeouts = { statement: 2_500, lock: 250, idleInTransaction: 10_000 }
const commandTimeouts: Timeouts = { statement: 0, lock: 0, idleInTransaction: 60_000 }

const takesWrites = statement`select ${computed('takesWrites', 'boolean', sql`not pg_is_in_recovery() and current_setting('transaction_read_only') = 'off'`)}`

/** Connects when the first statement runs, so that a server that is away at the start is met like one that goes away. */
export function openServer(options: ServerOptions): OpenDatabase {
  const { url, directUrl, poolSize = defaultPoolSize, isCommand = false, log, onResult } = options
  let { pooled } = options
  const pools: ConnectionPool[] = []
  const renewAll = (): void => {
    for (const pool of pools) pool.renew()
  }
  const names = new StatementNames(pooled, renewAll)
  const foundPooled = (): void => {
    if (pooled) return
    pooled = true
    names.giveUp()
    renewAll()
    log?.warn(
      'DATABASE_URL leads to a transaction-mode pooler, which nobody said: set DIRECT_DATABASE_URL to a session-mode connection to the same database',
    )
  }
  const pids = new Map<number, pg.ClientBase>()
  let warned: string | undefined
  let schema: string | undefined
  const open = async (client: pg.ClientBase, timeouts: Timeouts): Promise<Opened> => {
    const opened = await settle(client, pooled ? undefined : timeouts)
    if (!pooled && pids.has(opened.pid)) foundPooled() // one process of the server behind two connections
    pids.set(opened.pid, client)
    schema = opened.schema
    client.once('end', () => {
      if (pids.get(opened.pid) === client) pids.delete(opened.pid)
    })
    if (opened.warning !== undefined && opened.warning !== warned) log?.warn((warned = opened.warning))
    return opened
  }
  /** A transaction that asks for it has a connection, and another one it might wait for in vain. */
  const schemaOfTables = async (): Promise<string> => {
    if (schema === undefined) await aside.query(statement`select`)
    return schema!
  }
  const models = new Models({ schema: schemaOfTables, adapterOver: pgAdapterOver })
  const transactionsOver = (size: number, mostWaiting: number, timeouts: Timeouts) => {
    const pool = new ConnectionPool({ url, size, mostWaiting, onOpened: async (client) => void (await open(client, timeouts)) })
    pools.push(pool)
    const within = (patience: () => Patience | undefined) =>
      new ServerTransactions({ pool, names, models, patience, timeouts, repeats: !isCommand, onUnnamed: foundPooled, onResult })
    return { pool, within, each: within(() => (isCommand ? undefined : patienceOf(timeouts.statement))) }
  }
  const requests = transactionsOver(poolSize, queueFactor * poolSize, isCommand ? commandTimeouts : requestTimeouts)
  const aside = transactionsOver(asideSize, asideQueue, isCommand ? commandTimeouts : asideTimeouts).each
  const watches = new Map<string, ServerWatch>()

  const watch = (channel: string): ServerWatch =>
    watchServer({
      listenUrl: directUrl,
      announceUrl: url,
      channel,
      onMoved: renewAll,
      onChange: (trouble) =>
        trouble === undefined
          ? log?.info('what is announced is heard again: credentials are remembered from now on')
          : log?.warn(`${trouble} Until then every credential is looked up again for each request.`),
    })

  const db: OpenDatabase = {
    kind: 'server',
    tables: requests.each.tables,
    query: (asked) => requests.each.query(asked),
    transaction: (work) => requests.each.transaction(work),
    within(patience) {
      const transactions = requests.within(() => patience)
      return {
        ...db,
        tables: transactions.tables, // and no getter: V8 makes an object with one 30 times more slowly, and there is one for each request
        query: (asked) => transactions.query(asked),
        transaction: (work) => transactions.transaction(work),
      }
    },
    aside,
    probe: sharing(async () => {
      const [server] = await aside.query(takesWrites)
      if (server!.takesWrites) return
      renewAll() // whatever the others lead to, they are asked anew
      throw told(new ReadOnly('the database takes no writes'))
    }),
    watch(channel, listener) {
      const found = watches.get(channel) ?? watch(channel)
      watches.set(channel, found)
      found.listeners.push(listener)
      return found
    },
    migrate: () => migrateServer({ directUrl, isCommand, log }),
    migrationStatus: () => migrationStatus(async (text) => (await answered(requests.pool.pool.query(text))).rows),
    async examine() {
      await db.query(takesWrites)
      return warned === undefined ? [] : [warned]
    },
    announcementTrouble: () => announcementTrouble(directUrl, url),
    async close() {
      await Promise.all([...watches.values()].map((each) => each.close()))
      await models.disconnect()
      await Promise.all(pools.map((pool) => pool.end()))
    },
  }
  return db
}

/** Whoever asks while it is under way has the same answer. */
function sharing<Result>(work: () => Promise<Result>): () => Promise<Result> {
  let underWay: Promise<Result> | undefined
  return () =>
    (underWay ??= work().finally(() => {
      underWay = undefined
    }))
}
