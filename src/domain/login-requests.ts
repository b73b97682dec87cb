/**
 * Requests for a sign-in mail: rows, for any address alike. Who has an account is nobody's business: the mailer finds out, at a moment
 * that no request decides, whether anybody is there.
 */
import sql, { empty, join, raw, type Sql } from 'sql-template-tag'
import { z } from 'zod'
import type { Deps } from '../deps.ts'
import { computed } from '../sql/columns.ts'
import { statement } from '../sql/statement.ts'
import { type Client, coarseNetwork, siteOf } from './client.ts'
import { emailKey, emailSchema } from './email.ts'
import { type Bucket, requestBuckets } from './guessing.ts'
import { parse } from './input.ts'
import { Problem } from './problem.ts'
import { addressMac, hashToken, linkToken, makeId, makeToken, secretId } from './tokens.ts'

/** seed: "Login code | 10 minutes" */
export const codeLifetimeMinutes = 10
/** seed: "Magic link | 30 minutes" */
export const linkLifetimeMinutes = 30

/** Conditions on `login_requests r`. A newer request for the same address, whoever has it, ends the code and leaves the link. */
export const codeAlive: Sql = sql`r.code_ended_at is null and r.created_at > now() - make_interval(mins => ${codeLifetimeMinutes})
  and not exists (select from login_requests newer
    where newer.email_key = r.email_key and (newer.created_at, newer.id) > (r.created_at, r.id))`
export const linkAlive: Sql = sql`r.link_ended_at is null and r.created_at > now() - make_interval(mins => ${linkLifetimeMinutes})`

/**
 * Records that this client wants a sign-in mail for an address. The row is the mailer's queue: what is answered is sent.
 * @returns the secret that binds the request to this browser, to be kept in its cookie
 * @throws Problem INVALID_INPUT for anything but one address, TOO_MANY_REQUESTS from a client that has asked too often
 */
export async function requestLogin(
  deps: Pick<Deps, 'db' | 'random' | 'secrets'>,
  client: Client,
  input: { email: unknown },
): Promise<string> {
  const { email } = parse(z.object({ email: emailSchema }), input)
  const browserToken = client.browserToken ?? makeToken(deps.random)
  const id = makeId(deps.random)
  const key = emailKey(email)
  const secret = deps.secrets[0]!
  const ofClient = bucketsOf(client.network)
  const ofPerson = { key: `person:${addressMac(secret, key)}`, bucket: requestBuckets.person }
  const taken = (n: number): Sql => raw(`taken_${n}`)
  const taking = [...ofClient, ofPerson].map(
    ({ key: name, bucket }, n) => sql`${taken(n)} as (${takeOne(name, bucket, n === 0 ? empty : sql`from ${taken(n - 1)}`)})`,
  )
  // One statement, and the same one whoever has the address: out of the client's buckets, then out of the person's, then the row.
  const fill = await deps.db.query(
    statement`with ${join(taking)}, recorded as (
          insert into login_requests (id, email_key, browser_hash, network, secret_id, link_hash)
          select ${id}, ${key}, ${hashToken(browserToken)}, ${client.network}, ${secretId(secret)}, ${hashToken(linkToken(secret, id))}
          from ${taken(ofClient.length)}
        )
        select ${computed('admitted', 'boolean', sql`exists (select from ${taken(ofClient.length - 1)})`)},
          ${computed('fullInSeconds', 'float8', sql`coalesce(extract(epoch from b.full_at - now()), 0)::float8`)}
        from unnest(${ofClient.map(({ key: name }) => name)}::text[]) with ordinality as k(key, n)
        left join request_buckets b on b.key = k.key order by k.n`,
  )
  if (!fill[0]!.admitted) {
    const waits = ofClient.map(({ bucket: { size, seconds } }, n) => fill[n]!.fullInSeconds - (size - 1) * seconds)
    throw new Problem('TOO_MANY_REQUESTS', { retryAfter: Math.max(1, Math.ceil(Math.max(...waits))) })
  }
  return browserToken
}

/** Of a client's address, and of the networks around it that have one. */
function bucketsOf(network: string): readonly { readonly key: string; readonly bucket: Bucket }[] {
  const own = { key: `address:${network}`, bucket: requestBuckets.address }
  const site = siteOf(network)
  if (site === undefined) return [own]
  return [
    own,
    { key: `site:${site}`, bucket: requestBuckets.site },
    { key: `block:${coarseNetwork(network)}`, bucket: requestBuckets.block },
  ]
}

/**
 * Takes one out of a bucket (the generic cell rate algorithm, ITU-T I.371): all that is kept of one is when it will be full again.
 * Nothing is taken, and no row returned, where it is empty.
 */
const takeOne = (key: string, { size, seconds }: Bucket, from: Sql): Sql =>
  sql`insert into request_buckets as bucket (key, full_at) select ${key}::text, now() + make_interval(secs => ${seconds}) ${from}
      on conflict (key) do update set full_at = greatest(bucket.full_at, now()) + make_interval(secs => ${seconds})
        where bucket.full_at <= now() + make_interval(secs => ${seconds * (size - 1)})
      returning key`
