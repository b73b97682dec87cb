/** Creations sent again under the same Idempotency-Key: one record, whoever lost the first answer; and nothing kept that tells of it. */
import sql from 'sql-template-tag'
import { describe, expect, test } from 'vitest'
import { hashToken } from '../src/domain/tokens.ts'
import { createTestDistrict } from './support/fixtures.ts'
import { startGateway } from './support/gateway.ts'
import { json, type Json, raw } from './support/http.ts'
import { expectNothingChanges, expectRefused, expectWritten, refusalsIn, type Written, writesThrough } from './support/writes.ts'

const gateway = await startGateway()
const { db } = gateway
const { createPerson, updatePerson, createInterview, updateInterview } = writesThrough(gateway)
const district = await createTestDistrict(db)
const candidate = await district.person()
const key = await district.key()

let made = 0
const fresh = () => `key-${++made}`
const somebody = (changes: object = {}) => ({ first: 'Grace', last: 'Hopper', email: `grace${++made}@example.org`, ...changes })
const meeting = (changes: object = {}) => ({
  personId: candidate.id,
  date: '2026-03-14',
  boardId: '1a',
  formId: '1a',
  profileId: '1a',
  responses: { '1f': 1 },
  ...changes,
})
/** Both creations, with a body that is theirs, one that is another, and where their records are. */
const creations = [
  { name: 'createPerson', create: createPerson, body: somebody, other: { last: 'Other' }, table: 'people', action: 'PERSON_CREATE' },
  {
    name: 'createInterview',
    create: createInterview,
    body: meeting,
    other: { published: true },
    table: 'interviews',
    action: 'INTERVIEW_CREATE',
  },
] as const

async function count(table: 'people' | 'interviews'): Promise<number> {
  const [row] = await db.query<{ n: number }>(
    table === 'people' ? sql`select count(*)::int as n from people` : sql`select count(*)::int as n from interviews`,
  )
  return row!.n
}
const keyRows = () => db.query<Json>(sql`select * from idempotency_keys order by created_at, key_hash`)
const age = (idempotencyKey: string, interval: string) =>
  db.query(sql`update idempotency_keys set created_at = now() - ${interval}::interval where key_hash = ${hashToken(idempotencyKey)}`)
/** Done by the work, beside its refusals. */
async function added(table: 'people' | 'interviews', work: () => Promise<unknown>): Promise<number> {
  const before = await count(table)
  await work()
  return (await count(table)) - before
}
const idOf = (written: Written): string => expectWritten(written).id

describe.each(creations)('$name under an Idempotency-Key', ({ create, body, other, table, action }) => {
  test('sent again answers the record that it made, and makes none', async () => {
    const [input, idempotencyKey] = [body(), fresh()]
    const first = expectWritten(await create(key, input, { idempotencyKey }))
    await expectNothingChanges(db, async () => {
      for (let n = 0; n < 3; n++) expect((await create(key, input, { idempotencyKey })).answer.json).toEqual(first.answer.json)
    })
    expect(await db.query(sql`select action from audit_events where record_id = ${first.id}`)).toEqual([{ action }])
  })

  test('sent twenty times at once makes one', async () => {
    const [input, idempotencyKey] = [body(), fresh()]
    let answers: Written[] = []
    const made = await added(table, async () => {
      answers = await Promise.all(Array.from({ length: 20 }, () => create(key, input, { idempotencyKey })))
    })
    expect(made).toBe(1)
    expect(new Set(answers.map(idOf)).size).toBe(1)
  })

  test('sent again with another body is a conflict, and changes nothing', async () => {
    const [input, idempotencyKey] = [body(), fresh()]
    const id = idOf(await create(key, input, { idempotencyKey }))
    await expectNothingChanges(db, async () => {
      expectRefused(await create(key, { ...input, ...other }, { idempotencyKey }), 'CONFLICT')
      expectRefused(await create(key, body(other), { idempotencyKey }), 'CONFLICT')
    })
    expect(idOf(await create(key, input, { idempotencyKey }))).toBe(id)
  })

  test('is what it asks for, and not how that is written', async () => {
    const idempotencyKey = fresh()
    const roles = ['1b', '1c'].map((roleId) => ({ roleId, rank: 'PRIMARY' }))
    const input = body(table === 'people' ? { roles } : { responses: { '1a': 1, '1b': { en: 'Calm', es: 'Calma' }, '1f': 1 } })
    const id = idOf(await create(key, input, { idempotencyKey }))
    const rewritten = [
      Object.fromEntries(Object.entries(input).toReversed()),
      ...(table === 'people'
        ? [
            { ...input, roles: roles.toReversed() },
            { ...input, first: ' Grace' },
            { ...input, language: 'EN', tags: [], archived: null },
          ]
        : [
            { ...input, responses: { '1f': 1, '1b': { es: 'Calma', en: 'Calm' }, '1a': 1 } },
            { ...input, published: null },
            { ...input, published: false },
          ]),
    ]
    for (const each of rewritten) expect(idOf(await create(key, each, { idempotencyKey }))).toBe(id)
  })

  test('with a key that another credential used is its own', async () => {
    const idempotencyKey = fresh()
    const admin = await district.admin()
    const credentials = [key, await district.key(), await admin.token(), await admin.token()]
    const ids: string[] = []
    for (const token of credentials) ids.push(idOf(await create(token, body(), { idempotencyKey })))
    const neighbour = await createTestDistrict(db)
    const there = await neighbour.person()
    ids.push(idOf(await create(await neighbour.key(), body(table === 'people' ? {} : { personId: there.id }), { idempotencyKey })))
    expect(new Set(ids).size).toBe(5)
  })

  test('that failed leaves the key free, for whatever reason', async () => {
    const idempotencyKey = fresh()
    const taken = somebody()
    idOf(await createPerson(key, taken))
    const failing =
      table === 'people'
        ? [
            [somebody({ first: '' }), 'BAD_USER_INPUT'],
            [somebody({ roles: [{ roleId: 'nope', rank: 'PRIMARY' }] }), 'BAD_USER_INPUT'],
            [somebody({ roles: [{ roleId: '1a', rank: 'PRIMARY' }] }), 'FORBIDDEN'],
            [taken, 'CONFLICT'],
          ]
        : [
            [meeting({ responses: { nope: 1 } }), 'BAD_USER_INPUT'],
            [meeting({ boardId: 'nope' }), 'BAD_USER_INPUT'],
            [meeting({ personId: 'nope' }), 'NOT_FOUND'],
          ]
    await expectNothingChanges(db, async () => {
      for (const [input, code] of failing as [object, string][]) {
        const { id, refusals } = await create(key, input, { idempotencyKey })
        expect({ id, codes: refusals.map((refusal) => refusal.code) }).toEqual({ id: undefined, codes: [code] })
      }
    })
    const input = body()
    const id = idOf(await create(key, input, { idempotencyKey }))
    expect(idOf(await create(key, input, { idempotencyKey }))).toBe(id)
  })

  test("is remembered for 24 hours by the database's clock, and the key is free from then on", async () => {
    const [input, idempotencyKey] = [body(), fresh()]
    const id = idOf(await create(key, input, { idempotencyKey }))
    await age(idempotencyKey, '23 hours 59 minutes')
    expect(idOf(await create(key, input, { idempotencyKey }))).toBe(id)
    await age(idempotencyKey, '24 hours')
    const next = body(other)
    const nextId = idOf(await create(key, next, { idempotencyKey }))
    expect(nextId).not.toBe(id)
    // From then on it is the second's.
    expect(idOf(await create(key, next, { idempotencyKey }))).toBe(nextId)
    expectRefused(await create(key, input, { idempotencyKey }), 'CONFLICT')
  })

  test('after 24 hours, sent twenty times at once, makes one more', async () => {
    const idempotencyKey = fresh()
    idOf(await create(key, body(), { idempotencyKey }))
    await age(idempotencyKey, '25 hours')
    const input = body()
    expect(await added(table, () => Promise.all(Array.from({ length: 20 }, () => create(key, input, { idempotencyKey }))))).toBe(1)
  })

  test('twice in one document is asked for twice, with the same body, too', async () => {
    const name = table === 'people' ? 'createPerson' : 'createInterview'
    const type = `${name[0]!.toUpperCase()}${name.slice(1)}Input!`
    const [one, two] = [body(), body()]
    const ask = (second: object) =>
      gateway.graphql(`mutation ($one: ${type}, $two: ${type}) { a: ${name}(input: $one) { id } b: ${name}(input: $two) { id } }`, {
        token: key,
        variables: { one, two: second },
        headers: { 'Idempotency-Key': `document-${name}` },
      })
    const { a, b } = (await ask(two)).json.data
    expect(a.id).not.toBe(b.id)
    expect((await ask(two)).json.data).toEqual({ a, b })
    const changed = await ask({ ...two, ...other })
    expect(changed.json.data).toEqual({ a, b: null })
    expect(refusalsIn(changed)).toEqual([{ code: 'CONFLICT', at: 'b' }])
  })

  test('keeps neither the key nor the body: not in its row, not in the log', async () => {
    const input = table === 'people' ? somebody({ first: 'Unforgettable' }) : meeting({ responses: { '1b': { en: 'Unforgettable' } } })
    const idempotencyKey = 'an-order-number-4711'
    const id = idOf(await create(key, input, { idempotencyKey }))
    const rows = (await keyRows()).filter(({ record_id: record }) => record === id)
    expect(rows).toHaveLength(1)
    expect(Object.keys(rows[0]).toSorted()).toEqual(
      ['created_at', 'credential_id', 'district_id', 'input_mac', 'key_hash', 'operation', 'record_id', 'secret_id'].toSorted(),
    )
    for (const text of [JSON.stringify(rows), ...gateway.logLines]) {
      for (const told of [idempotencyKey, '4711', 'Unforgettable', key]) expect(text).not.toContain(told)
    }
    // A MAC, so that nobody can try bodies against it without the secret key.
    expect(rows[0].input_mac).toMatch(/^[\w-]{43}$/)
  })

  test('answers under the permissions of now: the record as it is, to those who may read it', async () => {
    const [input, idempotencyKey] = [body(), fresh()]
    const what = table === 'people' ? 'people' : 'interviews'
    const token = await district.key(`read:${what}`, `write:${what}`)
    const setScopes = (...scopes: string[]) =>
      db.query(sql`update api_keys set scopes = ${scopes}::text[] where key_hash = ${hashToken(token)}`)
    const { id } = expectWritten(await create(token, input, { idempotencyKey }))
    if (table === 'people') await updatePerson(key, id, { first: 'Changed' })
    else await updateInterview(key, id, { date: '2030-01-01' })
    expect((await create(token, input, { idempotencyKey })).record).toMatchObject(
      table === 'people' ? { first: 'Changed' } : { date: '2030-01-01' },
    )

    await setScopes(`write:${what}`)
    const blind = await create(token, input, { idempotencyKey })
    expect(blind).toMatchObject({ id, record: null, refusals: [{ code: 'FORBIDDEN', requiredScopes: [`read:${what}`] }] })

    await setScopes(`read:${what}`)
    expect(await create(token, input, { idempotencyKey })).toMatchObject({
      id: undefined,
      refusals: [{ code: 'FORBIDDEN', requiredScopes: [`write:${what}`] }],
    })
  })

  test('answers nothing to a session whose roles are gone, to one that has ended, and in a district whose plan has', async () => {
    const there = await createTestDistrict(db)
    const person = await there.person({ roles: { '1a': 1 } })
    const [token, idempotencyKey] = [await person.token(), fresh()]
    const input = body(table === 'people' ? {} : { personId: person.id })
    const id = idOf(await create(token, input, { idempotencyKey }))
    const hold = (role: string) => db.query(sql`update people set roles = ${JSON.stringify({ [role]: 1 })}::jsonb where id = ${person.id}`)
    await hold('1c')
    expectRefused(await create(token, input, { idempotencyKey }), 'FORBIDDEN')
    await hold('1a')
    await db.query(sql`update districts set billing_plan = 'inactive' where id = ${there.id}`)
    expectRefused(await create(token, input, { idempotencyKey }), 'PAYMENT_REQUIRED')
    await db.query(sql`update districts set billing_plan = 'pro' where id = ${there.id}`)
    expect(idOf(await create(token, input, { idempotencyKey }))).toBe(id)
    await db.query(sql`update people set archived = true where id = ${person.id}`)
    expectRefused(await create(token, input, { idempotencyKey }), 'UNAUTHENTICATED')
  })

  test('holds when the secret key is changed, as long as the old one is known', async () => {
    const [input, idempotencyKey] = [body(), fresh()]
    const id = idOf(await create(key, input, { idempotencyKey }))
    const next = 'another-secret-key-for-tests-of-32-bytes'
    const through = async (...secrets: string[]) => {
      const { createPerson: person, createInterview: interview } = writesThrough(await startGateway({ db, secrets }))
      return table === 'people' ? person : interview
    }
    const rotated = await through(next, ...gateway.deps.secrets)
    expect(idOf(await rotated(key, input, { idempotencyKey }))).toBe(id)
    expectRefused(await rotated(key, { ...input, ...other }, { idempotencyKey }), 'CONFLICT')
    // Without it nobody can tell whether the body is the same: better no record than two.
    expectRefused(await (await through(next))(key, input, { idempotencyKey }), 'CONFLICT')
  })
})

describe('an Idempotency-Key', () => {
  const document = (name: string) => ({
    query: `mutation ($input: ${name[0]!.toUpperCase()}${name.slice(1)}Input!) { ${name}(input: $input) { id } }`,
    variables: { input: name === 'createPerson' ? somebody() : meeting() },
  })
  const send = (idempotencyKey: string | string[], body: object) =>
    raw(`${gateway.url}/graphql`, json(body, { Authorization: `Bearer ${key}`, 'Idempotency-Key': idempotencyKey }))

  test.each([
    ['that is empty', ''],
    ['of spaces', '   '],
    ['of 256 characters', 'k'.repeat(256)],
    ['with letters beyond ASCII', 'cl\u00e9'],
    ['with a tab', 'a\tb'],
    ['of 10,000 characters', 'k'.repeat(10_000)],
  ])('%s is refused by its name, and nothing is made', async (_what, idempotencyKey) => {
    await expectNothingChanges(db, async () => {
      for (const name of ['createPerson', 'createInterview']) {
        const answer = await send(idempotencyKey, document(name))
        expect(refusalsIn(answer)).toEqual([{ code: 'BAD_USER_INPUT', field: 'Idempotency-Key', at: name }])
      }
    })
  })

  test.each(['k', 'k'.repeat(255), '"quoted"', '8e03978e-40d5-43dd-bc93-6894a57f9324', "'; drop table people; --", 'a b'])(
    '%j is one',
    async (idempotencyKey) => {
      const body = document('createInterview')
      const id = (await send(idempotencyKey, body)).json.data.createInterview.id as string
      expect((await send(idempotencyKey, body)).json).toEqual({ data: { createInterview: { id } } })
    },
  )

  test('is told from one in other letters', async () => {
    const body = document('createInterview')
    const ids = new Set<string>()
    for (const each of ['case', 'Case', 'CASE']) ids.add((await send(each, body)).json.data.createInterview.id as string)
    expect(ids.size).toBe(3)
  })

  test('counts for nothing in an update or a query, not even a malformed one', async () => {
    const person = idOf(await createPerson(key, somebody()))
    const interview = idOf(await createInterview(key, meeting()))
    const before = await keyRows()
    for (const idempotencyKey of ['update', 'k'.repeat(300)]) {
      for (const first of ['A', 'B', 'A'])
        expect(expectWritten(await updatePerson(key, person, { first }, { idempotencyKey })).record.first).toBe(first)
      for (const published of [true, false, true])
        expect(expectWritten(await updateInterview(key, interview, { published }, { idempotencyKey })).record.published).toBe(published)
      const { json: answer } = await gateway.graphql(`{ person(id: "${person}") { first } }`, {
        token: key,
        headers: { 'Idempotency-Key': idempotencyKey },
      })
      expect(answer).toEqual({ data: { person: { first: 'A' } } })
    }
    expect(await keyRows()).toEqual(before)
  })

  test('of one operation is free for the other', async () => {
    const idempotencyKey = fresh()
    const person = idOf(await createPerson(key, somebody(), { idempotencyKey }))
    const interview = idOf(await createInterview(key, meeting(), { idempotencyKey }))
    const claimed = (await keyRows()).filter(({ key_hash: hash }) => hash === hashToken(idempotencyKey))
    expect(new Set(claimed.map(({ record_id: record }) => record))).toEqual(new Set([person, interview]))
  })

  test('is not needed: without one each creation makes a record', async () => {
    expect(idOf(await createInterview(key, meeting()))).not.toBe(idOf(await createInterview(key, meeting())))
  })
})

describe('several creations in one document under one Idempotency-Key', () => {
  const send = (query: string, variables: object, idempotencyKey: string) =>
    raw(`${gateway.url}/graphql`, json({ query, variables }, { Authorization: `Bearer ${key}`, 'Idempotency-Key': idempotencyKey }))
  const two = `mutation ($a: CreatePersonInput!, $b: CreatePersonInput!, $also: Boolean = true) {
    a: createPerson(input: $a) { id } ...More
  } fragment More on Mutation { b: createPerson(input: $b) @include(if: $also) { id } createInterview(input: { personId: "${candidate.id}", date: "2026-03-14", boardId: "1a", formId: "1a", profileId: "1a" }) { id } }`
  const ids = ({ json: body }: { json: Json }) => [body.data.a.id, body.data.b?.id, body.data.createInterview.id] as string[]

  test('are a record each, and the document sent again finds each', async () => {
    const [once, a, b] = [fresh(), somebody(), somebody()]
    let first: string[] = []
    expect(await added('people', async () => (first = ids(await send(two, { a, b }, once))))).toBe(2)
    expect(new Set(first).size).toBe(3)
    expect(await added('people', async () => expect(ids(await send(two, { a, b }, once))).toEqual(first))).toBe(0)
  })

  test('have their places apart: what was a is not b', async () => {
    const [once, a, b] = [fresh(), somebody(), somebody()]
    const [first] = ids(await send(two, { a, b }, once))
    const other = await send(two, { a, b: somebody() }, once)
    expect(other.json.data).toMatchObject({ a: { id: first }, b: null })
    expect(refusalsIn(other)).toMatchObject([{ code: 'CONFLICT' }])
  })

  test('are one where only one runs, which is what it is alone', async () => {
    const [once, a, b] = [fresh(), somebody(), somebody()]
    const [first] = ids(await send(two, { a, b, also: false }, once))
    const alone = 'mutation ($a: CreatePersonInput!) { other: createPerson(input: $a) { id } }'
    expect((await send(alone, { a }, once)).json.data.other.id).toBe(first)
    expect(idOf(await createPerson(key, a, { idempotencyKey: once }))).toBe(first)
  })
})

test('an Idempotency-Key that is none is named as it is spelt, by both faces', async () => {
  for (const [path, body] of [
    [
      '/graphql',
      { query: 'mutation ($input: CreatePersonInput!) { createPerson(input: $input) { id } }', variables: { input: somebody() } },
    ],
    ['/api/people', somebody()],
  ] as const) {
    const { text } = await raw(gateway.url + path, json(body, { Authorization: `Bearer ${key}`, 'Idempotency-Key': 'x'.repeat(256) }))
    expect(text).toContain('Idempotency-Key')
    expect(text).not.toMatch(/_idempotency|idempotency-_/)
  }
})
