/** Guessing in parallel, through two gateways as processes on one server: no more is compared than one of them would, one by one. */
import sql from 'sql-template-tag'
import { afterAll, beforeEach, describe, expect, test } from 'vitest'
import { budget, failureLimits } from '../../src/domain/guessing.ts'
import { testDatabase } from '../support/database.ts'
import { startFakePostmark } from '../support/fake-postmark.ts'
import { createTestDistrict } from '../support/fixtures.ts'
import { json, raw, type RawAnswer } from '../support/http.ts'
import { startProcess } from '../support/process.ts'

const db = await testDatabase()
const district = await createTestDistrict(db)
const postmark = await startFakePostmark()
afterAll(() => postmark.close())
const env = { ...postmark.environment(), TRUSTED_PROXY_HOPS: '1' }
const processes = [await startProcess(db.url!, { env }), await startProcess(db.url!, { env })]

beforeEach(() => db.query(sql`delete from code_guesses`))

interface From {
  readonly address: string
  readonly cookie?: string | undefined
}
let sent = 0
/** Each second request goes to the second process. */
const post = (path: string, body: object, { address, cookie }: From): Promise<RawAnswer> =>
  raw(processes[sent++ % 2]!.url + path, json(body, { 'X-Forwarded-For': address, ...(cookie === undefined ? {} : { Cookie: cookie }) }))
const ask = (email: string, from: From) => post('/api/auth/request', { email }, from)
const verify = (code: string, email: string | undefined, from: From) =>
  post('/api/auth/verify', { code, ...(email === undefined ? {} : { email }) }, from)
const wrong = (code: string): string => String((Number(code) + 1 + Math.floor(Math.random() * 999_998)) % 1_000_000).padStart(6, '0')

/** All of them, so many at once that each waits for others, and so few that none waits for long. */
async function inParallel<Item, Result>(items: readonly Item[], act: (item: Item) => Promise<Result>): Promise<Result[]> {
  const results: Result[] = []
  const rest = items.entries()
  const hands = Array.from({ length: 24 }, async () => {
    for (const [n, item] of rest) results[n] = await act(item)
  })
  await Promise.all(hands)
  return results
}
const counts = (answers: readonly RawAnswer[]) =>
  answers.reduce<Record<number, number>>((all, { status }) => ({ ...all, [status]: (all[status] ?? 0) + 1 }), {})
const times = (count: number): number[] => Array.from({ length: count }, (_, n) => n)

/** The mail for somebody who has just asked, and the cookie that the browser keeps. */
async function mailed(from: From) {
  const { email, id } = await district.person()
  return { email, id, ...(await mailedAgain(email, from)) }
}
async function mailedAgain(email: string, from: From) {
  const mailsTo = () => postmark.delivered.filter(({ To }) => To === email)
  const before = mailsTo().length
  const answer = await ask(email, from)
  expect(answer.status).toBe(200)
  await expect.poll(() => mailsTo().length, { timeout: 60_000 }).toBeGreaterThan(before)
  const text = mailsTo().at(-1)!.TextBody
  return { code: /\d{6}/.exec(text)![0], token: /^https?:\/\/\S+#(\S+)$/m.exec(text)![1]!, cookie: cookieOf(answer, 'browser') }
}
const cookieOf = ({ headers }: RawAnswer, name: string) => new RegExp(`${name}=[^;]+`).exec((headers['set-cookie'] ?? []).join('\n'))?.[0]

async function spent(): Promise<{ units: number; guesses: number; mostOfOneNetwork: number; tries: number }> {
  const [row] = await db.query<{ units: number; guesses: number; mostOfOneNetwork: number; tries: number }>(
    sql`with by_network as (select block, sum(cost)::int as units, count(*)::int as guesses from code_guesses group by block)
        select coalesce(sum(units), 0)::int as units, coalesce(sum(guesses), 0)::int as guesses, coalesce(max(units), 0) as "mostOfOneNetwork",
          (select sum(code_attempts)::int from login_requests where email_key like 'nobody-%') as tries
        from by_network`,
  )
  return row!
}

describe('a budget spent by 160 addresses of 40 networks', () => {
  test('compares 500 guesses and not one more; then the link signs in, and the browser that has signed in before', async () => {
    const home = { address: '203.0.113.9' }
    const before = await mailed(home)
    const first = await verify(before.code, undefined, { ...home, cookie: before.cookie })
    expect(first.status).toBe(200)
    const cookie = [before.cookie, cookieOf(first, 'device')].join('; ')
    expect(cookie).toMatch(/^browser=.+; device=.+$/)

    const guessers = times(160).map((n) => ({ address: `198.51.${n % 40}.${1 + n}`, email: `nobody-${n}@example.org` }))
    expect(counts(await inParallel(guessers, (each) => ask(each.email, each)))).toEqual({ 200: 160 })
    const guesses = times(failureLimits.request).flatMap(() => guessers)
    const answers = await inParallel(guesses, (each) => verify(wrong('000000'), each.email, each))
    expect(counts(answers)).toEqual({ 401: budget.units, 429: guesses.length - budget.units })
    const all = { units: budget.units, guesses: budget.units, mostOfOneNetwork: expect.any(Number), tries: budget.units }
    expect(await spent()).toEqual(all)
    expect((await spent()).mostOfOneNetwork).toBeLessThanOrEqual(budget.networkUnits)

    // Elsewhere, and through either process, a right code is not looked at, and the link of its mail is.
    for (const n of [1, 2]) {
      const other = { address: `203.0.113.${100 + n}` }
      const mail = await mailed(other)
      const refused = await verify(mail.code, undefined, { ...other, cookie: mail.cookie })
      expect(refused.status).toBe(429)
      // The oldest unit is free a day after it was spent.
      expect(Number(refused.headers['retry-after'])).toBeGreaterThan(12 * 3_600)
      expect(Number(refused.headers['retry-after'])).toBeLessThan(25 * 3_600)
      expect(refused.json).toEqual({ error: 'Too many wrong codes were given. Use the link in the same mail, or try again later.' })
      const signedIn = await raw(`${processes[n % 2]!.url}/api/auth/verify/${mail.token}`)
      expect([signedIn.status, signedIn.json.person.id]).toEqual([200, mail.id])
    }

    const again = await mailedAgain(before.email, { ...home, cookie })
    const answersAtHome = [
      await verify(wrong(again.code), undefined, { ...home, cookie }),
      await verify(again.code, undefined, { ...home, cookie }),
    ]
    expect(answersAtHome.map(({ status }) => status)).toEqual([401, 200])
    expect(answersAtHome[1]!.json.person.id).toBe(before.id)
    expect((await spent()).units).toBe(budget.units)
  })
})

test('one network spends 20 units in parallel and no more, and no other network notices', async () => {
  const guessers = times(12).map((n) => ({ address: `192.0.2.${1 + n}`, email: `one-network-${n}@example.org` }))
  await inParallel(guessers, (each) => ask(each.email, each))
  const guesses = times(failureLimits.request).flatMap(() => guessers)
  const answers = await inParallel(guesses, (each) => verify(wrong('000000'), each.email, each))
  expect(counts(answers)).toEqual({ 401: budget.networkUnits, 429: guesses.length - budget.networkUnits })
  expect(await spent()).toMatchObject({ units: budget.networkUnits, guesses: budget.networkUnits })
  const other = { address: '203.0.113.50' }
  const { code, email } = await mailed(other)
  expect((await verify(code, email, other)).status).toBe(200)
})

test('a code is compared with five of 100 guesses from 100 addresses, and the right one comes too late', async () => {
  const { email, code } = await mailed({ address: '203.0.113.60' })
  const answers = await inParallel(times(100), (n) => verify(wrong(code), email, { address: `198.51.${n}.77` }))
  expect(counts(answers)).toEqual({ 401: 100 })
  expect((await spent()).units).toBe(failureLimits.request)
  const [row] = await db.query<{ tries: number }>(sql`select code_attempts as tries from login_requests where email_key = ${email}`)
  expect(row).toEqual({ tries: failureLimits.request })
  expect((await verify(code, email, { address: '198.51.200.77' })).status).toBe(401)
})

test('of 100 guesses from one address ten are compared, and the rest refused', async () => {
  const emails = times(25).map((n) => `one-address-${n}@example.org`)
  await inParallel(emails, (email) => ask(email, { address: `192.0.2.${1 + emails.indexOf(email)}` }))
  const from = { address: '203.0.113.70' }
  const answers = await inParallel(times(100), (n) => verify(wrong('000000'), emails[n % emails.length]!, from))
  expect(counts(answers)).toEqual({ 401: failureLimits.addressHour, 429: 100 - failureLimits.addressHour })
  expect(await spent()).toMatchObject({ units: failureLimits.addressHour, guesses: failureLimits.addressHour })
  for (const { headers } of answers.filter(({ status }) => status === 429)) {
    // An hour, and what the guess may have waited for its turn: it is counted from when it came.
    expect(Number(headers['retry-after'])).toBeGreaterThan(1_800)
    expect(Number(headers['retry-after'])).toBeLessThan(2 * 3_600)
  }
})
