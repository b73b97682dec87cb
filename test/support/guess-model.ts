/**
 * The gateway's bookkeeping of codes, in memory and on a clock of its own: who may guess at what, what it costs, what comes back. The rules
 * are the gateway's own (`judge` and its limits); what is counted when is written here a second time, without a database, so that the two
 * can be held against each other, and so that days of guessing pass in seconds.
 */
import { coarseNetwork, networkOf, siteOf } from '../../src/domain/client.ts'
import {
  type Bucket,
  budget,
  judge,
  networkFactors,
  requestBuckets,
  type Standing,
  type Tally,
  type Verdict,
} from '../../src/domain/guessing.ts'
import { codeLifetimeMinutes, linkLifetimeMinutes } from '../../src/domain/login-requests.ts'
import { deviceLifetimeDays } from '../../src/domain/trusted-devices.ts'

export const secondMs = 1_000
export const minuteMs = 60 * secondMs
export const hourMs = 60 * minuteMs
export const dayMs = 24 * hourMs

/** Who asks: an address, and what cookies it sends. */
export interface Asker {
  readonly address: string
  readonly browser?: string | undefined
  readonly device?: string | undefined
}

/** A login request that was recorded. */
export interface Requested {
  readonly email: string
  readonly browser: string
  readonly network: string
  readonly atMs: number
  /** Somebody has the address: a mail with a code and a link went out. */
  readonly mailed: boolean
  tries: number
  codeEnded: boolean
  linkEnded: boolean
}

/** A guess that was recorded. */
export interface Guess {
  readonly atMs: number
  /** Where it counts as a failure; nowhere, where it came with the cookie of its own request. */
  readonly network: string | undefined
  readonly site: string | undefined
  readonly block: string
  readonly browser: string | undefined
  readonly people: readonly string[]
  readonly trusted: boolean
  requests: readonly Requested[]
  cost: number
  /** Given back. */
  gone: boolean
}

export interface Guessed {
  readonly status: 200 | 401 | 429
  readonly verdict: Verdict
  /** What it was held against. */
  readonly opened: readonly Requested[]
  readonly guess: Guess | undefined
  readonly retryAfterSeconds: number | undefined
  /** For the browser's cookie. */
  readonly device: string | undefined
}

export type GuessModel = ReturnType<typeof createGuessModel>

/** @param isSomebody whose address a mail goes to */
export function createGuessModel({ startMs, isSomebody }: { startMs: number; isSomebody: (email: string) => boolean }) {
  let nowMs = startMs
  let made = 0
  const requests: Requested[] = []
  const guesses: Guess[] = []
  const liveByBrowser = new Map<string, Requested[]>()
  const liveByEmail = new Map<string, Requested[]>()
  const liveByNetwork = new Map<string, Requested[]>()
  const guessesByBrowser = new Map<string, Guess[]>()
  const bucketsFullAtMs = new Map<string, number>()
  /** When each browser last signed in, by person. */
  const devices = new Map<string, Map<string, number>>()
  const peopleByDevice = new Map<string, Set<string>>()
  const windows = { scope: new Map<string, Window>(), person: new Map<string, Window>(), trusted: new Map<string, Window>() }
  const windowsOf = new Map<Guess, readonly Window[]>()

  const windowIn = (index: Map<string, Window>, key: string, hours: number, amountOf: (guess: Guess) => number): Window => {
    const window = index.get(key) ?? new Window(hours * hourMs, amountOf)
    index.set(key, window)
    return window
  }
  const one = ({ gone }: Guess) => (gone ? 0 : 1)
  const units = ({ gone, cost }: Guess) => (gone ? 0 : cost)
  const failuresOf = (scope: string) => ({
    hour: windowIn(windows.scope, `${scope} hour`, 1, one),
    day: windowIn(windows.scope, `${scope} day`, 24, one),
  })
  const spent = new Window(budget.hours * hourMs, units)
  const spentByBlock = (block: string) => windowIn(windows.scope, `spent by ${block}`, budget.hours, units)
  const failuresOfPerson = (kind: 'person' | 'trusted', email: string): Tally => windows[kind].get(email)?.tally(nowMs) ?? nothing

  const codeAlive = (each: Requested) => !each.codeEnded && each.atMs > nowMs - codeLifetimeMinutes * minuteMs
  const linkAlive = (each: Requested) => !each.linkEnded && each.atMs > nowMs - linkLifetimeMinutes * minuteMs
  const liveOf = (index: Map<string, Requested[]>, key: string | undefined): readonly Requested[] => {
    if (key === undefined) return []
    const live = (index.get(key) ?? []).filter(codeAlive)
    if (live.length > 0) index.set(key, live)
    else index.delete(key)
    return live
  }

  const trusts = (email: string, device: string | undefined): boolean => {
    const signedInMs = device === undefined ? undefined : devices.get(email)?.get(device)
    return signedInMs !== undefined && signedInMs > nowMs - deviceLifetimeDays * dayMs
  }

  function standingOf({ address, browser, device }: Asker, email: string | undefined): Standing & { found: readonly Requested[] } {
    const network = networkOf(address)
    const [site, block] = [siteOf(network), coarseNetwork(network)]
    const own = liveOf(liveByBrowser, browser)
    const byEmail = own.length > 0 ? [] : liveOf(liveByEmail, email)
    const found = [own, byEmail].find(({ length }) => length > 0) ?? liveOf(liveByNetwork, network)
    const failures = [{ scope: `address ${network}`, factor: 1 }]
    if (site !== undefined)
      failures.push({ scope: `site ${site}`, factor: networkFactors.site }, { scope: `block ${block}`, factor: networkFactors.block })
    return {
      found,
      own: own.length > 0,
      // The verdict names its candidates by their place.
      candidates: found.map((each, place) => ({
        id: String(place),
        tries: each.tries,
        personDay: failuresOfPerson('person', each.email),
        trustedDay: failuresOfPerson('trusted', each.email),
        isTrusted: each.mailed && trusts(each.email, device),
      })),
      failures: failures.map(({ scope, factor }) => {
        const { hour, day } = failuresOf(scope)
        return { hour: hour.tally(nowMs), day: day.tally(nowMs), factor }
      }),
      spent: spent.tally(nowMs),
      spentByNetwork: spentByBlock(block).tally(nowMs),
    }
  }

  function record(guess: Guess): void {
    const { network, site, block, browser, people, cost, trusted } = guess
    const scopes = [
      ...(network === undefined ? [] : [`address ${network}`]),
      ...(site === undefined ? [] : [`site ${site}`]),
      ...(network === undefined || site === undefined ? [] : [`block ${block}`]),
    ]
    const counting = [
      ...scopes.flatMap((scope) => Object.values(failuresOf(scope))),
      ...people.map((email) => windowIn(windows.person, email, 24, one)),
      ...(trusted ? people.map((email) => windowIn(windows.trusted, email, 24, one)) : []),
      ...(cost > 0 ? [spent, spentByBlock(block)] : []),
    ]
    for (const window of counting) window.add(guess)
    windowsOf.set(guess, counting)
    guesses.push(guess)
    if (browser !== undefined && cost > 0) {
      const recent = (guessesByBrowser.get(browser) ?? []).filter((each) => each.atMs > nowMs - dayMs)
      guessesByBrowser.set(browser, [...recent, guess])
    }
  }

  /** Changes what a guess counts for. */
  function change(guess: Guess, by: () => void): void {
    const counting = windowsOf.get(guess)!.filter((window) => window.holds(guess, nowMs))
    const before = counting.map((window) => window.amountOf(guess))
    by()
    for (const [n, window] of counting.entries()) window.changeBy(window.amountOf(guess) - before[n]!)
  }

  /** As a sign-in by code does, beside opening the session. */
  function giveBack(guess: Guess, opened: readonly Requested[], { browser }: Asker, email: string): void {
    change(guess, () => (guess.gone = true))
    for (const each of opened) each.tries -= 1
    if (browser === undefined) return
    for (const wrong of guessesByBrowser.get(browser) ?? []) {
      const others = wrong.requests.filter((each) => each.email !== email)
      change(wrong, () => {
        wrong.cost -= wrong.requests.length - others.length
        wrong.requests = others
      })
    }
  }

  function signedIn(email: string, { browser, device }: Asker): string | undefined {
    if (browser === undefined && device === undefined) return undefined
    const renewed = `device-${++made}`
    const people = (device === undefined ? undefined : peopleByDevice.get(device)) ?? new Set<string>()
    for (const each of people) {
      const known = devices.get(each)!
      known.set(renewed, known.get(device!)!)
      known.delete(device!)
    }
    if (device !== undefined) peopleByDevice.delete(device)
    peopleByDevice.set(renewed, people.add(email))
    devices.set(email, (devices.get(email) ?? new Map<string, number>()).set(renewed, nowMs))
    return renewed
  }

  /** Takes one out of a bucket that has one. */
  function take(key: string, { size, seconds }: Bucket): boolean {
    const fullAtMs = bucketsFullAtMs.get(key) ?? 0
    if (fullAtMs > nowMs + (size - 1) * seconds * secondMs) return false
    bucketsFullAtMs.set(key, Math.max(fullAtMs, nowMs) + seconds * secondMs)
    return true
  }
  const untilNextSeconds = (key: string, { size, seconds }: Bucket): number =>
    ((bucketsFullAtMs.get(key) ?? nowMs) - nowMs) / secondMs - (size - 1) * seconds

  return {
    now: () => nowMs,
    moveTo(ms: number) {
      if (ms < nowMs) throw new Error('this clock goes one way')
      nowMs = ms
    },

    /** All that was ever recorded, the oldest first. */
    requests: requests as readonly Requested[],
    guesses: guesses as readonly Guess[],
    /** Buckets that are not full. */
    buckets: (): ReadonlyMap<string, number> => new Map([...bucketsFullAtMs].filter(([, fullAtMs]) => fullAtMs > nowMs)),
    /** The browsers that have signed in as somebody. */
    devicesOf: (email: string): readonly string[] => [...(devices.get(email)?.keys() ?? [])],
    codeAlive,
    linkAlive,

    request(asker: Asker, email: string) {
      const network = networkOf(asker.address)
      const site = siteOf(network)
      const buckets: [string, Bucket][] = [[`address:${network}`, requestBuckets.address]]
      if (site !== undefined) buckets.push([`site:${site}`, requestBuckets.site], [`block:${coarseNetwork(network)}`, requestBuckets.block])
      if (!buckets.every(([key, bucket]) => take(key, bucket))) {
        const waits = buckets.map(([key, bucket]) => untilNextSeconds(key, bucket))
        return {
          status: 429,
          retryAfterSeconds: Math.max(1, Math.ceil(Math.max(...waits))),
          browser: asker.browser,
          request: undefined,
        } as const
      }
      const browser = asker.browser ?? `browser-${++made}`
      if (!take(`person:${email}`, requestBuckets.person)) return { status: 200, browser, request: undefined } as const
      for (const older of liveByEmail.get(email) ?? []) older.codeEnded = true
      const mailed = isSomebody(email)
      const request: Requested = { email, browser, network, atMs: nowMs, mailed, tries: 0, codeEnded: false, linkEnded: false }
      requests.push(request)
      liveByEmail.set(email, [request])
      liveByBrowser.set(browser, [...liveOf(liveByBrowser, browser), request])
      liveByNetwork.set(network, [...liveOf(liveByNetwork, network), request])
      return { status: 200, browser, request } as const
    },

    /**
     * A guess at a code.
     * @param of whose code it is; nobody's when left out
     */
    guess(asker: Asker, { email, of }: { email?: string | undefined; of?: Requested | undefined }): Guessed {
      const { found, ...standing } = standingOf(asker, email)
      const verdict = judge(standing)
      if (verdict.kind === 'refuse') {
        const retryAfterSeconds = Math.max(1, Math.ceil(verdict.retryAfterSeconds))
        return { status: 429, verdict, opened: [], guess: undefined, retryAfterSeconds, device: undefined }
      }
      const compared = verdict.kind === 'compare' ? verdict : { requests: [], cost: 0, trusted: false }
      const opened = compared.requests.map((place) => found[Number(place)]!)
      const network = networkOf(asker.address)
      const guess: Guess = {
        atMs: nowMs,
        network: standing.own ? undefined : network,
        site: standing.own ? undefined : siteOf(network),
        block: coarseNetwork(network),
        browser: asker.browser,
        people: opened.map((each) => each.email),
        trusted: compared.trusted,
        requests: opened,
        cost: compared.cost,
        gone: false,
      }
      if (!standing.own || opened.length > 0) record(guess)
      for (const each of opened) each.tries += 1
      const meant = opened.find((each) => each === of && each.mailed)
      const answer = { verdict, opened, guess, retryAfterSeconds: undefined }
      if (!meant) return { ...answer, status: 401, device: undefined }
      meant.codeEnded = true
      meant.linkEnded = true
      giveBack(guess, opened, asker, meant.email)
      return { ...answer, status: 200, device: signedIn(meant.email, asker) }
    },

    /** The link of a mail, followed by a page. */
    follow(asker: Asker, request: Requested): { status: 200 | 401; device: string | undefined } {
      if (!request.mailed || !linkAlive(request)) return { status: 401, device: undefined }
      request.codeEnded = true
      request.linkEnded = true
      return { status: 200, device: signedIn(request.email, asker) }
    },

    /** Has a browser sign in that did so before the model began. */
    trust: (email: string): string => signedIn(email, { address: '', browser: 'before' })!,

    /** Counts a guess that was made before the model began. */
    recall: ({ network, ...counted }: Pick<Guess, 'atMs' | 'block'> & Partial<Guess>): void =>
      record({
        network,
        site: network === undefined ? undefined : siteOf(network),
        browser: undefined,
        people: [],
        trusted: false,
        requests: [],
        cost: 0,
        gone: false,
        ...counted,
      }),
  }
}

const nothing: Tally = { count: 0, freesInSeconds: 0 }

/** What was counted within the last hours: guesses join it in the order of time, and fall out of it by themselves. */
class Window {
  readonly amountOf: (guess: Guess) => number
  private readonly spanMs: number
  private guesses: Guess[] = []
  private first = 0
  private total = 0

  constructor(spanMs: number, amountOf: (guess: Guess) => number) {
    this.spanMs = spanMs
    this.amountOf = amountOf
  }

  add(guess: Guess): void {
    this.guesses.push(guess)
    this.total += this.amountOf(guess)
  }

  /** What has run out is subtracted by what it was worth until then. */
  holds({ atMs }: Guess, nowMs: number): boolean {
    this.drop(nowMs)
    return atMs > nowMs - this.spanMs
  }

  changeBy(amount: number): void {
    this.total += amount
  }

  private drop(nowMs: number): void {
    while (this.first < this.guesses.length) {
      const oldest = this.guesses[this.first]!
      const amount = this.amountOf(oldest)
      if (oldest.atMs > nowMs - this.spanMs && amount > 0) break
      this.total -= amount
      this.first += 1
    }
    if (this.first > 1_000 && this.first > this.guesses.length / 2) {
      this.guesses = this.guesses.slice(this.first)
      this.first = 0
    }
  }

  tally(nowMs: number): Tally {
    this.drop(nowMs)
    const oldest = this.guesses[this.first]
    return { count: this.total, freesInSeconds: oldest === undefined ? 0 : (oldest.atMs + this.spanMs - nowMs) / secondMs }
  }
}
