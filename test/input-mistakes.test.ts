/** What is wrong with what was sent: each mistake has its place and its field, few are told, and none repeats more than the beginning. */
import { describe, expect, test } from 'vitest'
import { createTestDistrict } from './support/fixtures.ts'
import { startGateway } from './support/gateway.ts'
import { type Json, json, raw } from './support/http.ts'

const gateway = await startGateway({ config: { introspection: 'off' } })
const telling = await startGateway({ config: { introspection: 'on' }, db: gateway.db })
const district = await createTestDistrict(gateway.db)
const token = await district.key()
const Authorization = `Bearer ${token}`
const doors = ['/graphql', '/graphql?']

/** The errors of a request, the same by both doors. */
async function errorsOf(body: Json, from = gateway): Promise<Json[]> {
  const [straight, yoga] = await Promise.all(doors.map((door) => raw(from.url + door, json(body, { Authorization }))))
  expect(straight!.text).toBe(yoga!.text)
  expect(straight!.status, straight!.text).toBe(400)
  return straight!.json.errors
}
const brief = ({ message, extensions }: Json) => [extensions.field, message]

const create = 'mutation ($input: CreatePersonInput!) { createPerson(input: $input) { id } }'
const whole = { first: 'a', last: 'b', email: 'c@example.org' }

describe('a variable', () => {
  const inInput = (value: unknown, at: string, sentence: string) =>
    `Variable "$input" got invalid value ${String(value)} at "input.${at}"; ${sentence}`
  test.each([
    ['that is missing', undefined, 'input', 'Variable "$input" of required type "CreatePersonInput!" was not provided.'],
    ['that is null', null, 'input', 'Variable "$input" of non-null type "CreatePersonInput!" must not be null.'],
    ['of another shape', 1, 'input', 'Variable "$input" got invalid value 1; Expected type "CreatePersonInput" to be an object.'],
    [
      'without a required member',
      { first: 'a', last: 'b' },
      'input.email',
      'Variable "$input" got invalid value { first: "a", last: "b" }; Field "email" of required type "String!" was not provided.',
    ],
    [
      'with a member that is null',
      { ...whole, first: null },
      'input.first',
      inInput('null', 'first', 'Expected non-nullable type "String!" not to be null.'),
    ],
    [
      'with a member of another type',
      { ...whole, first: 1 },
      'input.first',
      inInput(1, 'first', 'String cannot represent a non string value: 1'),
    ],
    [
      'with an item of another type',
      { ...whole, tags: ['a', 2] },
      'input.tags.1',
      inInput(2, 'tags[1]', 'String cannot represent a non string value: 2'),
    ],
    [
      'with an unknown member inside an item',
      { ...whole, roles: [{ roleId: '1a', rank: 'PRIMARY', since: 1 }] },
      'input.roles.0.since',
      inInput('{ roleId: "1a", rank: "PRIMARY", since: 1 }', 'roles[0]', 'Field "since" is not defined by type "RoleAssignmentInput".'),
    ],
    [
      'with a value that its enum does not have',
      { ...whole, roles: { roleId: '1a', rank: 'FIRST' } },
      'input.roles.rank',
      inInput('"FIRST"', 'roles.rank', 'Value "FIRST" does not exist in "RoleRank" enum.'),
    ],
    [
      'of a scalar of ours',
      { ...whole, language: '?' },
      'input.language',
      inInput('"?"', 'language', 'LanguageTag is a BCP 47 tag, such as en or pt-BR.'),
    ],
  ])('%s is named', async (_what, input, field, message) => {
    const errors = await errorsOf({ query: create, variables: input === undefined ? {} : { input } })
    expect(errors.map(brief)).toEqual([[field, message]])
    expect(errors[0].locations).toEqual([{ line: 1, column: 11 }])
  })

  test('with several mistakes is told all, in their order', async () => {
    const errors = await errorsOf({ query: create, variables: { input: { nope: 1, last: 2, first: 'a', more: null } } })
    expect(errors.map(({ extensions }) => extensions.field)).toEqual(['input.email', 'input.last', 'input.nope', 'input.more'])
  })

  test('with many mistakes is told five, and that there are more', async () => {
    const errors = await errorsOf({
      query: create,
      variables: { input: Object.fromEntries(Array.from({ length: 50 }, (_, n) => [`m${n}`, n])) },
    })
    expect(errors).toHaveLength(6)
    expect(errors.at(-1).message).toBe('There are more mistakes in the variables; they were left out.')
  })
})

describe('a literal', () => {
  const createWith = (input: string) => `mutation { createPerson(input: ${input}) { id } }`
  test.each([
    ['of another type', '{ people(first: "x") { totalCount } }', 'first', 'Int cannot represent non-integer value: "x"'],
    ['that is null', '{ person(id: null) { id } }', 'id', 'Expected value of type "ID!", found null.'],
    ['in place of an object', '{ people(filter: 1) { totalCount } }', 'filter', 'Expected value of type "PersonFilter", found 1.'],
    ['inside an object', '{ people(filter: { tag: 1 }) { totalCount } }', 'filter.tag', 'String cannot represent a non string value: 1'],
    [
      'inside a list',
      createWith('{ first: "a", last: "b", email: "c", tags: ["x", 1] }'),
      'input.tags.1',
      'String cannot represent a non string value: 1',
    ],
    [
      'without a required member',
      createWith('{ first: "a", last: "b" }'),
      'input.email',
      'Field "CreatePersonInput.email" of required type "String!" was not provided.',
    ],
    [
      'with an unknown member',
      '{ people(filter: { nope: 1 }) { totalCount } }',
      'filter.nope',
      'Field "nope" is not defined by type "PersonFilter".',
    ],
    [
      'that is no value of its enum',
      '{ people(orderBy: NOPE) { totalCount } }',
      'orderBy',
      'Value "NOPE" does not exist in "PersonOrder" enum.',
    ],
    [
      'that is no value of an enum at all',
      '{ people(orderBy: "NAME_ASC") { totalCount } }',
      'orderBy',
      'Enum "PersonOrder" cannot represent non-enum value: "NAME_ASC".',
    ],
    [
      'of a Date',
      '{ interviews(filter: { dateFrom: "today" }) { totalCount } }',
      'filter.dateFrom',
      'Date is a day of the calendar, written as YYYY-MM-DD.',
    ],
    [
      'of a Date that is a number',
      '{ interviews(filter: { dateFrom: 1 }) { totalCount } }',
      'filter.dateFrom',
      'Date is written as a string.',
    ],
    [
      'of a DateTime',
      '{ people(filter: { updatedSince: "2026" }) { totalCount } }',
      'filter.updatedSince',
      'DateTime is a moment with its time zone, such as 2026-03-14T15:09:26Z.',
    ],
    ['of a LanguageTag', '{ district { name(language: "?") } }', 'language', 'LanguageTag is a BCP 47 tag, such as en or pt-BR.'],
    [
      'that is a default',
      'query ($f: PersonFilter = { tag: 1 }) { people(filter: $f) { totalCount } }',
      'f.tag',
      'String cannot represent a non string value: 1',
    ],
  ])('%s is named, with its place', async (_what, query, field, message) => {
    const errors = await errorsOf({ query })
    expect(errors.map(brief)).toEqual([[field, message]])
    expect(errors[0].locations).toEqual([{ line: 1, column: expect.any(Number) }])
  })
})

describe('what is repeated of a request', () => {
  const long = (start: string) => start + 'x'.repeat(5_000)
  test.each([
    ['a variable', { query: '($n: Int!) { people(first: $n) { totalCount } }', variables: { n: long('') } }],
    ['a member’s name', { query: '($f: PersonFilter) { people(filter: $f) { totalCount } }', variables: { f: { [long('')]: 1 } } }],
    ['a member’s name inside a value', { query: '($n: Int!) { people(first: $n) { totalCount } }', variables: { n: { [long('')]: 1 } } }],
    ['a literal', { query: `{ people(first: "${long('')}") { totalCount } }` }],
    ['a literal of many parts', { query: `{ people(first: [${'"x" '.repeat(500)}]) { totalCount } }` }],
    [
      'an object in place of a number',
      { query: `{ people(first: {${Array.from({ length: 300 }, (_, n) => `m${n}: 1`).join()}}) { totalCount } }` },
    ],
    ['a token', { query: `{ "${long('')}" }` }],
    ['an operation’s name', { query: '{ __typename }', operationName: long('') }],
    ['an enum’s value', { query: '($o: PersonOrder!) { people(orderBy: $o) { totalCount } }', variables: { o: long('') } }],
  ])('is its beginning: %s', async (_what, { query, ...rest }) => {
    const errors = await errorsOf({ query: query.startsWith('(') ? `query ${query}` : query, ...rest })
    for (const { message, extensions } of errors) {
      expect(message.length).toBeLessThan(350)
      expect(message).toContain('…')
      for (const run of message.match(/x+/g) ?? []) expect(run.length).toBeLessThanOrEqual(100)
      expect(JSON.stringify(extensions).length).toBeLessThan(250)
    }
  })

  test.each([98, 99, 100, 101])('is never half of a surrogate pair: at %i', async (before) => {
    const text = 'x'.repeat(before) + '😀'.repeat(50)
    const said = [
      ...(await errorsOf({ query: 'query ($n: Int!) { people(first: $n) { totalCount } }', variables: { n: text } })),
      ...(await errorsOf({ query: `{ people(first: "${text}") { totalCount } }` })),
      ...(await errorsOf({ query: '{ __typename }', operationName: text })),
      ...(await errorsOf({ query: 'query ($f: PersonFilter) { people(filter: $f) { totalCount } }', variables: { f: { [text]: 1 } } })),
      ...(await errorsOf({ query: `{ "${text}" }` })),
    ].map((error) => JSON.stringify(error))
    expect(said).toHaveLength(5)
    for (const each of said) expect(each).not.toMatch(/\\ud[89a-f]/)
  })

  test('by REST is its beginning, too', async () => {
    const role = `${'r'.repeat(63)}😀${'r'.repeat(500)}`
    const body = { first: 'a', last: 'b', email: 'e@example.org' }
    for (const answer of [
      await gateway.rest('POST', '/api/people', { token, body: { ...body, roles: { [role]: 3 } } }),
      await gateway.rest('POST', '/api/people', { token, body: { ...body, roles: { [role]: 1 } } }),
      await gateway.rest('POST', '/api/keys', { token: await (await district.admin()).token(), body: { name: 'x', scopes: [role] } }),
    ]) {
      expect([answer.status, answer.json.error.length < 250], answer.text).toEqual([400, true])
      expect(answer.text).not.toMatch(/\\ud[89a-f]/)
    }
  })
})

describe('"did you mean"', () => {
  test.each([
    ['a field', { query: '{ peoples { totalCount } }' }, 'Did you mean "people"?'],
    ['an argument', { query: '{ people(frist: 1) { totalCount } }' }, 'Did you mean "first" or "last"?'],
    ['a member', { query: create, variables: { input: { ...whole, frist: 'x' } } }, 'Did you mean "first"'],
    ['a value', { query: '{ people(orderBy: NAME_ASK) { totalCount } }' }, 'Did you mean the enum value "NAME_ASC"'],
  ])('helps with %s where introspection is allowed, and nowhere else', async (_what, body, helps) => {
    expect((await errorsOf(body, telling))[0].message).toContain(helps)
    expect((await errorsOf(body))[0].message).not.toContain('Did you mean')
  })
})

test('a mutation all of which is refused to its caller answers the same whatever its variables', async () => {
  const reader = await district.key('read:people')
  for (const headers of [{}, { Authorization: `Bearer ${reader}` }])
    for (const door of doors) {
      const answers = await Promise.all(
        [{ input: whole }, { input: { first: 1 } }, { input: null }, {}].map((variables) =>
          raw(gateway.url + door, json({ query: create, variables }, headers)),
        ),
      )
      expect(answers[0]).toMatchObject({ status: 200, json: { data: { createPerson: null } } })
      for (const { status, text } of answers) expect([status, text]).toEqual([200, answers[0]!.text])
    }
  const named = (query: string) =>
    `mutation ($input: CreatePersonInput!, $on: Boolean = true, $off: Boolean! = false, $n: Int) ${query} query Other($on: Boolean!) { me @skip(if: $on) { districtId } }`
  for (const query of [
    '{ createPerson(input: $input) @skip(if: $off) @include(if: $on) { id person { interviews(first: $n) { nodes { id } } } } }',
    '{ ... on Mutation @include(if: $on) { a: createPerson(input: $input) { id @skip(if: $off) } } ...F } fragment F on Mutation { logout { ok } b: createPerson(input: $input) { id person { interviews(first: $n) { totalCount } } } }',
  ]) {
    const answers = await Promise.all(
      [{ input: whole, n: 1 }, { input: whole }, { input: 1, n: 'x' }, { on: 'x', off: null }, { n: 1_000_000 }].map((variables) =>
        raw(`${gateway.url}/graphql`, json({ query: named(query).replace('mutation', 'mutation M'), operationName: 'M', variables })),
      ),
    )
    for (const { status, text } of answers) expect([status, text]).toEqual([200, answers[0]!.text])
    expect(answers[0]!.json.errors.length).toBeGreaterThan(0)
  }
  // One that may be done needs variables that are right.
  const partly = `mutation ($input: CreatePersonInput!) { createPerson(input: $input) { id } __typename }`
  expect((await raw(`${gateway.url}/graphql`, json({ query: partly, variables: {} }))).status).toBe(400)
})
