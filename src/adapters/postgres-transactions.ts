/** Statements and transactions over a pool: each within its time, and once more where that is safe. */
import type pg from 'pg'
import type { Patience, Queryable, Tables, Transactions } from '../deps.ts'
import { Problem } from '../domain/problem.ts'
import type { OnResult, Statement } from '../sql/statement.ts'
import { type Fault, faultOf, told, TooLate } from './database-errors.ts'
import type { HeldConnection } from './postgres-connection.ts'
import type { AskServer } from './postgres-models.ts'
import type { ConnectionPool } from './postgres-pool.ts'
import type { Timeouts } from './postgres-settings.ts'
import type { Models } from './prisma.ts'
import type { StatementNames } from './statement-names.ts'
import { JoinedTables, tablesOutside, throughPrisma } from './tables.ts'
import { patienceOf } from './waits.ts'

/** After these nothing of a transaction, or of a statement alone, was done. */
const nothingDone: ReadonlySet<Fault> = new Set<Fault>(['undone', 'readOnly', 'unnamed', 'outgrown'])
/** These are of the connection, and of those beside it: another one may do. */
const ofTheConnection: ReadonlySet<Fault> = new Set<Fault>(['lost', 'readOnly', 'unnamed', 'outgrown'])

/** For the end of a transaction that is undone anyway. */
const rollbackMs = 1_000

export interface TransactionOptions {
  readonly pool: ConnectionPool
  readonly names: StatementNames
  readonly models: Models<AskServer>
  /** For each statement, or each transaction as a whole, that has no patience of a request. */
  readonly patience: () => Patience | undefined
  /** Those that hold in a transaction, whatever the connection has. */
  readonly timeouts: Timeouts
  /** Whether work is done once more where that is safe. */
  readonly repeats: boolean
  /** A name was not what it was thought to be. */
  readonly onUnnamed: () => void
  readonly onResult: OnResult | undefined
}

/** How far one try of a piece of work has come, for whether there may be another. */
interface Try {
  /** Nothing would be done twice, as far as it has come. */
  isRepeatable: boolean
}

export class ServerTransactions implements Transactions {
  private readonly options: TransactionOptions
  private outside: Tables | undefined

  constructor(options: TransactionOptions) {
    this.options = options
  }

  get tables(): Tables {
    return (this.outside ??= tablesOutside(
      this.options.models,
      (query) => throughPrisma(this.ask(this.named(query), asItIs)),
      (work) => this.transaction(work),
    ))
  }

  query<Row>(statement: Statement<Row>): Promise<Row[]> {
    return this.ask(this.queryOf(statement), (result) => this.rowsOf(statement, result))
  }

  private ask<Result>(query: pg.QueryConfig, read: (result: pg.QueryResult) => Result): Promise<Result> {
    const isRead = isSelect(query.text)
    return this.tried((connection, patience, state) => {
      state.isRepeatable = isRead
      return connection.ask(query, { patience, isRead }).then(read, throwTold)
    })
  }

  transaction<Result>(work: (tx: Queryable) => Promise<Result>): Promise<Result> {
    const { models } = this.options
    return this.tried(async (connection, patience, state) => {
      state.isRepeatable = true
      await connection.ask({ text: this.begin(patience) }, { patience }).catch(throwTold)
      state.isRepeatable = false
      const ask: AskServer = (query) => connection.ask(query, { patience })
      const askNamed: AskServer = (query) => throughPrisma(ask(this.named(query)))
      let joined: JoinedTables<AskServer> | undefined
      const tx: Queryable = {
        query: (statement) => ask(this.queryOf(statement)).then((result) => this.rowsOf(statement, result), throwTold),
        get tables() {
          joined ??= new JoinedTables(models, askNamed)
          return joined.tables
        },
      }
      try {
        const result = await work(tx)
        await joined?.finish()
        if (patience && patience.left() <= 0) throw told(new TooLate('there was no time left to commit'))
        const { command } = await connection.ask({ text: 'commit' }, { patience }).catch(throwTold)
        if (command !== 'COMMIT')
          throw new Error(`a transaction ended by ${command}: a statement of it had failed, and that was not passed on`)
        return result
      } catch (error) {
        await joined?.finish().catch(() => {}) // the error that ended the work is the one that counts
        await rollBack(connection)
        throw error
      }
    })
  }

  /** Whoever waits for a lock sees what was committed meanwhile: the domain counts on it, whatever the server's own default is. */
  private begin(patience: Patience | undefined): string {
    const { statement, lock, idleInTransaction } = this.options.timeouts
    const left = patience ? Math.max(1, Math.ceil(patience.left())) : statement
    return `begin isolation level read committed; set local statement_timeout = ${left}; set local lock_timeout = ${lock};
      set local idle_in_transaction_session_timeout = ${idleInTransaction}`
  }

  private rowsOf<Row>(statement: Statement<Row>, { rows, fields }: pg.QueryResult): Row[] {
    this.options.onResult?.(statement, fields, rows as object[])
    return rows as Row[]
  }

  private queryOf({ text, values }: Statement<unknown>): pg.QueryConfig {
    // The text is put together at every look. An object with all its members at once is made faster than one that is copied.
    const name = this.options.names.of(text)
    return name === undefined ? { text, values } : { name, text, values }
  }

  private named(query: pg.QueryConfig): pg.QueryConfig {
    const name = this.options.names.of(query.text)
    return name === undefined ? query : { ...query, name }
  }

  private async tried<Result>(
    once: (connection: HeldConnection, patience: Patience | undefined, state: Try) => Promise<Result>,
  ): Promise<Result> {
    const { pool, repeats } = this.options
    const patience = this.options.patience()
    for (let isFirst = true; ; isFirst = false) {
      const connection = await pool.take(patience).catch(throwTold)
      const state: Try = { isRepeatable: false }
      try {
        return await once(connection, patience, state)
      } catch (error) {
        const fault = error instanceof Problem && error.code === 'UNAVAILABLE' ? faultOf(error.cause) : undefined
        this.learn(fault, connection, error as Error)
        const isSafe = fault !== undefined && (nothingDone.has(fault) || (fault === 'lost' && state.isRepeatable))
        if (!repeats || !isFirst || !isSafe || (patience && patience.left() <= 0)) throw error
      } finally {
        pool.give(connection)
      }
    }
  }

  /** What an error says of the connection, and of those beside it. */
  private learn(fault: Fault | undefined, connection: HeldConnection, error: Error): void {
    if (fault === undefined || !ofTheConnection.has(fault)) return
    connection.spoil(error)
    this.options.pool.renew()
    if (fault === 'unnamed') this.options.onUnnamed()
  }
}

async function rollBack(connection: HeldConnection): Promise<void> {
  if (!connection.isFree) return connection.spoil(new Error('a transaction was given up')) // it ends with its connection
  await connection.ask({ text: 'rollback' }, { patience: patienceOf(rollbackMs) }).catch((error: Error) => connection.spoil(error))
}

/** A statement that only reads: these begin so, and all that begin so only read. */
const isSelect = (text: string): boolean => /^\s*select\b/i.test(text)

const asItIs = (result: pg.QueryResult): pg.QueryResult => result

function throwTold(error: unknown): never {
  throw told(error)
}
