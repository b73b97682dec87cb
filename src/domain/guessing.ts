/**
 * Guessing: how often codes may be asked for and tried, by whom and against what. Pure: what has been counted comes in, a verdict goes out.
 *
 * The arithmetic. A code has six digits, and no two codes of the last 24 hours are the same: a guess that is held against n live codes
 * is right by chance with n / 10^6. So it costs n units of one millionth, paid before anything is compared. All guesses together have
 * 500 units in any 24 hours. Whoever guesses, from however many addresses, signs in as anybody with a chance below 500 / 10^6, one in
 * 2,000 a day. (Who knows m codes of the day, those of people of their own, knows that nobody else has them: 500 / (10^6 − m), 1 % more
 * where 10,000 sign in a day.) What comes back is a right code's own cost, for it was its person's, and so nobody else's by chance; and,
 * once a browser has proved to be a person's, that person's share of what the same browser gave wrong before.
 *
 * One network (a /24, an IPv6 /48) spends at most 4 % of it, 20 units: four mails whose codes are tried five times each. Twenty-five
 * networks are needed to spend it all, and that signs nobody in and locks nobody out: the link of the same mail has 256 bits, and works.
 */

/** What a guess costs for each code it is held against is one: a millionth. */
export const budget = { units: 500, networkUnits: 20, hours: 24 } as const
/** The log tells of it when these shares of the budget have been spent. */
export const alertPercents = [25, 50, 75, 100] as const

/** An IPv6 /56 has four times the limits of a /64, a /48 sixteen times. */
export const networkFactors = { site: 4, block: 16 } as const

/** Failures, and how many of them end what. */
export const failureLimits = {
  /** With a code of one mail. */
  request: 5,
  /** With the codes of one person, a day. */
  personDay: 50,
  /** From one IPv4 address or IPv6 /64. */
  addressHour: 10,
  addressDay: 20,
  /** When the budget is spent, and beside it: from browsers that have signed in as this person, a day. */
  trustedDay: 5,
} as const

/** So many at once, and one more each `seconds`. */
export interface Bucket {
  readonly size: number
  readonly seconds: number
}
/** Requests for a sign-in mail. */
export const requestBuckets = {
  /** Beyond it the answer is the same, and no mail goes out: nobody's mailbox is filled by others. */
  person: { size: 5, seconds: 600 },
  /** Of an IPv4 address or an IPv6 /64, and of the networks around it; beyond it nothing is taken from there. */
  address: { size: 30, seconds: 10 },
  site: { size: 30 * networkFactors.site, seconds: 10 / networkFactors.site },
  block: { size: 30 * networkFactors.block, seconds: 10 / networkFactors.block },
} as const satisfies Record<string, Bucket>

/** How much there was within the hours of a limit. */
export interface Tally {
  readonly count: number
  /** Seconds until the oldest of it counts no more. */
  readonly freesInSeconds: number
}

/** Failures of an address, or of a network around it. */
export interface Failures {
  readonly hour: Tally
  readonly day: Tally
  /** How many times the limits of one address it has. */
  readonly factor: number
}

/** A live login request that the guess may be held against. */
export interface Candidate {
  readonly id: string
  readonly tries: number
  readonly personDay: Tally
  /** Of browsers that have signed in as this person. */
  readonly trustedDay: Tally
  /** This browser is one of those. */
  readonly isTrusted: boolean
}

/** Everything a verdict depends on. */
export interface Standing {
  /** The code came with the cookie of the candidates' own browser: their own limits hold it, and no address's. */
  readonly own: boolean
  readonly candidates: readonly Candidate[]
  /** Of the client's address, and of the networks around it that have limits of their own. */
  readonly failures: readonly Failures[]
  /** Units of the budget. */
  readonly spent: Tally
  readonly spentByNetwork: Tally
}

export type Verdict =
  /** There is nothing to hold it against. */
  | { readonly kind: 'vain' }
  /** To be held against these, once `cost` is paid; `trusted`: not out of the budget, which is spent. */
  | { readonly kind: 'compare'; readonly requests: readonly string[]; readonly cost: number; readonly trusted: boolean }
  /** Not to be compared with anything. */
  | { readonly kind: 'refuse'; readonly retryAfterSeconds: number }

/** Whether and against what a guess is compared. */
export function judge({ own, candidates, failures, spent, spentByNetwork }: Standing): Verdict {
  const { request, personDay, trustedDay, addressHour, addressDay } = failureLimits
  const full = own
    ? []
    : failures.flatMap(({ hour, day, factor }) => [...reached(hour, addressHour * factor), ...reached(day, addressDay * factor)])
  if (full.length > 0) return refuse(Math.max(...full))

  const live = candidates.filter(({ tries }) => tries < request)
  const open = live.filter((each) => each.personDay.count < personDay)
  if (live.length > 0 && open.length === 0) return refuse(Math.min(...live.map((each) => each.personDay.freesInSeconds)))

  // What is held against nothing is refused like what is not: nobody is to see who has a code just now.
  const cost = Math.max(1, open.length)
  const dear = [...exceeded(spent, cost, budget.units), ...exceeded(spentByNetwork, cost, budget.networkUnits)]
  if (dear.length === 0) return open.length === 0 ? { kind: 'vain' } : { kind: 'compare', requests: idsOf(open), cost, trusted: false }

  const trusted = open.filter((each) => each.isTrusted && each.trustedDay.count < trustedDay)
  if (trusted.length > 0) return { kind: 'compare', requests: idsOf(trusted), cost: 0, trusted: true }
  return refuse(Math.max(...dear))
}

const refuse = (retryAfterSeconds: number): Verdict => ({ kind: 'refuse', retryAfterSeconds })
const idsOf = (candidates: readonly Candidate[]): string[] => candidates.map(({ id }) => id)
const reached = (tally: Tally, limit: number): number[] => exceeded(tally, 1, limit)
/** When it is worth while again, where `cost` more would go beyond a limit; of what costs too much in any case, when there may be less of it. */
const exceeded = ({ count, freesInSeconds }: Tally, cost: number, limit: number): number[] =>
  count + cost > limit ? [cost > limit ? 60 : freesInSeconds] : []

/** The share of the budget that the log is to tell of, or 0. */
export const alertPercentOf = (spentUnits: number): number =>
  Math.max(0, ...alertPercents.filter((percent) => spentUnits * 100 >= percent * budget.units))
