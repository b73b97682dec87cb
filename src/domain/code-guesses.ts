/**
 * Guesses at codes: paid for before they are compared, given back when they were right. The rules are in guessing.ts; what is counted
 * is rows, so that it survives a restart and all instances share it.
 */
import sql, { type Sql } from 'sql-template-tag'
import type { Deps, Queryable } from '../deps.ts'
import type { Client } from './client.ts'
import { type Opened, standingOf, type Stood } from './guess-standing.ts'
import { alertPercentOf, budget, judge, type Verdict } from './guessing.ts'
import { inTurn } from './in-turn.ts'
import { Problem } from './problem.ts'
import { addressMac, hashToken, makeId } from './tokens.ts'

type GuessDeps = Pick<Deps, 'db' | 'random' | 'secrets' | 'log'>

/** A guess that is counted as a failure until it has proved to be none. */
export interface PaidGuess {
  readonly id: string
  readonly opened: readonly Opened[]
}

/**
 * Counts a guess, in a transaction of its own that has committed when this returns.
 * @param email the address given with the code
 * @returns what it may be compared with
 * @throws Problem TOO_MANY_CODES when it must not be compared, UNAVAILABLE when too many wait for their turn
 */
export async function payForGuess(deps: GuessDeps, client: Client, email: string | undefined): Promise<PaidGuess> {
  const look = (db: Queryable): Promise<Stood> => standingOf(db, deps.secrets, client, email)
  permitted(await look(deps.db)) // a flood of what is refused anyway must not queue up before the lock
  // One at a time in this process: they would wait for each other in the database, with a connection each.
  return inTurn(deps.db, () =>
    deps.db.transaction(async (tx) => {
      await tx.query(sql`set local lock_timeout = '1s'`)
      // Whoever waits here sees, once it goes on, everything that the one before it has counted (isolation level read committed).
      await tx.query(sql`insert into guess_budget (id) values (1) on conflict (id) do update set id = excluded.id`)
      return record(tx, deps, client, await look(tx))
    }),
  )
}

/** @throws Problem TOO_MANY_CODES */
function permitted(stood: Stood): Exclude<Verdict, { kind: 'refuse' }> {
  const verdict = judge(stood)
  if (verdict.kind !== 'refuse') return verdict
  throw new Problem('TOO_MANY_CODES', { retryAfter: Math.max(1, Math.ceil(verdict.retryAfterSeconds)) })
}

const noComparison: Omit<Extract<Verdict, { kind: 'compare' }>, 'kind'> = { requests: [], cost: 0, trusted: false }

/**
 * Does as the verdict says. A guess counts as a failure of its address, unless it came with the cookie of its own request, and of
 * everybody whose code it is held against. One in vain takes the same statements: who has a code just now is not to be seen.
 */
async function record(tx: Queryable, { random, secrets, log }: GuessDeps, client: Client, stood: Stood): Promise<PaidGuess> {
  const verdict = permitted(stood)
  const { requests, cost, trusted } = verdict.kind === 'compare' ? verdict : noComparison
  const opened = stood.found.filter((each) => requests.includes(each.id))
  const people = opened.map((each) => addressMac(secrets[0]!, each.emailKey))
  const { address, site, block } = stood.network
  const id = makeId(random)
  if (!stood.own || opened.length > 0) {
    // The time of now, and not of the transaction's begin: it may have waited.
    await tx.query(
      sql`insert into code_guesses (id, at, network, site, block, browser_hash, requests, people, cost, trusted)
          values (${id}, clock_timestamp(), ${stood.own ? null : address}, ${stood.own ? null : (site ?? null)}, ${block},
            ${client.browserToken === undefined ? null : hashToken(client.browserToken)},
            ${requests}::text[], ${people}::text[], ${cost}, ${trusted})`,
    )
  }
  await tx.query(sql`update login_requests set code_attempts = code_attempts + 1 where id in (${held(opened)})`)
  if (cost > 0) await alert(tx, log, stood.spent.count + cost)
  return { id, opened }
}

/** In the one order in which all lock them who lock several. */
const held = (requests: readonly Opened[]): Sql =>
  sql`select r.id from login_requests r where r.id = any(${requests.map(({ id }) => id)}::text[]) order by r.id for update`

/** Tells the log once a day of each share of the budget that has been spent. */
async function alert(db: Queryable, log: Deps['log'], spentUnits: number): Promise<void> {
  const percent = alertPercentOf(spentUnits)
  if (percent === 0) return
  const told = await db.query(
    sql`update guess_budget set alerted_percent = ${percent}, alerted_at = now()
        where id = 1 and (alerted_percent < ${percent} or alerted_at < now() - make_interval(hours => ${budget.hours})) returning id`,
  )
  if (told.length > 0) log.warn({ spentUnits, budgetUnits: budget.units }, `${percent} % of the day's budget of guesses at codes is spent`)
}

/** Locks what a guess was held against, before anything else of a sign-in is locked. */
export async function holdGuess(tx: Queryable, { opened }: PaidGuess): Promise<void> {
  await tx.query(held(opened))
}

/**
 * Gives back what a right code cost, as part of its sign-in: all of the guess itself, for nobody else had this code; and of what the
 * same browser gave wrong before, the share of this person.
 */
export async function giveBack(tx: Queryable, client: Client, { id, opened }: PaidGuess, key: string): Promise<void> {
  await tx.query(
    sql`with given as (delete from code_guesses where id = ${id})
        update login_requests set code_attempts = code_attempts - 1 where id = any(${opened.map((each) => each.id)}::text[])`,
  )
  if (client.browserToken === undefined) return
  await tx.query(
    sql`with own as (select array_agg(r.id) as ids from login_requests r where r.email_key = ${key}),
          wrong as (
            select g.id, own.ids from code_guesses g, own where g.browser_hash = ${hashToken(client.browserToken)} and g.cost > 0 and g.requests && own.ids
            for update of g skip locked -- a sign-in of somebody else in this browser, at this very moment, is not waited for
          )
        update code_guesses g set
          cost = g.cost - (select count(*) from unnest(g.requests) as r(id) where r.id = any(wrong.ids)),
          requests = array(select r.id from unnest(g.requests) as r(id) where r.id <> all(wrong.ids))
        from wrong where g.id = wrong.id`,
  )
}
