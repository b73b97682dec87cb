/** Every SQL statement that a gateway runs for its requests, in order; left out is what the mailer asks in between. */
import type { Sql } from 'sql-template-tag'
import { otherwise, type TestDatabase } from './database.ts'

export interface Recorder {
  /** Give it to `startGateway`. */
  readonly db: TestDatabase
  /** The statements that ran while this work was done. */
  during(work: () => Promise<unknown>): Promise<Sql[]>
}

export function recordStatements(db: TestDatabase): Recorder {
  let statements: Sql[] = []
  return {
    db: otherwise(db, {
      query(statement) {
        if (!/login_requests/.test(statement.text)) statements.push(statement)
        return db.query(statement)
      },
    }),
    async during(work) {
      statements = []
      await work()
      return statements
    },
  }
}
