/** The documented REST routes of signing in, to the byte, and every way in which they refuse. */
import sql from 'sql-template-tag'
import { beforeEach, describe, expect, test } from 'vitest'
import { createTestDistrict } from './support/fixtures.ts'
import { type Answer, startGateway } from './support/gateway.ts'
import { json, newAddress, raw } from './support/http.ts'

// One proxy in front, so that each test is a client with an address of its own.
const gateway = await startGateway({ config: { trustedProxyHops: 1 } })
const { db, url } = gateway
const district = await createTestDistrict(db, { name: { es: 'Mi distrito', en: 'My District' }, languages: ['en', 'es'] })

/** A person as the documentation shows her, and the bodies that it promises for her. */
async function jane() {
  const person = await district.person({ first: 'Jane', last: 'Doe', roles: { '1a': 1, '1b': 2 } })
  const self = {
    id: person.id,
    first: 'Jane',
    last: 'Doe',
    email: person.email,
    language: 'en',
    roles: { '1a': 1, '1b': 2 },
    district_id: district.id,
  }
  return {
    ...person,
    signedIn: (token: string) =>
      JSON.stringify({
        ok: true,
        token,
        person: self,
        district: {
          id: district.id,
          name: { en: 'My District', es: 'Mi distrito' },
          accent: '#6e5dec',
          languages: ['en', 'es'],
          billing_plan: 'pro',
        },
      }),
    me: JSON.stringify({ person: self, districtId: district.id }),
  }
}

let address = newAddress()
beforeEach(() => void (address = newAddress()))
const request = (body: unknown) => gateway.rest('POST', '/api/auth/request', { body, headers: { 'X-Forwarded-For': address } })
const ask = (email: string) => request({ email })
const verify = (body: unknown) => gateway.rest('POST', '/api/auth/verify', { body, headers: { 'X-Forwarded-For': address } })
async function mailFor(email: string, since = 0) {
  await ask(email)
  return gateway.nextMail(email, since)
}
async function signIn(email: string): Promise<string> {
  const { token } = await mailFor(email)
  return (await gateway.rest('GET', `/api/auth/verify/${token}`)).json.token
}
const wrongCodeFor = (code: string) => String((Number(code) + 1) % 1_000_000).padStart(6, '0')

/** The one shape of every refusal: a sentence, and nothing beside it. */
function expectRefusal(
  {
    status,
    text,
    json: body,
    headers,
  }: Pick<Answer, 'status' | 'text' | 'json'> & { headers: Answer['headers'] | Record<string, unknown> },
  expected: number,
): void {
  expect({ status, text }).toMatchObject({ status: expected })
  const type = headers instanceof Headers ? headers.get('content-type') : headers['content-type']
  expect(type).toBe('application/json; charset=utf-8')
  expect(Object.keys(body)).toEqual(['error'])
  expect(body.error).toMatch(/^\p{L}.*[.?]$/su)
  expect(text).toBe(JSON.stringify({ error: body.error }))
}

describe('the documented bodies', () => {
  test('POST /api/auth/request answers what is documented, for a known and an unknown address', async () => {
    const { email } = await jane()
    for (const each of [email, 'nobody@example.org']) {
      const { status, text, headers } = await ask(each)
      expect({ status, text }).toEqual({ status: 200, text: '{"ok":true,"message":"Check your email"}' })
      expect(headers.get('content-type')).toBe('application/json; charset=utf-8')
      expect(headers.get('cache-control')).toBe('no-store')
    }
  })

  test('POST /api/auth/verify answers session, person and district with their members in the documented order', async () => {
    const person = await jane()
    const { code } = await mailFor(person.email)
    const { status, text, json: body, headers } = await verify({ code })
    expect({ status, text }).toEqual({ status: 200, text: person.signedIn(body.token) })
    expect(body.token).toMatch(/^[A-Za-z0-9_-]{43}$/)
    expect(headers.get('cache-control')).toBe('no-store')
    expect(headers.getSetCookie()).toEqual([])
  })

  test('GET /api/auth/verify/:token answers the same, and sets no cookie', async () => {
    const person = await jane()
    const { token } = await mailFor(person.email)
    const { status, text, json: body, headers } = await gateway.rest('GET', `/api/auth/verify/${token}`)
    expect({ status, text }).toEqual({ status: 200, text: person.signedIn(body.token) })
    expect(headers.getSetCookie()).toEqual([])
    expect(headers.get('cache-control')).toBe('no-store')
  })

  test('GET /api/me answers who a session is', async () => {
    const person = await jane()
    const { status, text } = await gateway.rest('GET', '/api/me', { token: await signIn(person.email) })
    expect({ status, text }).toEqual({ status: 200, text: person.me })
  })

  test('GET /api/me answers the district of a key, and nobody', async () => {
    const { status, text } = await gateway.rest('GET', '/api/me', { token: await district.key('read:people') })
    expect({ status, text }).toEqual({ status: 200, text: JSON.stringify({ person: null, districtId: district.id }) })
  })

  test('POST /api/auth/logout ends the session, and the next request with it is refused', async () => {
    const token = await signIn((await jane()).email)
    const { status, text } = await gateway.rest('POST', '/api/auth/logout', { token })
    expect({ status, text }).toEqual({ status: 200, text: '{"ok":true}' })
    const after = await gateway.rest('GET', '/api/me', { token })
    expectRefusal(after, 401)
    expect(after.headers.get('www-authenticate')).toBe('Bearer error="invalid_token"')
    expectRefusal(await gateway.rest('POST', '/api/auth/logout', { token }), 401)
  })

  test('the documented curl commands sign in and out, without a cookie and without an e-mail beside the code', async () => {
    const person = await jane()
    const curl = { 'User-Agent': 'curl/8.5.0', Accept: '*/*' }
    const asked = await raw(`${url}/api/auth/request`, json({ email: person.email }, curl))
    expect(asked.text).toBe('{"ok":true,"message":"Check your email"}')
    const { code } = await gateway.nextMail(person.email)
    const verified = await raw(`${url}/api/auth/verify`, json({ code }, curl))
    expect(verified.text).toBe(person.signedIn(verified.json.token))
    const headers = { ...curl, Authorization: `Bearer ${verified.json.token}` }
    expect((await raw(`${url}/api/me`, { headers })).text).toBe(person.me)
    // curl -X POST without -d sends neither a body nor a type.
    expect((await raw(`${url}/api/auth/logout`, { method: 'POST', headers })).text).toBe('{"ok":true}')
    expect((await raw(`${url}/api/me`, { headers })).status).toBe(401)
  })

  test('a session whose trial is over still signs in, knows itself and signs out', async () => {
    const lapsed = await createTestDistrict(db, { plan: 'trial', trialEndsAt: new Date(Date.now() - 60_000) })
    const person = await lapsed.admin()
    const token = await signIn(person.email)
    expect((await gateway.rest('GET', '/api/me', { token })).json.person.id).toBe(person.id)
    expect((await gateway.rest('POST', '/api/auth/logout', { token })).text).toBe('{"ok":true}')
  })
})

describe('a malformed request is refused with 400 and uses nothing up', () => {
  const notOneAddress: readonly unknown[] = [
    123,
    true,
    null,
    [],
    {},
    ['a@example.org'],
    { email: 'a@example.org' },
    { startsWith: '' },
    '',
    ' ',
    'a',
    'a@',
    '@example.org',
    'a@b',
    'a@example..org',
    'a b@example.org',
    'a@example.org,b@example.org',
    'a@example.org, b@example.org',
    'a@example.org;b@example.org',
    '"a"@example.org',
    'A <a@example.org>',
    'a@exa"mple.org',
    'a@example.org\n',
    'a@example.org\r\n',
    '\x0ba@example.org',
    '\u2028a@example.org',
    'a@example.org\u0085',
    'a@example.org\r\nBcc: b@example.org',
    'a\nb@example.org',
    'a@example.org\0',
    'a\u2028b@example.org',
    'a@b@example.org',
    `${'a'.repeat(250)}@example.org`,
    'x'.repeat(90_000),
    // NFKC first: these become a comma, an at sign and a quote
    'a@example.org\uff0cb@example.org',
    'a@b\uff20example.org',
    '\uff02a\uff02@example.org',
  ]
  test.each(notOneAddress.map((email) => [JSON.stringify(email).slice(0, 60), email] as const))(
    'POST /api/auth/request with the email %s',
    async (_shown, email) => {
      const sentBefore = gateway.mails.length
      const refused = await request({ email })
      expectRefusal(refused, 400)
      expect(refused.json.error).toMatch(/^email/)
      expect(refused.headers.getSetCookie()).toEqual([])
      expect(gateway.mails.length).toBe(sentBefore)
    },
  )

  const notACode: readonly unknown[] = [
    123456,
    0,
    null,
    true,
    [],
    {},
    ['123456'],
    { startsWith: '' },
    { not: null },
    '',
    '12345',
    '1234567',
    ' 123456',
    '123456\n',
    '12345a',
    '１２３４５６',
    '١٢٣٤٥٦',
    '1e5',
    '+12345',
    '-12345',
    '12.456',
  ]
  test.each(notACode.map((code) => [JSON.stringify(code), code] as const))(
    'POST /api/auth/verify with the code %s',
    async (_shown, code) => {
      const person = await jane()
      const mail = await mailFor(person.email)
      for (let n = 0; n < 6; n++) {
        const refused = await verify({ code })
        expectRefusal(refused, 400)
        expect(refused.json.error).toMatch(/code/)
        expect(refused.headers.get('www-authenticate')).toBeNull()
      }
      expect((await verify({ code: mail.code, email: person.email })).status).toBe(200)
    },
  )

  test.each([[123], [[]], [{ startsWith: '' }], ['a,b@example.org'], ['']])(
    'POST /api/auth/verify with a code and the email %j',
    async (email) => {
      const refused = await verify({ code: '123456', email })
      expectRefusal(refused, 400)
      expect(refused.json.error).toMatch(/^email/)
    },
  )

  test.each(['/api/auth/request', '/api/auth/verify'])('%s with a body that is not a JSON object', async (path) => {
    for (const body of [
      '',
      ' ',
      '{',
      '{"email":',
      'email=a%40example.org',
      '[]',
      '[{"email":"a@example.org","code":"123456"}]',
      'null',
      '"123456"',
      '1',
      '{}',
      '{"a":1,}',
      "{'code':'123456'}",
      '\ufeff{',
      '{"code":"123456"}{"code":"123456"}',
    ]) {
      expectRefusal(await raw(url + path, json(body)), 400)
    }
  })

  test.each(['/api/auth/request', '/api/auth/verify'])('%s with bytes that are not UTF-8', async (path) => {
    for (const bytes of [[0xff], [0xc3, 0x28], [0xed, 0xa0, 0x80], [0xc0, 0xaf]]) {
      const body = Buffer.concat([Buffer.from('{"email":"a'), Buffer.from(bytes), Buffer.from('@example.org","code":"123456"}')])
      expectRefusal(await raw(url + path, { method: 'POST', headers: { 'Content-Type': 'application/json' }, body }), 400)
    }
  })

  test.each([
    'a',
    '%00',
    '..',
    'a'.repeat(42),
    'a'.repeat(44),
    `${'a'.repeat(42)}!`,
    `${'a'.repeat(42)}%20`,
    encodeURIComponent('{"not":null}'),
    'x'.repeat(5_000),
  ])('GET /api/auth/verify/%s', async (token) => {
    const refused = await raw(`${url}/api/auth/verify/${token}`)
    // ".." is another address before it reaches the gateway
    expectRefusal(refused, token === '..' ? 404 : 400)
  })
})

describe('what a body holds besides is harmless', () => {
  test('unknown members are ignored', async () => {
    const person = await jane()
    const asked = await request({
      email: person.email,
      to: 'evil@example.org',
      redirect: 'https://evil.example',
      districtId: 'x',
    })
    expect(asked.text).toBe('{"ok":true,"message":"Check your email"}')
    const { code } = await gateway.nextMail(person.email)
    const { status } = await verify({ code, person_id: 'x', district_id: 'x', used_at: null, expires_at: '2999-01-01', token: 'x' })
    expect(status).toBe(200)
    expect(gateway.mails.filter(({ to }) => to === 'evil@example.org')).toEqual([])
  })

  test('a body of prototype keys gives no member and taints no other request', async () => {
    for (const body of [
      '{"__proto__":{"code":"123456","email":"a@example.org"}}',
      '{"constructor":{"prototype":{"code":"123456","email":"a@example.org"}}}',
      '{"prototype":{"code":"123456"},"toString":"123456"}',
    ]) {
      expectRefusal(await verify(body), 400)
      expectRefusal(await request(body), 400)
    }
    expect(({} as Record<string, unknown>)['code']).toBeUndefined()
    expectRefusal(await verify({}), 400)
  })

  test('of a member given twice the last one counts, for checking and for use alike', async () => {
    const person = await jane()
    const sentBefore = gateway.mails.length
    expectRefusal(await request(`{"email":"${person.email}","email":["${person.email}"]}`), 400)
    expect((await request(`{"email":"evil,@example.org","email":"${person.email}"}`)).status).toBe(200)
    await gateway.nextMail(person.email)
    expect(gateway.mails.slice(sentBefore).map(({ to }) => to)).toEqual([person.email])
  })
})

describe('a code or a link that is not good is refused with 401', () => {
  const expectWrong = (refused: Answer) => {
    expectRefusal(refused, 401)
    expect(refused.headers.get('www-authenticate')).toBe('Bearer')
    expect(refused.headers.getSetCookie()).toEqual([])
  }

  test('a wrong code', async () => {
    const person = await jane()
    const { code } = await mailFor(person.email)
    expectWrong(await verify({ code: wrongCodeFor(code), email: person.email }))
    expect((await verify({ code, email: person.email })).status).toBe(200)
  })

  test('a code that nobody asked for', async () => {
    expectWrong(await verify({ code: '000000', email: 'nobody-asked@example.org' }))
  })

  test('a used code', async () => {
    const person = await jane()
    const { code } = await mailFor(person.email)
    expect((await verify({ code, email: person.email })).status).toBe(200)
    expectWrong(await verify({ code, email: person.email }))
  })

  test('a code that a newer one replaces', async () => {
    const person = await jane()
    const old = await mailFor(person.email)
    const fresh = await mailFor(person.email, 1)
    expectWrong(await verify({ code: old.code, email: person.email }))
    expect((await verify({ code: fresh.code, email: person.email })).status).toBe(200)
  })

  test('an expired code and an expired link', async () => {
    const person = await jane()
    const { code, token } = await mailFor(person.email)
    await db.query(sql`update login_requests set created_at = created_at - interval '10 minutes' where email_key = ${person.email}`)
    expectWrong(await verify({ code, email: person.email }))
    await db.query(sql`update login_requests set created_at = created_at - interval '20 minutes' where email_key = ${person.email}`)
    expectWrong(await gateway.rest('GET', `/api/auth/verify/${token}`))
  })

  test('a wrong link and a used link', async () => {
    const person = await jane()
    const { token } = await mailFor(person.email)
    expectWrong(await gateway.rest('GET', `/api/auth/verify/${'A'.repeat(43)}`))
    expect((await gateway.rest('GET', `/api/auth/verify/${token}`)).status).toBe(200)
    expectWrong(await gateway.rest('GET', `/api/auth/verify/${token}`))
  })

  test("a session's token is no link, and a link's token no session", async () => {
    const person = await jane()
    const session = await signIn(person.email)
    expectWrong(await gateway.rest('GET', `/api/auth/verify/${session}`))
    const { token } = await mailFor(person.email, 1)
    expectRefusal(await gateway.rest('GET', '/api/me', { token }), 401)
  })

  test('HEAD does not use a link up', async () => {
    const person = await jane()
    const { token } = await mailFor(person.email)
    const head = await raw(`${url}/api/auth/verify/${token}`, { method: 'HEAD' })
    expect([head.status, head.text]).toEqual([405, ''])
    expect((await gateway.rest('GET', `/api/auth/verify/${token}`)).status).toBe(200)
  })

  test.each([
    ['Sec-Purpose', 'prefetch'],
    ['Sec-Purpose', 'prefetch;prerender'],
    ['Sec-Purpose', 'prefetch; anonymous-client-ip'],
    ['Purpose', 'prefetch'],
    ['X-Purpose', 'preview'],
    ['X-Moz', 'prefetch'],
  ])('a browser that fetches ahead of a click, %s: %s, does not use a link up', async (name, value) => {
    const person = await jane()
    const { token } = await mailFor(person.email)
    const ahead = await gateway.rest('GET', `/api/auth/verify/${token}`, { headers: { [name]: value } })
    expectRefusal(ahead, 503)
    // Nothing that a browser would keep and show when the link is opened after all.
    expect([ahead.headers.get('cache-control'), ahead.headers.get('retry-after')]).toEqual(['no-store', '1'])
    expect(await db.query(sql`select id from sessions where person_id = ${person.id}`)).toEqual([])
    expect((await gateway.rest('GET', `/api/auth/verify/${token}`)).text).toContain(person.id)
  })
})

describe('credentials', () => {
  test('GET /api/me without one is refused, and so is logging out', async () => {
    for (const [method, path] of [
      ['GET', '/api/me'],
      ['POST', '/api/auth/logout'],
    ] as const) {
      const refused = await gateway.rest(method, path)
      expectRefusal(refused, 401)
      expect(refused.headers.get('www-authenticate')).toBe('Bearer')
    }
  })

  test('a wrong one is refused on every route, signing in included, and said to be invalid', async () => {
    for (const [method, path, body] of [
      ['GET', '/api/me', undefined],
      ['POST', '/api/auth/logout', undefined],
      ['POST', '/api/auth/request', { email: 'a@example.org' }],
      ['POST', '/api/auth/verify', { code: '123456' }],
    ] as const) {
      for (const token of ['x', `ck_${'a'.repeat(32)}`, 'A'.repeat(43)]) {
        const refused = await gateway.rest(method, path, { token, body })
        expectRefusal(refused, 401)
        expect(refused.headers.get('www-authenticate')).toBe('Bearer error="invalid_token"')
      }
    }
  })

  test('a key cannot log out', async () => {
    expectRefusal(await gateway.rest('POST', '/api/auth/logout', { token: await district.key() }), 403)
  })

  test('an expired session is refused', async () => {
    const person = await jane()
    const token = await signIn(person.email)
    await db.query(sql`update sessions set expires_at = now() where person_id = ${person.id}`)
    expectRefusal(await gateway.rest('GET', '/api/me', { token }), 401)
  })
})

describe('what HTTP itself refuses has the same shape', () => {
  test.each([
    '/api/',
    '/api/nothing',
    '/api/auth',
    '/api/auth/verify//',
    '/api/auth/verify/a/b',
    '/api/auth/request//',
    '/API/me',
    '/api/me//',
    '/api//me',
    '/api/auth%2Frequest',
    '/api/__proto__',
    '/api/constructor',
  ])('404 at %s', async (path) => {
    for (const method of ['GET', 'POST']) expectRefusal(await gateway.rest(method, path), 404)
  })

  test.each([
    ['GET', '/api/auth/request', 'POST'],
    ['PUT', '/api/auth/verify', 'POST'],
    ['GET', '/api/auth/verify', 'POST'],
    ['DELETE', '/api/auth/logout', 'POST'],
    ['GET', '/api/auth/logout', 'POST'],
    ['POST', '/api/me', 'GET'],
    ['PATCH', '/api/me', 'GET'],
    ['OPTIONS', '/api/me', 'GET'],
    ['POST', `/api/auth/verify/${'a'.repeat(43)}`, 'GET'],
  ])('405 for %s %s, which takes %s', async (method, path, allow) => {
    const refused = await gateway.rest(method, path)
    expectRefusal(refused, 405)
    expect(refused.headers.get('allow')).toBe(allow)
  })

  const sized = (bytes: number) => {
    const without = JSON.stringify({ email: 'nobody@example.org', pad: '' }).length
    return JSON.stringify({ email: 'nobody@example.org', pad: 'x'.repeat(bytes - without) })
  }
  test('413 past 100 kB, and not a byte earlier', async () => {
    expect((await raw(`${url}/api/auth/request`, json(sized(100_000)))).status).toBe(200)
    expectRefusal(await raw(`${url}/api/auth/request`, json(sized(100_001))), 413)
    expectRefusal(await raw(`${url}/api/auth/verify`, json(sized(5_000_000))), 413)
  })

  test('413 for a body that does not say how long it is', async () => {
    const refused = await raw(`${url}/api/auth/verify`, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json', 'Transfer-Encoding': 'chunked' },
      body: sized(3_000_000),
    })
    expectRefusal(refused, 413)
  })

  test.each([
    'application/x-www-form-urlencoded',
    'multipart/form-data; boundary=x',
    'text/plain',
    'text/plain; application/json',
    'application/xml',
    'application/json; charset=latin1',
    'application/jsonp',
    'application/json, text/plain',
    '',
  ])('415 for "%s"', async (type) => {
    expectRefusal(await raw(`${url}/api/auth/verify`, json({ code: '123456' }, { 'Content-Type': type })), 415)
  })

  test('415 without a type, and for a body that is compressed', async () => {
    expectRefusal(await raw(`${url}/api/auth/verify`, { method: 'POST', body: '{"code":"123456"}' }), 415)
    expectRefusal(await raw(`${url}/api/auth/verify`, json({ code: '123456' }, { 'Content-Encoding': 'gzip' })), 415)
  })

  test.each([
    'application/json',
    'Application/JSON',
    'application/json; charset=utf-8',
    'application/json;charset=UTF-8',
    'application/json; charset="utf-8"',
  ])('"%s" is JSON', async (type) => {
    expect((await raw(`${url}/api/auth/request`, json({ email: 'nobody@example.org' }, { 'Content-Type': type }))).status).toBe(200)
  })
})
