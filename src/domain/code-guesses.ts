/**
 * Guesses at codes: paid for before they are compared, given back when they were right. The rules are in guessing.ts; what is counted
 * is rows, so that it survives a restart and all instances share it.
 */
import sql, { type Sql } from 'sql-template-tag'
import type { Deps, Queryable } from '../deps.ts'
import { columns } from '../sql/columns.ts'
import { statement } from '../sql/statement.ts'
import type { Client } from './client.ts'
import { emailKey } from './email.ts'
import { meantAfter, type Opened, standingOf, type Stood } from './guess-standing.ts'
import { alertPercentOf, budget, judge, type Verdict } from './guessing.ts'
import { inTurn, isBusy } from './in-turn.ts'
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
  const look = (db: Queryable, keys: readonly string[]): Promise<Stood> => standingOf(db, deps.secrets, client, email, keys)
  const queue = deps.db.aside // the same object in every request to this database
  // A flood of what is refused anyway must not queue up before the lock.
  if (isBusy(queue)) permitted(await look(deps.db, email === undefined ? [] : [emailKey(email)]))
  // One at a time in this process: they would wait for each other in the database, with a connection each.
  return inTurn(queue, () =>
    deps.db.transaction(async (tx) => {
      const keys = await meantAfter(tx, sql`turn as (${takingTurn})`, client, email)
      return record(tx, deps, client, await look(tx, keys))
    }),
  )
}

/**
 * Waits for the one row that every guess locks, for a second at most. The next statement sees everything that was counted before
 * (isolation level read committed).
 */
const takingTurn = sql`insert into guess_budget (id) select 1 where set_config('lock_timeout', '1s', true) is not null
  on conflict (id) do update set id = excluded.id`

/** @throws Problem TOO_MANY_CODES */
function permitted(stood: Stood): Exclude<Verdict, { kind: 'refuse' }> {
  const verdict = judge(stood)
  if (verdict.kind !== 'refuse') return verdict
  throw new Problem('TOO_MANY_CODES', { retryAfter: Math.max(1, Math.ceil(verdict.retryAfterSeconds)) })
}

const noComparison: Omit<Extract<Verdict, { kind: 'compare' }>, 'kind'> = { requests: [], cost: 0, trusted: false }

/**
 * Does as the verdict says. A guess counts as a failure of its address, unless it came with the cookie of its own request, and of
 * everybody whose code it is held against. One in vain takes the same statement: who has a code just now is not to be seen. The log is told
 * once a day of each share of the budget that has been spent.
 */
async function record(tx: Queryable, { random, secrets, log }: GuessDeps, client: Client, stood: Stood): Promise<PaidGuess> {
  const verdict = permitted(stood)
  const { requests, cost, trusted } = verdict.kind === 'compare' ? verdict : noComparison
  const opened = stood.found.filter((each) => requests.includes(each.id))
  const people = opened.map((each) => addressMac(secrets[0]!, each.emailKey))
  const { address, site, block } = stood.network
  const id = makeId(random)
  const isFailure = !stood.own || opened.length > 0
  const spentUnits = stood.spent.count + cost
  const percent = cost > 0 ? alertPercentOf(spentUnits) : 0
  // The time of now, and not of the transaction's begin: it may have waited. The requests in the one order in which all lock them.
  const told = await tx.query(
    statement`with paid as (
          insert into code_guesses (id, at, network, site, block, browser_hash, requests, people, cost, trusted)
          select ${id}, clock_timestamp(), ${stood.own ? null : address}, ${stood.own ? null : (site ?? null)}, ${block},
            ${client.browserToken === undefined ? null : hashToken(client.browserToken)},
            ${requests}::text[], ${people}::text[], ${cost}, ${trusted} where ${isFailure}::boolean
        ), tried as (
          update login_requests set code_attempts = code_attempts + 1 where id in (
            select r.id from login_requests r where ${heldAgainst(opened)} order by r.id for update)
        )
        update guess_budget b set alerted_percent = ${percent}, alerted_at = now()
        where id = 1 and ${percent}::int > 0
          and (alerted_percent < ${percent} or alerted_at < now() - make_interval(hours => ${budget.hours}))
        returning ${columns('GuessBudget', 'b', 'id')}`,
  )
  if (told.length > 0) log.warn({ spentUnits, budgetUnits: budget.units }, `${percent} % of the day's budget of guesses at codes is spent`)
  return { id, opened }
}

/** A condition on `login_requests r`. */
export const heldAgainst = (opened: readonly Opened[]): Sql => sql`r.id = any(${opened.map(({ id }) => id)}::text[])`

/**
 * Gives back what a right code cost, as part of its sign-in's statement, in which `person` is who signs in: all of the guess itself, for
 * nobody else had this code; and of what the same browser gave wrong before, the share of this person. (The tries of what it was held
 * against are given back with the request's use: a statement changes a row once.)
 */
export const givingBack = ({ browserToken }: Client, { id }: PaidGuess): readonly Sql[] => [
  sql`given as (delete from code_guesses g using person where g.id = ${id})`,
  ...(browserToken === undefined
    ? []
    : [
        sql`own as (select array_agg(r.id) as ids from login_requests r join person on person.email_key = r.email_key)`,
        // A sign-in of somebody else in this browser, at this very moment, is not waited for.
        sql`wrong as (
          select g.id, own.ids from code_guesses g, own
          where g.browser_hash = ${hashToken(browserToken)} and g.id <> ${id} and g.cost > 0 and g.requests && own.ids
          for update of g skip locked
        )`,
        sql`forgiven as (
          update code_guesses g set
            cost = g.cost - (select count(*) from unnest(g.requests) as r(id) where r.id = any(wrong.ids)),
            requests = array(select r.id from unnest(g.requests) as r(id) where r.id <> all(wrong.ids))
          from wrong where g.id = wrong.id
        )`,
      ]),
]
