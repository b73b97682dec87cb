/**
 * Whoever asks for mails and tries codes cannot tell who has an account: every kind of address is answered alike, below every limit and
 * beyond it, and in the same time.
 */
import { randomBytes, randomInt } from 'node:crypto'
import sql from 'sql-template-tag'
import { describe, expect, test, vi } from 'vitest'
import { failureLimits } from '../../src/domain/guessing.ts'
import { requestBuckets } from '../../src/domain/guessing.ts'
import { createTestDistrict } from '../support/fixtures.ts'
import { startGateway } from '../support/gateway.ts'
import { json, newAddress, raw, type RawAnswer } from '../support/http.ts'
import { deviation, shuffled } from '../support/ranks.ts'

// A thousand requests, one after the other.
vi.setConfig({ testTimeout: 600_000 })

const gateway = await startGateway({ config: { trustedProxyHops: 1 } })
const { db } = gateway
const district = await createTestDistrict(db)
const lapsed = await createTestDistrict(db, { plan: 'trial', trialEndsAt: new Date(Date.now() - 86_400_000) })
const inactive = await createTestDistrict(db, { plan: 'inactive' })

const kinds = ['known', 'unknown', 'archived', 'in a district whose trial is over', 'in a district without a plan'] as const
type Kind = (typeof kinds)[number]
type OfEach<Value> = Record<Kind, Value>
const ofEach = async <Value>(make: (kind: Kind) => Promise<Value>): Promise<OfEach<Value>> =>
  Object.fromEntries(await Promise.all(kinds.map(async (kind) => [kind, await make(kind)]))) as OfEach<Value>

/** A new address of this kind; all are equally long. */
async function newEmail(kind: Kind): Promise<string> {
  const email = `${randomBytes(8).toString('hex')}@example.org`
  const home = { 'in a district whose trial is over': lapsed, 'in a district without a plan': inactive }[kind as string] ?? district
  if (kind !== 'unknown') await home.person({ email, archived: kind === 'archived' })
  return email
}
/** One after the other: all at once would be more than the pool lets wait. */
async function newEmails(kind: Kind, count: number): Promise<string[]> {
  const emails: string[] = []
  while (emails.length < count) emails.push(await newEmail(kind))
  return emails
}

const ask = (email: string, address = newAddress()) =>
  raw(`${gateway.url}/api/auth/request`, json({ email }, { 'X-Forwarded-For': address }))
const guess = (email: string, address = newAddress()) =>
  raw(`${gateway.url}/api/auth/verify`, json({ code: wrongCode(), email }, { 'X-Forwarded-For': address }))
/** A code that nobody was sent. */
function wrongCode(): string {
  const code = String(randomInt(1_000_000)).padStart(6, '0')
  return gateway.mails.some(({ text }) => text.includes(code)) ? wrongCode() : code
}
const mailsAreOut = () =>
  vi.waitUntil(async () => (await db.query(sql`select id from login_requests where mail_due_at is not null`)).length === 0, {
    timeout: 300_000,
    interval: 20,
  })
/** As if a day had passed for the budget, which is not what is tested here. */
const forgetGuesses = () => db.query(sql`delete from code_guesses`)
const refill = () => db.query(sql`delete from request_buckets`)

describe('the answer', () => {
  /** Everything in it that may be told by: all but the moment, its own id, and the secret of the cookie. */
  const shown = ({
    status,
    text,
    headers: { date: _date, 'x-request-id': _id, 'retry-after': wait, 'set-cookie': cookies, ...headers },
  }: RawAnswer) => ({
    status,
    text,
    headers,
    cookies: cookies?.map((cookie) => cookie.replace(/=[\w-]{43};/, '=…;')),
    waits: wait !== undefined,
  })
  /** The same for an address of each kind, in any order; @returns the status. */
  async function alike(act: (kind: Kind) => Promise<RawAnswer>): Promise<number> {
    const startedAt = performance.now()
    const answers = new Map<Kind, RawAnswer>()
    for (const kind of shuffled(kinds)) answers.set(kind, await act(kind))
    const { unknown } = Object.fromEntries(answers) as OfEach<RawAnswer>
    for (const [kind, answer] of answers) expect(shown(answer), kind).toEqual(shown(unknown))
    const waits = [...answers.values()].map(({ headers }) => Number(headers['retry-after'] ?? 0))
    // Seconds, rounded, of limits that were reached one after the other.
    lateness += (performance.now() - startedAt) / 1_000
    expect(Math.max(...waits) - Math.min(...waits)).toBeLessThanOrEqual(lateness + 1)
    return unknown.status
  }
  let lateness = 0

  test('to a request is the same for every kind of address, also when its mails are used up', async () => {
    const emails = await ofEach(newEmail)
    for (let n = 0; n < requestBuckets.person.size + 5; n++) expect(await alike((kind) => ask(emails[kind]))).toBe(200)
  })

  test('to a client that asks too often is the same, whomever it asks for', async () => {
    const clients = await ofEach(async (kind) => ({ address: newAddress(), emails: await newEmails(kind, 8) }))
    const again = (n: number) => alike((kind) => ask(clients[kind].emails[n % 8]!, clients[kind].address))
    for (let n = 0; n < requestBuckets.address.size; n++) expect(await again(n)).toBe(200)
    // However long that took, it is as if they had asked for a hundred seconds' worth more.
    const keys = kinds.map((kind) => `address:${clients[kind].address}`)
    const seconds = requestBuckets.address.size * requestBuckets.address.seconds + 100
    await db.query(sql`update request_buckets set full_at = now() + make_interval(secs => ${seconds}) where key = any(${keys})`)
    for (let n = 0; n < 8; n++) expect(await again(n)).toBe(429)
  })

  test('to a wrong code is the same, down to the last try and past it', async () => {
    await forgetGuesses()
    const emails = await ofEach(newEmail)
    for (let n = 0; n < 2; n++) expect(await alike((kind) => guess(emails[kind]))).toBe(401)
    await alike((kind) => ask(emails[kind]))
    await mailsAreOut()
    for (let n = 0; n < failureLimits.request + 2; n++) expect(await alike((kind) => guess(emails[kind]))).toBe(401)
  })

  test('to a client that guesses too often is the same, at whomever it guesses', async () => {
    await forgetGuesses()
    const clients = await ofEach(async (kind) => ({ address: newAddress(), emails: await newEmails(kind, 3) }))
    for (const n of [0, 1, 2]) await alike((kind) => ask(clients[kind].emails[n]!))
    await mailsAreOut()
    for (let n = 0; n < failureLimits.addressHour; n++)
      expect(await alike((kind) => guess(clients[kind].emails[n % 3]!, clients[kind].address))).toBe(401)
    for (let n = 0; n < 2; n++) expect(await alike((kind) => guess(clients[kind].emails[n]!, clients[kind].address))).toBe(429)
  })

  test("to guesses beyond a person's fifty a day is the same", async () => {
    await forgetGuesses()
    const emails = await ofEach(newEmail)
    const mailed = async () => {
      await refill()
      await alike((kind) => ask(emails[kind]))
      await mailsAreOut()
    }
    for (let n = 0; n < failureLimits.personDay; n++) {
      if (n % failureLimits.request === 0) await mailed()
      expect(await alike((kind) => guess(emails[kind]))).toBe(401)
    }
    await mailed()
    for (let n = 0; n < 3; n++) expect(await alike((kind) => guess(emails[kind]))).toBe(429)
  })
})

describe('the time of the answer tells nothing', () => {
  const each = 200

  test('to a request', async () => {
    const emails = await ofEach((kind) => newEmails(kind, each / 4))
    expectAlike(await timed((kind, n) => () => ask(emails[kind][n % emails[kind].length]!)))
    await mailsAreOut()
  })

  test('to a request for somebody whose mails are used up', async () => {
    const emails = await ofEach((kind) => newEmails(kind, 10))
    for (let n = 0; n < requestBuckets.person.size; n++)
      for (const kind of kinds) await Promise.all(emails[kind].map((email) => ask(email)))
    await mailsAreOut()
    const before = await db.query(sql`select id from login_requests`)
    expectAlike(await timed((kind, n) => () => ask(emails[kind][n % emails[kind].length]!)))
    expect(await db.query(sql`select id from login_requests`)).toHaveLength(before.length)
  })

  test('to a wrong code with the address of somebody who has asked for a mail', async () => {
    const emails = await ofEach((kind) => newEmails(kind, each / 4))
    for (const kind of kinds) await Promise.all(emails[kind].map((email) => ask(email)))
    await mailsAreOut()
    let units = Infinity
    const times = await timed(async (kind, n) => {
      if (++units > 400) {
        await forgetGuesses()
        units = 0
      }
      return () => guess(emails[kind][n % emails[kind].length]!)
    }, 401)
    expectAlike(times)
    const tried = await db.query<{ tries: number }>(
      sql`select distinct code_attempts as tries from login_requests where email_key = any(${kinds.flatMap((kind) => emails[kind])})`,
    )
    expect(tried).toEqual([{ tries: 4 }])
  })

  test('to a wrong code with the address of somebody who has not', async () => {
    const emails = await ofEach((kind) => newEmails(kind, each / 4))
    expectAlike(await timed((kind, n) => () => guess(emails[kind][n % emails[kind].length]!), 401))
  })

  /** Milliseconds of `each` requests of each kind, one after the other, in random order. */
  async function timed(
    prepare: (kind: Kind, n: number) => (() => Promise<RawAnswer>) | Promise<() => Promise<RawAnswer>>,
    status = 200,
  ): Promise<OfEach<number[]>> {
    const times = await ofEach(async (): Promise<number[]> => [])
    for (const kind of shuffled(kinds.flatMap((one) => Array.from({ length: each }, () => one)))) {
      const act = await prepare(kind, times[kind].length)
      const startedAt = performance.now()
      const answer = await act()
      times[kind].push(performance.now() - startedAt)
      expect(answer.status).toBe(status)
    }
    return times
  }

  /**
   * Neither how long it takes nor how much that varies tells a kind from the others. Only ranks count, and the order was random: whatever
   * the machine does beside, it does to all kinds, and five standard deviations and more come in one of many thousand runs.
   */
  function expectAlike(times: OfEach<number[]>): void {
    const middle = median(Object.values(times).flat())
    const distances = (of: readonly number[]) => of.map((time) => Math.abs(time - middle))
    for (const kind of kinds) {
      const others = kinds.filter((other) => other !== kind).flatMap((other) => times[other])
      const deviations = { time: deviation(times[kind], others), spread: deviation(distances(times[kind]), distances(others)) }
      for (const [what, by] of Object.entries(deviations)) expect(by, `${what} of the answer to an address that is ${kind}`).toBeLessThan(5)
    }
  }
  const median = (values: readonly number[]): number => values.toSorted((a, b) => a - b)[values.length >> 1]!
})
