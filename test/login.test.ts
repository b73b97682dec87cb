/** Signing in through GraphQL: what a code, a link and a session are good for, for whom, and for how long. */
import { createHash, randomBytes } from 'node:crypto'
import fc from 'fast-check'
import sql, { raw as verbatim, type Sql } from 'sql-template-tag'
import { describe, expect, test } from 'vitest'
import { otherwise } from './support/database.ts'
import { emailKey } from '../src/domain/email.ts'
import { loginCode } from '../src/domain/tokens.ts'
import { createTestDistrict, type PersonOptions } from './support/fixtures.ts'
import { type Answer, startGateway } from './support/gateway.ts'
import { json, newAddress, raw, serve } from './support/http.ts'

// One proxy in front, so that each request below comes from the address that it names.
const gateway = await startGateway({ config: { trustedProxyHops: 1 } })
const { db, deps } = gateway
const district = await createTestDistrict(db)
const secret = deps.secrets[0]!

interface From {
  /** A new one for each request where it is left out: no limit of an address is met by the way. */
  address?: string
  cookie?: string | undefined
  token?: string
}
const headersOf = ({ address = newAddress(), cookie }: From): Record<string, string> => ({
  'X-Forwarded-For': address,
  ...(cookie === undefined ? {} : { Cookie: cookie }),
})
const graphql = (query: string, variables: Record<string, unknown>, from: From) =>
  gateway.graphql(query, { variables, headers: headersOf(from), token: from.token })

const requestLogin = (email: unknown, from: From = {}) =>
  graphql('mutation ($email: String!) { requestLogin(email: $email) { ok message } }', { email }, from)
const verifyCode = (code: unknown, email?: unknown, from: From = {}) =>
  graphql(
    'mutation ($code: String!, $email: String) { verifyCode(code: $code, email: $email) { ok token expiresAt person { id email } district { id } } }',
    { code, ...(email === undefined ? {} : { email }) },
    from,
  )
const verifyMagicLink = (token: unknown, from: From = {}) =>
  graphql(
    'mutation ($token: String!) { verifyMagicLink(token: $token) { ok token expiresAt person { id email } district { id } } }',
    { token },
    from,
  )
const me = (token: string) => gateway.graphql('{ me { person { id } districtId memberships { districtId personId current } } }', { token })

/** A person who asked for a mail from an address of their own, what came, and the cookie their browser keeps. */
async function asked(options: PersonOptions = {}, from: From = { address: newAddress() }) {
  const person = await district.person({ roles: { '1a': 1 }, ...options })
  const answer = await requestLogin(person.email, from)
  return { person, email: person.email, from, cookie: browserCookie(answer), ...(await gateway.nextMail(person.email)) }
}
const browserCookie = ({ headers }: Pick<Answer, 'headers'>): string => /browser=[^;]+/.exec(headers.getSetCookie().join('\n'))![0]
const wrong = (code: string) => String((Number(code) + 1) % 1_000_000).padStart(6, '0')
const ageRequests = (email: string, interval: string) =>
  db.query(sql`update login_requests set created_at = now() - ${interval}::interval where email_key = ${email}`)

function expectSignedIn(answer: Answer, personId: string): string {
  const signIn = answer.json.data?.verifyCode ?? answer.json.data?.verifyMagicLink
  expect({ errors: answer.json.errors, person: signIn?.person.id }).toEqual({ person: personId })
  return signIn.token
}
function expectRefused(answer: Answer, code = 'UNAUTHENTICATED'): void {
  const [[name, value] = ['', '']] = Object.entries(answer.json.data ?? {})
  expect({
    status: answer.status,
    value,
    codes: answer.json.errors.map((error: { extensions: { code: string } }) => error.extensions.code),
    path: answer.json.errors[0].path,
  }).toEqual({ status: 200, value: null, codes: [code], path: [name] })
  expect(answer.headers.getSetCookie()).toEqual([])
}

describe('a code', () => {
  test('signs in, once', async () => {
    const { person, code, email, from } = await asked()
    const token = expectSignedIn(await verifyCode(code, undefined, from), person.id)
    expect((await me(token)).json.data.me).toMatchObject({ person: { id: person.id }, districtId: district.id })
    expectRefused(await verifyCode(code, email, from))
  })

  test("lives 10 minutes by the database's clock, and not a second longer", async () => {
    const { person, code, email } = await asked()
    await ageRequests(email, '10 minutes')
    expectRefused(await verifyCode(code, email))
    await ageRequests(email, '9 minutes 55 seconds')
    expectSignedIn(await verifyCode(code, email), person.id)
  })

  test("is replaced by the person's next one, and the links mailed before stay good", async () => {
    const first = await asked()
    await requestLogin(first.email, first.from)
    const second = await gateway.nextMail(first.email, 1)
    expectRefused(await verifyCode(first.code, first.email, first.from))
    expectSignedIn(await verifyMagicLink(first.token), first.person.id)
    expectSignedIn(await verifyCode(second.code, first.email, first.from), first.person.id)
  })

  test('is ended together with its link by a sign-in with either', async () => {
    const byCode = await asked()
    expectSignedIn(await verifyCode(byCode.code, byCode.email), byCode.person.id)
    expectRefused(await verifyMagicLink(byCode.token))
    const byLink = await asked()
    expectSignedIn(await verifyMagicLink(byLink.token), byLink.person.id)
    expectRefused(await verifyCode(byLink.code, byLink.email))
  })

  test('may be tried five times: the fifth still counts, the sixth does not, and the link works on', async () => {
    const lucky = await asked()
    for (let n = 0; n < 4; n++) expectRefused(await verifyCode(wrong(lucky.code), lucky.email))
    expectSignedIn(await verifyCode(lucky.code, lucky.email), lucky.person.id)

    const guessed = await asked()
    for (let n = 0; n < 5; n++) expectRefused(await verifyCode(wrong(guessed.code), guessed.email))
    for (const from of [{}, guessed.from, { cookie: guessed.cookie }]) expectRefused(await verifyCode(guessed.code, guessed.email, from))
    const [{ attempts } = { attempts: -1 }] = await db.query<{ attempts: number }>(
      sql`select code_attempts as attempts from login_requests where email_key = ${guessed.email}`,
    )
    expect(attempts).toBe(5)
    expectSignedIn(await verifyMagicLink(guessed.token), guessed.person.id)
  })

  test('is counted by REST and GraphQL together', async () => {
    const { code, email, person, token } = await asked()
    const overRest = (given: string) => gateway.rest('POST', '/api/auth/verify', { body: { code: given, email } })
    for (let n = 0; n < 3; n++) expect((await overRest(wrong(code))).status).toBe(401)
    for (let n = 0; n < 2; n++) expectRefused(await verifyCode(wrong(code), email))
    expect((await overRest(code)).status).toBe(401)
    expectSignedIn(await verifyMagicLink(token), person.id)
  })

  test("given five times wrong is another person's no more than before", async () => {
    const [guessed, other] = [await asked(), await asked()]
    for (let n = 0; n < 6; n++) await verifyCode(wrong(guessed.code), guessed.email)
    expectSignedIn(await verifyCode(other.code, other.email), other.person.id)
  })

  test('keeps its leading zeros', async () => {
    const id = idWhere((each) => loginCode(secret, each, 0).startsWith('00'))
    const { code, person, email } = await askedAs(id)
    expect(code).toBe(loginCode(secret, id, 0))
    expect(code).toMatch(/^00\d{4}$/)
    expectRefused(await verifyCode(String(Number(code)).padEnd(6, '0'), email))
    expectSignedIn(await verifyCode(code, email), person.id)
  })

  test("is nobody else's, nor was it in the last 24 hours", async () => {
    const [first, second, third] = idsOfOneCode()
    const a = await askedAs(first)
    const b = await askedAs(second)
    expect(b.code).not.toBe(a.code)
    expectSignedIn(await verifyCode(a.code, a.email), a.person.id)
    await ageRequests(a.email, '23 hours 59 minutes')
    const c = await askedAs(third)
    expect(a.code).toBe(loginCode(secret, third, 0))
    expect([a.code, b.code]).not.toContain(c.code)
    for (const each of [b, c]) expectSignedIn(await verifyCode(each.code, each.email), each.person.id)
  })

  /** Like `asked`, under an id of one's choice: what the gateway draws is given to it. */
  async function askedAs(id: string) {
    const alphabet = 'abcdefghijklmnopqrstuvwxyz0123456789'
    const bytes = Buffer.from(Array.from(id, (character) => alphabet.indexOf(character)))
    const url = await serve({
      ...deps,
      random: (count) => (count === 32 ? randomBytes(32) : Buffer.concat([bytes, Buffer.alloc(count - bytes.length)])),
    })
    const person = await district.person()
    await raw(`${url}/api/auth/request`, json({ email: person.email }))
    return { person, email: person.email, ...(await gateway.nextMail(person.email)) }
  }
  function randomId(): string {
    return Array.from(randomBytes(12), (byte) => 'abcdefghijklmnopqrstuvwxyz'[byte % 26]).join('')
  }
  /** Three ids whose first draw is the same code: some 20,000 tries find them. */
  function idsOfOneCode(): [string, string, string] {
    const idsByCode = new Map<string, string[]>()
    for (;;) {
      const id = randomId()
      const code = loginCode(secret, id, 0)
      const [one, two] = idsByCode.get(code) ?? []
      if (one !== undefined && two !== undefined) return [one, two, id]
      idsByCode.set(code, one === undefined ? [id] : [one, id])
    }
  }
  function idWhere(holds: (id: string) => boolean): string {
    for (;;) {
      const id = randomId()
      if (holds(id)) return id
    }
  }
})

describe('a link', () => {
  test('signs in from anywhere, once', async () => {
    const { token, person } = await asked()
    expectSignedIn(await verifyMagicLink(token, { address: newAddress() }), person.id)
    expectRefused(await verifyMagicLink(token))
  })

  test("lives 30 minutes by the database's clock, and not a second longer", async () => {
    const { token, person, email } = await asked()
    await ageRequests(email, '30 minutes')
    expectRefused(await verifyMagicLink(token))
    await ageRequests(email, '29 minutes 55 seconds')
    expectSignedIn(await verifyMagicLink(token), person.id)
  })

  test('is built from the configured address, whatever Host and X-Forwarded-Host say', async () => {
    const person = await district.person()
    await raw(
      `${gateway.url}/api/auth/request`,
      json(
        { email: person.email },
        { Host: 'evil.example', 'X-Forwarded-Host': 'evil.example', 'X-Forwarded-Proto': 'https', Forwarded: 'host=evil.example' },
      ),
    )
    const { link, text, html } = await gateway.nextMail(person.email)
    expect(link.startsWith(`${gateway.url}/sign-in#`)).toBe(true)
    expect(text + html).not.toContain('evil.example')
  })

  test('is 256 bits that no other link shares', async () => {
    const [one, other] = [await asked(), await asked()]
    for (const { token } of [one, other]) expect(Buffer.from(token, 'base64url')).toHaveLength(32)
    expect(one.token).not.toBe(other.token)
  })

  test.each(['', 'a', 'A'.repeat(42), `${'A'.repeat(43)} `, '../../../etc/passwd', '\0'])(
    'that is malformed is bad input: %j',
    async (token) => {
      const answer = await verifyMagicLink(token)
      expectRefused(answer, 'BAD_USER_INPUT')
      expect(answer.json.errors[0].extensions.field).toBe('token')
    },
  )
})

describe('a request for a mail', () => {
  const answerOf = ({ status, text, headers }: Answer) => ({
    status,
    text,
    headers: [...headers]
      .filter(([name]) => !['date', 'x-request-id'].includes(name))
      .map(([name, value]) => [name, name === 'set-cookie' ? value.replace(/=[^;]+/, '=…') : value]),
  })

  test('is answered alike for a known, an unknown and an archived address, and only the first gets mail', async () => {
    const known = await district.person()
    const archived = await district.person({ archived: true })
    const answers = await Promise.all([known.email, 'nobody-here@example.org', archived.email].map((email) => requestLogin(email)))
    expect(answers[0]!.text).toBe('{"data":{"requestLogin":{"ok":true,"message":"Check your email"}}}')
    for (const answer of answers) expect(answerOf(answer)).toEqual(answerOf(answers[0]!))
    await gateway.nextMail(known.email)
    await expectQueueEmpty()
    expect(gateway.mails.filter(({ to }) => to !== known.email && [archived.email, 'nobody-here@example.org'].includes(to))).toEqual([])
  })

  test('takes the same statements for a known and an unknown address', async () => {
    const statements: string[] = []
    const watched = otherwise(db, { query: (statement) => (statements.push(statement.text), db.query(statement)) })
    const url = await serve({ ...deps, db: watched })
    const known = await district.person()
    const statementsFor = async (email: string) => {
      statements.length = 0
      await raw(`${url}/api/auth/request`, json({ email }))
      return [...statements]
    }
    const forUnknown = await statementsFor('nobody-at-all@example.org')
    expect(forUnknown).toHaveLength(1)
    expect(await statementsFor(known.email)).toEqual(forUnknown)
  })

  test('a wrong code is answered alike for a known and an unknown address, down to the last try and past it', async () => {
    const { email, code } = await asked()
    const unknown = `unknown-${email}`
    await requestLogin(unknown, { address: newAddress() })
    for (let n = 0; n < 8; n++)
      expect(answerOf(await verifyCode(wrong(code), email))).toEqual(answerOf(await verifyCode(wrong(code), unknown)))
  })

  test('finds the person whatever the case, the width and the composition, and mails the address as it is stored', async () => {
    const spellings: ((stored: string) => string)[] = [
      (stored) => stored,
      (stored) => stored.toUpperCase(),
      (stored) => stored.toLowerCase(),
      (stored) => stored.normalize('NFD'),
      (stored) => ` ${stored}\t`,
      (stored) => stored.replace('J', '\uff2a').replace('E', '\uff25'),
      (stored) => stored.replace('o', '\u1d52'),
    ]
    for (const spell of spellings) {
      const stored = `José.${randomBytes(4).toString('hex')}@Example.org`
      const person = await district.person({ email: stored })
      await requestLogin(spell(stored))
      const { code } = await gateway.nextMail(stored)
      expectSignedIn(await verifyCode(code, stored.toUpperCase().normalize('NFD')), person.id)
    }
  })

  test('one spelling has one key, and the key is its own', () => {
    fc.assert(
      fc.property(fc.emailAddress(), (email) => {
        expect(emailKey(emailKey(email))).toBe(emailKey(email))
        expect(emailKey(email.toUpperCase())).toBe(emailKey(email))
      }),
    )
  })

  test.each([
    ['a list', ['a@example.org', 'b@example.org']],
    ['an object', { email: 'a@example.org' }],
    ['a number', 1],
    ['nothing', null],
  ])('for %s instead of one address is refused before execution', async (_what, email) => {
    const { status, json: body } = await requestLogin(email)
    expect(status).toBe(400)
    expect('data' in body).toBe(false)
    expect(body.errors[0].extensions).toMatchObject({ code: 'BAD_USER_INPUT', field: 'email' })
  })

  test.each([
    'a@example.org,b@example.org',
    'a@example.org, b@example.org',
    '"a"@example.org',
    'a@example.org\n',
    'a@example.org\r\n',
    '\x0ba@example.org',
    '\u2028a@example.org',
    'a@example.org\u0085',
    'a@example.org\r\nBcc: b@example.org',
    'a@example.org\nb@example.org',
    'a@example.org;b@example.org',
    'a@example.org\uff0cb@example.org',
    'A <a@example.org>',
    '',
  ])('for %j is bad input, and nothing is recorded', async (email) => {
    const before = await db.query(sql`select count(*)::int as n from login_requests`)
    const answer = await requestLogin(email)
    expectRefused(answer, 'BAD_USER_INPUT')
    expect(answer.json.errors[0].extensions.field).toBe('email')
    expect(await db.query(sql`select count(*)::int as n from login_requests`)).toEqual(before)
  })

  test('for a person archived after it signs nobody in', async () => {
    const { person, code, token, email } = await asked()
    await db.tables.person.update({ where: { districtId_id: { districtId: district.id, id: person.id } }, data: { archived: true } })
    expectRefused(await verifyCode(code, email))
    expectRefused(await verifyMagicLink(token))
    expect(await db.query(sql`select id from sessions where person_id = ${person.id}`)).toEqual([])
  })

  test('for an address that the person has no more signs nobody in', async () => {
    const { person, code, token, email } = await asked()
    await db.tables.person.update({
      where: { districtId_id: { districtId: district.id, id: person.id } },
      data: { email: `new-${email}`, emailKey: `new-${email}` },
    })
    expectRefused(await verifyCode(code, email))
    expectRefused(await verifyMagicLink(token))
  })

  test("keeps a browser's cookie while it is well-formed, and replaces it when it is not", async () => {
    const { cookie, email } = await asked()
    expect(cookie).toMatch(/^browser=[A-Za-z0-9_-]{43}$/)
    expect(browserCookie(await requestLogin(email, { cookie }))).toBe(cookie)
    for (const broken of ['browser=short', `browser=${'!'.repeat(43)}`, `other=${'A'.repeat(43)}`])
      expect(browserCookie(await requestLogin(email, { cookie: broken }))).not.toContain(broken)
  })
})

describe('who may try a code: the first of these sets that is not empty, and no other', () => {
  test('the requests of the same browser, wherever it is now', async () => {
    const { code, cookie, person } = await asked()
    expectSignedIn(await verifyCode(code, undefined, { cookie, address: newAddress() }), person.id)
  })

  test('where the browser has one, neither the e-mail nor the network opens another', async () => {
    const [mine, theirs] = [await asked(), await asked()]
    expectRefused(await verifyCode(theirs.code, theirs.email, { cookie: mine.cookie, address: theirs.from.address! }))
    expectSignedIn(await verifyCode(mine.code, theirs.email, { cookie: mine.cookie }), mine.person.id)
    expectSignedIn(await verifyCode(theirs.code, theirs.email), theirs.person.id)
  })

  test('else those for the e-mail given, from anywhere', async () => {
    const { code, email, person } = await asked()
    expectSignedIn(await verifyCode(code, email, { address: newAddress() }), person.id)
  })

  test('where the e-mail has one, the network opens no other', async () => {
    const [mine, theirs] = [await asked(), await asked()]
    expectRefused(await verifyCode(theirs.code, mine.email, { address: theirs.from.address! }))
    expectSignedIn(await verifyCode(theirs.code, undefined, theirs.from), theirs.person.id)
  })

  test('else those from the same network', async () => {
    const { code, from, person } = await asked()
    expectRefused(await verifyCode(code, undefined, { address: newAddress() }))
    expectSignedIn(await verifyCode(code, 'somebody-else@example.org', { ...from, cookie: `browser=${'A'.repeat(43)}` }), person.id)
  })

  test('an IPv6 network is its /64, and an IPv4-mapped address the IPv4 one', async () => {
    const six = await asked({}, { address: '2001:db8:aa:1::1' })
    expectRefused(await verifyCode(six.code, undefined, { address: '2001:db8:aa:2::1' }))
    expectSignedIn(await verifyCode(six.code, undefined, { address: '2001:db8:aa:1:ffff::9' }), six.person.id)
    const four = await asked({}, { address: '198.51.100.200' })
    expectSignedIn(await verifyCode(four.code, undefined, { address: '::ffff:198.51.100.200' }), four.person.id)
  })

  test('nobody joins a network by writing it into the header', async () => {
    const { code, from } = await asked()
    expectRefused(await verifyCode(code, undefined, { address: `${from.address}, ${newAddress()}` }))
    const unproxied = await serve({ ...deps, config: { ...deps.config, trustedProxyHops: 0 } })
    expect((await raw(`${unproxied}/api/auth/verify`, json({ code }, { 'X-Forwarded-For': from.address! }))).status).toBe(401)
  })

  test('of several people on one network each signs in by their own code', async () => {
    const from = { address: newAddress() }
    const people = [await asked({}, from), await asked({}, from), await asked({}, from)]
    for (const { code, person } of people.toReversed()) expectSignedIn(await verifyCode(code, undefined, from), person.id)
  })

  test("what has ended stands in nobody's way: a browser whose code is used falls back to the e-mail", async () => {
    const [mine, theirs] = [await asked(), await asked()]
    expectSignedIn(await verifyCode(mine.code, undefined, { cookie: mine.cookie }), mine.person.id)
    expectSignedIn(await verifyCode(theirs.code, theirs.email, { cookie: mine.cookie, address: newAddress() }), theirs.person.id)
  })

  test('what has no tries left still stands: it opens no wider set', async () => {
    const { cookie, code, from } = await asked()
    const neighbour = await asked({}, from)
    for (let n = 0; n < 5; n++) await verifyCode(wrong(code), undefined, { cookie })
    expectRefused(await verifyCode(neighbour.code, undefined, { ...from, cookie }))
    expectSignedIn(await verifyCode(neighbour.code, undefined, { cookie: neighbour.cookie }), neighbour.person.id)
  })
})

describe('what rests in the database and the log', () => {
  /** Every row of every table, as text. */
  async function dump(): Promise<string> {
    const tables = await db.query<{ name: string }>(
      sql`select table_name as name from information_schema.tables where table_schema = 'public' and table_type = 'BASE TABLE'`,
    )
    const rows = await Promise.all(tables.map(({ name }) => db.query<{ row: string }>(rowsOf(name))))
    return rows
      .flat()
      .map(({ row }) => row)
      .join('\n')
  }
  const rowsOf = (table: string): Sql => sql`select t::text as row from ${verbatim(`"${table}"`)} t`

  test('holds no code, link, token or key, before and after they are used, and no bare hash of a code', async () => {
    const waiting = await asked()
    const { cookie, ...used } = await asked()
    const session = expectSignedIn(await verifyCode(used.code, used.email, { cookie }), used.person.id)
    const other = await asked()
    const second = expectSignedIn(await verifyMagicLink(other.token), other.person.id)
    const key = await district.key()
    expect((await gateway.rest('GET', '/api/me', { token: key })).status).toBe(200)
    expect((await gateway.rest('GET', '/api/auth/verify/not-a-token')).status).toBe(400)

    const everything = [await dump(), ...gateway.logLines].join('\n')
    expect(everything).toContain(used.person.id)
    for (const token of [
      waiting.token,
      used.token,
      other.token,
      session,
      second,
      key,
      waiting.cookie.split('=')[1]!,
      cookie.split('=')[1]!,
    ])
      expect(everything).not.toContain(token)
    for (const { code } of [waiting, used, other]) {
      // Beside other digits it is a coincidence, alone it would be the code.
      expect(everything).not.toMatch(new RegExp(`(?<!\\d)${code}(?!\\d)`))
      for (const algorithm of ['md5', 'sha1', 'sha256', 'sha512']) {
        for (const encoding of ['hex', 'base64', 'base64url'] as const)
          expect(everything).not.toContain(createHash(algorithm).update(code).digest(encoding))
      }
    }
  })

  test('is worth nothing under another secret key', async () => {
    const { code, email, from } = await asked()
    const url = await serve({ ...deps, secrets: ['another-secret-key-of-more-than-32-bytes'] })
    expect((await raw(`${url}/api/auth/verify`, json({ code, email }, headersOf(from)))).status).toBe(401)
  })

  test('stays good when a new secret key is put before the old one', async () => {
    const { code, email, person } = await asked()
    const url = await serve({ ...deps, secrets: ['another-secret-key-of-more-than-32-bytes', secret] })
    expect((await raw(`${url}/api/auth/verify`, json({ code, email }))).json.person.id).toBe(person.id)
  })
})

describe('a session', () => {
  test('is a new token of 256 bits at every sign-in, and each lives on beside the others', async () => {
    const first = await asked()
    const one = expectSignedIn(await verifyMagicLink(first.token), first.person.id)
    await requestLogin(first.email, first.from)
    const { token } = await gateway.nextMail(first.email, 1)
    const two = expectSignedIn(await verifyMagicLink(token), first.person.id)
    expect(one).not.toBe(two)
    for (const each of [one, two]) {
      expect(Buffer.from(each, 'base64url')).toHaveLength(32)
      expect((await me(each)).status).toBe(200)
    }
  })

  test("lives 30 days by the database's clock, and says so", async () => {
    const { token, person } = await asked()
    const answer = await verifyMagicLink(token)
    const session = expectSignedIn(answer, person.id)
    const lifetimeDays = (Date.parse(answer.json.data.verifyMagicLink.expiresAt) - Date.now()) / 86_400_000
    expect(lifetimeDays).toBeCloseTo(30, 1)
    const [{ exact } = { exact: false }] = await db.query<{ exact: boolean }>(
      sql`select bool_and(expires_at = created_at + interval '30 days') as exact from sessions where person_id = ${person.id}`,
    )
    expect(exact).toBe(true)
    const passed = (interval: string) =>
      db.query(sql`update sessions set expires_at = created_at + interval '30 days' - ${interval}::interval where person_id = ${person.id}`)
    await passed('29 days 23 hours')
    expect((await me(session)).status).toBe(200)
    await passed('30 days')
    expect((await me(session)).status).toBe(401)
  })

  test('ends with its person: archived, they are refused at once', async () => {
    const { token, person } = await asked()
    const session = expectSignedIn(await verifyMagicLink(token), person.id)
    const archive = (archived: boolean) =>
      db.tables.person.update({ where: { districtId_id: { districtId: district.id, id: person.id } }, data: { archived } })
    await archive(true)
    expect((await me(session)).status).toBe(401)
    expect((await gateway.rest('GET', '/api/me', { token: session })).status).toBe(401)
  })

  test('has the roles of now, not those of the sign-in', async () => {
    const { token, person } = await asked()
    const other = await district.person()
    const session = expectSignedIn(await verifyMagicLink(token), person.id)
    const sees = async () =>
      (await gateway.graphql('query ($id: ID!) { person(id: $id) { id } }', { token: session, variables: { id: other.id } })).json.data
        .person
    expect(await sees()).toEqual({ id: other.id })
    await db.tables.person.update({ where: { districtId_id: { districtId: district.id, id: person.id } }, data: { roles: { '1c': 1 } } })
    expect(await sees()).toBeNull()
  })
})

describe('within one document', () => {
  test('a sign-in is read as the new session, whatever the caller was before', async () => {
    const { token, person } = await asked()
    await district.interview(person.id, { responses: { '1d': { en: 'for the board' } } })
    const document =
      'mutation ($token: String!) { verifyMagicLink(token: $token) { person { id interviews { nodes { responses { field { private } } } } } district { id boards { id } } } }'
    const keyOfAnother = await (await createTestDistrict(db)).key('write:people')
    const { json: body } = await graphql(document, { token }, { token: keyOfAnother })
    expect(body.errors).toBeUndefined()
    expect(body.data.verifyMagicLink).toEqual({
      person: { id: person.id, interviews: { nodes: [{ responses: [{ field: { private: true } }] }] } },
      district: { id: district.id, boards: [{ id: '1a' }, { id: '1b' }] },
    })
  })

  test('a refused sign-in changes nobody', async () => {
    const person = await district.admin()
    const token = await person.token()
    const { json: body } = await graphql(`mutation { verifyMagicLink(token: "${'A'.repeat(43)}") { token } logout { ok } }`, {}, { token })
    expect(body.data).toEqual({ verifyMagicLink: null, logout: { ok: true } })
    expect((await me(token)).status).toBe(401)
  })

  test('signing in and out at once leaves a token that is refused', async () => {
    const { token, person } = await asked()
    const { json: body } = await graphql(
      'mutation ($token: String!) { verifyMagicLink(token: $token) { token person { id } } logout { ok } }',
      { token },
      {},
    )
    expect(body).toEqual({ data: { verifyMagicLink: { token: expect.any(String), person: { id: person.id } }, logout: { ok: true } } })
    expect((await me(body.data.verifyMagicLink.token)).status).toBe(401)
  })

  test('after logging out nothing is done as that session', async () => {
    const token = await (await district.admin()).token()
    const { json: body } = await graphql('mutation { logout { ok } again: logout { ok } }', {}, { token })
    expect(body.data).toEqual({ logout: { ok: true }, again: null })
    expect(body.errors.map(({ path, extensions }: { path: string[]; extensions: { code: string } }) => [path, extensions.code])).toEqual([
      [['again'], 'UNAUTHENTICATED'],
    ])
  })

  test('logging out ends this session alone', async () => {
    const person = await district.admin()
    const [one, two] = [await person.token(), await person.token()]
    await graphql('mutation { logout { ok } }', {}, { token: one })
    expect([(await me(one)).status, (await me(two)).status]).toEqual([401, 200])
  })
})

describe('an address in several districts', () => {
  async function twice() {
    const email = `${randomBytes(6).toString('hex')}@example.org`
    const [north, south] = [await createTestDistrict(db), await createTestDistrict(db)]
    const inNorth = await north.person({ email, createdAt: new Date('2026-01-01') })
    const inSouth = await south.person({ email, createdAt: new Date('2026-02-01') })
    const signIn = async (since: number) => {
      await requestLogin(email)
      const answer = await verifyMagicLink((await gateway.nextMail(email, since)).token)
      return answer.json.data.verifyMagicLink as { token: string; person: { id: string }; district: { id: string } }
    }
    return { email, north, south, inNorth, inSouth, signIn }
  }

  test('gets one mail, and the session knows both memberships', async () => {
    const { email, north, south, inNorth, inSouth, signIn } = await twice()
    const { token, district: current } = await signIn(0)
    await expectQueueEmpty()
    expect(gateway.mails.filter(({ to }) => to === email)).toHaveLength(1)
    expect(current.id).toBe(north.id)
    const { memberships } = (await me(token)).json.data.me
    expect(memberships).toHaveLength(2)
    expect(memberships).toEqual(
      expect.arrayContaining([
        { districtId: north.id, personId: inNorth.id, current: true },
        { districtId: south.id, personId: inSouth.id, current: false },
      ]),
    )
  })

  test('signs in to the district last used', async () => {
    const { south, inSouth, signIn } = await twice()
    expect((await signIn(0)).district.id).not.toBe(south.id)
    await db.query(sql`update people set signed_in_at = now() + interval '1 second' where district_id = ${south.id} and id = ${inSouth.id}`)
    expect(await signIn(1)).toMatchObject({ district: { id: south.id }, person: { id: inSouth.id } })
    expect((await signIn(2)).district.id).toBe(south.id)
  })

  test.each(['code', 'link'] as const)('signs in by the %s to the district that the mail names, whichever was used since', async (kind) => {
    const { email, south, north, inNorth } = await twice()
    await requestLogin(email)
    const { code, token, subject } = await gateway.nextMail(email)
    expect(subject).toContain(`District ${north.id}`)
    await db.query(sql`update people set signed_in_at = now() where district_id = ${south.id} and email_key = ${email}`)
    const { json: body } = await (kind === 'code' ? verifyCode(code, email) : verifyMagicLink(token))
    const signIn = body.data.verifyCode ?? body.data.verifyMagicLink
    expect([signIn.district.id, signIn.person.id]).toEqual([north.id, inNorth.id])
  })

  test('signs in to the other one where it is archived in the one last used', async () => {
    const { north, inNorth, south, inSouth, signIn } = await twice()
    expect((await signIn(0)).district.id).toBe(north.id)
    await db.tables.person.update({ where: { districtId_id: { districtId: north.id, id: inNorth.id } }, data: { archived: true } })
    const { token, district: current } = await signIn(1)
    expect(current.id).toBe(south.id)
    expect((await me(token)).json.data.me.memberships).toEqual([{ districtId: south.id, personId: inSouth.id, current: true }])
  })

  test('has no memberships for a key', async () => {
    const { north } = await twice()
    const { json: body } = await me(await north.key())
    expect(body.data.me).toEqual({ person: null, districtId: north.id, memberships: null })
    expect(body.errors[0].extensions.code).toBe('FORBIDDEN')
  })
})

/** Waits until the mailer has nothing left to look at. */
async function expectQueueEmpty(): Promise<void> {
  await expect.poll(() => db.query(sql`select id from login_requests where mail_due_at is not null`), { timeout: 10_000 }).toEqual([])
}

test.each(['sessions', 'audit_events', 'trusted_devices'])(
  'a database that fails in the middle of a sign-in, at its row of %s, uses nothing up',
  async (table) => {
    const { email, code, token, cookie } = await asked()
    const from = { cookie }
    await db.query(sql`create function fail() returns trigger language plpgsql as $$ begin raise exception 'no room'; end $$`)
    await db.query(sql`create trigger failing before insert on ${verbatim(table)} for each row execute function fail()`)
    try {
      expect((await raw(`${gateway.url}/api/auth/verify`, json({ code }, headersOf(from)))).status).toBe(500)
      if (table !== 'trusted_devices') expect((await raw(`${gateway.url}/api/auth/verify/${token}`)).status).toBe(500) // no GET keeps a cookie
    } finally {
      await db.query(sql`drop function fail() cascade`)
    }
    const [request] = await db.query(
      sql`select r.code_attempts as tries, r.code_ended_at as code, r.link_ended_at as link,
            (select count(*)::int from sessions s where s.email_key = r.email_key) as sessions
          from login_requests r where r.email_key = ${email}`,
    )
    expect(request).toEqual({ tries: 1, code: null, link: null, sessions: 0 })
    expect((await verifyCode(code, undefined, from)).json.data.verifyCode.ok).toBe(true)
  },
)
