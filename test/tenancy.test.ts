/** Two districts with the same ids and the same names never see each other, by id, filter, search or cursor. */
import { expect, test } from 'vitest'
import { createTestDistrict, type TestDistrict } from './support/fixtures.ts'
import { startGateway } from './support/gateway.ts'

const gateway = await startGateway()
const one = await settled('one', 'east')
const two = await settled('two', 'west')

/** People and interviews whose ids, names and tags are the same in every district; `mark` tells whose they are. */
async function settled(id: string, mark: string) {
  const district = await createTestDistrict(gateway.db, { id, name: { en: `District ${mark}` } })
  const responses = { '1a': 1, '1b': { en: `of ${mark}` }, '1d': { en: `private of ${mark}` } }
  for (let n = 0; n < 3; n++) {
    await district.person({
      id: `person${n}`,
      first: mark,
      last: `Same ${n}`,
      email: `same${n}@example.org`,
      roles: { '1c': 1 },
      tags: ['same'],
    })
    await district.interview(`person${n}`, { id: `interview${n}`, date: `2026-03-1${n}`, responses })
  }
  await district.person({ id: 'mentor', first: mark, last: 'Mentor', email: 'mentor@example.org', roles: { '1b': 1 } })
  await district.mentors('mentor', 'person0')
  const admin = await district.person({ id: 'admin', first: mark, last: 'Admin', email: 'admin@example.org', roles: { '1a': 1 } })
  // What only this district has.
  const own = await district.person({
    id: `only-${mark}`,
    first: mark,
    last: `Only${mark}`,
    email: `only@${mark}.example`,
    roles: { '1b': 2 },
    tags: [`tag-${mark}`],
  })
  const ownInterview = await district.interview(own.id, { id: `interview-${mark}`, boardId: '1b', profileId: '1b' })
  await gateway.db.tables.role.create({ data: { districtId: id, id: `r-${mark}`, name: {}, permissions: {} } })
  await district.person({ id: `holder-${mark}`, first: mark, last: 'Holder', email: `holder@${mark}.example`, roles: { [`r-${mark}`]: 1 } })
  return {
    ...district,
    mark,
    adminToken: await admin.token(),
    mentorToken: await mentorToken(district),
    own,
    ownInterview,
    all: await district.key(),
  }
}

async function mentorToken(district: TestDistrict) {
  const again = await district.person({ id: 'mentor2', first: 'x', last: 'Second', email: 'second@example.org', roles: { '1b': 1 } })
  await district.mentors('mentor2', 'person0')
  return again.token()
}

const personFields =
  'id districtId first last email tags roles { role { id name } } mentors { id districtId first } interviews { totalCount nodes { id districtId responses { value } } }'
const interviewFields =
  'id districtId personId person { id districtId first mentors { first } } responses { value text } board { id name } form { id } profile { id }'

/** Every way to name something by its id. */
const byId: Record<string, string> = {
  person: `query ($id: ID!) { person(id: $id) { ${personFields} } }`,
  interview: `query ($id: ID!) { interview(id: $id) { ${interviewFields} } }`,
  'people by role': `query ($id: ID!) { people(filter: { roleId: $id }) { totalCount edges { cursor node { id } } pageInfo { hasNextPage endCursor } } }`,
  'interviews by person': `query ($id: ID!) { interviews(filter: { personId: $id }) { totalCount edges { cursor node { id } } } }`,
  'interviews by board': `query ($id: ID!) { interviews(filter: { boardId: $id }) { totalCount nodes { id } } }`,
  'interviews by profile': `query ($id: ID!) { interviews(filter: { profileId: $id }) { totalCount nodes { id } } }`,
  'interviews of a person by board': `query ($id: ID!) { person(id: "person0") { interviews(filter: { boardId: $id }) { totalCount nodes { id } } } }`,
  'interviews of a person by another': `query ($id: ID!) { person(id: "person0") { interviews(filter: { personId: $id }) { totalCount nodes { id } } } }`,
}
/** Every way to name something by a text. */
const byText: Record<string, string> = {
  tag: 'query ($text: String!) { people(filter: { tag: $text, archived: null }) { totalCount nodes { id } } }',
  email: 'query ($text: String!) { people(filter: { email: $text, archived: null }) { totalCount nodes { id } } }',
  search: 'query ($text: String!) { people(filter: { search: $text, archived: null }) { totalCount nodes { id } } }',
}

test('rows with the same ids are each district’s own, with everything around them', async () => {
  for (const district of [one, two]) {
    const other = district === one ? two : one
    for (const token of [district.all, district.adminToken, district.mentorToken]) {
      const { json, text } = await gateway.graphql(
        `{ person(id: "person0") { ${personFields} } interview(id: "interview0") { ${interviewFields} }
           people(filter: { archived: null }) { totalCount nodes { districtId first } } interviews { nodes { districtId person { first } } } district { id name } me { district { id } } }`,
        { token },
      )
      expect(json.errors, text).toBeUndefined()
      expect(json.data.person).toMatchObject({ districtId: district.id, first: district.mark, interviews: { totalCount: 1 } })
      expect(json.data.interview).toMatchObject({ districtId: district.id, person: { first: district.mark } })
      expect(text).not.toContain(other.mark)
      expect(text).not.toContain(`"${other.id}"`)
    }
  }
})

test('an id of another district answers byte for byte like one that is nowhere', async () => {
  const foreign: Record<string, string> = { person: two.own.id, interview: two.ownInterview, 'people by role': 'r-west' }
  for (const token of [one.all, one.adminToken, one.mentorToken]) {
    for (const [name, query] of Object.entries(byId)) {
      const there = await gateway.graphql(query, { token, variables: { id: foreign[name] ?? two.own.id } })
      const nowhere = await gateway.graphql(query, { token, variables: { id: 'nosuchid' } })
      expect(there.status, name).toBe(200)
      expect(there.text, name).toBe(nowhere.text)
    }
  }
})

test('a tag, an address and a word of another district find nothing, like ones that are nowhere', async () => {
  for (const [name, text] of [
    ['tag', 'tag-west'],
    ['email', 'only@west.example'],
    ['search', 'onlywest'],
    ['search', 'west'],
  ] as const) {
    expect(
      (await gateway.graphql(byText[name]!, { token: two.all, variables: { text } })).json.data.people.totalCount,
      name,
    ).toBeGreaterThan(0)
    const there = await gateway.graphql(byText[name]!, { token: one.all, variables: { text } })
    const nowhere = await gateway.graphql(byText[name]!, { token: one.all, variables: { text: 'nosuchthing' } })
    expect(there.text, name).toBe(nowhere.text)
  }
})

test('no tag, word or role reaches into the index of another district or another kind', async () => {
  for (const text of ['two/t/same', '/t/same', 'two/w/west', "' | 'two/w/west", 'w/west', "x':* | 'two/t/same'"]) {
    for (const [name, query] of Object.entries(byText)) {
      const { json } = await gateway.graphql(query, { token: one.all, variables: { text } })
      expect(JSON.stringify(json), `${name} ${text}`).not.toContain('west')
    }
    const { json } = await gateway.graphql(byId['people by role']!, { token: one.all, variables: { id: text } })
    expect(json.data.people.totalCount, text).toBe(0)
  }
})

const malformed = [
  '',
  ' ',
  'x'.repeat(500),
  'x'.repeat(65),
  'a\u0000b',
  '\u0000',
  '😀',
  '\ud800',
  'ñ',
  "'",
  '"',
  '\\',
  "' or '1'='1",
  "'; drop table people; --",
  '%',
  '{}',
  '[]',
  'person0 ',
  ' person0',
  'person0\n',
  'null',
  '../person0',
  '١',
]

test('a malformed id answers byte for byte like a missing one', async () => {
  for (const token of [one.all, one.mentorToken]) {
    for (const [name, query] of Object.entries(byId)) {
      const nowhere = await gateway.graphql(query, { token, variables: { id: 'nosuchid' } })
      for (const id of malformed) {
        const answer = await gateway.graphql(query, { token, variables: { id } })
        expect(answer.text, `${name} ${JSON.stringify(id).slice(0, 40)}`).toBe(nowhere.text)
        expect(answer.status).toBe(200)
      }
    }
  }
})

test('a number as an id is the text of it, and anything else is refused with its name', async () => {
  expect((await gateway.graphql(byId['person']!, { token: one.all, variables: { id: 12 } })).json).toEqual({ data: { person: null } })
  for (const id of [{ startsWith: '' }, ['person0'], true, 1.5, null]) {
    const { status, json } = await gateway.graphql(byId['person']!, { token: one.all, variables: { id } })
    expect(status).toBe(400)
    expect(json.errors[0].extensions).toEqual({ code: 'BAD_USER_INPUT', field: 'id' })
  }
})

test('odd texts find nothing or are refused with the name of the member, and never break anything', async () => {
  const odd = [
    ...malformed,
    'x'.repeat(200),
    '㌀'.repeat(200),
    'ﷺ'.repeat(200),
    'a b '.repeat(50),
    ':*',
    '&',
    '|',
    '!',
    '<->',
    "a:* & 'b",
    'x@y',
    '\\',
    "\\'",
    'a\\',
    "''",
    '\u202e',
    '\ufeff',
    'é'.normalize('NFD'),
  ]
  for (const [name, query] of Object.entries(byText)) {
    for (const text of odd) {
      const { status, json } = await gateway.graphql(query, { token: one.all, variables: { text } })
      const errors = (json.errors ?? []).map(({ extensions }: { extensions: object }) => extensions)
      expect(status).toBe(200)
      if (errors.length > 0)
        expect(errors, `${name} ${JSON.stringify(text).slice(0, 40)}`).toEqual([{ code: 'BAD_USER_INPUT', field: `filter.${name}` }])
    }
  }
})

test('a cursor of another district is refused, though the list is the same', async () => {
  for (const list of ['people', 'interviews']) {
    const { json } = await gateway.graphql(`{ ${list}(first: 1) { pageInfo { endCursor } } }`, { token: two.all })
    const cursor = json.data[list].pageInfo.endCursor
    for (const argument of ['after', 'before']) {
      const { json: refused } = await gateway.graphql(`query ($cursor: String!) { ${list}(${argument}: $cursor) { nodes { id } } }`, {
        token: one.all,
        variables: { cursor },
      })
      expect(refused.data).toEqual({ [list]: null })
      expect(refused.errors[0].extensions).toEqual({ code: 'BAD_USER_INPUT', field: argument })
    }
  }
})

test('a session of one district is nobody’s in another, and deleting a district takes its people alone', async () => {
  const three = await settled('three', 'north')
  await gateway.db.tables.interview.deleteMany({ where: { districtId: 'three' } }) // a board in use cannot go
  await gateway.db.tables.district.delete({ where: { id: 'three' } })
  expect((await gateway.graphql('{ me { districtId } }', { token: three.adminToken })).status).toBe(401)
  expect((await gateway.graphql('{ me { districtId } }', { token: three.all })).status).toBe(401)
  expect(
    (await gateway.graphql('{ people(filter: { archived: null }) { totalCount } }', { token: two.all })).json.data.people.totalCount,
  ).toBe(8)
})
