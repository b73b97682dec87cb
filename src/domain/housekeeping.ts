/** Housekeeping: rows that have run out are deleted, a few at a time, so that a flood of them is cleared like a trickle. */
import sql, { type Sql } from 'sql-template-tag'
import type { Deps } from '../deps.ts'
import { repeatedly } from './background.ts'
import { budget } from './guessing.ts'
import { idempotencyHours } from './idempotency.ts'
import { deviceLifetimeDays } from './trusted-devices.ts'

const intervalMs = 60_000
const rowsAtOnce = 1_000

/** Codes stay unique, and what is counted or may be sent again stays known, for 24 hours; the rest is of no use once it has run out. */
const runOut: readonly Sql[] = [
  sql`delete from login_requests where id in (select id from login_requests where created_at < now() - interval '24 hours' limit ${rowsAtOnce} for update skip locked) returning id`,
  sql`delete from sessions where id in (select id from sessions where expires_at <= now() limit ${rowsAtOnce} for update skip locked) returning id`,
  sql`delete from code_guesses where id in (
        select id from code_guesses where at <= now() - make_interval(hours => ${budget.hours}) limit ${rowsAtOnce} for update skip locked)
      returning id`,
  sql`delete from request_buckets where key in (
        select key from request_buckets where full_at <= now() limit ${rowsAtOnce} for update skip locked) returning key`,
  sql`delete from trusted_devices where ctid in (
        select ctid from trusted_devices where signed_in_at <= now() - make_interval(days => ${deviceLifetimeDays})
        limit ${rowsAtOnce} for update skip locked) returning token_hash`,
  sql`delete from idempotency_keys where ctid in (
        select ctid from idempotency_keys where created_at <= now() - make_interval(hours => ${idempotencyHours}) limit ${rowsAtOnce} for update skip locked)
      returning record_id`,
]

/** Tidies up now and every minute. @returns how to stop it; it resolves when what was under way is through */
export const startHousekeeping = (deps: Pick<Deps, 'db' | 'log'>): (() => Promise<void>) =>
  repeatedly(intervalMs, (stopped) => tidyUp(deps, stopped))

async function tidyUp({ db, log }: Pick<Deps, 'db' | 'log'>, stopped: () => boolean): Promise<void> {
  for (const statement of runOut) {
    try {
      while (!stopped() && (await db.query(statement)).length === rowsAtOnce);
    } catch (error) {
      log.warn({ err: error }, 'rows that have run out could not be deleted; the next round tries again')
    }
  }
}
