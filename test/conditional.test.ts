/** A change may be bound to the version that its client has read: whoever was first wins, and nobody overwrites what they have not seen. */
import { describe, expect, test } from 'vitest'
import { createTestDistrict } from './support/fixtures.ts'
import { startGateway } from './support/gateway.ts'

const gateway = await startGateway()
const district = await createTestDistrict(gateway.db)
const token = await district.key()
const writer = await district.key('write:people', 'write:interviews')
const admin = await (await district.admin()).token()

interface Resource {
  readonly create: () => Promise<string>
  readonly change: (n: number) => Record<string, unknown>
  /** The member that a change sets, as it is answered. */
  readonly changed: (body: Record<string, unknown>) => unknown
  readonly readScope: string
}
const resources: Record<string, Resource> = {
  'a person': {
    create: async () => `/api/people/${(await district.person({ roles: { '1c': 1 }, tags: ['x'] })).id}`,
    change: (n) => ({ tags: [`tag ${n}`] }),
    changed: ({ tags }) => tags,
    readScope: 'read:people',
  },
  'an interview': {
    async create() {
      const { id: personId } = await district.person()
      const id = await district.interview(personId, { responses: { '1a': 1, '1d': { en: 'private' } } })
      return `/api/interviews/${personId}/${id}`
    },
    change: (n) => ({ responses: { '1b': { en: `said ${n}` } } }),
    changed: ({ responses }) => (responses as Record<string, unknown>)['1b'],
    readScope: 'read:interviews',
  },
}

const get = (path: string, headers: Record<string, string> = {}, as = token) => gateway.rest('GET', path, { token: as, headers })
const patch = (path: string, body: unknown, headers: Record<string, string> = {}, as = token) =>
  gateway.rest('PATCH', path, { token: as, headers, body })
const etagOf = async (path: string, as = token) => (await get(path, {}, as)).headers.get('etag')!

describe.each(Object.entries(resources))('%s', (_name, { create, change, changed, readScope }) => {
  test('is changed in the version that was read, and the answer tells the next', async () => {
    const path = await create()
    for (const as of [token, admin]) {
      const answer = await patch(path, change(1), { 'If-Match': await etagOf(path, as) }, as)
      expect([answer.status, answer.headers.get('etag')]).toEqual([200, await etagOf(path, as)])
    }
    const { headers, status } = await patch(path, change(2))
    expect([status, headers.get('etag')]).toEqual([200, await etagOf(path)])
  })

  test('is left as it is in any other', async () => {
    const path = await create()
    const old = await etagOf(path)
    expect((await patch(path, change(1))).status).toBe(200)
    const before = await get(path)
    const current = before.headers.get('etag')!
    for (const condition of [
      { 'If-Match': old },
      { 'If-Match': '"x"' },
      { 'If-Match': `"x", ${old}` },
      { 'If-Match': `W/${current}` },
      { 'If-None-Match': '*' },
      { 'If-None-Match': current },
      { 'If-None-Match': `"x", W/${current}` },
      { 'If-Match': current, 'If-None-Match': current },
    ] as Record<string, string>[]) {
      const answer = await patch(path, change(2), condition)
      expect([answer.status, answer.json], JSON.stringify(condition)).toEqual([412, { error: expect.stringContaining('not the version') }])
    }
    expect((await get(path)).text).toBe(before.text)
  })

  test('may be named among others, or by a star', async () => {
    const path = await create()
    for (const [n, condition] of [
      (etag: string) => `"x",${etag}`,
      (etag: string) => `W/"y" , ${etag},"z"`,
      () => '*',
      () => ' * ',
    ].entries())
      expect((await patch(path, change(n), { 'If-Match': condition(await etagOf(path)) })).status).toBe(200)
    expect((await patch(path, change(9), { 'If-None-Match': '"x"' })).status).toBe(200)
  })

  test.each(['x', '"x', 'x"', '"a" "b"', '""x', '"a",b', ''])('a condition that is none is refused: %s', async (condition) => {
    const path = await create()
    const before = await get(path)
    const { status, json } = await patch(path, change(1), { 'If-Match': condition })
    expect([status, json]).toEqual([400, { error: 'If-Match holds ETags in quotation marks, or *.' }])
    expect((await get(path)).text).toBe(before.text)
  })

  test('twenty changes at once to the version that all have read: one is made', async () => {
    const path = await create()
    const etag = await etagOf(path)
    const answers = await Promise.all(Array.from({ length: 20 }, (_, n) => patch(path, change(n), { 'If-Match': etag })))
    const made = answers.filter(({ status }) => status === 200)
    expect(made).toHaveLength(1)
    expect(answers.filter(({ status }) => status === 412)).toHaveLength(19)
    expect(changed((await get(path)).json)).toEqual(changed(made[0]!.json))
  })

  test('tells somebody who may not read it nothing about its version', async () => {
    const path = await create()
    const etag = await etagOf(path)
    for (const condition of [etag, '"x"']) {
      const { status, headers } = await patch(path, change(1), { 'If-Match': condition }, writer)
      expect([status, headers.get('www-authenticate')]).toEqual([403, expect.stringContaining(`scope="${readScope}"`)])
    }
    expect((await get(path)).headers.get('etag')).toBe(etag)
    const { status, headers } = await patch(path, change(1), { 'If-Match': '*' }, writer)
    expect([status, headers.get('etag')]).toEqual([200, null])
  })

  test('is not found where it is not, whatever the version', async () => {
    const path = (await create()).replace(/[^/]+$/, 'nope0')
    for (const condition of ['"x"', '*']) expect((await patch(path, change(1), { 'If-Match': condition })).status).toBe(404)
  })

  test('is not sent again to who has it, by one of its tags or by a star', async () => {
    const path = await create()
    const etag = await etagOf(path)
    for (const condition of [etag, `W/${etag}`, `"x", ${etag}`, `${etag},`, '*'])
      expect((await get(path, { 'If-None-Match': condition })).status, condition).toBe(304)
    for (const condition of ['"x"', etag.slice(1), '', ','])
      expect((await get(path, { 'If-None-Match': condition })).status, condition).toBe(200)
  })
})

test('what was changed in between by GraphQL is another version, too', async () => {
  const { id } = await district.person()
  const etag = await etagOf(`/api/people/${id}`)
  await gateway.graphql('mutation ($id: ID!) { updatePerson(id: $id, input: { first: "Other" }) { id } }', { token, variables: { id } })
  expect((await patch(`/api/people/${id}`, { last: 'Mine' }, { 'If-Match': etag })).status).toBe(412)
})

describe('a parameter in brackets', () => {
  test.each(['archived[]=true', 'archived%5B%5D=true', 'archived[0]=true', 'archived[a][b]=true', 'archived=true&archived[]=true'])(
    'is not ignored: %s',
    async (query) => {
      const { status, json } = await get(`/api/people?${query}`)
      expect([status, json]).toEqual([400, { error: 'archived is written without brackets: archived=….' }])
    },
  )

  test('is not ignored by other routes, and no other parameter matters', async () => {
    const { id } = await district.person()
    expect((await get(`/api/people/${id}?include[]=tags`)).json).toEqual({ error: 'include is written without brackets: include=….' })
    expect((await get(`/api/people/${id}?more[]=1&archived[]=x`)).status).toBe(200)
  })

  test.each(['True', 'TRUE', 'tRuE', '1'])('archived=%s is taken', async (value) => {
    const { id } = await district.person({ archived: true })
    const ids = ({ json }: Awaited<ReturnType<typeof get>>) => (json as { id: string }[]).map((each) => each.id)
    expect(ids(await get(`/api/people?archived=${value}`))).toContain(id)
    expect(ids(await get('/api/people?archived=False'))).not.toContain(id)
  })
})
