/**
 * Three days of guessing, simulated: whatever an attacker with 10,000 addresses in 40 networks does, guessing signs in with a chance below
 * 1 in 2,000 a day, and everybody honest signs in, by the code or by the link of the same mail.
 *
 * Simulated on the model that test/guessing.test.ts holds against the gateway. The dice are seeded: the figures are the same everywhere.
 */
import { describe, expect, test } from 'vitest'
import { budget } from '../src/domain/guessing.ts'
import { createDice, type Dice } from '../src/domain/made-up-dice.ts'
import { type Asker, createGuessModel, dayMs, type Guess, type GuessModel, type Requested, secondMs } from './support/guess-model.ts'

const seed = 1_000_003
const days = 3
const daySeconds = dayMs / secondMs
const signInsPerDay = 10_000

type Way = 'from a browser that has signed in before' | 'from a new browser' | 'without cookies, giving the e-mail' | 'without cookies'

/** Somebody who signs in once within these days. */
interface Honest {
  readonly email: string
  readonly way: Way
  readonly address: string
  readonly second: number
  readonly mistypes: boolean
}

/**
 * 3,000 addresses: households at providers of IPv4 and IPv6, small workplaces, and twenty large ones, where many sign in from one address,
 * half of them in the hour after eight.
 */
function honestPeople(dice: Dice): Honest[] {
  const households = Array.from({ length: 2_600 }, (_, n) =>
    n % 5 < 3 ? `81.${n % 4}.${Math.floor(n / 8)}.${1 + (n % 250)}` : `2001:db8:${(n % 100).toString(16)}:${(n * 16).toString(16)}::1`,
  )
  const workplaces = Array.from({ length: 380 }, (_, n) => `82.${n % 2}.${Math.floor(n / 4)}.${1 + (n % 250)}`)
  const offices = Array.from({ length: 20 }, (_, n) => `83.0.${n}.10`)
  return Array.from({ length: days * signInsPerDay }, (_, n) => {
    const where = dice.pick([
      households,
      households,
      households,
      households,
      households,
      workplaces,
      workplaces,
      workplaces,
      offices,
      offices,
    ])
    const withCookies = n % 3 < 2
    const hour = where === offices && dice.chance(0.5) ? 8 : dice.chance(0.8) ? 8 + dice.below(10) : dice.below(24)
    return {
      email: `person-${n}@example.org`,
      way: withCookies
        ? dice.chance(0.7)
          ? 'from a browser that has signed in before'
          : 'from a new browser'
        : dice.chance(0.5)
          ? 'without cookies, giving the e-mail'
          : 'without cookies',
      address: dice.pick(where),
      second: Math.floor(n / signInsPerDay) * daySeconds + hour * 3_600 + dice.below(3_600),
      mistypes: dice.chance(0.04),
    }
  })
}

/** What happens when: work is put down for a second, and may put down more. */
interface World {
  readonly model: GuessModel
  readonly dice: Dice
  readonly honest: readonly Honest[]
  readonly now: () => number
  readonly later: (seconds: number, work: () => void) => void
  /** The last mail that came to each address, whoever asked for it. */
  readonly mailbox: ReadonlyMap<string, Requested>
  /** Who has asked lately: the newest last. */
  readonly askedLately: string[]
  readonly ask: (asker: Asker, email: string) => ReturnType<GuessModel['request']>
}

/** An attacker: how they begin. They tell of every code that a guess of theirs was held against and that could have been right. */
type Attack = (world: World, held: (codes: number) => void) => void

function simulate(attack?: Attack) {
  const dice = createDice(seed)
  const honest = honestPeople(dice)
  const model = createGuessModel({ startMs: 0, isSomebody: (email) => !email.startsWith('nobody-') })
  const agenda = new Map<number, (() => void)[]>()
  const mailbox = new Map<string, Requested>()
  let second = 0
  const world: World = {
    model,
    dice,
    honest,
    mailbox,
    askedLately: [],
    now: () => second,
    later(seconds, work) {
      const then = agenda.get(second + seconds)
      if (then) then.push(work)
      else agenda.set(second + seconds, [work])
    },
    ask(asker, email) {
      const answer = model.request(asker, email)
      if (answer.request?.mailed) mailbox.set(email, answer.request)
      return answer
    },
  }
  const signedIn = new Map<Honest, { by: 'code' | 'link'; after: number | undefined }>()
  for (const person of honest) {
    const device = person.way === 'from a browser that has signed in before' ? model.trust(person.email) : undefined
    world.later(person.second, () => signIn(world, person, device, (how) => signedIn.set(person, how)))
  }
  const held: { atMs: number; codes: number }[] = []
  attack?.(world, (codes) => held.push({ atMs: model.now(), codes }))
  for (; second < days * daySeconds + 600; second++) {
    model.moveTo(second * secondMs)
    // Work may put down more for this very second.
    for (const work of agenda.get(second) ?? []) work()
    agenda.delete(second)
  }

  const paid = model.guesses.filter(({ gone, cost }) => !gone && cost > 0)
  const byNetwork = new Map<string, Guess[]>()
  for (const guess of paid) byNetwork.set(guess.block, [...(byNetwork.get(guess.block) ?? []), guess])
  const most = (guesses: readonly Guess[]) => mostInADay(guesses.map(({ atMs, cost }) => ({ atMs, codes: cost })))
  const ways = [...new Set(honest.map(({ way }) => way))].toSorted()
  return {
    'signed in': signedIn.size,
    'sent to the link': Object.fromEntries(
      ways.map((way) => {
        const people = honest.filter((each) => each.way === way)
        return [way, `${people.filter((each) => signedIn.get(each)?.by === 'link').length} of ${people.length}`]
      }),
    ),
    'sent there since the code was dead': [...signedIn.values()].filter(({ by, after }) => by === 'link' && after !== 429).length,
    'most codes that guesses of an attacker were held against in 24 hours': mostInADay(held),
    'most units spent in 24 hours': most(paid),
    'most of them by one network': Math.max(...[...byNetwork.values()].map(most)),
  }
}

/** Asks for a mail, reads it within a minute or so, gives its code, perhaps after a wrong one, and follows the link where that is refused. */
function signIn(
  world: World,
  person: Honest,
  device: string | undefined,
  done: (how: { by: 'code' | 'link'; after: number | undefined }) => void,
): void {
  const { model, dice } = world
  const { email, address, way } = person
  const asked = world.ask({ address, device }, email)
  if (world.askedLately.push(email) > 20) world.askedLately.shift()
  if (asked.status === 429) return world.later(asked.retryAfterSeconds, () => signIn(world, person, device, done))
  const asker: Asker = way.startsWith('without cookies') ? { address } : { address, device, browser: asked.browser }
  const give = (right: boolean) =>
    model.guess(asker, {
      email: way === 'without cookies, giving the e-mail' ? email : undefined,
      of: right ? world.mailbox.get(email) : undefined,
    })
  const follow = (after: number) => {
    const mail = world.mailbox.get(email)
    if (mail && model.follow(asker, mail).status === 200) done({ by: 'link', after })
  }
  const giveRight = () => {
    const { status } = give(true)
    if (status === 200) done({ by: 'code', after: undefined })
    else follow(status)
  }
  world.later(15 + dice.below(75), () => {
    if (!person.mistypes) return giveRight()
    const { status } = give(false)
    if (status === 429) follow(status)
    else world.later(10, giveRight)
  })
}

/** The most within any 24 hours. */
function mostInADay(events: readonly { atMs: number; codes: number }[]): number {
  let [most, sum, first] = [0, 0, 0]
  for (const { atMs, codes } of events) {
    sum += codes
    while (events[first]!.atMs <= atMs - dayMs) sum -= events[first++]!.codes
    most = Math.max(most, sum)
  }
  return most
}

const networks = Array.from({ length: 40 }, (_, n) => Array.from({ length: 250 }, (_each, host) => `185.10.${n}.${host + 1}`))

/** From where an attacker guesses, for as long as the codes live that were asked for. */
interface Position {
  readonly asker: Asker
  readonly email?: string
  /** Of the codes, the one that the attacker can read, having an account too. */
  readonly own?: Requested | undefined
}
type TakePosition = (world: World, address: string, victim: () => string) => Position

const withCookie =
  (codes: number): TakePosition =>
  (world, address, victim) => {
    const { browser } = world.ask({ address }, victim())
    for (let n = 1; n < codes; n++) world.ask({ address, browser }, victim())
    return { asker: { address, browser } }
  }
const withoutCookie: TakePosition = (world, address, victim) => {
  for (let n = 0; n < 20; n++) world.ask({ address }, victim())
  return { asker: { address } }
}
const besideOwnCode: TakePosition = (world, address, victim) => {
  const { browser, request: own } = world.ask({ address }, `mallory-${world.now()}@example.org`)
  for (let n = 1; n < 10; n++) world.ask({ address, browser }, victim())
  return { asker: { address, browser }, own }
}
/** Of somebody who has just asked. */
const byEmail: TakePosition = (world, address) => ({ asker: { address }, email: world.dice.pick(['', ...world.askedLately]) })

/**
 * In each network an attacker guesses without end, from all of its addresses in turn. They come back when they were told to, and every two
 * minutes in any case: what honest people get back can be spent.
 * @param ways of each network: the next one where the one before is refused
 */
const attacking =
  (waysOf: (network: number) => readonly TakePosition[], victim: (world: World) => string): Attack =>
  (world, held) => {
    const { model } = world
    for (const [network, addresses] of networks.entries()) {
      let turn = 0
      const ways = waysOf(network).map((take) => ({ take, position: undefined as Position | undefined, untilSecond: 0 }))
      const guess = (way: (typeof ways)[number]): number | undefined => {
        if (way.position === undefined || world.now() >= way.untilSecond) {
          way.position = way.take(world, addresses[turn++ % addresses.length]!, () => victim(world))
          way.untilSecond = world.now() + (way.position.email === undefined ? 590 : 0)
        }
        const { asker, email, own } = way.position
        const { status, opened, retryAfterSeconds } = model.guess(asker, { email })
        if (status === 429) return retryAfterSeconds
        held(opened.filter((each) => each !== own).length)
        if (opened.length === 0) way.position = undefined
        // What the attacker's own code gives back can be spent on others.
        else if (own !== undefined && model.guess(asker, { email, of: own }).status === 200) way.position = undefined
        return undefined
      }
      const go = (): void => {
        const waits: number[] = []
        for (const way of ways) {
          const wait = guess(way)
          if (wait === undefined) return world.later(1, go)
          waits.push(wait)
        }
        world.later(Math.min(...waits, 120), go)
      }
      world.later(1 + network, go)
    }
  }

/** Every way to hold guesses against codes of others: with the cookie of their requests or without, one or many at once, by e-mail. */
const guessing = attacking(
  (network) => [[withCookie(1), withCookie(20), withoutCookie, besideOwnCode, byEmail][network % 5]!, withCookie(1)],
  ({ dice, honest }) => dice.pick(honest).email,
)
/** As fast as it can be, on codes of nobody. */
const hardening = attacking(
  () => [withCookie(20), withCookie(1)],
  ({ model }) => `nobody-${model.requests.length}@example.org`,
)

describe('of 30,000 people who sign in within three days, each does', () => {
  test('by the code, where nobody attacks: their own mistakes spend a third of the budget', () => {
    expect(simulate()).toEqual({
      'signed in': 30_000,
      'sent to the link': {
        'from a browser that has signed in before': '0 of 13963',
        'from a new browser': '0 of 6037',
        'without cookies, giving the e-mail': '0 of 5077',
        'without cookies': '0 of 4923',
      },
      'sent there since the code was dead': 0,
      'most codes that guesses of an attacker were held against in 24 hours': 0,
      'most units spent in 24 hours': 174,
      'most of them by one network': 13,
    })
  })

  test('where an attacker guesses in every way there is, at 500 codes of a million a day at most', () => {
    const simulated = simulate(guessing)
    expect(simulated['most codes that guesses of an attacker were held against in 24 hours']).toBeLessThanOrEqual(budget.units)
    expect(simulated).toEqual({
      'signed in': 30_000,
      'sent to the link': {
        'from a browser that has signed in before': '22 of 13963',
        'from a new browser': '6037 of 6037',
        'without cookies, giving the e-mail': '5077 of 5077',
        'without cookies': '4922 of 4923',
      },
      'sent there since the code was dead': 0,
      'most codes that guesses of an attacker were held against in 24 hours': 496,
      'most units spent in 24 hours': 500,
      'most of them by one network': 20,
    })
  })

  test('where an attacker only spends the budget: browsers that have signed in before do not notice', () => {
    expect(simulate(hardening)).toEqual({
      'signed in': 30_000,
      'sent to the link': {
        'from a browser that has signed in before': '0 of 13963',
        'from a new browser': '6037 of 6037',
        'without cookies, giving the e-mail': '5077 of 5077',
        'without cookies': '4923 of 4923',
      },
      'sent there since the code was dead': 0,
      'most codes that guesses of an attacker were held against in 24 hours': 500,
      'most units spent in 24 hours': 500,
      'most of them by one network': 20,
    })
  })
})
