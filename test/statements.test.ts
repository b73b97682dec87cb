/** How many SQL statements an answer costs does not depend on how many records it holds. */
import { randomBytes } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { insertInterviews, insertMentorAssignments, insertPeople } from '../src/domain/bulk-insert.ts'
import { makeId } from '../src/domain/tokens.ts'
import { testDatabase } from './support/database.ts'
import { createTestDistrict } from './support/fixtures.ts'
import { startGateway } from './support/gateway.ts'
import { recordStatements } from './support/statements.ts'

const { db, during } = recordStatements(await testDatabase())
const gateway = await startGateway({ db })

/** 200 candidates, each with two interviews and two of three mentors, who have interviews and a mentor of their own. */
async function peopled() {
  const district = await createTestDistrict(db)
  const made = (count: number, tag: string) =>
    Array.from({ length: count }, (_, n) => {
      const id = makeId(randomBytes)
      return {
        districtId: district.id,
        id,
        first: `First ${n}`,
        last: `Last ${n}`,
        email: `${id}@example.org`,
        language: 'en',
        roles: { '1c': 1, '1b': 2 },
        tags: [tag],
      }
    })
  const [candidates, mentors, mentorsOfMentors] = [made(200, 'candidate'), made(3, 'mentor'), made(1, 'mentor of mentors')]
  const everybody = [...candidates, ...mentors, ...mentorsOfMentors]
  await insertPeople(db, everybody)
  const assigned = (candidate: { id: string }, mentor: { id: string }) => ({
    districtId: district.id,
    candidateId: candidate.id,
    mentorId: mentor.id,
  })
  await insertMentorAssignments(db, [
    ...candidates.flatMap((candidate, n) => [assigned(candidate, mentors[n % 3]!), assigned(candidate, mentors[(n + 1) % 3]!)]),
    ...mentors.map((each) => assigned(each, mentorsOfMentors[0]!)),
  ])
  await insertInterviews(
    db,
    everybody.flatMap(({ id: personId }) =>
      [1, 2].map((n) => ({
        districtId: district.id,
        id: makeId(randomBytes),
        personId,
        date: `2026-03-0${n}`,
        boardId: '1a',
        formId: '1a',
        profileId: '1a',
        published: true,
        responses: { '1a': 1, '1b': { en: 'x' } },
        recordings: { '1a': { name: 'r', url: null, transcript: null, summary: null } },
        createdAt: new Date(),
        updatedAt: new Date(),
      })),
    ),
  )
  const mentor = await district.person({ first: 'Mentor', last: 'Of all', roles: { '1b': 1 } })
  await insertMentorAssignments(
    db,
    candidates.map((candidate) => assigned(candidate, mentor)),
  )
  return { key: await district.key(), admin: await (await district.admin()).token(), mentor: await mentor.token() }
}

const roleNames = 'roles { rank role { name permissions { boards { name } } } }'
const responses = 'responses { value text field { name options { name } } }'
const around = 'board { name } form { name fields { name options { name } } } profile { name } recordings { name }'

/** What is asked, and the statements it may cost: one a list or relation, and none for a credential that was looked at lately. */
const documents: [title: string, most: number, query: string][] = [
  [
    'a list (W1)',
    1,
    'query ($n: Int!) { people(first: $n, filter: { tag: "candidate" }) { edges { cursor node { id first last email language tags archived } } pageInfo { hasNextPage endCursor } } }',
  ],
  [
    'a list within a list (W2)',
    2,
    'query ($n: Int!) { people(first: $n, filter: { tag: "candidate" }) { nodes { id first last interviews(first: 5) { nodes { id date published } } } } }',
  ],
  ['a list and its total', 2, 'query ($n: Int!) { people(first: $n, filter: { tag: "candidate" }) { totalCount nodes { id } } }'],
  [
    'totals of a relation',
    3,
    'query ($n: Int!) { people(first: $n, filter: { tag: "candidate" }) { nodes { interviews(first: 5) { totalCount nodes { id } } } } }',
  ],
  ['roles', 2, `query ($n: Int!) { people(first: $n, filter: { tag: "candidate" }) { nodes { id ${roleNames} } } }`],
  [
    'mentors, and theirs',
    3,
    'query ($n: Int!) { people(first: $n, filter: { tag: "candidate" }) { nodes { mentors { first mentors { first } } } } }',
  ],
  [
    'interviews with all around them',
    3,
    `query ($n: Int!) { interviews(first: $n) { nodes { id person { first ${roleNames} } ${around} ${responses} } } }`,
  ],
  [
    'aliases with equal arguments',
    2,
    'query ($n: Int!) { people(first: $n, filter: { tag: "candidate" }) { nodes { a: interviews(first: 2) { nodes { id } } b: interviews(first: 2) { nodes { date } } } } }',
  ],
  [
    'aliases with other arguments',
    4,
    'query ($n: Int!) { people(first: $n, filter: { tag: "candidate" }) { nodes { a: interviews(first: 2) { nodes { id } } b: interviews(first: 1) { nodes { id } } c: interviews(first: 1, filter: { published: true }) { nodes { id } } } } }',
  ],
  [
    'everything at once',
    11,
    `query ($n: Int!) { people(first: $n, filter: { tag: "candidate" }) { totalCount nodes { ${roleNames} mentors { first ${roleNames} interviews(first: 1) { nodes { person { last } } } }
      interviews(first: 2) { totalCount nodes { person { first mentors { last } } ${around} ${responses} } } } } district { name roles { name } boards { name } } me { districtId district { id } } }`,
  ],
]

describe('one record or two hundred cost the same number of statements', async () => {
  const callers = await peopled()
  for (const token of Object.values(callers)) await gateway.graphql('{ me { districtId } }', { token }) // from here on they are known
  const cost = async (token: string, query: string, n: number) => {
    const statements = await during(async () => {
      const { json, text } = await gateway.graphql(query, { token, variables: { n } })
      expect(json.errors, text).toBeUndefined()
    })
    return statements.length
  }

  test.each(documents)('%s, at most %i', async (_title, most, query) => {
    for (const caller of ['key', 'admin', 'mentor'] as const) {
      const ofOne = await cost(callers[caller], query, 1)
      expect(await cost(callers[caller], query, 200), caller).toBe(ofOne)
      expect(ofOne).toBeLessThanOrEqual(most)
    }
  })

  test('a total is counted only when it is asked for', async () => {
    const counting = async (query: string) =>
      (await during(() => gateway.graphql(query, { token: callers.key }))).filter(({ text }) => /count\(\*\)/.test(text)).length
    expect(
      await counting('{ people { nodes { id interviews { nodes { id } } } } interviews { edges { cursor } pageInfo { hasNextPage } } }'),
    ).toBe(0)
    expect(await counting('{ people { totalCount } }')).toBe(1)
    expect(await counting('{ people { nodes { interviews { totalCount } } } }')).toBe(1)
    expect(await counting('query ($no: Boolean = false) { people { totalCount @include(if: $no) nodes { id } } }')).toBe(0)
  })

  test('a field that is refused costs nothing, and neither does a document that is', async () => {
    const spent = async (token: string | undefined, query: string) => (await during(() => gateway.graphql(query, { token }))).length
    expect(await spent(undefined, '{ people { totalCount nodes { mentors { id } } } me { districtId } }')).toBe(0)
    expect(await spent(callers.key, '{ people { nope } }')).toBe(0)
    expect(await spent(callers.key, '{ person(id: "not an id") { id } people(first: 201) { totalCount } }')).toBe(0)
  })
})
