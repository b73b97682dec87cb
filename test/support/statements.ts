/** Every SQL statement that a gateway runs for its requests, in order; left out is what the mailer asks in between. */
import type { SqlQuery } from '@prisma/driver-adapter-utils'
import { Sql } from 'sql-template-tag'
import { modelStatements } from '../../src/adapters/prisma.ts'
import { otherwise, type TestDatabase } from './database.ts'

export interface Recorder {
  /** Give it to `startGateway`. */
  readonly db: TestDatabase
  /** The statements that ran while this work was done: those of SQL outside of transactions, and all of the models. */
  during(work: () => Promise<unknown>): Promise<Sql[]>
}

export function recordStatements(db: TestDatabase): Recorder {
  let statements: Sql[] = []
  const record = (statement: Sql): void => {
    if (!/login_requests/.test(statement.text)) statements.push(statement)
  }
  const hear = (message: unknown): void => {
    const { sql, args } = message as SqlQuery
    record(new Sql(sql.split(/\$\d+/), args))
  }
  return {
    db: otherwise(db, {
      query(statement) {
        record(statement)
        return db.query(statement)
      },
    }),
    async during(work) {
      statements = []
      modelStatements.subscribe(hear)
      try {
        await work()
      } finally {
        modelStatements.unsubscribe(hear)
      }
      return statements
    },
  }
}
