/** Two districts with the same ids and the same names never see each other, by id, filter, search or cursor. */
import sql from 'sql-template-tag'
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
  await gateway.db.tables.board.create({ data: { districtId: id, id: `b-${mark}`, name: {} } })
  await gateway.db.tables.form.create({ data: { districtId: id, id: `f-${mark}`, name: {} } })
  await gateway.db.tables.profile.create({ data: { districtId: id, id: `q-${mark}`, name: {} } })
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
/** Every way to name something of another district in a write, and an id that only the other district has. */
const inWrites: Record<string, [query: string, foreign: string]> = {
  'a person to change': ['mutation ($id: ID!) { updatePerson(id: $id, input: { first: "Taken" }) { id person { id } } }', two.own.id],
  'a role to hold': [
    'mutation ($id: ID!) { updatePerson(id: "person0", input: { roles: [{ roleId: $id, rank: PRIMARY }] }) { id } }',
    'r-west',
  ],
  'a role to begin with': [
    'mutation ($id: ID!) { createPerson(input: { first: "A", last: "B", email: "a@b.example", roles: [{ roleId: $id, rank: PRIMARY }] }) { id } }',
    'r-west',
  ],
  'a candidate': [
    'mutation ($id: ID!) { createInterview(input: { personId: $id, date: "2026-01-01", boardId: "1a", formId: "1a", profileId: "1a" }) { id } }',
    two.own.id,
  ],
  'a board': [
    'mutation ($id: ID!) { createInterview(input: { personId: "person0", date: "2026-01-01", boardId: $id, formId: "1a", profileId: "1a" }) { id } }',
    'b-west',
  ],
  'a form': [
    'mutation ($id: ID!) { createInterview(input: { personId: "person0", date: "2026-01-01", boardId: "1a", formId: $id, profileId: "1a" }) { id } }',
    'f-west',
  ],
  'a kind of interview': ['mutation ($id: ID!) { updateInterview(id: "interview0", input: { profileId: $id }) { id } }', 'q-west'],
  'an interview to change': ['mutation ($id: ID!) { updateInterview(id: $id, input: { published: false }) { id } }', two.ownInterview],
  'whose interview it must be': [
    'mutation ($id: ID!) { updateInterview(id: "interview0", personId: $id, input: { published: false }) { id } }',
    two.own.id,
  ],
}

/** Every REST route that is told an id of a record, of which `:id` is the one. */
const inRoutes: [method: string, path: string, foreign: string, body?: object][] = [
  ['GET', '/api/people/:id', two.own.id],
  ['GET', '/api/people/:id?include=files,interviews,photo_url', two.own.id],
  ['PATCH', '/api/people/:id', two.own.id, { first: 'Taken' }],
  ['GET', '/api/interviews/:id', two.own.id],
  ['GET', '/api/interviews/:id/interview0', two.own.id],
  ['GET', `/api/interviews/${two.own.id}/:id`, two.ownInterview],
  ['GET', '/api/interviews/person0/:id', two.ownInterview],
  ['POST', '/api/interviews/:id', two.own.id, { date: '2026-01-01', board_id: '1a', form_id: '1a', profile_id: '1a' }],
  ['PATCH', '/api/interviews/:id/interview0', two.own.id, { published: 0 }],
  ['PATCH', `/api/interviews/${two.own.id}/:id`, two.ownInterview, { published: 0 }],
]

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

/** All that a district consists of. */
const everythingOf = async (id: string) =>
  (
    await gateway.db.query<{ rows: string }>(
      sql`select concat((select jsonb_agg(p order by p.id) from people p where p.district_id = ${id}),
            (select jsonb_agg(i order by i.id) from interviews i where i.district_id = ${id})) as rows`,
    )
  )[0]!.rows

test('an id of another district in a write answers byte for byte like one that is nowhere, and changes nothing anywhere', async () => {
  const before = [await everythingOf('one'), await everythingOf('two')]
  for (const token of [one.all, one.adminToken]) {
    for (const [name, [query, foreign]] of Object.entries(inWrites)) {
      const there = await gateway.graphql(query, { token, variables: { id: foreign } })
      const nowhere = await gateway.graphql(query, { token, variables: { id: 'nosuchid' } })
      expect(there.json.errors, name).toHaveLength(1)
      // The path to blame repeats the id of a role as it came.
      expect(there.text.replaceAll(foreign, '…'), name).toBe(nowhere.text.replaceAll('nosuchid', '…'))
    }
  }
  expect([await everythingOf('one'), await everythingOf('two')]).toEqual(before)
})

test('an id of another district in a route answers byte for byte like one that is nowhere, and changes nothing anywhere', async () => {
  const before = [await everythingOf('one'), await everythingOf('two')]
  for (const token of [one.all, one.adminToken]) {
    for (const [method, path, foreign, body] of inRoutes) {
      const ask = (id: string) => gateway.rest(method, path.replace(':id', id), { token, body })
      const [there, nowhere, malformedId] = [await ask(foreign), await ask('nosuchid'), await ask('no such id!')]
      expect([there.status, there.text], `${method} ${path}`).toEqual([nowhere.status, nowhere.text])
      expect([malformedId.status, malformedId.text], `${method} ${path}`).toEqual([nowhere.status, nowhere.text])
    }
  }
  expect([await everythingOf('one'), await everythingOf('two')]).toEqual(before)
})

test('rows with the same ids are changed in the district of the credential alone', async () => {
  const before = await everythingOf('two')
  for (const [query, variables] of [
    ['mutation { updatePerson(id: "person1", input: { first: "Changed", tags: ["changed"] }) { person { first } } }', {}],
    ['mutation { updateInterview(id: "interview1", input: { published: false }) { interview { published } } }', {}],
    ['mutation { updatePerson(id: "person2", input: { email: "only@west.example" }) { id } }', {}], // free here
    ['mutation { updatePerson(id: "person2", input: { email: "same2@example.org" }) { id } }', {}],
  ] as const) {
    const { json, text } = await gateway.graphql(query, { token: one.all, variables })
    expect(json.errors, text).toBeUndefined()
  }
  for (const path of ['/api/people/person1', '/api/interviews/person1/interview1'])
    expect((await gateway.rest('PATCH', path, { token: one.all, body: { tags: ['again'], published: 1 } })).status).toBe(200)
  expect(await everythingOf('two')).toBe(before)
})

test('lists by REST hold the rows of one district, though every id is in the other too', async () => {
  for (const path of ['/api/people?archived=true', '/api/interviews', '/api/interviews/person0']) {
    for (const district of [one, two]) {
      const { json, text } = await gateway.rest('GET', path, { token: district.all })
      expect(json.length).toBeGreaterThan(0)
      expect(new Set(json.map((row: { district_id: string }) => row.district_id))).toEqual(new Set([district.id]))
      expect(text).not.toContain(district === one ? 'west' : 'east')
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
