/**
 * Requests for a sign-in mail: rows, for any address alike. Who has an account is nobody's business: the mailer finds out, after the
 * answer, whether anybody is there.
 */
import sql, { type Sql } from 'sql-template-tag'
import { z } from 'zod'
import type { Deps } from '../deps.ts'
import type { Client } from './client.ts'
import { emailKey, emailSchema } from './email.ts'
import { type Bucket, requestBuckets } from './guessing.ts'
import { parse } from './input.ts'
import { Problem } from './problem.ts'
import { addressMac, hashToken, linkToken, makeId, makeToken, secretId } from './tokens.ts'

/** seed: "Login code | 10 minutes" */
export const codeLifetimeMinutes = 10
/** seed: "Magic link | 30 minutes" */
export const linkLifetimeMinutes = 30

/** Conditions on `login_requests r`. */
export const codeAlive: Sql = sql`r.code_ended_at is null and r.created_at > now() - make_interval(mins => ${codeLifetimeMinutes})`
export const linkAlive: Sql = sql`r.link_ended_at is null and r.created_at > now() - make_interval(mins => ${linkLifetimeMinutes})`

/**
 * Records that this client wants a sign-in mail for an address. The row is the mailer's queue: what is answered is sent.
 * @returns the secret that binds the request to this browser, to be kept in its cookie
 * @throws Problem INVALID_INPUT for anything but one address, TOO_MANY_REQUESTS from a client that has asked too often
 */
export async function requestLogin(
  deps: Pick<Deps, 'db' | 'random' | 'secrets' | 'wakeMailer'>,
  client: Client,
  input: { email: unknown },
): Promise<string> {
  const { email } = parse(z.object({ email: emailSchema }), input)
  const browserToken = client.browserToken ?? makeToken(deps.random)
  const id = makeId(deps.random)
  const key = emailKey(email)
  const secret = deps.secrets[0]!
  const addressKey = `address:${client.network}`
  // One statement, and the same one for everybody: the client's bucket, then the person's, then the row.
  const [{ admitted, fullInSeconds } = { admitted: false, fullInSeconds: 0 }] = await deps.db.query<{
    admitted: boolean
    fullInSeconds: number
  }>(
    sql`with by_client as (${takingFrom(requestBuckets.address, sql`values (${addressKey}::text)`)}),
          by_person as (${takingFrom(requestBuckets.person, sql`select ${`person:${addressMac(secret, key)}`}::text from by_client`)}),
          recorded as (
            insert into login_requests (id, email_key, browser_hash, network, secret_id, link_hash)
            select ${id}, ${key}, ${hashToken(browserToken)}, ${client.network}, ${secretId(secret)}, ${hashToken(linkToken(secret, id))}
            from by_person
          )
        select exists (select from by_client) as admitted,
          coalesce((select extract(epoch from full_at - now()) from request_buckets where key = ${addressKey}), 0)::float8 as "fullInSeconds"`,
  )
  if (!admitted) {
    const untilNext = fullInSeconds - (requestBuckets.address.size - 1) * requestBuckets.address.seconds
    throw new Problem('TOO_MANY_REQUESTS', { retryAfter: Math.max(1, Math.ceil(untilNext)) })
  }
  deps.wakeMailer()
  return browserToken
}

/**
 * Takes one out of the bucket of each key (the generic cell rate algorithm, as ATM Forum TM 4.0 has it): all that is kept of a bucket
 * is when it will be full again. Nothing is returned, or taken, for a key whose bucket is empty.
 */
const takingFrom = ({ size, seconds }: Bucket, keys: Sql): Sql =>
  sql`insert into request_buckets as bucket (key, full_at) select k.key, now() + make_interval(secs => ${seconds}) from (${keys}) k(key)
      on conflict (key) do update set full_at = greatest(bucket.full_at, now()) + make_interval(secs => ${seconds})
        where bucket.full_at <= now() + make_interval(secs => ${seconds * (size - 1)})
      returning key`
