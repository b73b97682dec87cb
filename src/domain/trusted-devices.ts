/** Trusted devices: browsers that have signed in as a person. When the budget of guesses is spent, codes are taken from these alone. */
import sql, { type Sql } from 'sql-template-tag'
import type { Queryable, Random } from '../deps.ts'
import type { Client } from './client.ts'
import { hashToken, makeToken } from './tokens.ts'

/** Since the last sign-in. */
export const deviceLifetimeDays = 180

interface PersonKey {
  readonly districtId: string
  readonly personId: string
}

/**
 * Remembers that this browser has signed in as a person, as part of the sign-in. The secret is a new one each time: what somebody may
 * have planted in the browser before is worth nothing after.
 * @returns the secret for the browser's cookie; nothing for a client that keeps none
 */
export async function trustDevice(
  tx: Queryable,
  random: Random,
  { deviceToken, keepsCookies }: Client,
  { districtId, personId }: PersonKey,
): Promise<string | undefined> {
  if (!keepsCookies) return undefined
  const token = makeToken(random)
  const hash = hashToken(token)
  if (deviceToken !== undefined)
    await tx.query(sql`update trusted_devices set token_hash = ${hash} where token_hash = ${hashToken(deviceToken)}`)
  await tx.query(
    sql`insert into trusted_devices (district_id, person_id, token_hash) values (${districtId}, ${personId}, ${hash})
        on conflict (district_id, person_id, token_hash) do update set signed_in_at = now()`,
  )
  return token
}

/** Whether this browser has signed in as the person of `login_requests r`. */
export const deviceTrusted = ({ deviceToken }: Client): Sql =>
  deviceToken === undefined
    ? sql`false`
    : sql`exists (select from trusted_devices t where t.district_id = r.district_id and t.person_id = r.person_id
        and t.token_hash = ${hashToken(deviceToken)} and t.signed_in_at > now() - make_interval(days => ${deviceLifetimeDays}))`

/** Ends the trust in every browser of a person. */
export async function forgetDevices(tx: Queryable, { districtId, personId }: PersonKey): Promise<void> {
  await tx.query(sql`delete from trusted_devices where district_id = ${districtId} and person_id = ${personId}`)
}
