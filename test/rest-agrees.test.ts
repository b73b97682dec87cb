/** REST and GraphQL are one product: the same request, said in each, gets the same decision, the same code and leaves the same rows. */
import fc from 'fast-check'
import sql from 'sql-template-tag'
import { beforeAll, expect, test } from 'vitest'
import { type ProblemCode, statusOf } from '../src/domain/problem.ts'
import { testDatabase } from './support/database.ts'
import { createTestDistrict } from './support/fixtures.ts'
import { startGateway } from './support/gateway.ts'

const db = await testDatabase()
const gateway = await startGateway({ db })

type Body = Readonly<Record<string, unknown>>
type Mirror = Awaited<ReturnType<typeof mirror>>

/** One of two districts that are alike to the last id. */
async function mirror(id: string) {
  const district = await createTestDistrict(db, { id })
  await db.tables.role.create({ data: { districtId: id, id: '2a', name: { en: 'Editor of people' }, permissions: { p: 2 } } })
  for (const [personId, roles] of Object.entries({ p0: {}, p1: { '1c': 1 }, p2: { '1a': 1 }, p3: { '1b': 2, '1c': 1 } }))
    await district.person({ id: personId, email: `${personId}@example.org`, roles })
  for (const personId of ['p0', 'p1'])
    await district.interview(personId, { id: `i-${personId}`, responses: { '1a': 1, '1d': { en: 'private' } } })
  const editor = await district.person({ id: 'editor', email: 'editor@example.org', roles: { '2a': 1 } })
  const board = await district.person({ id: 'board', email: 'board@example.org', roles: { '1d': 1 } })
  const admin = await district.person({ id: 'admin', email: 'admin@example.org', roles: { '1a': 1 } })
  return {
    id,
    tokens: {
      'a key with all scopes': await district.key(),
      'a key that writes people': await district.key('write:people'),
      'a key that writes interviews': await district.key('write:interviews'),
      'a key that reads': await district.key('read:people', 'read:interviews'),
      'an administrator': await admin.token(),
      'an editor of people': await editor.token(),
      'a board member': await board.token(),
      nobody: undefined,
    },
  }
}

let byRest: Mirror
let byGraphql: Mirror
let made = 0
beforeAll(async () => {
  byRest = await mirror('rest')
  byGraphql = await mirror('graphql')
})

/** What is kept, but for the ids and times that each made for itself. */
async function rowsOf({ id }: Mirror): Promise<{ people: unknown; interviews: unknown }> {
  const [rows] = await db.query<{ people: unknown; interviews: unknown }>(
    sql`select
          (select jsonb_agg(jsonb_build_array(p.first, p.last, p.email, p.email_key, p.language, p.roles, p.tags, p.archived, p.sort_name) order by p.email_key)
             from people p where p.district_id = ${id}) as people,
          (select jsonb_agg(jsonb_build_array(q.email_key, i.date, i.board_id, i.form_id, i.profile_id, i.published, i.responses)
             order by q.email_key, i.date, i.responses::text, i.board_id, i.profile_id, i.published)
             from interviews i join people q on q.district_id = i.district_id and q.id = i.person_id where i.district_id = ${id}) as interviews`,
  )
  return rows!
}

const names: Record<string, string> = { board_id: 'boardId', form_id: 'formId', profile_id: 'profileId' }
const truth = (value: unknown) => (value === 0 ? false : value === 1 ? true : value)
const rankOf = new Map<unknown, string>([
  [1, 'PRIMARY'],
  [2, 'SECONDARY'],
])
/** The body of a REST request as a GraphQL client would say it. */
const inputOf = (body: Body): Body =>
  Object.fromEntries(
    Object.entries(body)
      .filter(([name]) => name !== 'unknown_member')
      .map(([name, value]) => {
        if (name === 'archived' || name === 'published') return [name, truth(value)]
        if (name === 'roles' && Array.isArray(value)) return ['roles', 'a list, which REST does not take']
        if (name === 'roles' && typeof value === 'object' && value !== null)
          return ['roles', Object.entries(value).map(([roleId, rank]) => ({ roleId, rank: rankOf.get(rank) ?? `not ${String(rank)}` }))]
        return [names[name] ?? name, value]
      }),
  )

interface Said {
  readonly caller: keyof Mirror['tokens']
  readonly method: 'POST' | 'PATCH'
  readonly path: string
  readonly body: Body
  readonly mutation: string
  readonly variables: Body
  /** What the path says and GraphQL takes in the input. */
  readonly more?: Body
}

/** Says it in both, and compares what came of it. */
async function agree({ caller, method, path, body, mutation, variables, more = {} }: Said): Promise<void> {
  const rest = await gateway.rest(method, path, { token: byRest.tokens[caller], body })
  const graphql = await gateway.graphql(mutation, {
    token: byGraphql.tokens[caller],
    variables: { ...variables, input: { ...inputOf(body), ...more } },
  })
  const [root] = Object.values<{ id?: string } | null>(graphql.json.data ?? {})
  // The record beside the id of what was written may be hidden: in REST the id stands alone then.
  const refused = root ? undefined : (graphql.json.errors[0].extensions.code as ProblemCode)
  const expected = refused === undefined ? (method === 'POST' ? 201 : 200) : statusOf[refused]
  const told = `${caller}: ${method} ${path} ${JSON.stringify(body)}\n${rest.text}\n${graphql.text}`
  expect(rest.status, told).toBe(expected)
  expect(rest.status, told).toBeLessThan(500)
  if (refused === undefined) {
    const hidden = graphql.json.errors !== undefined
    expect(Object.keys(rest.json).join() === 'id', told).toBe(hidden)
  }
  expect(await rowsOf(byRest), told).toEqual(await rowsOf(byGraphql))
}

const odd = fc.constantFrom<unknown>(null, '', ' ', 7, true, [], {}, 'x'.repeat(101), 'a\0b', { en: 'x' }, ['x'])
const mostly = <Value>(value: fc.Arbitrary<Value>): fc.Arbitrary<unknown> =>
  fc.oneof({ weight: 9, arbitrary: value }, { weight: 1, arbitrary: odd })
const caller = fc.constantFrom(
  'a key with all scopes' as const,
  'a key that writes people' as const,
  'a key that writes interviews' as const,
  'a key that reads' as const,
  'an administrator' as const,
  'an editor of people' as const,
  'a board member' as const,
  'nobody' as const,
)
const name = fc.constantFrom('Ada', 'Zoë', '  Bo ', 'O’Neil', 'Ｗｉｄｅ', '李')
const email = fc.oneof(
  fc.constantFrom('p0@example.org', 'P1@EXAMPLE.org', 'ａｄｍｉｎ@example.org', 'not an address', 'a@b', 'a,b@example.org'),
  fc.constant(undefined).map(() => `new${made++}@example.org`),
)
const personMembers = {
  first: mostly(name),
  last: mostly(name),
  email: mostly(email),
  language: mostly(fc.constantFrom('en', 'es', 'PT-br', 'klingon!')),
  roles: mostly(
    fc.dictionary(fc.constantFrom('1a', '1b', '1c', '1d', '2a', '9z'), fc.constantFrom<unknown>(1, 1, 1, 2, 3, '1'), { maxKeys: 2 }),
  ),
  tags: mostly(fc.array(fc.constantFrom('2026', 'north', ' x ', ''), { maxLength: 3 })),
  archived: mostly(fc.constantFrom<unknown>(0, 1, true, false)),
  unknown_member: fc.constant('ignored'),
}
const response = fc.constantFrom<unknown>(
  1,
  2,
  3,
  0,
  true,
  '1',
  null,
  { en: 'Text' },
  { en: 'A', es: 'B' },
  { nope_: 'x' },
  {},
  'text',
  [1],
)
const interviewMembers = {
  date: mostly(fc.constantFrom('2026-03-14', '2026-02-30', '14.03.2026')),
  board_id: mostly(fc.constantFrom('1a', '1b', '9z')),
  form_id: mostly(fc.constantFrom('1a', '1a', '9z')),
  profile_id: mostly(fc.constantFrom('1a', '1b', '9z')),
  published: mostly(fc.constantFrom<unknown>(0, 1, true, false)),
  responses: mostly(fc.dictionary(fc.constantFrom('1a', '1b', '1d', '1f', '9z', '__proto__'), response, { maxKeys: 3 })),
  unknown_member: fc.constant('ignored'),
}
const needed = { first: 'Ada', last: 'Adams' }

test('in adding and changing people', async () => {
  const added = fc.record(personMembers, { requiredKeys: [] }).map((body) => ({ ...needed, email: `new${made++}@example.org`, ...body }))
  const changed = fc.tuple(
    fc.constantFrom('p0', 'p1', 'p2', 'p3', 'nosuchperson', 'no such id'),
    fc.record(personMembers, { requiredKeys: [] }),
  )
  const said: fc.Arbitrary<Omit<Said, 'caller'>> = fc.oneof(
    added.map((body) => ({
      method: 'POST' as const,
      path: '/api/people',
      body,
      mutation: 'mutation ($input: CreatePersonInput!) { createPerson(input: $input) { id person { id } } }',
      variables: {},
    })),
    changed.map(([id, body]) => ({
      method: 'PATCH' as const,
      path: `/api/people/${encodeURIComponent(id)}`,
      body,
      mutation: 'mutation ($id: ID!, $input: UpdatePersonInput!) { updatePerson(id: $id, input: $input) { id person { id } } }',
      variables: { id },
    })),
  )
  await fc.assert(
    fc.asyncProperty(caller, said, (who, what) => agree({ caller: who, ...what })),
    { numRuns: 150, endOnFailure: true },
  )
})

test('in adding and changing interviews', async () => {
  const whole = { date: '2026-03-14', board_id: '1a', form_id: '1a', profile_id: '1a' }
  const person = fc.constantFrom('p0', 'p1', 'p1', 'nosuchperson')
  const said: fc.Arbitrary<Omit<Said, 'caller'>> = fc.oneof(
    fc.tuple(person, fc.record(interviewMembers, { requiredKeys: [] })).map(([personId, body]) => ({
      method: 'POST' as const,
      path: `/api/interviews/${personId}`,
      body: { ...whole, ...body },
      mutation: 'mutation ($input: CreateInterviewInput!) { createInterview(input: $input) { id interview { id } } }',
      variables: {},
      more: { personId },
    })),
    fc
      .tuple(person, fc.constantFrom('i-p0', 'i-p1', 'nosuchinterview'), fc.record(interviewMembers, { requiredKeys: [] }))
      .map(([personId, id, body]) => ({
        method: 'PATCH' as const,
        path: `/api/interviews/${personId}/${id}`,
        body,
        mutation:
          'mutation ($id: ID!, $personId: ID!, $input: UpdateInterviewInput!) { updateInterview(id: $id, personId: $personId, input: $input) { id interview { id } } }',
        variables: { id, personId },
      })),
  )
  await fc.assert(
    fc.asyncProperty(caller, said, (who, what) => agree({ caller: who, ...what })),
    { numRuns: 150, endOnFailure: true },
  )
})
