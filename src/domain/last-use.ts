/** The last use of a credential: kept to the minute, by the look at it, and never in the way of a read. */
import sql, { type Sql } from 'sql-template-tag'
import type { Queryable } from '../deps.ts'
import { type Statement, statement } from '../sql/statement.ts'
import { Problem } from './problem.ts'

/** True in SQL when a use is worth a mark: one that is used all the time costs two writes a minute. */
export const unmarked = (lastUse: Sql): Sql => sql`(${lastUse} is null or ${lastUse} < now() - interval '30 seconds')`

/** Where a last use could not be written, nobody tries again for so long: each try may take as long as a statement may. */
const unmarkedMs = 5_000
const unmarkedUntil = new WeakMap<Queryable, number>()
/** With the wait for a turn (credentials.ts) below the 5 s within which a request is answered, though there are two statements. */
const patienceMs = 3_500

/**
 * Finds a credential and marks its last use, in one statement. Where nothing can be written (the database is read-only, the table locked)
 * it is only found, so that reads go on.
 * @param found the statement that finds it
 * @param mark the one that marks what is in the rows `found`
 */
export async function findMarking<Row>(db: Queryable, found: Statement<Row>, mark: Sql): Promise<Row | undefined> {
  const startedAt = performance.now()
  if (startedAt >= (unmarkedUntil.get(db) ?? 0)) {
    try {
      const [row] = await db.query(statement`with found as (${found}), marked as (${mark}) select * from found`)
      return row
    } catch (error) {
      if (!(error instanceof Problem && error.code === 'UNAVAILABLE')) throw error
      unmarkedUntil.set(db, performance.now() + unmarkedMs)
    }
  }
  const [row] = await within(startedAt + patienceMs - performance.now(), db.query(found))
  return row
}

async function within<Result>(ms: number, result: Promise<Result>): Promise<Result> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_, reject) => (timer = setTimeout(() => reject(new Problem('UNAVAILABLE', { retryAfter: 1 })), ms)))
  return Promise.race([result, late]).finally(() => clearTimeout(timer))
}
