/** One sign-in mail on its way: made, handed to the provider, and written down how that ended. */
import { setTimeout as sleep } from 'node:timers/promises'
import type { Deps, Transactions } from '../deps.ts'
import { prepareLogin, type Recipient } from './login-mail.ts'
import { codeLifetimeMinutes } from './login-requests.ts'
import { loginMessage, MailDelayed, MailRefused, type Message } from './mail.ts'
import { type Leased, markEnded, markSent, putOff } from './mail-queue.ts'
import { inLanguage } from './multilingual.ts'
import { linkToken } from './tokens.ts'

/** The first retry comes after 1 to 2 s; the spread keeps instances apart. */
const firstRetryMs = 1_000
const longestBackoffMs = 60_000
/** After that there is no code any more to send. */
const codeLifetimeMs = codeLifetimeMinutes * 60_000
const rewriteMs = 1_000

export type DeliveryDeps = Pick<Deps, 'mail' | 'log' | 'config' | 'secrets'> & { readonly db: Transactions }

/** What the mailer decides about all that are under way. */
export interface Circumstances {
  /** Resolves when the event loop has turned since another one went on. */
  readonly ownTurn: () => Promise<void>
  /** The database is asked for a few mails at a time. */
  readonly inTurns: <Result>(work: () => Promise<Result>) => Promise<Result>
  /** Whether the lease is certain to be held at this moment. */
  readonly isHeld: () => Promise<boolean>
  readonly isStopped: () => boolean
}

/** Sends a mail that is leased. It never fails: what goes wrong is in the log, and the mail is due again unless it was refused for good. */
export async function deliver(deps: DeliveryDeps, leased: Leased, circumstances: Circumstances): Promise<void> {
  const { ownTurn, inTurns, isHeld } = circumstances
  const { db, mail, log } = deps
  const told = { loginRequest: leased.id, attempt: leased.attempts }
  try {
    await ownTurn()
    const prepared = await inTurns(() => prepareLogin(deps, leased))
    if ('ended' in prepared) return await markEnded(db, leased, prepared.ended)
    await ownTurn()
    const message = messageOf(deps, leased, prepared)
    if (!(await isHeld())) return log.info(told, 'a sign-in mail is left to whoever has leased it since')
    await mail.send(message)
  } catch (error) {
    return sayNotSent(deps, leased, error)
  }
  await saySent(deps, leased, circumstances)
}

function messageOf(
  { config }: DeliveryDeps,
  { id }: Leased,
  { secret, code, person }: { secret: string; code: string; person: Recipient },
): Message {
  return loginMessage({
    to: person.email,
    first: person.first,
    language: person.language,
    districtName: inLanguage(person.districtName, [person.language, person.districtLanguage]),
    accent: person.accent,
    code,
    link: config.magicLinkUrl.replace('{token}', linkToken(secret, id)),
    host: new URL(config.publicUrl).host,
  })
}

/** The provider has it: until the row says so too, it is tried again, or somebody would send it twice when the database is back. */
async function saySent({ db, log }: DeliveryDeps, leased: Leased, { isStopped }: Circumstances): Promise<void> {
  const told = { loginRequest: leased.id, attempt: leased.attempts }
  const takenAtMs = performance.now()
  for (;;) {
    try {
      await markSent(db, leased)
      return log.info(told, 'sign-in mail sent')
    } catch (error) {
      log.warn({ ...told, err: error }, 'sign-in mail sent, which could not be written down yet')
      if (isStopped() || performance.now() - takenAtMs > codeLifetimeMs) return
      await sleep(rewriteMs)
    }
  }
}

async function sayNotSent({ db, log }: DeliveryDeps, leased: Leased, error: unknown): Promise<void> {
  const refused = error instanceof MailRefused
  log.warn(
    { loginRequest: leased.id, attempt: leased.attempts, err: error },
    refused ? 'sign-in mail refused for good' : 'sign-in mail not sent yet',
  )
  const reason = (error as Error).message
  try {
    await (refused ? markEnded(db, leased, reason) : putOff(db, leased, reason, retryInMs(leased, error)))
  } catch (lost) {
    log.warn({ err: lost }, 'the lease of a sign-in mail runs out by itself')
  }
}

/** The longer of the own backoff and what the provider asks for: its word shortens no wait, and makes none longer than a code lives. */
function retryInMs({ attempts }: Leased, error: unknown): number {
  const backoffMs = Math.min(firstRetryMs * 2 ** (attempts - 1), longestBackoffMs) * (1 + Math.random())
  const wishedMs = error instanceof MailDelayed ? error.retryAfterSeconds * 1_000 : 0
  return wishedMs > backoffMs ? Math.min(wishedMs, codeLifetimeMs) : backoffMs // NaN, too, is no longer
}
