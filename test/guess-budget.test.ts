/** The budget of guesses: a right code costs nothing, a wrong one what it could have won, and when all is spent nobody is locked out. */
import { createHash } from 'node:crypto'
import sql, { type Sql } from 'sql-template-tag'
import { beforeEach, describe, expect, test } from 'vitest'
import { failureLimits } from '../src/domain/guessing.ts'
import { addressMac } from '../src/domain/tokens.ts'
import { otherwise } from './support/database.ts'
import { createTestDistrict } from './support/fixtures.ts'
import { startGateway } from './support/gateway.ts'
import { json, newAddress, raw, type RawAnswer, serve } from './support/http.ts'
import { expectWritten, writesThrough } from './support/writes.ts'
import { rowsAs } from './support/rows.ts'
import type { Statement } from '../src/sql/statement.ts'

// One proxy in front, so that each request comes from the address that it names.
const gateway = await startGateway({ config: { trustedProxyHops: 1 } })
const { db, deps } = gateway
const district = await createTestDistrict(db)

interface From {
  /** A new one, in a network of its own, where it is left out. */
  address?: string
  /** Cookies, as a browser sends them. */
  cookie?: string
  url?: string
}
const headersOf = ({ address = newAddress(), cookie }: From) => ({
  'X-Forwarded-For': address,
  ...(cookie === undefined ? {} : { Cookie: cookie }),
})
const post = (path: string, body: object, from: From = {}) => raw((from.url ?? gateway.url) + path, json(body, headersOf(from)))
const ask = (email: string, from?: From) => post('/api/auth/request', { email }, from)
const give = (code: string, email?: string, from?: From) => post('/api/auth/verify', { code, email }, from)
const useLink = (token: string, from: From = {}) => raw(`${gateway.url}/api/auth/verify/${token}`, { headers: headersOf(from) })

const cookieIn = (answer: RawAnswer, name: string) =>
  answer.headers['set-cookie']?.map((cookie) => cookie.split(';')[0]!).find((cookie) => cookie.startsWith(`${name}=`))
const wrong = (code: string, by = 1) => String((Number(code) + by) % 1_000_000).padStart(6, '0')

type Person = Awaited<ReturnType<typeof district.person>>
/** A mail for a person, and the cookie of the browser that asked for it. */
async function mailed(from: From = {}, whose?: Person) {
  const person = whose ?? (await district.person())
  const since = gateway.mails.filter(({ to }) => to === person.email).length
  const browser = cookieIn(await ask(person.email, from), 'browser')!
  return { person, email: person.email, browser, ...(await gateway.nextMail(person.email, since)) }
}
type Mailed = Awaited<ReturnType<typeof mailed>>
async function wrongly(times: number, { code, email }: Mailed, from: From): Promise<void> {
  for (let n = 1; n <= times; n++)
    expect((await give(wrong(code, n), from.cookie === undefined ? email : undefined, from)).status).toBe(401)
}
function expectSignedIn(answer: RawAnswer, { person }: Pick<Mailed, 'person'>): RawAnswer {
  expect({ status: answer.status, text: answer.text }).toEqual({ status: 200, text: expect.stringContaining(`"${person.id}"`) })
  return answer
}
const tooManyCodes = '{"error":"Too many wrong codes were given. Use the link in the same mail, or try again later."}'
function expectNotLookedAt({ status, text, headers }: RawAnswer): void {
  expect({ status, text, cookies: headers['set-cookie'] }).toEqual({ status: 429, text: tooManyCodes, cookies: undefined })
  expect(Number(headers['retry-after'])).toBeGreaterThanOrEqual(1)
  expect(Number(headers['retry-after'])).toBeLessThanOrEqual(86_400)
}

const spent = async () => {
  const [row] = await db.query(rowsAs<{ units: number }>`select coalesce(sum(cost), 0)::int as units from code_guesses`)
  return row!.units
}
/** As if so many units had been spent just now, by somebody far away. */
let spendings = 0
const spend = (units: number) =>
  db.query(
    rowsAs`insert into code_guesses (id, block, requests, people, cost) values (${`spent${++spendings}`}, '192.0.2.0/24', '{}', '{}', ${units})`,
  )
const age = (interval: string) => db.query(rowsAs`update code_guesses set at = at - ${interval}::interval`)
const triesOf = async ({ email }: Pick<Mailed, 'email'>) =>
  (await db.query(rowsAs<{ tries: number }>`select code_attempts as tries from login_requests where email_key = ${email}`)).map(
    ({ tries }) => tries,
  )
beforeEach(async () => {
  await db.query(rowsAs`delete from code_guesses`)
  await db.query(rowsAs`update guess_budget set alerted_percent = 0, alerted_at = null`)
})

describe('a right code', () => {
  test('costs nothing in the end: 30 sign-ins leave the budget as it was', async () => {
    for (let n = 0; n < 10; n++) {
      const [byCookie, byEmail] = [await mailed(), await mailed()]
      expectSignedIn(await give(byCookie.code, undefined, { cookie: byCookie.browser }), byCookie)
      expectSignedIn(await give(byEmail.code, byEmail.email), byEmail)
      const address = newAddress()
      const byNetwork = await mailed({ address })
      expectSignedIn(await give(byNetwork.code, undefined, { address }), byNetwork)
    }
    expect(await db.query(rowsAs`select id from code_guesses`)).toEqual([])
  })

  test('held against several people of one network costs nothing either, and the others have all their tries', async () => {
    const from = { address: newAddress() }
    const people = [await mailed(from), await mailed(from), await mailed(from), await mailed(from)]
    for (const [n, each] of people.entries()) {
      expectSignedIn(await give(each.code, undefined, from), each)
      expect(await spent()).toBe(0)
      for (const other of people.slice(n + 1)) expect(await triesOf(other)).toEqual([0])
    }
  })
})

describe('a wrong code', () => {
  test('costs one unit for each code that it is held against, and none where there is none', async () => {
    const from = { address: newAddress() }
    const [one] = [await mailed(from), await mailed(from), await mailed(from)]
    await give(wrong(one.code), undefined, from)
    expect(await spent()).toBe(3)
    await give(wrong(one.code), one.email)
    expect(await spent()).toBe(4)
    await give(wrong(one.code), undefined, { cookie: one.browser })
    expect(await spent()).toBe(5)
    await give(wrong(one.code), 'nobody@example.org')
    expect(await spent()).toBe(5)
  })

  test('is not held against somebody with fifty a day behind them, whose mail is asked for at that very moment', async () => {
    const one = await mailed()
    const other = await mailed({ cookie: one.browser })
    const mac = addressMac(deps.secrets[0]!, other.email)
    for (let n = 0; n < failureLimits.personDay; n++)
      await db.query(
        rowsAs`insert into code_guesses (id, block, requests, people, cost) values (${`day${n}`}, '192.0.2.0/24', '{}', array[${mac}], 0)`,
      )
    const [earlier, now] = [sql`interval '1 hour'`, sql`interval '0'`]
    const askedFor = (ago: Sql) => rowsAs`update login_requests set created_at = now() - ${ago} where email_key = ${other.email}`
    await db.query(askedFor(earlier))
    const meanwhile = otherwise(db, {
      transaction: (work) =>
        db.transaction((tx) =>
          work({
            tables: tx.tables,
            query: async <Row>(statement: Statement<Row>) => {
              const rows = await tx.query(statement)
              if (statement.text.includes('insert into guess_budget')) await tx.query(askedFor(now))
              return rows
            },
          }),
        ),
    })
    const url = await serve({ ...deps, db: meanwhile })
    expect((await give(wrong(one.code), undefined, { cookie: one.browser, url })).status).toBe(401)
    expect([await triesOf(one), await triesOf(other)]).toEqual([[1], [0]])
  })

  test('is given back when its browser then signs in, by this mail or the next', async () => {
    const first = await mailed()
    const cookie = first.browser
    await wrongly(3, first, { cookie })
    const second = await mailed({ cookie }, first.person)
    await wrongly(2, second, { cookie })
    expect(await spent()).toBe(5)
    expectSignedIn(await give(second.code, undefined, { cookie }), second)
    expect(await spent()).toBe(0)
  })

  test('held against two people is given back by halves, each when the browser signs in as that one', async () => {
    const one = await mailed()
    const cookie = one.browser
    const other = await mailed({ cookie })
    await wrongly(3, one, { cookie })
    expect(await spent()).toBe(6)
    expectSignedIn(await give(one.code, undefined, { cookie }), one)
    expect(await spent()).toBe(3)
    expectSignedIn(await give(other.code, undefined, { cookie }), other)
    expect(await spent()).toBe(0)
  })

  test('stays paid for where it came without a cookie, or from another browser', async () => {
    const [bare, strange] = [await mailed(), await mailed()]
    await wrongly(3, bare, {})
    expectSignedIn(await give(bare.code, bare.email), bare)
    expect(await spent()).toBe(3)
    for (const n of [1, 2]) await give(wrong(strange.code, n), strange.email, { cookie: `browser=${'A'.repeat(43)}` })
    expectSignedIn(await give(strange.code, undefined, { cookie: strange.browser }), strange)
    expect(await spent()).toBe(5)
  })

  test('stays paid for when its browser signs in by a link: that does not say whose the codes were', async () => {
    const [opened, clicked] = [await mailed(), await mailed()]
    for (const each of [opened, clicked]) await wrongly(3, each, { cookie: each.browser })
    expectSignedIn(await useLink(opened.token, { cookie: opened.browser }), opened)
    const query = 'mutation ($token: String!) { verifyMagicLink(token: $token) { person { id } } }'
    expectSignedIn(await post('/graphql', { query, variables: { token: clicked.token } }, { cookie: clicked.browser }), clicked)
    expect(await spent()).toBe(6)
  })
})

describe('one network', () => {
  test.each([
    ['a /24', (host: number) => `203.0.113.${host}`, '203.0.114.1'],
    ['an IPv6 /48', (host: number) => `2001:db8:c:${host}::1`, '2001:db8:d::1'],
  ])('spends 20 units, %s: then its codes are not looked at, everybody else’s are, and its links work', async (_what, within, beside) => {
    for (let host = 1; host <= 4; host++) {
      const address = within(host)
      const guessed = await mailed({ address })
      await wrongly(5, guessed, { address, cookie: guessed.browser })
    }
    expect(await spent()).toBe(20)
    const address = within(5)
    const person = await mailed({ address })
    expectNotLookedAt(await give(person.code, undefined, { address, cookie: person.browser }))
    expectNotLookedAt(await give(person.code, person.email, { address: within(6) }))
    expectSignedIn(await give(person.code, person.email, { address: beside }), person)
    const linked = await mailed({ address })
    expectSignedIn(await useLink(linked.token, { address }), linked)
    await age('24 hours')
    const later = await mailed({ address })
    expectSignedIn(await give(later.code, undefined, { address }), later)
  })

  test('does not overdraw: what would cost more than it has left is not looked at, what costs less is', async () => {
    const address = '203.0.115.1'
    const guessed = await mailed()
    for (let host = 2; host <= 4; host++) {
      const each = await mailed({ address: `203.0.115.${host}` })
      await wrongly(5, each, { address: `203.0.115.${host}`, cookie: each.browser })
    }
    await wrongly(4, guessed, { address, cookie: guessed.browser })
    const [one, two] = [await mailed({ address }), await mailed({ address })]
    expectNotLookedAt(await give(two.code, undefined, { address }))
    expectSignedIn(await give(one.code, one.email, { address }), one)
  })
})

describe('when the budget is spent', () => {
  test('no code is looked at, not even the right one, however it comes; it is good by its link, and when there is budget again', async () => {
    const [waiting, linked] = [await mailed(), await mailed()]
    await spend(500)
    for (const answer of [
      await give(waiting.code, waiting.email),
      await give(waiting.code, undefined, { cookie: waiting.browser }),
      await give(wrong(waiting.code), waiting.email),
      await give(waiting.code, undefined, { cookie: `${waiting.browser}; device=${'A'.repeat(43)}` }),
      await give(waiting.code, undefined, { cookie: `${waiting.browser}; device=none` }),
    ])
      expectNotLookedAt(answer)
    expect([await triesOf(waiting), await spent()]).toEqual([[0], 500])
    expectSignedIn(await useLink(linked.token), linked)
    await db.query(rowsAs`delete from code_guesses`)
    expectSignedIn(await give(waiting.code, waiting.email), waiting)
  })

  test('who asked for nothing is refused as who did: nobody is to see who has a code just now', async () => {
    const [waiting] = [await mailed()]
    await spend(500)
    const [live, none] = [await give(wrong(waiting.code), waiting.email), await give(wrong(waiting.code), 'nobody@example.org')]
    expectNotLookedAt(none)
    expect([none.status, none.text]).toEqual([live.status, live.text])
  })

  test('to the last unit it is spent, and no further', async () => {
    const from = { address: newAddress() }
    const [one, two] = [await mailed(from), await mailed(from)]
    await spend(499)
    expectNotLookedAt(await give(one.code, undefined, from))
    await wrongly(1, one, { cookie: one.browser })
    expectNotLookedAt(await give(two.code, two.email))
    expect(await spent()).toBe(500)
  })

  test('it comes back 24 hours after it was spent, and not earlier', async () => {
    await spend(500)
    await age('23 hours 58 minutes')
    const person = await mailed()
    const refused = await give(person.code, person.email)
    expectNotLookedAt(refused)
    expect(Number(refused.headers['retry-after'])).toBeLessThanOrEqual(120)
    await age('2 minutes')
    expectSignedIn(await give(person.code, person.email), person)
  })
})

describe('a browser that has signed in before', () => {
  /** Signs in by a code and keeps what the answer sets. */
  async function trusted(whose?: Person, kept?: string) {
    const mail = await mailed({}, whose)
    const cookie = kept === undefined ? mail.browser : `${mail.browser}; ${kept}`
    const answer = expectSignedIn(await give(mail.code, undefined, { cookie }), mail)
    return { person: mail.person, device: cookieIn(answer, 'device')! }
  }

  test('signs in by its person’s codes when the budget is spent, from wherever, and costs nothing', async () => {
    const { person, device } = await trusted()
    await spend(500)
    const asked = await mailed({}, person)
    const answer = expectSignedIn(await give(asked.code, undefined, { cookie: `${asked.browser}; ${device}` }), asked)
    const elsewhere = await mailed({}, person)
    expectSignedIn(await give(elsewhere.code, elsewhere.email, { cookie: cookieIn(answer, 'device')! }), elsewhere)
    expect(await spent()).toBe(500)
  })

  test('is so trusted when its network has spent its share', async () => {
    const { person, device } = await trusted()
    const address = newAddress()
    await db.query(
      rowsAs`insert into code_guesses (id, block, requests, people, cost) values ('share', ${address.replace(/\d+$/, '0/24')}, '{}', '{}', 20)`,
    )
    const mail = await mailed({ address }, person)
    expectNotLookedAt(await give(mail.code, undefined, { address, cookie: mail.browser }))
    expectSignedIn(await give(mail.code, undefined, { address, cookie: `${mail.browser}; ${device}` }), mail)
  })

  test('is trusted for nobody else: of several codes its person’s alone are looked at', async () => {
    const { person, device } = await trusted()
    await spend(500)
    const other = await mailed()
    expectNotLookedAt(await give(other.code, other.email, { cookie: device }))
    const from = { address: newAddress(), cookie: device }
    const [mine, neighbour] = [await mailed({ address: from.address }, person), await mailed({ address: from.address })]
    expect((await give(neighbour.code, undefined, from)).status).toBe(401)
    expect(await triesOf(neighbour)).toEqual([0])
    expectSignedIn(await give(mine.code, undefined, from), mine)
  })

  test('has five wrong codes a day for its person, all such browsers together', async () => {
    const one = await trusted()
    const { person } = one
    const two = await trusted(person)
    const other = await trusted()
    await spend(500)
    const first = await mailed({}, person)
    await wrongly(3, first, { cookie: `${first.browser}; ${one.device}` })
    const second = await mailed({}, person)
    await wrongly(2, second, { cookie: `${second.browser}; ${two.device}` })
    for (const { device } of [one, two]) expectNotLookedAt(await give(second.code, undefined, { cookie: `${second.browser}; ${device}` }))
    const others = await mailed({}, other.person)
    expectSignedIn(await give(others.code, undefined, { cookie: `${others.browser}; ${other.device}` }), others)
    await db.query(rowsAs`update code_guesses set at = at - interval '24 hours' where trusted`)
    expectSignedIn(await give(second.code, undefined, { cookie: `${second.browser}; ${two.device}` }), second)
  })

  test('is known by another cookie after every sign-in; the one before is worth nothing, and who else was known by it still is', async () => {
    const alice = await trusted()
    const bob = await trusted(undefined, alice.device)
    const again = await trusted(alice.person, bob.device)
    expect(new Set([alice.device, bob.device, again.device]).size).toBe(3)
    await spend(500)
    for (const { person } of [alice, bob]) {
      const mail = await mailed({}, person)
      for (const old of [alice.device, bob.device]) expectNotLookedAt(await give(mail.code, mail.email, { cookie: old }))
      // A cookie that is no token of ours trusts nobody, whatever stands beside it.
      expectNotLookedAt(await give(mail.code, mail.email, { cookie: again.device.slice(0, -1) }))
    }
    let cookie = again.device
    for (const { person } of [bob, alice]) {
      const mail = await mailed({}, person)
      cookie = cookieIn(expectSignedIn(await give(mail.code, mail.email, { cookie }), mail), 'device')!
    }
  })

  test('is given its cookie by a sign-in that it sent cookies with, out of reach of scripts; by no GET, and no failure', async () => {
    const mail = await mailed()
    const cookie = mail.browser
    const failed = await give(wrong(mail.code), undefined, { cookie })
    expect([failed.status, failed.headers['set-cookie']]).toEqual([401, undefined])
    expect((await give(mail.code, undefined, { cookie })).headers['set-cookie']).toEqual([
      expect.stringMatching(/^device=[A-Za-z0-9_-]{43}; Path=\/; Max-Age=15552000; HttpOnly; SameSite=Lax$/),
    ])
    const known = `${cookie}; device=${'A'.repeat(43)}`
    const opened = await mailed()
    expect(expectSignedIn(await useLink(opened.token, { cookie: known }), opened).headers['set-cookie']).toBeUndefined()
    const without = await mailed()
    expect(expectSignedIn(await give(without.code, without.email), without).headers['set-cookie']).toBeUndefined()
    const clicked = await mailed()
    const query = `mutation { verifyMagicLink(token: "${clicked.token}") { person { id } } }`
    const answer = expectSignedIn(await post('/graphql', { query }, { cookie: known }), clicked)
    expect(cookieIn(answer, 'device')).toMatch(/^device=[A-Za-z0-9_-]{43}$/)
    for (const { person } of [opened, without])
      expect(await db.query(rowsAs`select 1 from trusted_devices where person_id = ${person.id}`)).toEqual([])
  })

  test.each([
    [
      'is trusted no more when its person gets another address, even if that is taken back',
      (email: string) => [{ email: `new-${email}` }, { email }],
    ],
    ['is trusted no more when its person is archived, even if that is taken back', () => [{ archived: true }, { archived: false }]],
  ])('%s', async (_what, changes) => {
    const admin = await (await district.admin()).token()
    const { person, device } = await trusted()
    const beside = await trusted()
    for (const change of changes(person.email)) expectWritten(await writesThrough(gateway).updatePerson(admin, person.id, change))
    expectWritten(await writesThrough(gateway).updatePerson(admin, beside.person.id, { first: 'Augusta' }))
    await spend(500)
    const [mail, unchanged] = [await mailed({}, person), await mailed({}, beside.person)]
    expectNotLookedAt(await give(mail.code, mail.email, { cookie: device }))
    expectSignedIn(await give(unchanged.code, unchanged.email, { cookie: beside.device }), unchanged)
  })

  test('is trusted for 180 days after its last sign-in', async () => {
    const { person, device } = await trusted()
    await spend(500)
    const lastSignedIn = (ago: string) =>
      db.query(rowsAs`update trusted_devices set signed_in_at = now() - ${ago}::interval where person_id = ${person.id}`)
    const mail = await mailed({}, person)
    await lastSignedIn('180 days')
    expectNotLookedAt(await give(mail.code, mail.email, { cookie: device }))
    await lastSignedIn('179 days 23 hours')
    expectSignedIn(await give(mail.code, mail.email, { cookie: device }), mail)
  })
})

test('the log tells of each quarter of the budget once a day, from whichever process', async () => {
  const other = await serve(deps)
  const since = gateway.logLines.length
  const told = () =>
    gateway.logLines
      .slice(since)
      .flatMap((line) => /(\d+) % of the day's budget/.exec(line)?.[1] ?? [])
      .map(Number)
  const guess = async (url: string) => {
    const mail = await mailed()
    await wrongly(1, mail, { cookie: mail.browser, url })
  }
  await spend(123)
  await guess(gateway.url)
  expect(told()).toEqual([])
  await guess(other)
  expect(told()).toEqual([25])
  for (const url of [gateway.url, other, gateway.url]) await guess(url)
  expect(told()).toEqual([25])
  await spend(130)
  for (const url of [other, gateway.url]) await guess(url)
  expect(told()).toEqual([25, 50])
  await db.query(rowsAs`update guess_budget set alerted_at = alerted_at - interval '24 hours 1 minute'`)
  await guess(other)
  expect(told()).toEqual([25, 50, 50])
})

test('what is counted knows a person by an HMAC of the address, and not by the address or a bare hash of it', async () => {
  const { email, code, browser } = await mailed()
  await give(wrong(code), email)
  await give(wrong(code), undefined, { cookie: browser })
  await give(wrong(code), `not-${email}`)
  const rows = await db.query(
    rowsAs<{ row: string }>`select t::text as row from code_guesses t union all select t::text from request_buckets t`,
  )
  const everything = rows.map(({ row }) => row).join('\n')
  expect(rows.length).toBeGreaterThan(4)
  expect(everything).not.toContain(email.split('@')[0])
  expect(everything).not.toContain('example.org')
  for (const algorithm of ['md5', 'sha1', 'sha256', 'sha512'])
    for (const encoding of ['hex', 'base64', 'base64url'] as const)
      expect(everything).not.toContain(createHash(algorithm).update(email).digest(encoding))
})
