/**
 * The mailer: sends the sign-in mails that the database holds, from any instance. A row is leased, not taken: if this
 * process dies before it has said that the mail is out, another one finds the row again.
 */
import sql from 'sql-template-tag'
import type { Deps, Queryable } from '../deps.ts'
import { type LoginRequestRow, prepareLogin } from './login-mail.ts'
import { loginMessage, MailDelayed, MailRefused } from './mail.ts'
import { inLanguage } from './multilingual.ts'
import { linkToken, secretId } from './tokens.ts'

/** Longer than the provider's time limit, so that nobody else sends what is still being sent. */
const leaseSeconds = 20
/** The first retry comes after 1 to 2 s; the spread keeps instances apart. */
const firstRetryMs = 1_000
const longestRetryMs = 60_000
const pollIntervalMs = 2_000
const nobodysAtOnce = 1_000
/** Mails under way at once: one that hangs holds up nobody else. */
const parallelMails = 32

type MailerDeps = Pick<Deps, 'db' | 'mail' | 'log' | 'config' | 'secrets'>

export interface Mailer {
  /** Looks now instead of at the next poll. */
  wake(): void
  /** Takes nothing new; resolves when what was under way is through. */
  stop(): Promise<void>
}

interface Leased extends LoginRequestRow {
  readonly attempts: number
}

export function startMailer(deps: MailerDeps): Mailer {
  const underWay = new Set<Promise<void>>()
  let stopped = false
  let looking: Promise<void> | undefined
  let again = false

  const look = async (): Promise<void> => {
    try {
      for (let leases = 0; ; leases++) {
        // Again after every few: a flood may have come since, and must not be worked off one by one.
        if (leases % parallelMails === 0) while (!stopped && (await endNobodys(deps.db)) === nobodysAtOnce);
        if (stopped || underWay.size >= parallelMails) break
        const leased = await leaseOne(deps)
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

/** Requests for addresses that nobody has are ended many at a time, so that a flood of them holds up nobody's mail. @returns how many */
async function endNobodys(db: Queryable): Promise<number> {
  const ended = await db.query(
    sql`update login_requests set mail_due_at = null, mail_error = 'nobody has this address' where id in (
          select r.id from login_requests r
          where r.mail_due_at <= now() and not exists (select from people p where p.email_key = r.email_key and not p.archived)
          order by r.mail_due_at limit ${nobodysAtOnce} for update skip locked)
        returning id`,
  )
  return ended.length
}

/** One that was made under a secret key that this process knows: while a key is changed, others know more of them. */
async function leaseOne({ db, secrets }: MailerDeps): Promise<Leased | undefined> {
  const [leased] = await db.query<Leased>(
    sql`update login_requests set mail_attempts = mail_attempts + 1, mail_due_at = now() + make_interval(secs => ${leaseSeconds})
        where id = (select id from login_requests where mail_due_at <= now() and secret_id = any(${secrets.map(secretId)}::text[])
          order by mail_due_at limit 1 for update skip locked)
        returning id, email_key as "emailKey", secret_id as "secretId", mail_attempts as attempts`,
  )
  return leased
}

async function deliver(deps: MailerDeps, leased: Leased): Promise<void> {
  const { db, mail, config, log } = deps
  try {
    const prepared = await prepareLogin(deps, leased)
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
