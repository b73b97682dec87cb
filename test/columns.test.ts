/** Only the columns that a selection needs are read, and never too few. */
import { getNamedType, getNullableType, type GraphQLObjectType, isCompositeType, isListType } from 'graphql'
import sql from 'sql-template-tag'
import { describe, expect, test } from 'vitest'
import { buildSchema } from '../src/graphql/schema.ts'
import { testDatabase } from './support/database.ts'
import { createTestDistrict } from './support/fixtures.ts'
import { startGateway } from './support/gateway.ts'
import type { Json } from './support/http.ts'
import { recordStatements } from './support/statements.ts'
import type { Statement } from '../src/sql/statement.ts'

const { db, during } = recordStatements(await testDatabase())
const gateway = await startGateway({ db })
const district = await createTestDistrict(db)
const candidate = await district.person({ first: 'Ada', roles: { '1c': 1 }, tags: ['a tag'] })
const mentor = await district.person({ first: 'Samuel', roles: { '1b': 1 } })
await db.query(
  sql`insert into mentor_assignments (district_id, mentor_id, candidate_id) values (${district.id}, ${mentor.id}, ${candidate.id})`,
)
await db.query(
  sql`insert into mentor_assignments (district_id, mentor_id, candidate_id) values (${district.id}, ${candidate.id}, ${mentor.id})`,
)
const interview = await district.interview(candidate.id, {
  responses: { '1a': 1, '1b': { en: 'x' } },
  recordings: { '1a': { name: 'r', url: null, transcript: null, summary: null } },
})
await db.query(sql`update people set avatar_url = 'https://example.org/a.png'`)
const token = await (await district.admin()).token()

const schema = buildSchema()
/** Every field of a type, with something of what it leads to. */
function fieldsOf(type: 'Person' | 'Interview'): string[] {
  const inside = (of: GraphQLObjectType): string =>
    Object.values(of.getFields())
      .filter((field) => !isCompositeType(getNamedType(field.type)))
      .map(({ name }) => name)
      .join(' ')
  return Object.values((schema.getType(type) as GraphQLObjectType).getFields()).map((field) => {
    const on = getNamedType(field.type)
    if (!isCompositeType(on)) return field.name
    const at = on.name.endsWith('Connection') ? `nodes { id }` : inside(on as GraphQLObjectType) || 'role { id } rank'
    return `${field.name}${isListType(getNullableType(field.type)) || isCompositeType(on) ? ` { ${at} }` : ''}`
  })
}

/** How a record is come by: the document around its fields, and where they are in the answer. */
const ways: Record<'Person' | 'Interview', [how: string, around: (fields: string) => string, at: (data: Json) => Json][]> = {
  Person: [
    ['person', (fields) => `{ person(id: "${candidate.id}") { ${fields} } }`, ({ person }) => person],
    ['people.nodes', (fields) => `{ people(filter: { tag: "a tag" }) { nodes { ${fields} } } }`, ({ people }) => people.nodes[0]],
    [
      'people.edges',
      (fields) => `{ people(filter: { tag: "a tag" }) { edges { node { ...F } } } } fragment F on Person { ... on Person { ${fields} } }`,
      ({ people }) => people.edges[0].node,
    ],
    ['mentors', (fields) => `{ person(id: "${mentor.id}") { mentors { ${fields} } } }`, ({ person }) => person.mentors[0]],
    ['interview.person', (fields) => `{ interview(id: "${interview}") { person { ${fields} } } }`, (data) => data.interview.person],
    [
      'updatePerson',
      (fields) => `mutation { updatePerson(id: "${candidate.id}", input: { first: "Ada" }) { person { ${fields} } } }`,
      ({ updatePerson }) => updatePerson.person,
    ],
  ],
  Interview: [
    ['interview', (fields) => `{ interview(id: "${interview}") { ${fields} } }`, (data) => data.interview],
    ['interviews.nodes', (fields) => `{ interviews { nodes { ${fields} } } }`, ({ interviews }) => interviews.nodes[0]],
    [
      'person.interviews',
      (fields) => `{ person(id: "${candidate.id}") { interviews { edges { node { ${fields} } } } } }`,
      ({ person }) => person.interviews.edges[0].node,
    ],
    [
      'updateInterview',
      (fields) => `mutation { updateInterview(id: "${interview}", input: {}) { interview { ${fields} } } }`,
      ({ updateInterview }) => updateInterview.interview,
    ],
  ],
}

const asked = async (query: string): Promise<Json> => {
  const { json, text } = await gateway.graphql(query, { token })
  expect(json.errors, `${query}\n${text}`).toBeUndefined()
  return json.data
}

describe.each(['Person', 'Interview'] as const)('%s', (type) => {
  const fields = fieldsOf(type)
  const all = fields.join(' ')

  test.each(ways[type])('%s: each field alone is what it is among all others', async (_how, around, at) => {
    const whole = at(await asked(around(all)))
    for (const field of fields) {
      const name = field.split(' ')[0]!
      expect(whole[name], `${name} has a value to compare`).not.toBeNull()
      expect(at(await asked(around(field)))).toEqual({ [name]: whole[name] })
    }
  })
})

test('what is not asked for is not read', async () => {
  const columns = async (query: string) =>
    (await during(() => asked(query))).map((asking) => (asking as Statement<unknown>).members.map(({ name }) => name))
  expect(await columns('{ people { edges { cursor node { id first last email language } } } }')).toEqual([
    ['id', 'first', 'last', 'email', 'language', 'sortKey'],
  ])
  expect(await columns('{ people { nodes { last interviews { nodes { date published } } } } }')).toEqual([
    ['id', 'last'],
    ['id', 'personId', 'date', 'published'],
  ])
})

test('one field asked for in two places is read for both', async () => {
  const { people } = await asked(
    '{ people(filter: { tag: "a tag" }) { nodes { first } } ...A } fragment A on Query { people(filter: { tag: "a tag" }) { edges { node { email } } nodes { tags } } }',
  )
  expect(people).toEqual({ nodes: [{ first: 'Ada', tags: ['a tag'] }], edges: [{ node: { email: candidate.email } }] })
})
