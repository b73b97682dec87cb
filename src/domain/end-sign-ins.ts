/**
 * Ending every way in that a person has, as part of a change that takes their ground away: sessions, the codes and links of mails, and
 * the trust in browsers.
 *
 * Whoever signs in locks the mail's request first and the person after it. So does whoever ends sign-ins: two of them never wait for
 * each other.
 */
import sql from 'sql-template-tag'
import type { Queryable, Random } from '../deps.ts'
import { columns } from '../sql/columns.ts'
import { statement } from '../sql/statement.ts'
import type { Caller } from './client.ts'
import { endSessions } from './sessions.ts'
import { forgetDevices } from './trusted-devices.ts'

/** Of `login_requests r`. */
const requestId = columns('LoginRequest', 'r', 'id')

/** Locks the requests of a person, before the person is locked. @returns which are held */
export async function holdLoginRequests(
  tx: Queryable,
  { districtId, personId }: { districtId: string; personId: string },
): Promise<readonly string[]> {
  const held = await tx.query(
    statement`select ${requestId} from login_requests r where r.district_id = ${districtId} and r.person_id = ${personId} order by r.id for update`,
  )
  return held.map(({ id }) => id)
}

/** A sign-in mail was prepared after the requests were held and before the person was locked. The transaction is to be done again. */
export class MailPreparedMeanwhile extends Error {}

/**
 * Ends every session, every sign-in mail and every trusted device of a person, as part of a change that takes their ground away.
 * @param held what `holdLoginRequests` held before the person was locked
 * @throws MailPreparedMeanwhile when there is a request beside those: somebody may be signing in with it, and wait for the person
 */
export async function endSignIns(tx: Queryable, random: Random, caller: Caller, personId: string, held: readonly string[]): Promise<void> {
  const { districtId } = caller.viewer
  const unheld = await tx.query(
    statement`select ${requestId} from login_requests r where r.district_id = ${districtId} and r.person_id = ${personId} and r.id <> all(${held}::text[])`,
  )
  if (unheld.length > 0) throw new MailPreparedMeanwhile()
  await tx.query(
    statement`update login_requests set code_ended_at = coalesce(code_ended_at, now()), link_ended_at = coalesce(link_ended_at, now()), mail_due_at = null
        where id = any(${held}::text[])`,
  )
  await forgetDevices(tx, { districtId, personId })
  await endSessions(tx, random, caller, sql`s.district_id = ${districtId} and s.person_id = ${personId}`)
}
