/** Signing in without a password: by the code or the link of a mail, each good once. */
import sql, { join, type Sql } from 'sql-template-tag'
import { z } from 'zod'
import type { Deps } from '../deps.ts'
import { columns } from '../sql/columns.ts'
import { fromJson, jsonMember, jsonRow } from '../sql/json.ts'
import { statement, together } from '../sql/statement.ts'
import { auditing, auditRepeated, nobody, noDistrict } from './audit.ts'
import { sessionColumns, sessionViewerOf } from './authentication.ts'
import { type Client, coarseNetwork } from './client.ts'
import { givingBack, heldAgainst, type PaidGuess, payForGuess } from './code-guesses.ts'
import { type District, districtColumns } from './districts.ts'
import { emailSchema } from './email.ts'
import type { Opened } from './guess-standing.ts'
import { parse } from './input.ts'
import { codeAlive, linkAlive } from './login-requests.ts'
import { type Person, personColumns } from './people.ts'
import { Problem } from './problem.ts'
import { sessionLifetimeDays, type SignIn } from './sessions.ts'
import { codeMac, equalSecrets, hashToken, isToken, makeId, makeToken, secretId } from './tokens.ts'
import { trusting } from './trusted-devices.ts'

/** A sign-in by mail: the browser is trusted from now on. */
export interface MailSignIn extends SignIn {
  /** Who has signed in, and where. */
  readonly person: Person
  readonly district: District
  /** For the browser's cookie; nothing for a client that keeps none. */
  readonly deviceToken: string | undefined
}

const verifyCodeSchema = z.object({
  code: z.string('The code is six digits, as a string.').regex(/^\d{6}$/, 'The code is six digits.'),
  email: emailSchema.nullish(),
})

/**
 * Signs in by the code of a mail.
 * @throws Problem INVALID_INPUT for a malformed code, WRONG_CODE for one that is wrong, used, replaced or expired, TOO_MANY_CODES for
 *   one that is not looked at, since too many were wrong before it
 */
export async function verifyCode(
  deps: Pick<Deps, 'db' | 'random' | 'secrets' | 'log'>,
  client: Client,
  input: { code: unknown; email?: unknown },
): Promise<MailSignIn> {
  const { code, email } = parse(verifyCodeSchema, input)
  const guess = await payForGuess(deps, client, email ?? undefined)
  const meant = guess.opened.find(({ secretId: id, codeMac: mac }) => {
    const secret = deps.secrets.find((each) => secretId(each) === id)
    return secret !== undefined && equalSecrets(codeMac(secret, code), mac ?? '') // computed for nobody's, too: it takes its time
  })
  // Whose sign-in it was is known where there was one to try.
  return rememberingFailure(deps, client, guess.opened.length === 1 ? guess.opened[0] : undefined, async () => {
    if (!meant) throw new Problem('WRONG_CODE')
    const used = sql`r.id = ${meant.id} and ${codeAlive}`
    return openSession(deps, client, { held: heldAgainst(guess.opened), used, guess, otherwise: 'WRONG_CODE' })
  })
}

/**
 * Signs in by the token of a mailed link.
 * @throws Problem INVALID_INPUT for a malformed token, WRONG_LINK for one that is wrong, used or expired
 */
export async function verifyMagicLink(deps: Pick<Deps, 'db' | 'random'>, client: Client, input: { token: unknown }): Promise<MailSignIn> {
  const { token } = parse(z.object({ token: z.string().refine(isToken, 'This is not the token of a link.') }), input)
  return rememberingFailure(deps, client, undefined, () =>
    openSession(deps, client, { held: sql`r.link_hash = ${hashToken(token)} and ${linkAlive}`, used: sql`true`, otherwise: 'WRONG_LINK' }),
  )
}

/** Failures from one network are one row a minute with a count. */
async function rememberingFailure(
  { db, random }: Pick<Deps, 'db' | 'random'>,
  client: Client,
  whose: Opened | undefined,
  work: () => Promise<MailSignIn>,
): Promise<MailSignIn> {
  try {
    return await work()
  } catch (error) {
    if (error instanceof Problem && error.code === 'UNAUTHENTICATED') {
      const entry = { districtId: whose?.districtId ?? noDistrict, actor: nobody, action: 'SIGN_IN_FAILED' as const }
      const record = whose?.personId == null ? {} : { record: { type: 'PERSON' as const, id: whose.personId } }
      await auditRepeated(db, random, client, { ...entry, ...record }, `${client.network} ${whose?.personId ?? ''}`)
    }
    throw error
  }
}

/** What makes the answer, of `sessions s` with its `people p` and `districts d`. */
const signInColumns = together(
  sessionColumns,
  columns('Session', 's', 'expiresAt'),
  jsonMember('person', jsonRow(personColumns())),
  jsonMember('district', jsonRow(districtColumns)),
)

/** What a sign-in is proved by. */
interface Proof {
  /** Conditions on `login_requests r`: which are locked, and which of them is used up. */
  readonly held: Sql
  readonly used: Sql
  readonly guess?: PaidGuess
  /** Why there is no sign-in, where there is nothing to use. */
  readonly otherwise: 'WRONG_CODE' | 'WRONG_LINK'
}

/**
 * Uses the request up and opens the session, with all that belongs to it, in one statement: whoever comes second finds nothing to use, and
 * nothing is used in vain. Requests are locked in order of id, all of them before the person, and changed once each.
 */
async function openSession(
  { db, random }: Pick<Deps, 'db' | 'random'>,
  client: Client,
  { held, used, guess, otherwise }: Proof,
): Promise<MailSignIn> {
  const token = makeToken(random)
  const device = trusting(random, client)
  const sessionId = makeId(random)
  const entry = {
    districtId: sql`person.district_id`,
    actor: { type: 'PERSON', id: sql`person.id` },
    action: 'SIGN_IN',
    record: { type: 'SESSION', id: sessionId },
  } as const
  const parts = [
    sql`held as (
      select r.id, r.district_id, r.person_id, r.email_key, (${used}) as is_used from login_requests r where ${held} order by r.id for update
    )`,
    sql`person as (
      update people p set signed_in_at = now() from held
      where (select count(*) from held) > 0 -- which reads, and so locks, all of them first
        and held.is_used and p.district_id = held.district_id and p.id = held.person_id and p.email_key = held.email_key and not p.archived
      returning p.*
    )`,
    sql`used as (
      update login_requests r set
        code_ended_at = case when held.is_used then coalesce(r.code_ended_at, now()) else r.code_ended_at end,
        link_ended_at = case when held.is_used then now() else r.link_ended_at end,
        mail_due_at = case when held.is_used then null else r.mail_due_at end,
        code_attempts = r.code_attempts - ${guess ? 1 : 0}
      from held, person where r.id = held.id
    )`,
    sql`session as (
      insert into sessions (id, token_hash, district_id, person_id, email_key, user_agent, address, expires_at)
      select ${sessionId}, ${hashToken(token)}, person.district_id, person.id, person.email_key, ${client.userAgent}, ${coarseNetwork(client.network)},
        now() + make_interval(days => ${sessionLifetimeDays})
      from person returning *
    )`,
    sql`remembered as (${auditing(random, client, entry, sql`from person`)})`,
    ...(guess ? givingBack(client, guess) : []),
    ...device.parts,
  ]
  const [row] = await db.query(
    statement`with ${join(parts, ', ')} select ${signInColumns}
        from session s join person p on p.district_id = s.district_id and p.id = s.person_id join districts d on d.id = s.district_id`,
  )
  if (!row) throw new Problem(otherwise)
  return {
    token,
    expiresAt: row.expiresAt,
    viewer: sessionViewerOf(row),
    deviceToken: device.token,
    person: fromJson<Person>(row.person, ['createdAt', 'updatedAt']),
    district: fromJson<District>(row.district, ['createdAt', 'trialEndsAt']),
  }
}
