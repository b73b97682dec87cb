/** Housekeeping: rows that have run out are deleted, a few at a time, so that a flood of them is cleared like a trickle. */
import type { Deps } from '../deps.ts'
import { columns } from '../sql/columns.ts'
import { type Statement, statement } from '../sql/statement.ts'
import { repeatedly } from './background.ts'
import { budget } from './guessing.ts'
import { idempotencyHours } from './idempotency.ts'
import { deviceLifetimeDays } from './trusted-devices.ts'

const intervalMs = 60_000
const rowsAtOnce = 1_000

/** Codes stay unique, and what is counted or may be sent again stays known, for 24 hours; the rest is of no use once it has run out. */
const runOut: readonly Statement<unknown>[] = [
  statement`delete from login_requests r where id in (
        select id from login_requests where created_at < now() - interval '24 hours' limit ${rowsAtOnce} for update skip locked)
      returning ${columns('LoginRequest', 'r', 'id')}`,
  statement`delete from sessions s where id in (
        select id from sessions where expires_at <= now() limit ${rowsAtOnce} for update skip locked)
      returning ${columns('Session', 's', 'id')}`,
  statement`delete from code_guesses g where id in (
        select id from code_guesses where at <= now() - make_interval(hours => ${budget.hours}) limit ${rowsAtOnce} for update skip locked)
      returning ${columns('CodeGuess', 'g', 'id')}`,
  statement`delete from request_buckets b where key in (
        select key from request_buckets where full_at <= now() limit ${rowsAtOnce} for update skip locked)
      returning ${columns('RequestBucket', 'b', 'key')}`,
  statement`delete from trusted_devices t where ctid in (
        select ctid from trusted_devices where signed_in_at <= now() - make_interval(days => ${deviceLifetimeDays})
        limit ${rowsAtOnce} for update skip locked)
      returning ${columns('TrustedDevice', 't', 'tokenHash')}`,
  statement`delete from idempotency_keys k where ctid in (
        select ctid from idempotency_keys where created_at <= now() - make_interval(hours => ${idempotencyHours}) limit ${rowsAtOnce} for update skip locked)
      returning ${columns('IdempotencyKey', 'k', 'recordId')}`,
]

/** Tidies up now and every minute. @returns how to stop it; it resolves when what was under way is through */
export const startHousekeeping = (deps: Pick<Deps, 'db' | 'log'>): (() => Promise<void>) =>
  repeatedly(intervalMs, (stopped) => tidyUp(deps, stopped))

async function tidyUp({ db, log }: Pick<Deps, 'db' | 'log'>, stopped: () => boolean): Promise<void> {
  for (const deletion of runOut) {
    try {
      while (!stopped() && (await db.query(deletion)).length === rowsAtOnce);
    } catch (error) {
      log.warn({ err: error }, 'rows that have run out could not be deleted; the next round tries again')
    }
  }
}
