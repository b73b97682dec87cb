/** Where a guess at a code stands before it is judged: what it may be held against, and what has been counted so far. */
import sql, { join, type Sql } from 'sql-template-tag'
import type { Queryable } from '../deps.ts'
import { columns, computed } from '../sql/columns.ts'
import { jsonList, jsonMember } from '../sql/json.ts'
import { type RowOf, statement, together } from '../sql/statement.ts'
import { type Client, coarseNetwork, siteOf } from './client.ts'
import { emailKey } from './email.ts'
import { budget, type Failures, networkFactors, type Standing, type Tally } from './guessing.ts'
import { codeAlive } from './login-requests.ts'
import { addressMac, hashToken } from './tokens.ts'
import { deviceTrusted } from './trusted-devices.ts'

/** `districtId`, `personId`: nobody's, where the mailer found nobody or has not looked yet. */
const openedColumns = columns('LoginRequest', 'r', 'id', 'codeMac', 'secretId', 'districtId', 'personId')
/** A login request that a guess is compared with. */
export type Opened = RowOf<typeof openedColumns>

/** Of the rows `found r`. */
const foundColumns = (client: Client) =>
  together(
    openedColumns,
    columns('LoginRequest', 'r', 'emailKey', { tries: 'codeAttempts' }),
    computed('rank', 'int', sql`r.rank`),
    computed('isTrusted', 'boolean', deviceTrusted(client)),
  )
type Found = RowOf<ReturnType<typeof foundColumns>>

/** Of the rows `counted c`: tallies with their names. */
const countedColumns = together(
  computed('name', 'text', sql`c.name`),
  computed('count', 'int', sql`c.count`),
  computed('freesInSeconds', 'float8', sql`c.frees_in_seconds`),
)

/** A standing with what it was read from. */
export type Stood = Standing & { readonly found: readonly Found[]; readonly network: Network }

/** Where a guess comes from, as wide as limits look. */
interface Network {
  readonly address: string
  readonly site: string | undefined
  readonly block: string
}

/**
 * The rows `found` of a statement: the requests that this client could have made. Those of the same browser; where there are none, those
 * for the address given; where there are none, those from the same network.
 */
function finding(client: Client, email: string | undefined): Sql {
  const browserHash = client.browserToken === undefined ? null : hashToken(client.browserToken)
  const key = email === undefined ? null : emailKey(email)
  return sql`possible as (
      select r.*, case when r.browser_hash = ${browserHash} then 1 when r.email_key = ${key} then 2 else 3 end as rank
      from login_requests r
      where ${codeAlive} and (r.browser_hash = ${browserHash} or r.email_key = ${key} or r.network = ${client.network})
    ), found as (select r.* from possible r where r.rank = (select min(rank) from possible))`
}

/**
 * Looks whom a guess could be meant for, in a statement that does something else.
 * @param first what it does, as a CTE
 * @returns the keys of their addresses, to be counted by
 */
export async function meantAfter(db: Queryable, first: Sql, client: Client, email: string | undefined): Promise<string[]> {
  const rows = await db.query(
    statement`with ${first}, ${finding(client, email)} select distinct ${columns('LoginRequest', 'r', { key: 'emailKey' })} from found r`,
  )
  return rows.map(({ key }) => key)
}

/**
 * What a guess may be held against, and everything that has been counted against that and against the client, in one statement.
 * @param keys of the addresses that it is expected to be meant for: what is counted of a person is known by an HMAC, which the database
 *   cannot compute. Where others have come in between, the statement is done again.
 */
export async function standingOf(
  db: Queryable,
  secrets: readonly string[],
  client: Client,
  email: string | undefined,
  keys: readonly string[],
): Promise<Stood> {
  const network = { address: client.network, site: siteOf(client.network), block: coarseNetwork(client.network) }
  const macsOf = (key: string) => secrets.map((secret) => addressMac(secret, key))
  const [row] = await db.query(
    statement`with ${finding(client, email)}, counted as (${counting(network, keys.flatMap(macsOf))})
        select ${jsonMember('found', jsonList(foundColumns(client), { from: sql`found r`, order: sql`r.id` }))},
          ${jsonMember('counted', jsonList(countedColumns, { from: sql`counted c`, order: sql`c.name` }))}`,
  )
  const { found, counted } = row!
  if (found.some((each) => !keys.includes(each.emailKey)))
    return standingOf(
      db,
      secrets,
      client,
      email,
      found.map((each) => each.emailKey),
    )
  const byName = new Map(counted.map((tally) => [tally.name, tally]))
  const tallies = (name: string): Tally => byName.get(name) ?? nothing
  return {
    found,
    network,
    own: found[0]?.rank === 1,
    candidates: found.map((each) => ({
      id: each.id,
      tries: each.tries,
      personDay: summed(macsOf(each.emailKey).map((mac) => tallies(`person ${mac}`))),
      trustedDay: summed(macsOf(each.emailKey).map((mac) => tallies(`trusted ${mac}`))),
      isTrusted: each.isTrusted,
    })),
    failures: scopesOf(network).map(({ name, factor }) => ({ hour: tallies(`${name} hour`), day: tallies(`${name} day`), factor })),
    spent: tallies('spent'),
    spentByNetwork: tallies('spent by network'),
  }
}

/** The networks that have limits of their own, the smallest first. */
function scopesOf({ address, site, block }: Network): readonly { name: string; where: Sql; factor: Failures['factor'] }[] {
  const own = { name: 'address', where: sql`g.network = ${address}`, factor: 1 }
  if (site === undefined) return [own]
  return [
    own,
    { name: 'site', where: sql`g.site = ${site}`, factor: networkFactors.site },
    { name: 'block', where: sql`g.block = ${block} and g.network is not null`, factor: networkFactors.block },
  ]
}

/** Selects everything counted, by name. @param people the HMACs of addresses */
function counting(network: Network, people: readonly string[]): Sql {
  const all = (name: string, hours: number, where: Sql, amount = sql`count(*)`): Sql =>
    sql`select ${name}::text as name, ${amount}::int as count, ${freesIn(hours)} from code_guesses g where ${where} and ${within(hours)}`
  const byPerson = (name: string, where: Sql): Sql =>
    sql`select ${`${name} `}::text || p.mac, count(*)::int, ${freesIn(budget.hours)} from code_guesses g, unnest(g.people) as p(mac)
        where g.people && ${people}::text[] and ${where} and ${within(budget.hours)} group by p.mac`
  const cost = sql`coalesce(sum(g.cost), 0)`
  const parts = [
    ...scopesOf(network).flatMap(({ name, where }) => [all(`${name} hour`, 1, where), all(`${name} day`, budget.hours, where)]),
    all('spent', budget.hours, sql`g.cost > 0`, cost),
    all('spent by network', budget.hours, sql`g.block = ${network.block} and g.cost > 0`, cost),
    byPerson('person', sql`true`),
    byPerson('trusted', sql`g.trusted`),
  ]
  return join(parts, ' union all ')
}

const nothing: Tally = { count: 0, freesInSeconds: 0 }
const within = (hours: number): Sql => sql`g.at > now() - make_interval(hours => ${hours})`
const freesIn = (hours: number): Sql =>
  sql`coalesce(extract(epoch from min(g.at) + make_interval(hours => ${hours}) - clock_timestamp()), 0)::float8 as frees_in_seconds`

/** What was counted under each of several secret keys. */
const summed = (tallies: readonly Tally[]): Tally => ({
  count: tallies.reduce((sum, { count }) => sum + count, 0),
  freesInSeconds: Math.min(...tallies.filter(({ count }) => count > 0).map(({ freesInSeconds }) => freesInSeconds), Infinity),
})
