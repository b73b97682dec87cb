/**
 * Signing in without a password: a code or a link, sent by mail, each good once.
 *
 * Who has an account is nobody's business: a request is recorded for any address alike, and the mailer finds out,
 * after the answer, whether anybody is there.
 */
import sql, { type Sql } from 'sql-template-tag'
import { z } from 'zod'
import type { Deps } from '../deps.ts'
import { actorOf, audit, auditRepeated, nobody, noDistrict } from './audit.ts'
import { sessionById } from './authentication.ts'
import { type Client, coarseNetwork } from './client.ts'
import { emailKey, emailSchema } from './email.ts'
import { parse } from './input.ts'
import { Problem } from './problem.ts'
import { sessionLifetimeDays, type SignIn } from './sessions.ts'
import { codeMac, equalSecrets, hashToken, isToken, linkToken, makeId, makeToken, secretId } from './tokens.ts'

/** seed: "Login code | 10 minutes" */
export const codeLifetimeMinutes = 10
/** seed: "Magic link | 30 minutes" */
export const linkLifetimeMinutes = 30
/** SECURITY: 5 failures per login request; the link in the same mail still works. */
const triesPerRequest = 5

const codeAlive: Sql = sql`r.code_ended_at is null and r.created_at > now() - make_interval(mins => ${codeLifetimeMinutes})`
const linkAlive: Sql = sql`r.link_ended_at is null and r.created_at > now() - make_interval(mins => ${linkLifetimeMinutes})`

/**
 * Records that this client wants a sign-in mail for an address. The row is the mailer's queue: what is answered is sent.
 * @returns the secret that binds the request to this browser, to be kept in its cookie
 * @throws Problem INVALID_INPUT for anything but one address
 */
export async function requestLogin(
  deps: Pick<Deps, 'db' | 'random' | 'secrets' | 'wakeMailer'>,
  client: Client,
  input: { email: unknown },
): Promise<string> {
  const { email } = parse(z.object({ email: emailSchema }), input)
  const browserToken = client.browserToken ?? makeToken(deps.random)
  const id = makeId(deps.random)
  const [secret] = deps.secrets
  await deps.db.query(
    sql`insert into login_requests (id, email_key, browser_hash, network, secret_id, link_hash)
        values (${id}, ${emailKey(email)}, ${hashToken(browserToken)}, ${client.network}, ${secretId(secret!)}, ${hashToken(linkToken(secret!, id))})`,
  )
  deps.wakeMailer()
  return browserToken
}

const verifyCodeSchema = z.object({
  code: z.string('The code is six digits, as a string.').regex(/^\d{6}$/, 'The code is six digits.'),
  email: emailSchema.nullish(),
})

/**
 * Signs in by the code of a mail.
 * @throws Problem INVALID_INPUT for a malformed code, WRONG_CODE for one that is wrong, used, replaced or expired
 */
export async function verifyCode(
  deps: Pick<Deps, 'db' | 'random' | 'secrets'>,
  client: Client,
  input: { code: unknown; email?: unknown },
): Promise<SignIn> {
  const { code, email } = parse(verifyCodeSchema, input)
  const tried = await countTry(deps, client, email ?? undefined)
  const meant = tried.find(({ secretId: id, codeMac: mac }) => {
    const secret = deps.secrets.find((each) => secretId(each) === id)
    return secret !== undefined && mac !== null && equalSecrets(codeMac(secret, code), mac)
  })
  // Whose sign-in it was is known where there was one to try.
  return rememberingFailure(deps, client, tried.length === 1 ? tried[0] : undefined, async () => {
    if (!meant) throw new Problem('WRONG_CODE')
    return openSession(deps, client, sql`r.id = ${meant.id} and ${codeAlive}`, 'WRONG_CODE')
  })
}

/**
 * Signs in by the token of a mailed link.
 * @throws Problem INVALID_INPUT for a malformed token, WRONG_LINK for one that is wrong, used or expired
 */
export async function verifyMagicLink(deps: Pick<Deps, 'db' | 'random'>, client: Client, input: { token: unknown }): Promise<SignIn> {
  const { token } = parse(z.object({ token: z.string().refine(isToken, 'This is not the token of a link.') }), input)
  return rememberingFailure(deps, client, undefined, () =>
    openSession(deps, client, sql`r.link_hash = ${hashToken(token)} and ${linkAlive}`, 'WRONG_LINK'),
  )
}

/**
 * The requests that this client could have made, and whose code it may still try: those of the same browser; where there
 * are none, those for the address given; where there are none, those from the same network. The try is counted in this
 * statement, which commits before anything is compared: of a hundred parallel guesses five are evaluated.
 */
async function countTry({ db }: Pick<Deps, 'db'>, client: Client, email: string | undefined) {
  const browserHash = client.browserToken === undefined ? null : hashToken(client.browserToken)
  const key = email === undefined ? null : emailKey(email)
  return db.query<Tried>(
    sql`with possible as (
          select r.id, case when r.browser_hash = ${browserHash} then 1 when r.email_key = ${key} then 2 else 3 end as rank
          from login_requests r
          where ${codeAlive} and (r.browser_hash = ${browserHash} or r.email_key = ${key} or r.network = ${client.network})
        ), tried as (
          select r.id from login_requests r
          where r.id in (select id from possible where rank = (select min(rank) from possible))
          order by r.id for update -- one order for all, so that two guesses never wait for each other
        )
        update login_requests r set code_attempts = code_attempts + 1
        where r.id in (select id from tried) and r.code_attempts < ${triesPerRequest}
        returning r.id, r.code_mac as "codeMac", r.secret_id as "secretId", r.district_id as "districtId", r.person_id as "personId"`,
  )
}

interface Tried {
  readonly id: string
  readonly codeMac: string | null
  readonly secretId: string
  /** Nobody's, where the mailer found nobody or has not looked yet. */
  readonly districtId: string | null
  readonly personId: string | null
}

/** Failures from one network are one row a minute with a count. */
async function rememberingFailure(
  { db, random }: Pick<Deps, 'db' | 'random'>,
  client: Client,
  whose: Tried | undefined,
  work: () => Promise<SignIn>,
): Promise<SignIn> {
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
): Promise<SignIn> {
  const token = makeToken(random)
  const sessionId = makeId(random)
  return db.transaction(async (tx) => {
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
    return { token, expiresAt: session.expiresAt, viewer }
  })
}
