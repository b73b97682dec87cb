/**
 * The queue of the sign-in mails: rows of login_requests that are due. A row is leased, not taken, for a short while: whoever has it renews
 * the lease until the mail is out, and where they died another one finds the row due again. A lease is known by its attempt.
 */
import sql, { type Sql } from 'sql-template-tag'
import type { Queryable } from '../deps.ts'
import { columns, computed } from '../sql/columns.ts'
import { type RowOf, statement, together } from '../sql/statement.ts'
import { loginRequestColumns } from './login-mail.ts'

/** So long after a crash a mail is due again. With the longest wait between two looks of the mailer that makes less than 5 s. */
export const leaseMs = 2_500
/** Two renewals may be lost before a lease is. */
export const renewalMs = 1_000

const leasedColumns = together(loginRequestColumns, columns('LoginRequest', 'r', { attempts: 'mailAttempts' }))
export type Leased = RowOf<typeof leasedColumns>

const leaseEnd = sql`now() + make_interval(secs => ${leaseMs / 1_000})`

/** A moment by the database's clock, in seconds. */
const moment = (atSeconds: number | undefined): Sql => (atSeconds === undefined ? sql`now()` : sql`to_timestamp(${atSeconds})`)

/**
 * Requests for addresses that nobody has are ended many at a time, so that a flood of them holds up nobody's mail.
 * @param dueBy only those that were due then; now, where it is left out
 * @returns how many, `most` at most, and the moment
 */
export async function endNobodys(
  db: Queryable,
  { most, dueBy }: { most: number; dueBy?: number | undefined },
): Promise<{ ended: number; dueBy: number }> {
  const [result] = await db.query(
    statement`with nobodys as materialized (
          select r.id from login_requests r
          where r.mail_due_at <= ${moment(dueBy)} and not exists (select from people p where p.email_key = r.email_key and not p.archived)
          order by r.mail_due_at limit ${most} for update skip locked
        ), ended as (
          update login_requests r set mail_due_at = null, mail_error = 'nobody has this address' from nobodys n where r.id = n.id returning 1
        )
        select ${computed('ended', 'int', sql`count(*)::int`)}, ${computed('dueBy', 'float8', sql`extract(epoch from ${moment(dueBy)})::float8`)} from ended`,
  )
  return result!
}

/**
 * Leases what has been due for longest.
 * @param dueBy only what was due then
 * @param keys names of secret keys (`secretId`): only what was made under one of them. While a key is changed, others know more of them
 * @param except ids of what this process has under way: after an outage its leases may have run out, and it sends them all the same
 */
export function leaseSome(
  db: Queryable,
  { most, dueBy, keys, except }: { most: number; dueBy: number; keys: readonly string[]; except: readonly string[] },
): Promise<Leased[]> {
  return db.query(
    statement`with due as materialized (
          select r.id from login_requests r
          where r.mail_due_at <= ${moment(dueBy)} and r.secret_id = any(${keys}::text[]) and r.id <> all(${except}::text[])
          order by r.mail_due_at limit ${most} for update skip locked
        )
        update login_requests r set mail_attempts = r.mail_attempts + 1, mail_due_at = ${leaseEnd} from due where r.id = due.id
        returning ${leasedColumns}`,
  )
}

/**
 * Renews leases that are still held, in one statement. It waits for nobody: a row that is locked at the moment is left to the next renewal.
 * @returns the ids of those that are held from now on
 */
export async function renewLeases(db: Queryable, leases: readonly Leased[]): Promise<string[]> {
  // The later of the two: a mail that has been put off meanwhile is not brought forward.
  const renewed = await db.query(
    statement`with held as materialized (
          select r.id from login_requests r
          join unnest(${leases.map(({ id }) => id)}::text[], ${leases.map(({ attempts }) => attempts)}::int[]) as mine(id, attempts)
            on mine.id = r.id and mine.attempts = r.mail_attempts
          where r.mail_due_at is not null for update of r skip locked
        )
        update login_requests r set mail_due_at = greatest(r.mail_due_at, ${leaseEnd}) from held where r.id = held.id
        returning ${columns('LoginRequest', 'r', 'id')}`,
  )
  return renewed.map(({ id }) => id)
}

/** Nothing is to be sent any more, whoever else may have leased it since. */
export async function markSent(db: Queryable, { id }: Leased): Promise<void> {
  await db.query(statement`update login_requests set mail_due_at = null, mail_error = null, mail_sent_at = now() where id = ${id}`)
}

/** Never to be sent. @param reason for whoever reads the row */
export async function markEnded(db: Queryable, { id }: Leased, reason: string): Promise<void> {
  await db.query(statement`update login_requests set mail_due_at = null, mail_error = ${reason}, mail_sent_at = null where id = ${id}`)
}

/** Due again after a while, unless somebody else has leased it since. @param reason for whoever reads the row */
export async function putOff(db: Queryable, { id, attempts }: Leased, reason: string, waitMs: number): Promise<void> {
  await db.query(
    statement`update login_requests set mail_due_at = now() + make_interval(secs => ${waitMs / 1_000}), mail_error = ${reason}
        where id = ${id} and mail_attempts = ${attempts} and mail_due_at is not null`,
  )
}
