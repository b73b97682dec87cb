/** What REST writes: the documented bodies in and out, refusals that name the member as REST spells it, and repeats that write once. */
import sql from 'sql-template-tag'
import { describe, expect, test } from 'vitest'
import { createTestDistrict } from './support/fixtures.ts'
import { type Answer, startGateway } from './support/gateway.ts'

const gateway = await startGateway()
const { db } = gateway
const district = await createTestDistrict(db)
const elsewhere = await createTestDistrict(db)
const key = await district.key()
const admin = await (await district.admin()).token()
const stranger = await elsewhere.person({ roles: { '1c': 1 } })
const foreign = await elsewhere.interview(stranger.id)

/** With the key that may everything, unless another credential, or `null` for none, is given. */
const send = (
  method: string,
  path: string,
  body: unknown,
  { token = key, headers = {} }: { token?: string | null; headers?: Record<string, string> } = {},
) => gateway.rest(method, path, { body, token: token ?? undefined, headers })
const post = (path: string, body: unknown, options?: Parameters<typeof send>[3]) => send('POST', path, body, options)
const patch = (path: string, body: unknown, options?: Parameters<typeof send>[3]) => send('PATCH', path, body, options)
const get = async (path: string) => (await gateway.rest('GET', path, { token: key })).json
const refused = ({ status, json }: Answer) => {
  expect(Object.keys(json)).toEqual(['error'])
  return [status, json.error]
}

let numbers = 0
const newEmail = () => `new${++numbers}@example.org`
const names = { first: 'Ruth', last: 'Okafor' }
const interviewMembers = { date: '2026-03-14', board_id: '1a', form_id: '1a', profile_id: '1a' }

describe('POST /api/people', () => {
  test('answers the person with 201, as GET does', async () => {
    const email = newEmail()
    const { status, text, json, headers } = await post('/api/people', {
      ...names,
      email,
      language: 'pt-BR',
      roles: { '1c': 1, '1b': 2 },
      tags: ['b', 'a'],
      archived: 1,
    })
    expect({ status, text }).toEqual({
      status: 201,
      text: JSON.stringify({
        id: json.id,
        ...names,
        email,
        language: 'pt-BR',
        roles: { '1c': 1, '1b': 2 },
        tags: ['b', 'a'],
        archived: 1,
        avatar_url: null,
        district_id: district.id,
        created_at: json.created_at,
      }),
    })
    expect(Math.abs(json.created_at - Date.now())).toBeLessThan(600_000)
    expect([headers.get('etag'), headers.get('cache-control')]).toEqual([null, 'no-store'])
    expect(await get(`/api/people/${json.id}`)).toEqual(json)
  })

  test('needs three members, and takes the documented values for the rest', async () => {
    const { status, json } = await post('/api/people', { ...names, email: newEmail() })
    expect([status, json]).toMatchObject([201, { language: 'en', roles: {}, tags: [], archived: 0 }])
    const nulls = await post('/api/people', { ...names, email: newEmail(), language: null, roles: null, tags: null, archived: null })
    expect([nulls.status, nulls.json]).toMatchObject([201, { language: 'en', roles: {}, tags: [], archived: 0 }])
  })

  test.each([
    [0, 0],
    [1, 1],
    [true, 1],
    [false, 0],
  ])('takes archived as %j', async (given, out) => {
    expect((await post('/api/people', { ...names, email: newEmail(), archived: given })).json.archived).toBe(out)
  })

  test('ignores what it does not know, and prototypes are harmless', async () => {
    const body = `{"first":"Ruth","last":"Okafor","email":"${newEmail()}","id":"chosen","district_id":"${elsewhere.id}","created_at":1,"avatar_url":"x","avatarUrl":"x",
      "__proto__":{"archived":1,"tags":["x"]},"constructor":{"prototype":{"archived":1}},"isAdmin":true}`
    const { status, json } = await post('/api/people', body)
    expect([status, json]).toMatchObject([201, { district_id: district.id, avatar_url: null, archived: 0, tags: [] }])
    expect(json.id).not.toBe('chosen')
    expect(({} as Record<string, unknown>)['archived']).toBeUndefined()
  })

  const whole = { ...names, email: 'refused@example.org' }
  test.each<[string, unknown]>([
    ['first is required.', { last: 'x', email: 'x@example.org' }],
    ['last is required.', { first: 'x', email: 'x@example.org' }],
    ['email is required.', names],
    ['email is required.', {}],
    ['email is required.', '{"__proto__":{"first":"x","last":"x","email":"x@example.org"}}'],
    ['first must not be null.', { ...whole, first: null }],
    ['first must be a string.', { ...whole, first: 5 }],
    ['last must be a string.', { ...whole, last: { en: 'x' } }],
    ['email must be a string.', { ...whole, email: ['x@example.org'] }],
    ['email: This is not an e-mail address.', { ...whole, email: 'x' }],
    ['first: This must not be empty.', { ...whole, first: '  ' }],
    ['first: At most 100 characters.', { ...whole, first: 'x'.repeat(101) }],
    ['language: LanguageTag is a BCP 47 tag, such as en or pt-BR.', { ...whole, language: 'x; at "input.first"' }],
    ['language: LanguageTag is written as a string.', { ...whole, language: 1 }],
    ['tags.1 must be a string.', { ...whole, tags: ['a', 1] }],
    ['tags.0 must not be null.', { ...whole, tags: [null] }],
    ['tags.0: This must not be empty.', { ...whole, tags: [''] }],
    ['archived must be 0, 1, true or false.', { ...whole, archived: 2 }],
    ['archived must be 0, 1, true or false.', { ...whole, archived: '1' }],
    ['roles must be an object of ranks by role id, such as {"1a":1}.', { ...whole, roles: ['1a'] }],
    ['roles must be an object of ranks by role id, such as {"1a":1}.', { ...whole, roles: '1a' }],
    ['roles must be an object of ranks by role id, such as {"1a":1}.', { ...whole, roles: 1 }],
    ['roles.1b must be 1 (primary) or 2 (secondary).', { ...whole, roles: { '1c': 1, '1b': 3 } }],
    ['roles.1b must be 1 (primary) or 2 (secondary).', { ...whole, roles: { '1b': '1' } }],
    ['roles.1b must be 1 (primary) or 2 (secondary).', { ...whole, roles: { '1b': null } }],
    ['roles.9z: This district has no such role.', { ...whole, roles: { '9z': 1 } }],
    ['roles.__proto__: This district has no such role.', `{"first":"x","last":"x","email":"x@example.org","roles":{"__proto__":1}}`],
    ['The body must be a JSON object.', []],
    ['The body is not valid JSON.', '{'],
  ])('400 %s', async (sentence, body) => {
    expect(refused(await post('/api/people', body))).toEqual([400, sentence])
  })

  test('409 for an address that somebody has, whatever its case', async () => {
    const email = newEmail()
    await post('/api/people', { ...names, email })
    expect(refused(await post('/api/people', { ...names, email: email.toUpperCase() }))).toEqual([
      409,
      'email: Another person of this district has this e-mail address.',
    ])
    expect((await post('/api/people', { ...names, email }, { token: await elsewhere.key() })).status).toBe(201)
  })

  test('403 for a role above the caller', async () => {
    expect(refused(await post('/api/people', { ...names, email: newEmail(), roles: { '1a': 1 } }))[0]).toBe(403)
    expect((await post('/api/people', { ...names, email: newEmail(), roles: { '1a': 1 } }, { token: admin })).status).toBe(201)
  })
})

describe('PATCH /api/people/:id', () => {
  test('changes only what is given, and answers the person as GET does', async () => {
    const person = await district.person({ first: 'Old', roles: { '1c': 1 }, tags: ['a'], language: 'es' })
    const before = await get(`/api/people/${person.id}`)
    for (const [change, after] of [
      [{}, {}],
      [{ first: 'New' }, { first: 'New' }],
      [{ tags: ['b', 'c'] }, { tags: ['b', 'c'] }],
      [{ roles: { '1b': 1 } }, { roles: { '1b': 1 } }],
      [{ archived: 1 }, { archived: 1 }],
      [{ archived: false }, { archived: 0 }],
      [
        { tags: null, roles: null },
        { tags: [], roles: {} },
      ],
      [{ id: 'x', district_id: 'x', created_at: 0 }, {}],
    ] as const) {
      const expected = { ...(await get(`/api/people/${person.id}`)), ...after }
      const { status, text } = await patch(`/api/people/${person.id}`, change)
      expect({ status, text }).toEqual({ status: 200, text: JSON.stringify(expected) })
      expect(await get(`/api/people/${person.id}`)).toEqual(expected)
    }
    expect(await get(`/api/people/${person.id}`)).toEqual({ ...before, first: 'New', tags: [], roles: {} })
  })

  test.each<[string, unknown]>([
    ['first: This must be text.', { first: null }],
    ['archived must be 0, 1, true or false.', { archived: 'x' }],
    ['archived: Archived is true or false.', { archived: null }],
    ['roles.1a must be 1 (primary) or 2 (secondary).', { roles: { '1a': 0 } }],
    ['email: This is not an e-mail address.', { email: 'x@' }],
  ])('400 %s', async (sentence, body) => {
    const { id } = await district.person()
    expect(refused(await patch(`/api/people/${id}`, body))).toEqual([400, sentence])
  })

  test('404 for what is not there, malformed or in another district, alike', async () => {
    for (const id of ['nope0', 'x'.repeat(300), '%00', stranger.id])
      expect(refused(await patch(`/api/people/${id}`, { first: 'x' }))).toEqual([404, 'There is no such record.'])
  })

  test('403 for whoever reaches above themselves, 409 for an address that somebody has', async () => {
    const boss = await district.admin()
    for (const change of [{ email: newEmail() }, { roles: {} }, { archived: 1 }])
      expect(refused(await patch(`/api/people/${boss.id}`, change))[0]).toBe(403)
    expect((await patch(`/api/people/${boss.id}`, { first: 'Free' })).status).toBe(200)
    const { id } = await district.person()
    expect(refused(await patch(`/api/people/${id}`, { email: boss.email }))[0]).toBe(409)
  })
})

describe('interviews', () => {
  const ask = async () => (await district.person({ roles: { '1c': 1 } })).id

  test('POST answers the single shape with 201, as GET does', async () => {
    const personId = await ask()
    const { status, text, json, headers } = await post(`/api/interviews/${personId}`, {
      ...interviewMembers,
      board_id: '1b',
      published: 1,
      responses: { '1b': { en: 'Her calm', es: 'Su calma' }, '1a': 2 },
    })
    expect({ status, text }).toEqual({
      status: 201,
      text: JSON.stringify({
        id: json.id,
        person_id: personId,
        district_id: district.id,
        date: '2026-03-14',
        board_id: '1b',
        form_id: '1a',
        profile_id: '1a',
        published: 1,
        responses: { '1a': 2, '1b': { en: 'Her calm', es: 'Su calma' } },
        audio: {},
        created_at: json.created_at,
        updated_at: json.updated_at,
      }),
    })
    expect([headers.get('etag'), headers.get('cache-control')]).toEqual([null, 'no-store'])
    const { responses: _responses, audio: _audio, ...short } = json
    expect(await get(`/api/interviews/${personId}/${json.id}`)).toEqual(json)
    expect(await get(`/api/interviews/${personId}`)).toEqual([short])
  })

  test('POST needs four members; who it is of says the address alone', async () => {
    const personId = await ask()
    const other = await ask()
    const { status, json } = await post(`/api/interviews/${personId}`, {
      ...interviewMembers,
      person_id: other,
      personId: other,
      id: 'x',
      district_id: 'x',
    })
    expect([status, json]).toMatchObject([201, { person_id: personId, published: 0, responses: {}, district_id: district.id }])
  })

  test('GET answers one interview with what was answered and recorded', async () => {
    const personId = await ask()
    const times = { createdAt: new Date(1_767_225_600_000), updatedAt: new Date(1_767_225_600_001) }
    const responses = { '1f': 1, '1d': { en: 'Ask again' }, '1a': 2, gone: 'a field that the form has no more' }
    const recordings = {
      '1b': { name: 'Rest', url: 'https://example.org/b', transcript: null, summary: 'Good.' },
      '1a': { summary: null, transcript: 'Hi.', url: null, name: 'First' },
    }
    const id = await district.interview(personId, { responses, recordings, ...times })
    const whole = (answers: object) =>
      JSON.stringify({
        id,
        person_id: personId,
        district_id: district.id,
        ...interviewMembers,
        published: 1,
        responses: answers,
        audio: {
          '1a': { name: 'First', url: null, transcript: 'Hi.', summary: null },
          '1b': { name: 'Rest', url: 'https://example.org/b', transcript: null, summary: 'Good.' },
        },
        created_at: 1_767_225_600_000,
        updated_at: 1_767_225_600_001,
      })
    const read = async (token: string) => (await gateway.rest('GET', `/api/interviews/${personId}/${id}`, { token })).text
    expect(await read(key)).toBe(whole({ '1a': 2, '1d': { en: 'Ask again' }, '1f': 1 }))
    const mentor = await district.person({ roles: { '1b': 1 } })
    await district.mentors(mentor.id, personId)
    expect(await read(await mentor.token())).toBe(whole({ '1a': 2, '1f': 1 }))

    const { headers } = await gateway.rest('GET', `/api/interviews/${personId}/${id}`, { token: key })
    const again = await gateway.rest('GET', `/api/interviews/${personId}/${id}`, {
      token: key,
      headers: { 'If-None-Match': headers.get('etag')! },
    })
    expect([again.status, again.text]).toEqual([304, ''])
  })

  test('PATCH changes only what is given; responses merge, and null clears', async () => {
    const personId = await ask()
    const { json: created } = await post(`/api/interviews/${personId}`, { ...interviewMembers, responses: { '1a': 1, '1b': { en: 'x' } } })
    const path = `/api/interviews/${personId}/${created.id}`
    for (const [change, after] of [
      [{}, {}],
      [
        { date: '2026-04-01', board_id: '1b', profile_id: '1b' },
        { date: '2026-04-01', board_id: '1b', profile_id: '1b' },
      ],
      [{ published: 1 }, { published: 1 }],
      [{ published: false }, { published: 0 }],
      [{ responses: { '1a': 2, '1f': 1 } }, { responses: { '1a': 2, '1b': { en: 'x' }, '1f': 1 } }],
      [{ responses: { '1b': null } }, { responses: { '1a': 2, '1f': 1 } }],
      [{ responses: null }, { responses: {} }],
      [{ person_id: 'x', audio: {} }, {}],
    ] as const) {
      const expected = { ...(await get(path)), ...after }
      const { status, json } = await patch(path, change)
      expect([status, json]).toEqual([200, { ...expected, updated_at: json.updated_at }])
      expect(Object.keys(json)).toEqual(Object.keys(expected))
      expect(await get(path)).toEqual(json)
    }
  })

  test.each<[string, unknown]>([
    ['date is required.', { board_id: '1a', form_id: '1a', profile_id: '1a' }],
    ['board_id is required.', { date: '2026-03-14', boardId: '1a', form_id: '1a', profile_id: '1a' }],
    ['form_id is required.', { date: '2026-03-14', board_id: '1a', profile_id: '1a' }],
    ['profile_id is required.', { date: '2026-03-14', board_id: '1a', form_id: '1a' }],
    ['date: Date is a day of the calendar, written as YYYY-MM-DD.', { ...interviewMembers, date: '2026-02-30' }],
    ['date: Date is a day of the calendar, written as YYYY-MM-DD.', { ...interviewMembers, date: '14.3.2026' }],
    ['date: Date is written as a string.', { ...interviewMembers, date: 1_767_225_600_000 }],
    ['date must not be null.', { ...interviewMembers, date: null }],
    ['board_id must be a string.', { ...interviewMembers, board_id: { startsWith: '' } }],
    ['board_id: This district has no such board.', { ...interviewMembers, board_id: '9z' }],
    ['form_id: This district has no such form.', { ...interviewMembers, form_id: '9z' }],
    ['profile_id: This district has no such interview profile.', { ...interviewMembers, profile_id: '9z' }],
    ['published must be 0, 1, true or false.', { ...interviewMembers, published: 'yes' }],
  ])('POST 400 %s', async (sentence, body) => {
    expect(refused(await post(`/api/interviews/${await ask()}`, body))).toEqual([400, sentence])
  })

  test.each<[RegExp, unknown]>([
    [/^responses\.9z: /, { responses: { '9z': 1 } }],
    [/^responses\.1a: /, { responses: { '1a': 9 } }],
    [/^responses\.1b: /, { responses: { '1b': 'x' } }],
    [/^responses\.__proto__: /, '{"responses":{"__proto__":{"en":"x"}}}'],
    [/^responses: /, { responses: [1] }],
    [/^board_id: /, { board_id: null }],
    [/^published/, { published: null }],
  ])('PATCH 400 %s', async (sentence, body) => {
    const personId = await ask()
    const id = await district.interview(personId)
    const [status, error] = refused(await patch(`/api/interviews/${personId}/${id}`, body))
    expect([status, error]).toEqual([400, expect.stringMatching(sentence)])
  })

  test('of another person, of another district and of nobody answer byte for byte alike', async () => {
    const [personId, other] = [await ask(), await ask()]
    const id = await district.interview(personId)
    const at = (...path: string[]) => `/api/interviews/${path.join('/')}`
    const nowhere = [
      at(other, id),
      at(personId, 'nope0'),
      at('nope0', id),
      at(stranger.id, foreign),
      at(personId, foreign),
      at('%00', id),
      at(personId, 'x'.repeat(300)),
    ]
    for (const path of nowhere) {
      const { status, text, headers } = await gateway.rest('GET', path, { token: key })
      expect([status, text, headers.get('etag')]).toEqual([404, '{"error":"There is no such record."}', null])
      const changed = await patch(path, { published: 0 })
      expect([changed.status, changed.text]).toEqual([404, '{"error":"There is no such record."}'])
    }
    for (const nobody of ['nope0', stranger.id, 'x'.repeat(300)])
      expect(refused(await post(at(nobody), interviewMembers))).toEqual([404, 'There is no such person.'])
  })
})

describe('a key that may write and not read', () => {
  test('is answered the id alone', async () => {
    const [people, interviews] = [await district.key('write:people'), await district.key('write:interviews')]
    const person = await post('/api/people', { ...names, email: newEmail() }, { token: people })
    expect([person.status, person.text]).toEqual([201, JSON.stringify({ id: person.json.id })])
    const changed = await patch(`/api/people/${person.json.id}`, { first: 'Rut' }, { token: people })
    expect([changed.status, changed.text]).toEqual([200, JSON.stringify({ id: person.json.id })])
    expect(await get(`/api/people/${person.json.id}`)).toMatchObject({ first: 'Rut' })

    const interview = await post(`/api/interviews/${person.json.id}`, interviewMembers, { token: interviews })
    expect([interview.status, interview.text]).toEqual([201, JSON.stringify({ id: interview.json.id })])
    const published = await patch(`/api/interviews/${person.json.id}/${interview.json.id}`, { published: 1 }, { token: interviews })
    expect([published.status, published.text]).toEqual([200, JSON.stringify({ id: interview.json.id })])
  })

  test('is told what is wrong all the same', async () => {
    const token = await district.key('write:people')
    expect(refused(await post('/api/people', names, { token }))).toEqual([400, 'email is required.'])
    expect(refused(await patch('/api/people/nope0', {}, { token }))).toEqual([404, 'There is no such record.'])
  })
})

describe('who may not write', () => {
  const writes = [
    ['POST', '/api/people', 'write:people'],
    ['PATCH', '/api/people/nope0', 'write:people'],
    ['POST', '/api/interviews/nope0', 'write:interviews'],
    ['PATCH', '/api/interviews/nope0/nope0', 'write:interviews'],
  ] as const
  const body = { ...names, email: 'nobody@example.org', ...interviewMembers }

  test.each(writes)('%s %s without a credential, and after the trial', async (method, path) => {
    expect(refused(await send(method, path, body, { token: null }))[0]).toBe(401)
    const lapsed = await createTestDistrict(db, { plan: 'inactive' })
    expect(refused(await send(method, path, body, { token: await lapsed.key() }))[0]).toBe(402)
  })

  test.each(writes)('%s %s with every scope but %s, or with a role that does not edit', async (method, path, scope) => {
    const others = (['read:people', 'write:people', 'read:interviews', 'write:interviews'] as const).filter((each) => each !== scope)
    const answer = await send(method, path, body, { token: await district.key(...others) })
    expect(refused(answer)).toEqual([403, 'This credential lacks a scope that this needs.'])
    expect(answer.headers.get('www-authenticate')).toBe(`Bearer error="insufficient_scope", scope="${scope}"`)
    const mentor = await (await district.person({ roles: { '1b': 1 } })).token()
    expect(refused(await send(method, path, body, { token: mentor }))).toEqual([403, 'Your roles do not permit this.'])
  })

  test.each(writes)('%s %s with a body that is no JSON object', async (method, path) => {
    expect(refused(await send(method, path, '{'))).toEqual([400, 'The body is not valid JSON.'])
    expect(refused(await send(method, path, body, { headers: { 'Content-Type': 'text/plain' } }))[0]).toBe(415)
    expect(refused(await send(method, path, { ...body, pad: 'x'.repeat(100_000) }))[0]).toBe(413)
  })
})

describe('Idempotency-Key', () => {
  const under = (name: string, token?: string) => ({ headers: { 'Idempotency-Key': name }, ...(token === undefined ? {} : { token }) })

  test('makes a repeat of POST /api/people answer the person who is there', async () => {
    const body = { ...names, email: newEmail() }
    const first = await post('/api/people', body, under('a'))
    const again = await post('/api/people', body, under('a'))
    expect([again.status, again.text]).toEqual([201, first.text])
    await patch(`/api/people/${first.json.id}`, { first: 'Changed' })
    expect((await post('/api/people', body, under('a'))).json).toEqual({ ...first.json, first: 'Changed' })
    expect((await get('/api/people')).filter(({ email }: { email: string }) => email === body.email)).toHaveLength(1)
    expect(refused(await post('/api/people', { ...body, last: 'Other' }, under('a')))[0]).toBe(409)
  })

  test('makes a repeat of POST /api/interviews/:personId answer the interview that is there', async () => {
    const { id } = await district.person()
    const answers = []
    for (let n = 0; n < 3; n++) answers.push(await post(`/api/interviews/${id}`, interviewMembers, under('b')))
    expect(new Set(answers.map(({ status, text }) => `${status} ${text}`)).size).toBe(1)
    expect(await get(`/api/interviews/${id}`)).toHaveLength(1)
    expect(refused(await post(`/api/interviews/${id}`, { ...interviewMembers, published: 1 }, under('b')))).toEqual([
      409,
      'This Idempotency-Key came with another body before. Send the same body, or another key.',
    ])
    const other = await district.person()
    expect(refused(await post(`/api/interviews/${other.id}`, interviewMembers, under('b')))[0]).toBe(409)
  })

  test('is of one credential: a repeat shows what that one may read now', async () => {
    const body = { ...names, email: newEmail() }
    const writer = await district.key('write:people')
    const first = await post('/api/people', body, under('c', writer))
    expect(refused(await post('/api/people', body, under('c')))[0]).toBe(409) // the address is taken: a write of its own
    expect((await post('/api/people', body, under('c', writer))).text).toBe(first.text)
    await db.query(
      sql`update api_keys set scopes = '{write:people,read:people}' where scopes = '{write:people}' and district_id = ${district.id}`,
    )
    await expect.poll(async () => (await post('/api/people', body, under('c', writer))).json).toMatchObject({ id: first.json.id, ...names })
  })
})

describe('API keys', () => {
  test('POST answers the key this once, between name and hint; GET lists it without', async () => {
    const { status, text, json } = await post(
      '/api/keys',
      { name: 'Directory', scopes: ['read:people', 'write:interviews'] },
      { token: admin },
    )
    expect({ status, text }).toEqual({
      status: 201,
      text: JSON.stringify({
        id: json.id,
        name: 'Directory',
        key: json.key,
        hint: json.key.slice(-4),
        scopes: ['read:people', 'write:interviews'],
        created_at: json.created_at,
      }),
    })
    expect(json.key).toMatch(/^ck_[a-z0-9]{32}$/)
    const { key: _key, ...listed } = json
    const keys = await gateway.rest('GET', '/api/keys', { token: admin })
    expect([keys.status, JSON.stringify(keys.json[0])]).toEqual([200, JSON.stringify(listed)])
    expect(keys.text).not.toContain('ck_')
    expect((await gateway.rest('GET', '/api/people', { token: json.key })).status).toBe(200)
  })

  test('DELETE ends it at once, however often, and GET lists it no more', async () => {
    const { json } = await post('/api/keys', { name: 'Short-lived', scopes: ['read:people'] }, { token: admin })
    for (let n = 0; n < 2; n++) {
      const ended = await gateway.rest('DELETE', `/api/keys/${json.id}`, { token: admin })
      expect([ended.status, ended.text]).toEqual([200, '{"ok":true}'])
      expect((await gateway.rest('GET', '/api/people', { token: json.key })).status).toBe(401)
    }
    expect((await gateway.rest('GET', '/api/keys', { token: admin })).text).not.toContain(json.id)
  })

  test.each<[string, unknown]>([
    ['name is required.', { scopes: ['read:people'] }],
    ['scopes is required.', { name: 'x' }],
    [
      'scopes.1 must be one of read:people, write:people, read:interviews, write:interviews.',
      { name: 'x', scopes: ['read:people', 'read:all'] },
    ],
    [
      'scopes.0 must be one of read:people, write:people, read:interviews, write:interviews.',
      { name: 'x', scopes: [{ id: 'read:people' }] },
    ],
    ['scopes: At least one scope is needed, of read:people, write:people, read:interviews, write:interviews.', { name: 'x', scopes: [] }],
    ['name: A name is needed, from 1 to 100 characters.', { name: ' ', scopes: ['read:people'] }],
  ])('POST 400 %s', async (sentence, body) => {
    expect(refused(await post('/api/keys', body, { token: admin }))).toEqual([400, sentence])
  })

  test('are for sessions with Settings, never for a key', async () => {
    const mentor = await (await district.person({ roles: { '1b': 1 } })).token()
    for (const [method, path, body] of [
      ['GET', '/api/keys', undefined],
      ['POST', '/api/keys', { name: 'x', scopes: ['read:people'] }],
      ['DELETE', '/api/keys/nope0', undefined],
    ] as const) {
      expect(refused(await send(method, path, body, { token: null }))[0]).toBe(401)
      expect(refused(await send(method, path, body))).toEqual([403, 'This needs a signed-in session; an API key cannot do it.'])
      expect(refused(await send(method, path, body, { token: mentor }))).toEqual([403, 'Your roles do not permit this.'])
    }
  })

  test('of another district, and what is none, are 404', async () => {
    const { json } = await post('/api/keys', { name: 'x', scopes: ['read:people'] }, { token: await (await elsewhere.admin()).token() })
    for (const id of [json.id, 'nope0', '%00'])
      expect(refused(await gateway.rest('DELETE', `/api/keys/${id}`, { token: admin }))).toEqual([404, 'There is no such API key.'])
    expect((await gateway.rest('GET', '/api/people', { token: json.key })).status).toBe(200)
  })
})
