/** Who may not do it is told so before anything of the request but its address and its method is looked at. */
import sql from 'sql-template-tag'
import { beforeAll, describe, expect, test } from 'vitest'
import { isScope, scopes } from '../src/access/scopes.ts'
import { routes } from '../src/rest/routes.ts'
import { createTestDistrict } from './support/fixtures.ts'
import { startGateway } from './support/gateway.ts'
import { raw, type RawRequest } from './support/http.ts'

const gateway = await startGateway()
const district = await createTestDistrict(gateway.db)
const key = await district.key()
const [person, candidate] = [await district.person(), await district.person({ roles: { '1c': 1 } })]
const [otherScopes, candidateToken] = [new Map<string, string>(), await candidate.token()]
beforeAll(async () => {
  for (const { id } of scopes) otherScopes.set(id, await district.key(...scopes.flatMap((each) => (each.id === id ? [] : [each.id]))))
})

const guarded = routes.filter(({ docs: { access } }) => access !== 'anybody')
const addressOf = (path: string): string => path.replace(':personId', person.id).replace(/:\w+/, 'nope0')

/** What is wrong with a request beside its credential. */
const flaws: Record<string, RawRequest & { readonly query?: string }> = {
  'no JSON': { body: '{', headers: { 'Content-Type': 'application/json' } },
  'a body of another type': { body: 'first=x', headers: { 'Content-Type': 'application/x-www-form-urlencoded' } },
  'a body that is compressed': { body: '{}', headers: { 'Content-Type': 'application/json', 'Content-Encoding': 'gzip' } },
  'a body that is no object': { body: '[]', headers: { 'Content-Type': 'application/json' } },
  'a body without its members': { body: '{}', headers: { 'Content-Type': 'application/json' } },
  'a body of other members': { body: '{"first":1,"roles":7,"date":"x","scopes":"all"}', headers: { 'Content-Type': 'application/json' } },
  'no body': {},
  'a parameter that is wrong': { query: '?archived=maybe', body: '{', headers: { 'Content-Type': 'application/json' } },
}

describe.each(Object.entries(flaws))('a request with %s', (_flaw, { query = '', headers, body }) => {
  const ask = (method: string, path: string, token?: string) =>
    raw(gateway.url + addressOf(path) + query, {
      method,
      headers: { ...headers, ...(token === undefined ? {} : { Authorization: `Bearer ${token}` }) },
      ...(body === undefined || method === 'GET' ? {} : { body }),
    })

  test.each(guarded)('$method $path is 401 without a credential', async ({ method, path }) => {
    expect((await ask(method, path)).status).toBe(401)
    expect((await ask(method, path, 'nope')).status).toBe(401)
  })

  test.each(guarded.filter(({ docs: { access } }) => isScope(access)))('$method $path is 403 without its scope', async (route) => {
    const answer = await ask(route.method, route.path, otherScopes.get(route.docs.access))
    expect([answer.status, answer.headers['www-authenticate']]).toEqual([403, expect.stringContaining(`scope="${route.docs.access}"`)])
  })

  test.each(guarded.filter(({ docs: { access } }) => access === 'session'))('$method $path is 403 for a key', async ({ method, path }) => {
    expect((await ask(method, path, key)).status).toBe(403)
  })

  test.each(guarded.filter(({ docs: { access } }) => access === 'write:people' || access === 'write:interviews'))(
    '$method $path is 403 for somebody whose roles do not permit it',
    async ({ method, path }) => {
      expect((await ask(method, path, candidateToken)).status).toBe(403)
    },
  )

  test('is 402 where the plan has lapsed, and 404 and 405 before everything', async () => {
    await gateway.db.query(sql`update districts set billing_plan = 'inactive' where id = ${district.id}`)
    for (const { method, path, docs } of guarded)
      if (isScope(docs.access)) expect((await ask(method, path, key)).status, `${method} ${path}`).toBe(402)
    await gateway.db.query(sql`update districts set billing_plan = 'pro' where id = ${district.id}`)
    expect((await ask('POST', '/api/nope')).status).toBe(404)
    expect((await ask('PUT', '/api/people')).status).toBe(405)
  })
})

test('a body that is too large is not waited for where its sender may do nothing', async () => {
  const body = `{"first":"${'x'.repeat(200_000)}"}`
  for (const [token, status] of [
    [undefined, 401],
    [otherScopes.get('write:people'), 403],
    [key, 413],
  ] as const) {
    const headers = { 'Content-Type': 'application/json', ...(token === undefined ? {} : { Authorization: `Bearer ${token}` }) }
    expect((await raw(`${gateway.url}/api/people`, { method: 'POST', headers, body })).status).toBe(status)
  }
})

test('what is refused so is remembered like every refusal', async () => {
  const own = await createTestDistrict(gateway.db)
  const reader = await own.key('read:people')
  await raw(`${gateway.url}/api/people`, { method: 'POST', headers: { Authorization: `Bearer ${reader}` }, body: '{' })
  const [row] = await gateway.db.query<{ record: string }>(
    sql`select record_id as record from audit_events where district_id = ${own.id} and action = 'ACCESS_DENIED'`,
  )
  expect(row).toEqual({ record: 'createPerson' })
})
