/** Signing in without a password: by the code or the link of a mail, each good once. */
import sql, { type Sql } from 'sql-template-tag'
import { z } from 'zod'
import type { Deps } from '../deps.ts'
import { actorOf, audit, auditRepeated, nobody, noDistrict } from './audit.ts'
import { sessionById } from './authentication.ts'
import { type Client, coarseNetwork } from './client.ts'
import { giveBack, holdGuess, type PaidGuess, payForGuess } from './code-guesses.ts'
import { emailSchema } from './email.ts'
import type { Opened } from './guess-standing.ts'
import { parse } from './input.ts'
import { codeAlive, linkAlive } from './login-requests.ts'
import { Problem } from './problem.ts'
import { sessionLifetimeDays, type SignIn } from './sessions.ts'
import { codeMac, equalSecrets, hashToken, isToken, makeId, makeToken, secretId } from './tokens.ts'
import { trustDevice } from './trusted-devices.ts'

/** A sign-in by mail: the browser is trusted from now on. */
export interface MailSignIn extends SignIn {
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
    return openSession(deps, client, sql`r.id = ${meant.id} and ${codeAlive}`, 'WRONG_CODE', guess)
  })
}

/**
 * Signs in by the token of a mailed link.
 * @throws Problem INVALID_INPUT for a malformed token, WRONG_LINK for one that is wrong, used or expired
 */
export async function verifyMagicLink(deps: Pick<Deps, 'db' | 'random'>, client: Client, input: { token: unknown }): Promise<MailSignIn> {
  const { token } = parse(z.object({ token: z.string().refine(isToken, 'This is not the token of a link.') }), input)
  return rememberingFailure(deps, client, undefined, () =>
    openSession(deps, client, sql`r.link_hash = ${hashToken(token)} and ${linkAlive}`, 'WRONG_LINK'),
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

/** Uses the request up and opens the session in one statement: whoever comes second finds nothing to use, and nothing is used in vain. */
async function openSession(
  { db, random }: Pick<Deps, 'db' | 'random'>,
  client: Client,
  request: Sql,
  otherwise: 'WRONG_CODE' | 'WRONG_LINK',
  guess?: PaidGuess,
): Promise<MailSignIn> {
  const token = makeToken(random)
  const sessionId = makeId(random)
  return db.transaction(async (tx) => {
    if (guess) await holdGuess(tx, guess)
    const [session] = await tx.query<{ expiresAt: Date }>(sql`with used as (
          update login_requests r set code_ended_at = coalesce(r.code_ended_at, now()), link_ended_at = now(), mail_due_at = null
          where ${request} and r.person_id is not null
          returning r.district_id, r.person_id, r.email_key
        ), person as (
          update people p set signed_in_at = now() from used
          where p.district_id = used.district_id and p.id = used.person_id and p.email_key = used.email_key and not p.archived
          returning p.district_id, p.id, p.email_key
        )
        insert into sessions (id, token_hash, district_id, person_id, email_key, user_agent, address, expires_at)
        select ${sessionId}, ${hashToken(token)}, person.district_id, person.id, person.email_key, ${client.userAgent}, ${coarseNetwork(client.network)},
          now() + make_interval(days => ${sessionLifetimeDays})
        from person returning expires_at as "expiresAt"`)
    const viewer = session && (await sessionById(tx, sessionId))
    if (!viewer) throw new Problem(otherwise)
    await audit(tx, random, client, [
      { districtId: viewer.districtId, actor: actorOf(viewer), action: 'SIGN_IN', record: { type: 'SESSION', id: sessionId } },
    ])
    if (guess) await giveBack(tx, client, guess, viewer.emailKey)
    const deviceToken = await trustDevice(tx, random, client, viewer)
    return { token, expiresAt: session.expiresAt, viewer, deviceToken }
  })
}
