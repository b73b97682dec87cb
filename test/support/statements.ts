/** Every SQL statement that a gateway runs for its requests, in order; what the mailer asks in between is left out. */
import type { Sql } from 'sql-template-tag'
import type { TestDatabase } from './database.ts'

export interface Recorder {
  /** Give it to `startGateway`. */
  readonly db: TestDatabase
  /** The statements that ran while this work was done. */
  during(work: () => Promise<unknown>): Promise<Sql[]>
}

export function recordStatements(db: TestDatabase): Recorder {
  let statements: Sql[] = []
  return {
    db: {
      ...db,
      query(statement) {
        if (!statement.text.includes('login_requests')) statements.push(statement)
        return db.query(statement)
      },
    },
    async during(work) {
      statements = []
      await work()
      return statements
    },
  }
}
