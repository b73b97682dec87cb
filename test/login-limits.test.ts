/** How often mails are asked for and codes are given: counted by client and by person, in the database, and alike whoever is meant. */
import sql from 'sql-template-tag'
import { beforeEach, describe, expect, test, vi } from 'vitest'
import { emailKey } from '../src/domain/email.ts'
import { failureLimits } from '../src/domain/guessing.ts'
import { addressMac } from '../src/domain/tokens.ts'
import { otherwise } from './support/database.ts'
import { createTestDistrict } from './support/fixtures.ts'
import { startGateway } from './support/gateway.ts'
import { json, newAddress, raw, type RawAnswer, serve, statusLineFor } from './support/http.ts'

// One proxy in front, so that each request comes from the address that it names.
const gateway = await startGateway({ config: { trustedProxyHops: 1 } })
const { db, deps } = gateway
const district = await createTestDistrict(db)
/** The same gateway, started again on the same database. */
const restarted = await serve(deps)
beforeEach(() => db.query(sql`delete from code_guesses`))

interface From {
  /** As it stands in X-Forwarded-For; a new one where it is left out. */
  address?: string | string[]
  cookie?: string
  url?: string
}
const post = (path: string, body: object, { address = newAddress(), cookie, url = gateway.url }: From = {}) =>
  raw(url + path, json(body, { 'X-Forwarded-For': address, ...(cookie === undefined ? {} : { Cookie: cookie }) }))
const ask = (email: string, from?: From) => post('/api/auth/request', { email }, from)
const give = (code: string, email?: string, from?: From) => post('/api/auth/verify', { code, email }, from)
const useLink = (token: string, address: string) =>
  raw(`${gateway.url}/api/auth/verify/${token}`, { headers: { 'X-Forwarded-For': address } })
const askGraphql = (email: string, from: From) =>
  post('/graphql', { query: 'mutation ($email: String!) { requestLogin(email: $email) { ok message } }', variables: { email } }, from)
const giveGraphql = (code: string, email: string, from: From) =>
  post(
    '/graphql',
    { query: 'mutation ($code: String!, $email: String) { verifyCode(code: $code, email: $email) { token } }', variables: { code, email } },
    from,
  )

const wrong = (code: string, by = 1) => String((Number(code) + by) % 1_000_000).padStart(6, '0')
const cookieOf = ({ headers }: RawAnswer): string => /^browser=[^;]+/.exec(headers['set-cookie']![0]!)![0]
/** A person who has asked for a mail, what came, and the cookie of their browser. */
async function mailed(from: From = { address: newAddress() }) {
  const person = await district.person()
  const cookie = cookieOf(await ask(person.email, from))
  return { ...person, from, cookie, ...(await gateway.nextMail(person.email)) }
}
const times = async <Result>(count: number, act: (n: number) => Promise<Result>): Promise<Result[]> => {
  const results: Result[] = []
  for (let n = 0; n < count; n++) results.push(await act(n))
  return results
}
const statusesOf = (answers: readonly RawAnswer[]) => answers.map(({ status }) => status)
const mailsTo = (email: string) => gateway.mails.filter(({ to }) => to === email).length
const queueEmpty = () =>
  expect.poll(() => db.query(sql`select id from login_requests where mail_due_at is not null`), { timeout: 20_000 }).toEqual([])

/** All that a client sees, without what is another for each request. */
const visible = ({ status, headers, text }: RawAnswer) => {
  const { date: _date, 'x-request-id': _id, 'set-cookie': cookies, 'retry-after': retryAfter, ...same } = headers
  return {
    status,
    text,
    headers: { ...same, cookies: cookies?.map((cookie) => cookie.replace(/=[^;]+/, '=…')), retryAfter: retryAfter !== undefined },
  }
}

/** The bucket of an address is empty, and no slow machine sees it fill again. */
const emptyBucket = (address: string) =>
  db.query(sql`insert into request_buckets (key, full_at) values (${`address:${address}`}, now() + interval '1 hour')`)
/** As a bucket is so many seconds after it was emptied. @param fullAfter seconds that it takes to fill */
const emptiedBefore = (key: string, secondsAgo: number, fullAfter: number) =>
  db.query(
    sql`update request_buckets set full_at = now() + make_interval(secs => ${fullAfter - secondsAgo}) where key = ${key} returning key`,
  )
const personKey = (email: string) => `person:${addressMac(deps.secrets[0]!, emailKey(email))}`
const ageGuesses = (interval: string) => db.query(sql`update code_guesses set at = at - ${interval}::interval`)

const tooManyRequests = '{"error":"Too many sign-in mails were asked for from this address. Try again later."}'
const tooManyCodes = '{"error":"Too many wrong codes were given. Use the link in the same mail, or try again later."}'
function expectLimited({ status, headers, text }: RawAnswer, sentence: string, atMostSeconds: number): number {
  const retryAfter = Number(headers['retry-after'])
  expect({ status, text, cookies: headers['set-cookie'] }).toEqual({ status: 429, text: sentence, cookies: undefined })
  expect(retryAfter).toBeGreaterThanOrEqual(1)
  expect(retryAfter).toBeLessThanOrEqual(atMostSeconds)
  return retryAfter
}
function expectLimitedInGraphql({ json: { data, errors } }: RawAnswer, field: string): void {
  const extensions = { code: 'RATE_LIMITED', retryAfter: expect.any(Number) }
  expect([data, errors]).toEqual([{ [field]: null }, [expect.objectContaining({ extensions, path: [field] })]])
}

describe('of the mails that one address asks for', () => {
  /** Asks until it is refused. @returns how many went through, and how many of them the clock may have added since `startedAt` */
  async function askOn(send: (n: number) => Promise<RawAnswer>, startedAt = performance.now()) {
    for (let admitted = 0; ; admitted++) {
      const answer = await send(admitted)
      const added = Math.floor((performance.now() - startedAt) / 10_000)
      if (answer.status !== 200) return { admitted, added, answer }
    }
  }
  function expectAdmitted({ admitted, added }: { admitted: number; added: number }, expected: number): void {
    expect(admitted).toBeGreaterThanOrEqual(expected)
    expect(admitted).toBeLessThanOrEqual(expected + added)
  }

  test('30 go through at once, for whomever, and then all are refused until 10 s have passed', async () => {
    const address = newAddress()
    const people = await times(10, () => district.person())
    const emails = people.flatMap(({ email }) => [email, `not-${email}`])
    const burst = await askOn((n) => ask(emails[n % emails.length]!, { address }))
    expectAdmitted(burst, 30)
    expectLimited(burst.answer, tooManyRequests, 10)
    await queueEmpty()
    for (const { email } of people) expect(mailsTo(email)).toBeGreaterThan(0)
  })

  test('one more goes through every 10 s, and 30 again after five minutes', async () => {
    const address = newAddress()
    const send = () => ask('nobody@example.org', { address })
    await askOn(send)
    for (const [seconds, more] of [
      [10, 1],
      [20, 2],
      [290, 29],
      [4_000, 30],
    ] as const) {
      const startedAt = performance.now()
      expect(await emptiedBefore(`address:${address}`, seconds, 300)).toHaveLength(1)
      expectAdmitted(await askOn(send, startedAt), more)
    }
  })

  test('a /56 has 4 times as many as a /64, and a /48 16 times, however many addresses they have', async () => {
    const from = (n: number) => ({ address: `2001:db8:77:${n.toString(16)}::1` })
    const nobody = 'nobody@example.org'
    for (const [kind, net, seconds] of [
      ['site', '2001:db8:77:0::/56', 300],
      ['block', '2001:db8:77::/48', 300],
    ] as const) {
      expect((await ask(nobody, from(1))).status).toBe(200)
      const startedAt = performance.now()
      expect(await emptiedBefore(`${kind}:${net}`, 10, seconds)).toHaveLength(1) // 10 s are worth 4 and 16
      const burst = await askOn((n) => ask(nobody, from(2 + n)), startedAt)
      const more = { site: 4, block: 16 }[kind]
      expect(burst.admitted).toBeGreaterThanOrEqual(more)
      expect(burst.admitted).toBeLessThanOrEqual(more * (2 + burst.added))
      expectLimited(burst.answer, tooManyRequests, 10)
      if (kind === 'site') expect((await ask(nobody, from(0x100))).status).toBe(200)
      else expect((await ask(nobody, { address: '2001:db8:78::1' })).status).toBe(200)
      await db.query(sql`delete from request_buckets`)
    }
  })

  test('a refused one is refused alike for a known and an unknown address, sends nothing and takes nothing from the person', async () => {
    const address = newAddress()
    await emptyBucket(address)
    const { email } = await district.person()
    const [known, unknown] = [await ask(email, { address }), await ask(`not-${email}`, { address })]
    expectLimited(known, tooManyRequests, 3_600)
    expect(visible(known)).toEqual(visible(unknown))
    expect(await db.query(sql`select key from request_buckets where key in (${personKey(email)}, ${personKey(`not-${email}`)})`)).toEqual(
      [],
    )
    expect(await db.query(sql`select id from login_requests where network = ${address}`)).toEqual([])
    await ask(email)
    await queueEmpty()
    expect(mailsTo(email)).toBe(1)
  })

  test('those of GraphQL and those of REST are counted together, and after a restart as before', async () => {
    const address = newAddress()
    const doors = [
      (from: From) => ask('nobody@example.org', from),
      (from: From) => ask('nobody@example.org', { ...from, url: restarted }),
      (from: From) => askGraphql('nobody@example.org', from),
      (from: From) => askGraphql('nobody@example.org', { ...from, url: restarted }),
    ]
    const through = async (n: number): Promise<RawAnswer> => {
      const answer = await doors[n % doors.length]!({ address })
      return answer.json.errors ? { ...answer, status: 429 } : answer
    }
    expectAdmitted(await askOn(through), 30)

    const held = { address: newAddress() }
    await emptyBucket(held.address)
    for (const door of doors.slice(0, 2)) expectLimited(await door(held), tooManyRequests, 3_600)
    for (const door of doors.slice(2)) expectLimitedInGraphql(await door(held), 'requestLogin')
  })
})

describe('of the mails that are asked for one person, from anywhere', () => {
  test('five are sent; the sixth is answered to the byte as they were, and sends nothing, known or unknown', async () => {
    const { email } = await district.person()
    for (const [each, mails] of [
      [email, 5],
      [`not-${email}`, 0],
    ] as const) {
      const answers = await times(7, () => ask(each))
      expect(answers[0]).toMatchObject({ status: 200, text: '{"ok":true,"message":"Check your email"}' })
      for (const answer of answers) expect(visible(answer)).toEqual(visible(answers[0]!))
      for (const answer of answers) expect(cookieOf(answer)).toMatch(/^browser=[A-Za-z0-9_-]{43}$/)
      await queueEmpty()
      expect(await db.query(sql`select id from login_requests where email_key = ${each}`)).toHaveLength(5)
      expect(mailsTo(each)).toBeLessThanOrEqual(mails)
    }
    expect(mailsTo(email)).toBeGreaterThan(0)
  })

  test('one more is sent every 10 minutes, known or unknown', async () => {
    const { email } = await district.person()
    for (const each of [email, `not-${email}`]) {
      const requests = () => db.query(sql`select id from login_requests where email_key = ${each}`)
      await times(6, () => ask(each))
      for (const [seconds, more] of [
        [300, 0],
        [600, 1],
        [1_200, 2],
      ] as const) {
        const before = (await requests()).length
        expect(await emptiedBefore(personKey(each), seconds, 3_000)).toHaveLength(1)
        await times(4, () => ask(each))
        expect((await requests()).length - before).toBe(more)
      }
    }
    await queueEmpty()
  })

  test('all count as one, whatever spelling of the address they have', async () => {
    const stored = `José.${newAddress()}@example.org`
    await district.person({ email: stored })
    const spellings = [
      stored,
      stored.toUpperCase(),
      stored.normalize('NFD'),
      ` ${stored}\t`,
      stored.replace('J', '\uff2a'),
      stored.replace('o', '\u1d52'),
      stored.replace('@example', '@EXAMPLE'),
    ]
    for (const spelling of spellings) expect((await ask(spelling)).status).toBe(200)
    expect(await db.query(sql`select id from login_requests where email_key = ${emailKey(stored)}`)).toHaveLength(5)
  })

  test('those that were sent stay good when no more are: the last code, and every link', async () => {
    const person = await district.person()
    const mails = await times(5, async (n) => (await ask(person.email), gateway.nextMail(person.email, n)))
    await times(3, () => ask(person.email))
    await queueEmpty()
    expect(mailsTo(person.email)).toBe(5)
    for (const { token } of mails.slice(0, 4)) expect((await useLink(token, newAddress())).json.person.id).toBe(person.id)
    expect((await give(mails[4]!.code, person.email)).json.person.id).toBe(person.id)
  })
})

describe('one client is one', () => {
  test.each([
    [
      'an IPv4 address',
      '198.51.7.1',
      [
        '::ffff:198.51.7.1',
        '::FFFF:198.51.7.1',
        '::ffff:c633:701',
        '0:0:0:0:0:ffff:198.51.7.1',
        '198.51.7.1:4711',
        '[::ffff:198.51.7.1]:4711',
      ],
      ['198.51.7.2', '::ffff:198.51.7.2', '::198.51.7.1'],
    ],
    [
      'an IPv6 /64',
      '2001:db8:7:2::/64',
      [
        '2001:db8:7:2::1',
        '2001:DB8:7:2::1',
        '2001:0db8:0007:0002:0000:0000:0000:0001',
        '[2001:db8:7:2::1]',
        '[2001:db8:7:2::1]:443',
        '2001:db8:7:2:ffff:ffff:ffff:ffff',
        '2001:db8:7:2::1%eth0',
        '2001:db8:7:2::198.51.100.1',
      ],
      ['2001:db8:7:3::1', '2001:db8:7:3::2'],
    ],
  ])('%s, %s, in whatever spelling', async (_what, network, same, others) => {
    await emptyBucket(network)
    for (const address of same) expect([address, (await ask('nobody@example.org', { address })).status]).toEqual([address, 429])
    for (const address of others) expect([address, (await ask('nobody@example.org', { address })).status]).toEqual([address, 200])
  })

  test('whatever it writes into X-Forwarded-For before the proxies do', async () => {
    const [client, proxy] = [newAddress(), newAddress()]
    await emptyBucket(client)
    const two = await serve({ ...deps, config: { ...deps.config, trustedProxyHops: 2 } })
    const none = await serve({ ...deps, config: { ...deps.config, trustedProxyHops: 0 } })
    for (const spoof of [newAddress(), `${newAddress()}, ${newAddress()}`, '127.0.0.1', '::1', '', ',', 'unknown', `"${newAddress()}"`]) {
      const statuses = [
        await ask('nobody@example.org', { address: `${spoof}, ${client}` }),
        await ask('nobody@example.org', { address: [spoof, client] }),
        await ask('nobody@example.org', { address: `${spoof},${client},${proxy}`, url: two }),
        await ask('nobody@example.org', { address: [spoof, client, proxy], url: two }),
      ].map(({ status }) => status)
      expect([spoof, statuses]).toEqual([spoof, [429, 429, 429, 429]])
    }
    // Without a proxy the header is a client's own word, and its socket's address is what counts.
    expect((await ask('nobody@example.org', { address: client, url: none })).status).toBe(200)
    await db.query(sql`delete from request_buckets where key = 'address:127.0.0.1'`)
    await emptyBucket('127.0.0.1')
    expect((await ask('nobody@example.org', { url: none })).status).toBe(429)
    await db.query(sql`delete from request_buckets where key = 'address:127.0.0.1'`)
  })

  test.each([
    ['/api/auth/verify?', 401],
    ['/api/auth/verify?code=000000&x=/api/auth/request', 401],
    ['//api/auth/verify', 404],
    ['/api//auth/verify', 404],
    ['/api/auth/verify/', 401],
    ['/API/AUTH/VERIFY', 404],
    ['/api/auth/VERIFY', 404],
    ['/api/auth/%76erify', 401],
    ['/%61pi/auth/verify', 401],
    ['/api/%2e/auth/verify', 404],
    ['/api/./auth/verify', 404],
    ['/api/auth/../auth/verify', 404],
    ['/api/auth/%2e%2e/auth/verify', 404],
    ['/api/auth/verify%2f', 404],
    ['/api/auth/verify%20', 404],
    ['/api/auth/verify%00', 404],
    ['/api/auth/verify;x=1', 404],
    ['/api\\auth\\verify', 404],
  ])('at %s as well: it answers %i, and has no counters of its own', async (path, expected) => {
    const { code, email, id } = await mailed()
    const address = newAddress()
    const wrongAt = (target: string, n: number) => {
      const body = JSON.stringify({ code: wrong(code, n + 1), email })
      const head = `POST ${target} HTTP/1.1\r\nHost: x\r\nX-Forwarded-For: ${address}\r\nContent-Type: application/json\r\nConnection: close`
      return statusLineFor(gateway.url, `${head}\r\nContent-Length: ${body.length}\r\n\r\n${body}`)
    }
    const answers = await times(12, (n) => wrongAt(path, n))
    const statuses = answers.map((line) => Number(line.split(' ')[1]))
    if (expected === 404) {
      expect(statuses).toEqual(Array.from({ length: 12 }, () => 404))
      expect(await db.query(sql`select id from code_guesses`)).toEqual([])
      expect((await give(code, email, { address })).json.person.id).toBe(id)
    } else {
      expect(statuses).toEqual([...Array.from({ length: 10 }, () => 401), 429, 429])
      expect((await give(code, email, { address })).status).toBe(429)
    }
  })
})

describe('wrong codes', () => {
  /** So many of nobody's codes from each of these. */
  async function wrongFrom(addresses: readonly string[], count: number): Promise<void> {
    for (const address of addresses)
      expect([address, statusesOf(await times(count, () => give('000000', 'nobody@example.org', { address })))]).toEqual([
        address,
        Array.from({ length: count }, () => 401),
      ])
  }

  test.each([
    { what: 'an IPv4 address', filled: ['198.51.8.1'], over: '198.51.8.1', beside: '198.51.8.2' },
    { what: 'an IPv6 /64', filled: ['2001:db8:8:1::1'], over: '2001:db8:8:1::2', beside: '2001:db8:8:2::1' },
    {
      what: 'a /56, which has four times as many',
      filled: [0, 1, 2, 3].map((n) => `2001:db8:9:${n}::1`),
      over: '2001:db8:9:4::1',
      beside: '2001:db8:9:100::1',
    },
    {
      what: 'a /48, which has sixteen times as many',
      filled: [0, 1, 2, 3].flatMap((site) => [0, 1, 2, 3].map((n) => `2001:db8:a:${site}0${n}::1`)),
      over: '2001:db8:a:400::1',
      beside: '2001:db8:b::1',
    },
  ])('10 an hour and 20 a day come from one client: $what', async ({ filled, over, beside }) => {
    const next = (address: string) => give('000000', 'nobody@example.org', { address })
    await wrongFrom(filled, 10)
    expectLimited(await next(over), tooManyCodes, 3_600)
    expect((await next(beside)).status).toBe(401)
    await ageGuesses('61 minutes')
    await wrongFrom(filled, 10)
    expectLimited(await next(over), tooManyCodes, 86_400)
    await ageGuesses('61 minutes')
    expect(expectLimited(await next(over), tooManyCodes, 86_400)).toBeGreaterThan(20 * 3_600)
    await ageGuesses('21 hours 58 minutes')
    expect((await next(over)).status).toBe(401)
  })

  test('are answered alike for known, unknown and archived people, asked for or not, past the limit too', async () => {
    const [known, archived] = [await district.person(), await district.person({ archived: true })]
    const emails = [known.email, archived.email, `not-${known.email}`]
    for (const asked of [true, false]) {
      const answers = []
      for (const email of asked ? emails : emails.map((each) => `also-${each}`)) {
        const address = newAddress()
        if (asked) await ask(email)
        await queueEmpty()
        answers.push((await times(12, (n) => give(wrong('000000', n), email, { address }))).map(visible))
      }
      expect(answers[0]!.map(({ status }) => status)).toEqual([...Array.from({ length: 10 }, () => 401), 429, 429])
      for (const each of answers) expect(each).toEqual(answers[0])
    }
  })

  test('are counted by REST and GraphQL together, and after a restart as before', async () => {
    const address = newAddress()
    for (const url of [gateway.url, restarted]) {
      for (let n = 0; n < 2; n++) {
        expect((await giveGraphql('000000', 'nobody@example.org', { address, url })).json.errors[0].extensions.code).toBe('UNAUTHENTICATED')
        expect((await give('000000', 'nobody@example.org', { address, url })).status).toBe(401)
      }
    }
    await wrongFrom([address], 2)
    for (const url of [gateway.url, restarted]) {
      expectLimited(await give('000000', 'nobody@example.org', { address, url }), tooManyCodes, 3_600)
      expectLimitedInGraphql(await giveGraphql('000000', 'nobody@example.org', { address, url }), 'verifyCode')
    }
  })

  test('past the limit of its address a right code is not looked at, but from its own browser; the link works for anybody', async () => {
    const from = { address: newAddress() }
    const [own, other, linked] = [await mailed(from), await mailed(from), await mailed(from)]
    await wrongFrom([from.address], 10)
    expectLimited(await give(other.code, other.email, from), tooManyCodes, 3_600)
    expectLimited(await give(other.code, undefined, from), tooManyCodes, 3_600)
    // A cookie that has asked for nothing is nobody's own.
    expectLimited(await give(other.code, other.email, { ...from, cookie: `browser=${'A'.repeat(43)}` }), tooManyCodes, 3_600)
    expect((await give(own.code, undefined, { ...from, cookie: own.cookie })).json.person.id).toBe(own.id)
    expect((await useLink(linked.token, from.address)).json.person.id).toBe(linked.id)
    // What was refused has used nothing up.
    expect((await give(other.code, other.email)).json.person.id).toBe(other.id)
  })

  test('from the browser that asked are held by the five tries of its own mail, and count for no address', async () => {
    const from = { address: newAddress() }
    for (const { code, cookie } of [await mailed(from), await mailed(from), await mailed(from)])
      expect(statusesOf(await times(6, (n) => give(wrong(code, n + 1), undefined, { ...from, cookie })))).toEqual(
        Array.from({ length: 6 }, () => 401),
      )
    const neighbour = await mailed()
    expect((await give(neighbour.code, neighbour.email, from)).json.person.id).toBe(neighbour.id)
  })

  test('that are no codes at all are not counted, and neither are wrong links', async () => {
    const address = newAddress()
    expect(statusesOf(await times(15, () => give('12345', 'nobody@example.org', { address })))).toEqual(
      Array.from({ length: 15 }, () => 400),
    )
    expect(statusesOf(await times(15, () => useLink('A'.repeat(43), address)))).toEqual(Array.from({ length: 15 }, () => 401))
    await wrongFrom([address], 10)
    // And links are held by no limit.
    expect((await useLink('A'.repeat(43), address)).status).toBe(401)
  })

  test('50 a day are for one person, known or not, from wherever; then the link works, and the next day codes again', async () => {
    const person = await district.person()
    const unknown = `not-${person.email}`
    /** Asks for a mail as if long after the one before. */
    const askAgain = async (email: string) => {
      await db.query(sql`update request_buckets set full_at = now() where key = ${personKey(email)}`)
      return cookieOf(await ask(email))
    }
    const mailAgain = async (since: number) => {
      const cookie = await askAgain(person.email)
      return { cookie, ...(await gateway.nextMail(person.email, since)) }
    }
    for (let n = 0; n < 10; n++) {
      const { code, cookie } = await mailAgain(n)
      const cookieOfUnknown = await askAgain(unknown)
      await queueEmpty()
      for (let by = 1; by <= 5; by++) {
        // Half from their own browsers, half from elsewhere.
        const known = await (by % 2 === 0 ? give(wrong(code, by), undefined, { cookie }) : give(wrong(code, by), person.email))
        const nobody = await (by % 2 === 0 ? give(wrong(code, by), undefined, { cookie: cookieOfUnknown }) : give(wrong(code, by), unknown))
        expect([known.status, visible(nobody)]).toEqual([401, visible(known)])
      }
    }
    const { code, cookie, token } = await mailAgain(10)
    const cookieOfUnknown = await askAgain(unknown)
    await queueEmpty()
    const [own, elsewhere] = [await give(code, undefined, { cookie }), await give(code, person.email)]
    expectLimited(own, tooManyCodes, 86_400)
    expectLimited(elsewhere, tooManyCodes, 86_400)
    expect(visible(await give(code, undefined, { cookie: cookieOfUnknown }))).toEqual(visible(own))
    expect(visible(await give(code, unknown))).toEqual(visible(own))

    const somebody = await mailed()
    expect((await give(somebody.code, somebody.email)).json.person.id).toBe(somebody.id)
    expect((await useLink(token, newAddress())).json.person.id).toBe(person.id)
    await ageGuesses('24 hours')
    const next = await mailAgain(11)
    expect((await give(next.code, person.email)).json.person.id).toBe(person.id)
  })
})

test('a code that is refused anyway does not wait for those that are being counted', async () => {
  const { email, code } = await mailed()
  const address = newAddress()
  for (let n = 0; n < failureLimits.addressHour; n++) expect((await give(wrong(code), 'nobody@example.org', { address })).status).toBe(401)
  let [isCounting, letGo] = [false, (): void => {}]
  const held = new Promise<void>((resolve) => (letGo = resolve))
  const slow = otherwise(db, {
    async transaction(work) {
      isCounting = true
      await held
      return db.transaction(work)
    },
  })
  const url = await serve({ ...deps, db: slow })
  const counted = give(code, email, { url })
  await vi.waitUntil(() => isCounting, { timeout: 60_000 })
  for (const whom of [email, 'nobody@example.org', undefined])
    expectLimited(await give(wrong(code), whom, { address, url }), tooManyCodes, 3_600)
  letGo()
  expect((await counted).status).toBe(200)
})
