/** A browser's session in a cookie: for a page of this very origin alone, out of every script's reach, and for nothing else. */
import { describe, expect, test } from 'vitest'
import { createTestDistrict } from './support/fixtures.ts'
import { startGateway } from './support/gateway.ts'
import { json, newAddress, raw, type RawAnswer, serve } from './support/http.ts'

// One proxy in front, so that each mail is asked for from an address of its own.
const gateway = await startGateway({ config: { trustedProxyHops: 1 } })
const { deps } = gateway
const district = await createTestDistrict(gateway.db)
const { port } = new URL(gateway.url)

/** What a browser sends from a page of this origin. */
const page = { Origin: gateway.url, 'Sec-Fetch-Site': 'same-origin', 'X-Session': 'cookie' }
type Headers = Record<string, string | string[]>
const without = (name: keyof typeof page): Headers => Object.fromEntries(Object.entries(page).filter(([each]) => each !== name))

/** Everything that makes a request one of a page, one piece missing or wrong. */
const incomplete: readonly (readonly [string, Headers])[] = [
  ['no X-Session', without('X-Session')],
  ['another X-Session', { ...page, 'X-Session': 'token' }],
  ['X-Session twice', { ...page, 'X-Session': ['cookie', 'cookie'] }],
  ['no Sec-Fetch-Site', without('Sec-Fetch-Site')],
  ['a neighbour of the same site', { ...page, 'Sec-Fetch-Site': 'same-site' }],
  ['another site', { ...page, 'Sec-Fetch-Site': 'cross-site' }],
  ['an address typed in', { ...page, 'Sec-Fetch-Site': 'none' }],
  ['no Origin', without('Origin')],
  ['an opaque Origin', { ...page, Origin: 'null' }],
  ['another origin', { ...page, Origin: 'https://evil.example' }],
  ['another origin that says it is the same', { ...page, Origin: 'https://evil.example', Host: 'evil.example' }],
  ['a name rebound to this address', { ...page, Origin: `http://evil.example:${port}`, Host: `evil.example:${port}` }],
  ['another port', { ...page, Origin: 'http://127.0.0.1:1' }],
  ['another scheme', { ...page, Origin: gateway.url.replace('http:', 'https:') }],
  ['an origin that begins like this one', { ...page, Origin: `${gateway.url}.evil.example` }],
  ['an origin with a path', { ...page, Origin: `${gateway.url}/` }],
]

const graphql = (query: string, headers: Headers, url = gateway.url) => raw(`${url}/graphql`, json({ query }, headers))
const whoami = async (headers: Headers, url = gateway.url) =>
  (await graphql('{ me { person { id } } }', headers, url)).json.data?.me?.person?.id as string | undefined

/** Someone with a mail that they have not used yet. */
async function mailed() {
  const person = await district.admin()
  await gateway.rest('POST', '/api/auth/request', { body: { email: person.email }, headers: { 'X-Forwarded-For': newAddress() } })
  return { person, ...(await gateway.nextMail(person.email)) }
}
const useLink = (token: string, headers: Headers, url?: string) =>
  graphql(`mutation { verifyMagicLink(token: "${token}") { ok token person { id } } }`, headers, url)
const setCookies = ({ headers }: RawAnswer): string[] => headers['set-cookie'] ?? []

async function signedIn() {
  const { person, token } = await mailed()
  const answer = await useLink(token, page)
  const [cookie] = setCookies(answer)
  return { person, answer, cookie: cookie!, pair: cookie!.split(';')[0]!, value: /^session=([^;]+)/.exec(cookie!)![1]! }
}

describe('a page of this origin', () => {
  test('receives its session in a cookie that no script can read, and the mark of its browser in another, and no token', async () => {
    const { person, answer, value } = await signedIn()
    expect(answer.json).toEqual({ data: { verifyMagicLink: { ok: true, token: null, person: { id: person.id } } } })
    expect(setCookies(answer)).toEqual([
      expect.stringMatching(/^session=[A-Za-z0-9_-]{43}; Path=\/; Max-Age=2592000; HttpOnly; SameSite=Lax$/),
      expect.stringMatching(/^device=[A-Za-z0-9_-]{43}; Path=\/; Max-Age=15552000; HttpOnly; SameSite=Lax$/),
    ])
    expect(answer.text).not.toContain(value)
  })

  test('is signed in by it', async () => {
    const { person, pair } = await signedIn()
    expect(await whoami({ ...page, Cookie: pair })).toBe(person.id)
    expect(await whoami({ ...page, Cookie: `other=1; ${pair}; another="x"` })).toBe(person.id)
  })

  test('receives it for a code as well', async () => {
    const { person, code } = await mailed()
    const answer = await graphql(`mutation { verifyCode(code: "${code}", email: "${person.email}") { token } }`, page)
    expect(answer.json.data).toEqual({ verifyCode: { token: null } })
    expect(await whoami({ ...page, Cookie: setCookies(answer)[0]!.split(';')[0]! })).toBe(person.id)
  })

  test('signs out: the cookie is taken away and the session is over', async () => {
    const { pair, value } = await signedIn()
    const answer = await graphql('mutation { logout { ok } }', { ...page, Cookie: pair })
    expect(answer.json).toEqual({ data: { logout: { ok: true } } })
    expect(setCookies(answer)).toEqual(['session=; Path=/; Max-Age=0; HttpOnly; SameSite=Lax'])
    expect(await whoami({ ...page, Cookie: pair })).toBeUndefined()
    expect((await gateway.rest('GET', '/api/me', { token: value })).status).toBe(401)
  })

  test('with a cookie that is over is simply signed out, and can sign in again', async () => {
    const stale = { ...page, Cookie: `session=${'A'.repeat(43)}` }
    const answer = await graphql('{ __typename me { districtId } }', stale)
    expect([answer.status, answer.json.data]).toEqual([200, { __typename: 'Query', me: null }])
    const { token, person } = await mailed()
    const [cookie] = setCookies(await useLink(token, stale))
    expect(await whoami({ ...page, Cookie: cookie!.split(';')[0]! })).toBe(person.id)
  })

  test('on localhost is as good as on 127.0.0.1', async () => {
    const { person, pair } = await signedIn()
    expect(await whoami({ ...page, Origin: `http://localhost:${port}`, Host: `localhost:${port}`, Cookie: pair })).toBe(person.id)
  })

  test('gets no cookie for a sign-in that is refused', async () => {
    expect(setCookies(await useLink('A'.repeat(43), page))).toEqual([])
  })

  test.each(['', 'x', `ck_${'a'.repeat(32)}`, 'A'.repeat(42), `"${'A'.repeat(43)}"`, `${'A'.repeat(43)},${'B'.repeat(43)}`])(
    'with the cookie session=%s is nobody',
    async (value) => {
      expect(await whoami({ ...page, Cookie: `session=${value}` })).toBeUndefined()
    },
  )

  test('cannot hold an API key in the cookie', async () => {
    const key = await district.key()
    const answer = await graphql('{ me { districtId } }', { ...page, Cookie: `session=${key}` })
    expect(answer.json.data.me).toBeNull()
  })
})

describe('any other request', () => {
  test.each(incomplete)('with %s is not signed in by the cookie', async (_what, headers) => {
    const { pair } = await signedIn()
    expect(await whoami({ ...headers, Cookie: pair })).toBeUndefined()
  })

  test.each(incomplete)('with %s receives the token and no cookie', async (_what, headers) => {
    const { person, token } = await mailed()
    const answer = await useLink(token, headers)
    expect(answer.json.data.verifyMagicLink).toEqual({
      ok: true,
      token: expect.stringMatching(/^[A-Za-z0-9_-]{43}$/),
      person: { id: person.id },
    })
    expect(setCookies(answer)).toEqual([])
  })

  test.each(incomplete)('with %s cannot sign the browser out', async (_what, headers) => {
    const { person, pair } = await signedIn()
    const answer = await graphql('mutation { logout { ok } }', { ...headers, Cookie: pair })
    expect(answer.json.data.logout).toBeNull()
    expect(setCookies(answer)).toEqual([])
    expect(await whoami({ ...page, Cookie: pair })).toBe(person.id)
  })

  test('over GET is not signed in by the cookie', async () => {
    const { pair } = await signedIn()
    const answer = await raw(`${gateway.url}/graphql?query=${encodeURIComponent('{ me { districtId } }')}`, {
      headers: { ...page, Cookie: pair },
    })
    expect(answer.json.data.me).toBeNull()
    expect(setCookies(answer)).toEqual([])
  })

  test('over REST is not signed in by the cookie, and cannot end it', async () => {
    const { person, pair } = await signedIn()
    const headers = { ...page, Cookie: pair }
    expect((await raw(`${gateway.url}/api/me`, { headers })).status).toBe(401)
    expect((await raw(`${gateway.url}/api/auth/logout`, { method: 'POST', headers })).status).toBe(401)
    expect(await whoami(headers)).toBe(person.id)
  })

  test('over REST receives the token and no session cookie', async () => {
    for (const verify of [
      ({ token }: { token: string }) => raw(`${gateway.url}/api/auth/verify/${token}`, { headers: page }),
      ({ code, person }: { code: string; person: { email: string } }) =>
        raw(`${gateway.url}/api/auth/verify`, json({ code, email: person.email }, page)),
    ]) {
      const answer = await verify(await mailed())
      expect(answer.json.token).toMatch(/^[A-Za-z0-9_-]{43}$/)
      expect(setCookies(answer)).toEqual([])
    }
  })
})

describe('an Authorization header makes the cookie count for nothing', () => {
  test.each(['Bearer nope', `Bearer ${'A'.repeat(43)}`, 'Basic YTpi', 'Bearer', ''])('even the wrong one "%s"', async (Authorization) => {
    const { pair } = await signedIn()
    const answer = await graphql('{ me { districtId } }', { ...page, Cookie: pair, Authorization })
    expect([answer.status, Object.keys(answer.json)]).toEqual([401, ['errors']])
  })

  test('a right one is who asks', async () => {
    const { pair } = await signedIn()
    const other = await createTestDistrict(gateway.db)
    const answer = await graphql('{ me { districtId person { id } } }', {
      ...page,
      Cookie: pair,
      Authorization: `Bearer ${await other.key()}`,
    })
    expect(answer.json.data.me).toEqual({ districtId: other.id, person: null })
  })

  test('a sign-in beside it answers the token and sets no cookie', async () => {
    const { token } = await mailed()
    const answer = await useLink(token, { ...page, Authorization: `Bearer ${await district.key()}` })
    expect(answer.json.data.verifyMagicLink.token).toMatch(/^[A-Za-z0-9_-]{43}$/)
    expect(setCookies(answer)).toEqual([])
  })

  test('a sign-out beside it leaves the cookie', async () => {
    const { person, pair } = await signedIn()
    const answer = await graphql('mutation { logout { ok } }', { ...page, Cookie: pair, Authorization: `Bearer ${await person.token()}` })
    expect(answer.json.data.logout).toEqual({ ok: true })
    expect(setCookies(answer)).toEqual([])
    expect(await whoami({ ...page, Cookie: pair })).toBe(person.id)
  })
})

describe('under https', () => {
  const origin = 'https://gateway.example.org'
  const secure = serve({ ...deps, config: { ...deps.config, publicUrl: origin } })
  const securePage = { ...page, Origin: origin, Host: 'gateway.example.org' }

  test('all cookies are Secure and bound to this host', async () => {
    const { person, token } = await mailed()
    const [cookie, ...others] = setCookies(await useLink(token, securePage, await secure))
    expect(others).toEqual([
      expect.stringMatching(/^__Host-device=[A-Za-z0-9_-]{43}; Path=\/; Max-Age=15552000; HttpOnly; SameSite=Lax; Secure$/),
    ])
    expect(cookie).toMatch(/^__Host-session=[A-Za-z0-9_-]{43}; Path=\/; Max-Age=2592000; HttpOnly; SameSite=Lax; Secure$/)
    expect(await whoami({ ...securePage, Cookie: cookie!.split(';')[0]! }, await secure)).toBe(person.id)
    const signedOut = await graphql('mutation { logout { ok } }', { ...securePage, Cookie: cookie!.split(';')[0]! }, await secure)
    expect(setCookies(signedOut)).toEqual(['__Host-session=; Path=/; Max-Age=0; HttpOnly; SameSite=Lax; Secure'])

    const asked = await raw(`${await secure}/api/auth/request`, json({ email: person.email }))
    expect(setCookies(asked)).toEqual([
      expect.stringMatching(/^__Host-browser=[A-Za-z0-9_-]{43}; Path=\/; Max-Age=\d+; HttpOnly; SameSite=Lax; Secure$/),
    ])
  })

  test('a cookie without the prefix, which a neighbouring host could have set, is not read', async () => {
    const { person } = await mailed()
    const token = await person.token()
    expect(await whoami({ ...securePage, Cookie: `__Host-session=${token}` }, await secure)).toBe(person.id)
    expect(await whoami({ ...securePage, Cookie: `session=${token}` }, await secure)).toBeUndefined()
    expect(await whoami({ ...securePage, Cookie: `session=${token}; __Host-session=` }, await secure)).toBeUndefined()
  })

  test.each([
    `http://gateway.example.org`,
    `http://127.0.0.1:${port}`,
    `http://localhost:${port}`,
    'https://gateway.example.org:8443',
    'https://www.gateway.example.org',
  ])('a page of %s has no part in it', async (Origin) => {
    const { person } = await mailed()
    expect(
      await whoami({ ...page, Origin, Host: new URL(Origin).host, Cookie: `__Host-session=${await person.token()}` }, await secure),
    ).toBeUndefined()
  })
})
