/**
 * The mailer: sends the sign-in mails that the database holds, from any instance, each within 5 s of its request or of the crash of whoever
 * was sending it.
 *
 * Who has an account shows in no request's time: the mailer looks at times of its own, which neither a request nor the end of a mail
 * decides, and what it does for a mail it does in small pieces, between which the event loop turns.
 */
import { setImmediate as nextTurn } from 'node:timers/promises'
import type { Database } from '../deps.ts'
import { codeLifetimeMinutes } from './login-requests.ts'
import { deliver, type DeliveryDeps } from './mail-delivery.ts'
import { endNobodys, type Leased, leaseMs, leaseSome, renewalMs, renewLeases } from './mail-queue.ts'
import { secretId } from './tokens.ts'
import { inTurns } from './turns.ts'

const shortestWaitMs = 500
const longestWaitMs = 2_000
const nobodysAtOnce = 1_000
/** Mails under way at once: one that hangs holds up nobody else. */
const parallelMails = 32
/** Of those, how many are prepared in the database at once: others share its connections. */
const parallelPreparations = 1

type MailerDeps = Omit<DeliveryDeps, 'db'> & { readonly db: Pick<Database, 'aside'> }

export interface Mailer {
  /** Takes nothing new; resolves when what was under way is through. */
  stop(): Promise<void>
}

interface UnderWay {
  readonly leased: Leased
  /** Until then, by `performance.now()`, nobody else can have it. */
  heldUntilMs: number
  through: Promise<void>
}

/** @param untilNextLook milliseconds, asked anew for every look; the first one comes at once */
export function startMailer(
  { db: { aside: db }, ...others }: MailerDeps,
  { untilNextLook = () => shortestWaitMs + Math.random() * (longestWaitMs - shortestWaitMs) }: { untilNextLook?: () => number } = {},
): Mailer {
  const deps: DeliveryDeps = { ...others, db }
  const { log } = deps
  const keys = deps.secrets.map(secretId)
  const underWay = new Map<string, UnderWay>()
  const ownTurn = oneATurn()
  const preparing = inTurns(parallelPreparations, codeLifetimeMinutes * 60_000)
  const renewals = new Set<Promise<void>>()
  let stopped = false
  let looking: Promise<void> | undefined
  /** How many times it has been time for a look. */
  let times = 0

  const renew = async (some: Iterable<UnderWay>): Promise<void> => {
    const askedAtMs = performance.now()
    for (const id of await renewLeases(
      db,
      Array.from(some, ({ leased }) => leased),
    )) {
      const held = underWay.get(id)
      if (held) held.heldUntilMs = askedAtMs + leaseMs
    }
  }
  /** Every time, also while an earlier renewal waits for its answer: a database that answers late is told in time. */
  const renewAll = (): void => {
    if (underWay.size === 0) return
    const renewal = renew(underWay.values())
      .catch((error: unknown) =>
        log.warn(
          { err: error, mails: underWay.size },
          'leases of sign-in mails under way could not be renewed; the next second tries again',
        ),
      )
      .finally(() => renewals.delete(renewal))
    renewals.add(renewal)
  }

  const begin = (leased: Leased, heldUntilMs: number): void => {
    const mine: UnderWay = { leased, heldUntilMs, through: Promise.resolve() }
    const holds = (): boolean => performance.now() < mine.heldUntilMs
    underWay.set(leased.id, mine)
    mine.through = deliver(deps, leased, {
      ownTurn,
      inTurns: preparing,
      async isHeld() {
        if (!holds()) await renew([mine])
        return holds()
      },
      isStopped: () => stopped,
    }).finally(() => underWay.delete(leased.id))
  }
  /** Of what was due when the look began. @returns whether there may be more */
  const leaseMore = async (dueBy: number): Promise<boolean> => {
    const most = parallelMails - underWay.size
    if (most === 0) {
      await Promise.race(Array.from(underWay.values(), ({ through }) => through))
      return true
    }
    const askedAtMs = performance.now()
    const leased = await leaseSome(db, { most, dueBy, keys, except: [...underWay.keys()] })
    for (const each of leased) begin(each, askedAtMs + leaseMs)
    if (performance.now() - askedAtMs > renewalMs) renewAll() // half of the lease is over
    return leased.length === most
  }
  /** All that is due at its time. One that lasts until the next one's time takes over what has become due by then. */
  const look = async (): Promise<void> => {
    try {
      let served: number
      do {
        served = times
        let nobodys = await endNobodys(db, { most: nobodysAtOnce })
        const { dueBy } = nobodys
        while (!stopped && nobodys.ended === nobodysAtOnce) nobodys = await endNobodys(db, { most: nobodysAtOnce, dueBy })
        while (!stopped && (await leaseMore(dueBy)));
      } while (!stopped && served !== times)
    } catch (error) {
      log.warn({ err: error }, 'the mailer cannot read its queue')
    }
  }

  let timer: NodeJS.Timeout
  const keepLooking = (): void => {
    timer = setTimeout(keepLooking, untilNextLook())
    times++
    looking ??= look().finally(() => {
      looking = undefined
    })
  }
  keepLooking()
  const renewing = setInterval(renewAll, renewalMs)
  return {
    async stop() {
      stopped = true
      clearTimeout(timer)
      await looking
      await Promise.all(Array.from(underWay.values(), ({ through }) => through))
      clearInterval(renewing)
      await Promise.all(renewals)
    },
  }
}

/** @returns what resolves for one caller in each turn of the event loop, in the order in which they came */
function oneATurn(): () => Promise<void> {
  let last = Promise.resolve()
  return () => (last = last.then(() => nextTurn()))
}
