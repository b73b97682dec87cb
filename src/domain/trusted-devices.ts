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
 * Remembers that this browser has signed in as a person, as parts of the sign-in's statement, in which `person` is who signs in. The
 * secret is a new one each time: what somebody may have planted in the browser before is worth nothing after.
 * @returns the secret for the browser's cookie; nothing for a client that keeps none
 */
export function trusting(random: Random, { deviceToken, keepsCookies }: Client): { token: string | undefined; parts: readonly Sql[] } {
  if (!keepsCookies) return { token: undefined, parts: [] }
  const token = makeToken(random)
  const known = deviceToken === undefined ? null : hashToken(deviceToken)
  return {
    token,
    parts: [
      sql`renewed as (
        update trusted_devices t set token_hash = ${hashToken(token)},
          signed_in_at = case when (t.district_id, t.person_id) = (person.district_id, person.id) then now() else t.signed_in_at end
        from person where t.token_hash = ${known} returning t.district_id, t.person_id
      )`,
      sql`trusted as (
        insert into trusted_devices (district_id, person_id, token_hash) select person.district_id, person.id, ${hashToken(token)} from person
        where not exists (select from renewed t where (t.district_id, t.person_id) = (person.district_id, person.id))
      )`,
    ],
  }
}

/** Whether this browser has signed in as the person of `login_requests r`. */
export const deviceTrusted = ({ deviceToken }: Client): Sql =>
  deviceToken === undefined
    ? sql`false`
    : sql`exists (select from trusted_devices t where t.district_id = r.district_id and t.person_id = r.person_id
        and t.token_hash = ${hashToken(deviceToken)} and t.signed_in_at > now() - make_interval(days => ${deviceLifetimeDays}))`

/** Ends the trust in every browser of a person. */
export async function forgetDevices(tx: Queryable, { districtId, personId }: PersonKey): Promise<void> {
  await tx.tables.trustedDevice.deleteMany({ where: { districtId, personId } })
}
