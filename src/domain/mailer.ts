/**
 * The mailer: sends the sign-in mails that the database holds, from any instance. A row is leased, not taken: if this
 * process dies before it has said that the mail is out, another one finds the row again.
 */
import sql from 'sql-template-tag'
import type { Deps, Queryable } from '../deps.ts'
import { codeLifetimeMinutes } from './login.ts'
import { loginMessage, MailDelayed, MailRefused } from './mail.ts'
import { inLanguage, type Multilingual } from './multilingual.ts'
import { codeMac, linkToken, loginCode, secretId } from './tokens.ts'

/** Longer than the provider's time limit, so that nobody else sends what is still being sent. */
const leaseSeconds = 20
/** The first retry comes after 1 to 2 s; the spread keeps instances apart. */
const firstRetryMs = 1_000
const longestRetryMs = 60_000
const pollIntervalMs = 2_000
/** Mails under way at once: one that hangs holds up nobody else. */
const parallelMails = 8

type MailerDeps = Pick<Deps, 'db' | 'mail' | 'log' | 'config' | 'secrets'>

export interface Mailer {
  /** Looks now instead of at the next poll. */
  wake(): void
  /** Takes nothing new; resolves when what was under way is through. */
  stop(): Promise<void>
}

interface Leased {
  readonly id: string
  readonly emailKey: string
  readonly secretId: string
  readonly attempts: number
}

export function startMailer(deps: MailerDeps): Mailer {
  const underWay = new Set<Promise<void>>()
  let stopped = false
  let looking: Promise<void> | undefined
  let again = false

  const look = async (): Promise<void> => {
    try {
      while (!stopped && underWay.size < parallelMails) {
        const leased = await leaseOne(deps.db)
        if (!leased) break
        const sending = deliver(deps, leased).finally(() => {
          underWay.delete(sending)
          wake()
        })
        underWay.add(sending)
      }
    } catch (error) {
      deps.log.warn({ err: error }, 'the mailer cannot read its queue')
    }
  }
  const wake = (): void => {
    if (stopped) return
    if (looking) {
      again = true
      return
    }
    looking = look().finally(() => {
      looking = undefined
      if (again) {
        again = false
        wake()
      }
    })
  }
  const poll = setInterval(wake, pollIntervalMs)
  wake()
  return {
    wake,
    async stop() {
      stopped = true
      clearInterval(poll)
      await looking
      await Promise.all(underWay)
    },
  }
}

async function leaseOne(db: Queryable): Promise<Leased | undefined> {
  const [leased] = await db.query<Leased>(
    sql`update login_requests set mail_attempts = mail_attempts + 1, mail_due_at = now() + make_interval(secs => ${leaseSeconds})
        where id = (select id from login_requests where mail_due_at <= now() order by mail_due_at limit 1 for update skip locked)
        returning id, email_key as "emailKey", secret_id as "secretId", mail_attempts as attempts`,
  )
  return leased
}

async function deliver(deps: MailerDeps, leased: Leased): Promise<void> {
  const { db, mail, config, log } = deps
  try {
    const prepared = await prepare(deps, leased)
    if ('ended' in prepared) return await settle(db, leased.id, { error: prepared.ended })
    const { secret, code, person } = prepared
    await mail.send(
      loginMessage({
        to: person.email,
        first: person.first,
        language: person.language,
        districtName: inLanguage(person.districtName, [person.language, person.districtLanguage]),
        accent: person.accent,
        code,
        link: config.magicLinkUrl.replace('{token}', linkToken(secret, leased.id)),
        host: new URL(config.publicUrl).host,
      }),
    )
    await settle(db, leased.id, {})
    log.info({ loginRequest: leased.id, attempt: leased.attempts }, 'sign-in mail sent')
  } catch (error) {
    const refused = error instanceof MailRefused
    log.warn(
      { loginRequest: leased.id, attempt: leased.attempts, err: error },
      refused ? 'sign-in mail refused for good' : 'sign-in mail not sent yet',
    )
    const retryInMs = error instanceof MailDelayed ? error.retryAfterSeconds * 1_000 : backoffMs(leased.attempts)
    await settle(db, leased.id, { error: (error as Error).message, ...(refused ? {} : { retryInMs }) }).catch((lost: unknown) =>
      log.warn({ err: lost }, 'the lease of a sign-in mail runs out by itself'),
    )
  }
}

const backoffMs = (attempts: number): number => Math.min(firstRetryMs * 2 ** (attempts - 1), longestRetryMs) * (1 + Math.random())

/** Writes down how it ended: sent, never to be sent, or due again. */
async function settle(db: Queryable, id: string, { error, retryInMs }: { error?: string; retryInMs?: number }): Promise<void> {
  await db.query(
    retryInMs === undefined
      ? sql`update login_requests set mail_due_at = null, mail_error = ${error ?? null}, mail_sent_at = ${error === undefined ? sql`now()` : sql`null`} where id = ${id}`
      : sql`update login_requests set mail_due_at = now() + make_interval(secs => ${retryInMs / 1_000}), mail_error = ${error ?? null}
            where id = ${id} and mail_due_at is not null`,
  )
}

interface Recipient {
  readonly districtId: string
  readonly personId: string
  readonly email: string
  readonly first: string
  readonly language: string
  readonly districtName: Multilingual
  readonly districtLanguage: string | null
  readonly accent: string
}

type Prepared = { readonly secret: string; readonly code: string; readonly person: Recipient } | { readonly ended: string }

/**
 * Finds out who is meant, gives the request its code and ends the person's earlier ones. Done again for a retry, it
 * comes to the same code: code and link are derived from the row.
 */
async function prepare({ db, secrets }: MailerDeps, { id, emailKey, secretId: keyId }: Leased): Promise<Prepared> {
  const secret = secrets.find((each) => secretId(each) === keyId)
  if (secret === undefined) return { ended: 'the secret key that it was made under is gone' }
  return db.transaction(async (tx) => {
    // Requests first and the person after them, as whoever signs in and whoever ends sign-ins does: nobody waits in a circle.
    await tx.query(
      sql`select r.id from login_requests r where r.email_key = ${emailKey} and r.code_ended_at is null order by r.id for update`,
    )
    const [person] = await tx.query<Recipient>(
      sql`select p.district_id as "districtId", p.id as "personId", p.email, p.first, p.language, d.name as "districtName",
            d.languages[1] as "districtLanguage", d.accent
          from people p join districts d on d.id = p.district_id
          where p.email_key = ${emailKey} and not p.archived
          order by p.signed_in_at desc nulls last, p.created_at, p.district_id limit 1 for update of p`,
    )
    if (!person) return { ended: 'nobody has this address' }
    const [request] = await tx.query<{ draw: number; hasCode: boolean; dead: boolean; replaced: boolean }>(
      sql`select r.code_draw as draw, r.code_mac is not null as "hasCode",
            r.code_ended_at is not null or r.created_at <= now() - make_interval(mins => ${codeLifetimeMinutes}) as dead,
            exists (select 1 from login_requests newer
              where newer.email_key = r.email_key and (newer.created_at, newer.id) > (r.created_at, r.id)) as replaced
          from login_requests r where r.id = ${id}`,
    )
    if (!request || request.dead) return { ended: 'its code is used, replaced or expired' }
    if (request.replaced) return { ended: 'a newer mail replaces it' }
    const draw = request.hasCode ? request.draw : await freeDraw(tx, secret, id)
    const code = loginCode(secret, id, draw)
    await tx.query(
      sql`update login_requests set code_draw = ${draw}, code_mac = ${codeMac(secret, code)}, district_id = ${person.districtId}, person_id = ${person.personId}
          where id = ${id}`,
    )
    await tx.query(
      sql`update login_requests older set code_ended_at = now() from login_requests r
          where r.id = ${id} and older.email_key = r.email_key and (older.created_at, older.id) < (r.created_at, r.id) and older.code_ended_at is null`,
    )
    return { secret, code, person }
  })
}

/** The first draw whose code nobody else has or had within 24 hours. */
async function freeDraw(tx: Queryable, secret: string, id: string): Promise<number> {
  const macs = Array.from({ length: 16 }, (_, draw) => codeMac(secret, loginCode(secret, id, draw)))
  const taken = await tx.query<{ mac: string }>(sql`select code_mac as mac from login_requests where code_mac = any(${macs}::text[])`)
  const free = macs.findIndex((mac) => !taken.some((row) => row.mac === mac))
  if (free === -1) throw new Error('no free login code among 16 draws')
  return free
}
