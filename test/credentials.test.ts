/** Bearer credentials: the header read strictly, a token nowhere else, and what has ended refused from the next request on. */
import sql from 'sql-template-tag'
import { describe, expect, test } from 'vitest'
import { hashToken } from '../src/domain/tokens.ts'
import { createTestDistrict } from './support/fixtures.ts'
import { startGateway } from './support/gateway.ts'
import { json, raw, serve, statusLineFor } from './support/http.ts'

const gateway = await startGateway()
const { db, url } = gateway
const district = await createTestDistrict(db)
const admin = await district.admin()
const key = await district.key()
const session = await admin.token()

type Headers = Record<string, string | string[]>
/** The statuses of one request over each door. */
async function statuses(headers: Headers): Promise<number[]> {
  const answers = [await raw(`${url}/api/me`, { headers }), await raw(`${url}/graphql`, json({ query: '{ me { districtId } }' }, headers))]
  return answers.map(({ status }) => status)
}

describe('a malformed Authorization header', () => {
  const malformed: readonly (readonly [string, string | string[]])[] = [
    ['empty', ''],
    ['of spaces', '   '],
    ['a scheme alone', 'Bearer'],
    ['a scheme and a space', 'Bearer '],
    ['another scheme', `Basic ${Buffer.from('a:b').toString('base64')}`],
    ['another scheme with a good key', `Token ${key}`],
    ['no scheme', key],
    ['two tokens', `Bearer ${key} ${key}`],
    ['two tokens with a comma', `Bearer ${key}, Bearer ${key}`],
    ['a key and a comma', `Bearer ${key},`],
    ['parameters', `Bearer token="${key}"`],
    ['a key in quotes', `Bearer "${key}"`],
    ['non-ASCII letters', 'Bearer ck_\u00e9\u00e9\u00e9'],
    ['every byte above ASCII', `Bearer ${Array.from({ length: 128 }, (_, byte) => String.fromCharCode(128 + byte)).join('')}`],
    ['a tab', `Bearer\t${key}`],
    ['a key in capitals', `Bearer ${key.toUpperCase()}`],
    ['a key cut short', `Bearer ${key.slice(0, -1)}`],
    ['a key and more', `Bearer ${key}a`],
    ['10,000 letters', `Bearer ${'a'.repeat(10_000)}`],
    ['a wildcard', 'Bearer %'],
    ['SQL', "Bearer ' or '1'='1"],
    ['JSON', 'Bearer {"not":null}'],
    ['a word', 'Bearer null'],
    ['the hash that the database holds', `Bearer ${hashToken(key)}`],
    ['given twice', [`Bearer ${key}`, `Bearer ${key}`]],
    ['given twice, a good and a bad one', [`Bearer ${key}`, 'Bearer nope']],
    ['given twice, an empty and a good one', ['', `Bearer ${key}`]],
  ]
  test.each(malformed)('%s is refused by both doors', async (_what, Authorization) => {
    expect(await statuses({ Authorization })).toEqual([401, 401])
  })

  test('of 1 MB is refused, and the next client does not notice', async () => {
    const line = await statusLineFor(url, `GET /api/me HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${'a'.repeat(1_000_000)}\r\n\r\n`)
    expect(['HTTP/1.1 431 Request Header Fields Too Large', '']).toContain(line)
    expect(await statuses({ Authorization: `Bearer ${key}` })).toEqual([200, 200])
  })

  test('with control characters never reaches a handler', async () => {
    for (const control of ['\0', '\x07', '\x7f']) {
      const line = await statusLineFor(
        url,
        `GET /api/me HTTP/1.1\r\nHost: x\r\nConnection: close\r\nAuthorization: Bearer ck_${control}\r\n\r\n`,
      )
      expect(line).toMatch(/^HTTP\/1\.1 40[01] /)
    }
  })

  test('leaves nothing in the log that is worth an alarm', () => {
    expect(gateway.logLines.filter((line) => JSON.parse(line).level >= 40)).toEqual([])
  })
})

describe('a good credential', () => {
  test.each(['Bearer', 'bearer', 'BEARER', 'Bearer  '])('is taken after "%s"', async (scheme) => {
    for (const token of [key, session]) expect(await statuses({ Authorization: `${scheme} ${token}` })).toEqual([200, 200])
  })

  test('is accepted in no other place', async () => {
    for (const token of [key, session]) {
      for (const name of ['access_token', 'token', 'api_key', 'apikey', 'key', 'authorization', 'bearer']) {
        expect((await raw(`${url}/api/me?${name}=${token}`)).status).toBe(401)
        expect((await raw(`${url}/graphql?${name}=${token}`, json({ query: '{ me { districtId } }' }))).json.data?.me ?? null).toBeNull()
        expect(
          (await raw(`${url}/graphql?${new URLSearchParams({ query: '{ me { districtId } }', [name]: token })}`)).json.data?.me ?? null,
        ).toBeNull()
      }
      for (const headers of [
        { 'X-Api-Key': token },
        { 'Proxy-Authorization': `Bearer ${token}` },
        { 'X-Authorization': `Bearer ${token}` },
        { Cookie: `token=${token}; session=${token}; Authorization=Bearer ${token}` },
      ]) {
        expect((await raw(`${url}/api/me`, { headers })).status).toBe(401)
      }
      const body = await raw(
        `${url}/graphql`,
        json({
          query: '{ me { districtId } }',
          extensions: { authorization: `Bearer ${token}`, headers: { authorization: `Bearer ${token}` } },
        }),
      )
      expect(body.json.data.me).toBeNull()
      expect((await raw(`http://user:${token}@${new URL(url).host}/api/me`)).status).toBe(401)
    }
  })
})

describe('an API key', () => {
  const asKey = (token: string) => statuses({ Authorization: `Bearer ${token}` })
  const change = (token: string, set: Parameters<typeof db.tables.apiKey.update>[0]['data']) =>
    db.tables.apiKey.update({ where: { keyHash: hashToken(token) }, data: set })

  test('that is revoked is refused on its next request', async () => {
    const token = await district.key()
    expect(await asKey(token)).toEqual([200, 200])
    await change(token, { revokedAt: new Date() })
    expect(await asKey(token)).toEqual([401, 401])
  })

  test("is refused from the moment it expires, by the database's clock", async () => {
    const token = await district.key()
    await db.query(sql`update api_keys set expires_at = now() + interval '1 hour' where key_hash = ${hashToken(token)}`)
    expect(await asKey(token)).toEqual([200, 200])
    await db.query(sql`update api_keys set expires_at = now() where key_hash = ${hashToken(token)}`)
    expect(await asKey(token)).toEqual([401, 401])
  })

  test('that loses a scope has lost it on its next request', async () => {
    const token = await district.key('read:people')
    const people = async () =>
      (await raw(`${url}/graphql`, json({ query: '{ people { totalCount } }' }, { Authorization: `Bearer ${token}` }))).json
    expect((await people()).data.people.totalCount).toBeGreaterThan(0)
    await change(token, { scopes: ['write:people'] })
    expect(await people()).toMatchObject({
      data: { people: null },
      errors: [{ extensions: { code: 'FORBIDDEN', requiredScopes: ['read:people'] } }],
    })
  })

  test('dies with its district', async () => {
    const gone = await createTestDistrict(db)
    const token = await gone.key()
    await db.tables.district.delete({ where: { id: gone.id } })
    expect(await asKey(token)).toEqual([401, 401])
  })

  test('acts for its own district, whatever the request says', async () => {
    const other = await createTestDistrict(db)
    const stranger = await other.person()
    const headers = { Authorization: `Bearer ${key}`, 'X-District-Id': other.id, 'X-District': other.id, 'X-Tenant': other.id }
    expect((await raw(`${url}/api/me?districtId=${other.id}&district_id=${other.id}`, { headers })).text).toBe(
      `{"person":null,"districtId":"${district.id}"}`,
    )
    const answer = await raw(
      `${url}/graphql`,
      json(
        {
          query:
            'query ($id: ID!, $email: String!) { person(id: $id) { id } people(filter: { email: $email }) { totalCount } district { id } }',
          variables: { id: stranger.id, email: stranger.email },
        },
        headers,
      ),
    )
    expect(answer.json).toEqual({ data: { person: null, people: { totalCount: 0 }, district: { id: district.id } } })
  })

  test('is no session: it has no memberships, and cannot sign out', async () => {
    const answer = await raw(`${url}/graphql`, json({ query: 'mutation { logout { ok } }' }, { Authorization: `Bearer ${key}` }))
    expect(answer.json).toMatchObject({ data: { logout: null }, errors: [{ extensions: { code: 'FORBIDDEN' } }] })
    expect(await asKey(key)).toEqual([200, 200])
  })
})

describe('a session', () => {
  test("is its own token's alone: neither its id nor its hash opens it", async () => {
    const rows = await db.query<{ id: string; hash: string }>(sql`select id, token_hash as hash from sessions`)
    expect(rows.length).toBeGreaterThan(0)
    for (const { id, hash } of rows)
      for (const token of [id, hash]) expect(await statuses({ Authorization: `Bearer ${token}` })).toEqual([401, 401])
  })

  test('whose person is deleted is refused', async () => {
    const person = await district.admin()
    const token = await person.token()
    expect(await statuses({ Authorization: `Bearer ${token}` })).toEqual([200, 200])
    await db.tables.person.delete({ where: { districtId_id: { districtId: district.id, id: person.id } } })
    expect(await statuses({ Authorization: `Bearer ${token}` })).toEqual([401, 401])
  })
})

test('no answer and no line of the log repeats a credential', async () => {
  const texts: string[] = []
  for (const token of [key, session, `ck_${'z'.repeat(32)}`]) {
    for (const answer of [
      await raw(`${url}/api/me`, { headers: { Authorization: `Bearer ${token}` } }),
      await raw(
        `${url}/graphql`,
        json(
          { query: '{ me { credential { ... on ApiKey { id name hint } ... on Session { id } } } }' },
          { Authorization: `Bearer ${token}` },
        ),
      ),
    ]) {
      texts.push(answer.text, JSON.stringify(answer.headers))
    }
  }
  const everything = [...texts, ...gateway.logLines].join('\n')
  for (const token of [key, session, 'z'.repeat(32)]) expect(everything).not.toContain(token)
})

test('the last use of a key and of a session is kept to the minute, without a write a request', async () => {
  const own = await createTestDistrict(db)
  const key = await own.key('read:people')
  const session = await (await own.admin()).token()
  const me = async (token: string) => {
    // Each time a gateway that has not met this credential.
    const query = '{ me { credential { ... on ApiKey { lastUsedAt } ... on Session { lastSeenAt } } } }'
    const answer = await raw(`${await serve(gateway.deps)}/graphql`, json({ query }, { Authorization: `Bearer ${token}` }))
    return answer.json.data.me.credential
  }
  const lastUsed = async (): Promise<string> => (await me(key)).lastUsedAt
  const first = await lastUsed()
  expect(Date.now() - Date.parse(first)).toBeLessThan(60_000)
  expect(await lastUsed()).toBe(first)
  await db.query(sql`update api_keys set last_used_at = now() - interval '61 seconds' where key_hash = ${hashToken(key)}`)
  expect(Date.parse(await lastUsed())).toBeGreaterThanOrEqual(Date.parse(first))

  await db.query(sql`update sessions set last_seen_at = now() - interval '1 hour' where token_hash = ${hashToken(session)}`)
  expect(Date.now() - Date.parse((await me(session)).lastSeenAt)).toBeLessThan(60_000)
})
