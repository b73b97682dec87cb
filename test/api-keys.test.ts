/** API keys, managed by an administrator over the API: shown once, ended at once, and belonging to their district. */
import sql from 'sql-template-tag'
import { describe, expect, test } from 'vitest'
import { hashToken } from '../src/domain/tokens.ts'
import { createTestDistrict } from './support/fixtures.ts'
import { startGateway } from './support/gateway.ts'

const gateway = await startGateway()
const { db } = gateway
const district = await createTestDistrict(db)
const admin = await district.admin()
const token = await admin.token()

const ask = async (query: string, variables: Record<string, unknown> = {}, as = token) => gateway.graphql(query, { variables, token: as })
const create = (input: Record<string, unknown>, as = token) =>
  ask(
    'mutation ($input: CreateApiKeyInput!) { createApiKey(input: $input) { key apiKey { id name hint scopes createdAt lastUsedAt expiresAt revokedAt createdBy { id } } } }',
    { input },
    as,
  )
const made = async (input: Record<string, unknown> = {}) => {
  const { json, text } = await create({ name: 'Sync', scopes: ['READ_PEOPLE'], ...input })
  expect(json.errors, text).toBeUndefined()
  return json.data.createApiKey as { key: string; apiKey: { id: string; hint: string } }
}
const rotate = (id: string, overlapMinutes?: number) =>
  ask(
    'mutation ($id: ID!, $minutes: Int! = 0) { rotateApiKey(id: $id, overlapMinutes: $minutes) { key apiKey { id name scopes expiresAt } } }',
    {
      id,
      ...(overlapMinutes === undefined ? {} : { minutes: overlapMinutes }),
    },
  )
const revoke = (id: string, as = token) => ask('mutation ($id: ID!) { revokeApiKey(id: $id) { apiKey { id revokedAt } } }', { id }, as)
const list = async (args = '') =>
  (await ask(`{ apiKeys${args} { id name hint revokedAt } }`)).json.data.apiKeys as { id: string; hint: string }[]
const works = async (key: string) => (await gateway.graphql('{ me { districtId } }', { token: key })).status === 200
const stored = async (id: string) => {
  const [row] = await db.query<{ row: Record<string, unknown> }>(sql`select to_jsonb(k) as row from api_keys k where k.id = ${id}`)
  return row?.row
}
const refusal = async (answer: ReturnType<typeof ask>) => {
  const { json } = await answer
  expect(Object.values(json.data)).toEqual([null])
  return json.errors[0].extensions
}

describe('creating', () => {
  test('answers the key this once: what is kept is its hash, and its hint is its last four characters', async () => {
    const { key, apiKey } = await made({ name: '  Nightly sync  ', scopes: ['WRITE_PEOPLE', 'READ_PEOPLE', 'READ_PEOPLE'] })
    expect(key).toMatch(/^ck_[a-z0-9]{32}$/)
    expect(apiKey).toMatchObject({
      name: 'Nightly sync',
      hint: key.slice(-4),
      scopes: ['WRITE_PEOPLE', 'READ_PEOPLE'],
      lastUsedAt: null,
      expiresAt: null,
      revokedAt: null,
      createdBy: { id: admin.id },
    })
    expect(await works(key)).toBe(true)
    expect(await stored(apiKey.id)).toMatchObject({ key_hash: hashToken(key), created_by_id: admin.id })
    expect(JSON.stringify([await stored(apiKey.id), await list('(includeEnded: true)')])).not.toContain(key)
  })

  test('needs a name of 1 to 100 characters, at least one scope, and an end in the future', async () => {
    const before = (await list('(includeEnded: true)')).length
    for (const [input, field] of [
      [{ name: '' }, 'input.name'],
      [{ name: '   ' }, 'input.name'],
      [{ name: 'n'.repeat(101) }, 'input.name'],
      [{ name: 'a\0b' }, 'input.name'],
      [{ scopes: [] }, 'input.scopes'],
      [{ expiresAt: '2020-01-01T00:00:00Z' }, 'input.expiresAt'],
    ] as const)
      expect(await refusal(create({ name: 'Sync', scopes: ['READ_PEOPLE'], ...input }))).toEqual({ code: 'BAD_USER_INPUT', field })
    expect((await create({ name: 'Sync', scopes: ['READ_EVERYTHING'] })).status).toBe(400)
    expect((await list('(includeEnded: true)')).length).toBe(before)
    expect(await works((await made({ name: 'n'.repeat(100) })).key)).toBe(true)
  })

  test('gives no more than its scopes, each on its own', async () => {
    const { key } = await made({ scopes: ['WRITE_INTERVIEWS'] })
    const { json } = await gateway.graphql('{ people { totalCount } interviews { totalCount } apiKeys { id } sessions { id } }', {
      token: key,
    })
    expect(json.data).toEqual({ people: null, interviews: null, apiKeys: null, sessions: null })
    expect(json.errors.map(({ extensions }: { extensions: { code: string } }) => extensions.code)).toEqual(Array(4).fill('FORBIDDEN'))
  })

  test('with an end makes a key that is refused once that has come', async () => {
    const { key, apiKey } = await made({ expiresAt: new Date(Date.now() + 3_600_000).toISOString() })
    expect(await works(key)).toBe(true)
    await db.query(sql`update api_keys set expires_at = now() - interval '1 millisecond' where id = ${apiKey.id}`)
    expect(await works(key)).toBe(false)
    expect((await list()).map(({ id }) => id)).not.toContain(apiKey.id)
  })

  test('with an end a moment away makes a key that is refused then, though it is in use all the time', async () => {
    const { key } = await made({ expiresAt: new Date(Date.now() + 3_000).toISOString() })
    await expect.poll(() => works(key), { timeout: 30_000, interval: 50 }).toBe(false)
  })
})

describe('revoking', () => {
  test('refuses the very next request, and keeps the time of the first revocation', async () => {
    const { key, apiKey } = await made()
    expect(await works(key)).toBe(true)
    const first = await revoke(apiKey.id)
    expect(await works(key)).toBe(false)
    expect((await revoke(apiKey.id)).json.data).toEqual(first.json.data)
    expect((await list()).map(({ id }) => id)).not.toContain(apiKey.id)
    expect((await list('(includeEnded: true)')).map(({ id }) => id)).toContain(apiKey.id)
  })

  test('works though the plan has lapsed, and creating does not', async () => {
    const own = await createTestDistrict(db)
    const as = await (await own.admin()).token()
    const key = (await create({ name: 'Leaked', scopes: ['READ_PEOPLE'] }, as)).json.data.createApiKey
    await db.query(sql`update districts set billing_plan = 'inactive' where id = ${own.id}`)
    expect((await refusal(create({ name: 'Sync', scopes: ['READ_PEOPLE'] }, as))).code).toBe('PAYMENT_REQUIRED')
    expect((await revoke(key.apiKey.id, as)).json.errors).toBeUndefined()
    expect(await works(key.key)).toBe(false)
  })
})

describe('rotating', () => {
  test('gives a new secret of the same name, scopes and end, and the old one dies at once', async () => {
    const end = new Date(Date.now() + 86_400_000).toISOString()
    const old = await made({ name: 'Sync', scopes: ['READ_PEOPLE', 'WRITE_PEOPLE'], expiresAt: end })
    expect(await works(old.key)).toBe(true)
    const { json } = await rotate(old.apiKey.id)
    const { key, apiKey } = json.data.rotateApiKey
    expect(key).not.toBe(old.key)
    expect(apiKey).toMatchObject({ name: 'Sync', scopes: ['READ_PEOPLE', 'WRITE_PEOPLE'], expiresAt: end })
    expect([await works(old.key), await works(key)]).toEqual([false, true])
  })

  test('with an overlap lets the old one work until it is over, and no longer', async () => {
    const old = await made()
    const { key } = (await rotate(old.apiKey.id, 10)).json.data.rotateApiKey
    expect([await works(old.key), await works(key)]).toEqual([true, true])
    const { expires_at: end } = (await stored(old.apiKey.id)) as { expires_at: string }
    expect(Math.abs(Date.parse(end) - Date.now() - 600_000)).toBeLessThan(60_000)
    await db.query(sql`update api_keys set expires_at = now() where id = ${old.apiKey.id}`)
    expect([await works(old.key), await works(key)]).toEqual([false, true])
  })

  test('never lets the old one live longer than it would have', async () => {
    const soon = new Date(Date.now() + 60_000).toISOString()
    const old = await made({ expiresAt: soon })
    await rotate(old.apiKey.id, 60)
    expect(Date.parse((await stored(old.apiKey.id))!['expires_at'] as string)).toBe(Date.parse(soon))
  })

  test('needs a key that works, and an overlap of at most a week', async () => {
    const { apiKey } = await made()
    expect(await refusal(rotate(apiKey.id, -1))).toEqual({ code: 'BAD_USER_INPUT', field: 'overlapMinutes' })
    expect(await refusal(rotate(apiKey.id, 10_081))).toEqual({ code: 'BAD_USER_INPUT', field: 'overlapMinutes' })
    await revoke(apiKey.id)
    expect((await refusal(rotate(apiKey.id))).code).toBe('NOT_FOUND')
  })
})

test('a key of another district answers byte for byte like one that is not there, whatever is done to it', async () => {
  const elsewhere = await createTestDistrict(db)
  const foreign = await create({ name: 'Theirs', scopes: ['READ_PEOPLE'] }, await (await elsewhere.admin()).token())
  const { apiKey, key } = foreign.json.data.createApiKey
  for (const act of [revoke, rotate]) expect((await act(apiKey.id)).text).toBe((await act('nosuchkey000')).text)
  expect(await works(key)).toBe(true)
  expect((await list('(includeEnded: true)')).map(({ id }) => id)).not.toContain(apiKey.id)
})

test('a key outlives its creator’s roles, sessions and stay: it belongs to the district', async () => {
  const founder = await district.admin()
  const { key, apiKey } = (await create({ name: 'Legacy', scopes: ['READ_PEOPLE'] }, await founder.token())).json.data.createApiKey
  const archived = await ask('mutation ($id: ID!) { updatePerson(id: $id, input: { archived: true }) { id } }', { id: founder.id })
  expect(archived.json.errors).toBeUndefined()
  expect(await works(key)).toBe(true)
  const { json } = await ask('{ apiKeys { id createdBy { id archived } } }')
  expect(json.data.apiKeys).toContainEqual({ id: apiKey.id, createdBy: { id: founder.id, archived: true } })
})

test('its last use is there to the minute', async () => {
  const { key, apiKey } = await made()
  await works(key)
  const { json } = await ask('{ apiKeys { id lastUsedAt } }')
  const { lastUsedAt } = json.data.apiKeys.find(({ id }: { id: string }) => id === apiKey.id)
  expect(Math.abs(Date.now() - Date.parse(lastUsedAt))).toBeLessThan(60_000)
})

test('one who loses Settings in a document loses it for the rest of the document', async () => {
  const leaving = await district.admin()
  const { json } = await ask(
    'mutation ($id: ID!) { updatePerson(id: $id, input: { roles: [] }) { id } createApiKey(input: { name: "Back door", scopes: [READ_PEOPLE] }) { key } }',
    { id: leaving.id },
    await leaving.token(),
  )
  expect(json.data).toEqual({ updatePerson: { id: leaving.id }, createApiKey: null })
  expect(json.errors[0].extensions.code).toBe('FORBIDDEN')
})
