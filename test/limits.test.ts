/** What one document may ask for: too much is a clean 400, in no time. */
import { getIntrospectionQuery } from 'graphql'
import sql from 'sql-template-tag'
import { describe, expect, test } from 'vitest'
import { createTestDistrict } from './support/fixtures.ts'
import { startGateway } from './support/gateway.ts'
import { json, raw } from './support/http.ts'

const gateway = await startGateway()
const { db } = gateway
const district = await createTestDistrict(db)
const token = await district.key()

const refused = async (query: string, variables?: Record<string, unknown>) => {
  const answer = await gateway.graphql(query, { token, ...(variables ? { variables } : {}) })
  expect(answer.status).toBe(400)
  expect(answer.json.data).toBeUndefined()
  expect(answer.json.errors[0].extensions.code).toBe('BAD_USER_INPUT')
  return answer.json.errors[0].message as string
}

test('ten thousand aliases are refused, and ten thousand of anything', async () => {
  expect(await refused(`{ ${Array.from({ length: 10_000 }, (_, i) => `a${i}: __typename`).join(' ')} }`)).toContain('characters')
  expect(await refused(`{ ${'me '.repeat(10_000)} }`)).toContain('token')
})

test('a list twenty thousand levels deep is refused', async () => {
  expect(await refused(`{ people(first: ${'['.repeat(20_000)}${']'.repeat(20_000)}) { totalCount } }`)).toContain('brackets')
})

test('a fragment bomb is refused for the fields it stands for, however short it is', async () => {
  const bomb = Array.from({ length: 30 }, (_, i) => `fragment f${i} on Query { ...f${i + 1} ...f${i + 1} }`).join(' ')
  expect(await refused(`{ ...f0 } ${bomb} fragment f30 on Query { __typename }`)).toContain('fields')
})

test('fragments that spread themselves are refused', async () => {
  await refused('{ ...a } fragment a on Query { ...b } fragment b on Query { ...a }')
})

test('fields more than 12 levels deep are refused', async () => {
  const deep = (levels: number): string => (levels === 0 ? 'id' : `id mentors { ${deep(levels - 1)} }`)
  expect(await refused(`{ people { nodes { ${deep(11)} } } }`)).toContain('12 levels')
})

const pages = (variables: string) =>
  `query (${variables}) { people(first: $n) { nodes { interviews(first: $n) { nodes { person { interviews(first: $n) { nodes { id } } } } } } } }`

test('pages within pages are counted by what they can hold, whether a number, a variable or its default says so', async () => {
  expect(await refused(pages('$n: Int!'), { n: 100 })).toMatch(/asks for up to \d+ values/)
  expect(await refused(pages('$n: Int = 100'))).toMatch(/asks for up to \d+ values/)
  expect(await refused(pages('').replace('query ()', '').replaceAll('$n', '100'))).toMatch(/asks for up to \d+ values/)
  expect((await gateway.graphql(pages('$n: Int!'), { token, variables: { n: 10 } })).status).toBe(200)
  expect((await gateway.graphql(pages('$n: Int = 10'), { token })).status).toBe(200)
})

test('a variable that is named like a member of every object counts as what it is', async () => {
  for (const name of ['constructor', 'toString', 'valueOf', 'hasOwnProperty', '__proto__']) {
    const named = pages('$n: Int = 100').replaceAll('$n', `$${name}`)
    expect(await refused(named, {}), name).toMatch(/asks for up to \d+ values/)
    expect(await refused(named), name).toMatch(/asks for up to \d+ values/)
    expect((await gateway.graphql(named, { token, variables: { [name]: 10 } })).status, name).toBe(name === '__proto__' ? 400 : 200)
  }
})

test('every field counts as often as it can come, in lists without pages too', async () => {
  const aliases = Array.from({ length: 50 }, (_, i) => `a${i}: id`).join(' ')
  expect(await refused(`{ people(first: 200) { nodes { interviews(first: 200) { nodes { ${aliases} } } } } }`)).toContain('values')
  expect(await refused('{ people(first: 200) { nodes { mentors { mentors { interviews(first: 200) { nodes { id } } } } } } }')).toContain(
    'values',
  )
  const legitimate = '{ people(first: 200) { nodes { id first last interviews(first: 100) { nodes { id date published personId } } } } }'
  expect((await gateway.graphql(legitimate, { token })).status).toBe(200)
})

test('introspection that fans out is refused, however short', async () => {
  const fan = (inside: string, field: string) => Array.from({ length: 12 }, (_, i) => `${field}${i}: ${field} { ${inside} }`).join(' ')
  const message = await refused(
    `{ __schema { types { ...C } } } fragment A on __Type { ${Array.from({ length: 12 }, (_, i) => `n${i}: name`).join(' ')} }
     fragment B on __Field { ${fan('...A', 'type')} } fragment C on __Type { ${fan('...B', 'fields')} }`,
  )
  expect(message).toMatch(/fields|values/)
})

describe('each limit of a document is met by its own sentence, and not before', () => {
  const many = (count: number, item: (n: number) => string) => Array.from({ length: count }, (_, n) => item(n)).join(' ')
  const nameOf = (length: number) => 'n'.repeat(length)
  test.each<[what: string, at: string, beyond: string, sentence: string]>([
    [
      'aliases of one field',
      `{ ${many(50, (n) => `a${n}: __typename`)} }`,
      `{ ${many(51, (n) => `a${n}: __typename`)} }`,
      '51 aliases of __typename in one selection; the limit is 50 aliases of one field.',
    ],
    [
      'aliases in fragments',
      `{ ${many(25, (n) => `a${n}: __typename`)} ...f } fragment f on Query { ${many(25, (n) => `b${n}: __typename`)} }`,
      `{ ${many(25, (n) => `a${n}: __typename`)} ...f } fragment f on Query { ...g } fragment g on Query { ... { ${many(26, (n) => `b${n}: __typename`)} } }`,
      '51 aliases of __typename in one selection; the limit is 50 aliases of one field.',
    ],
    [
      'one field again and again',
      `{ ${'__typename '.repeat(200)} }`,
      `{ ${'__typename '.repeat(999)} }`,
      '__typename 999 times in one selection; the limit is 200 times.',
    ],
    [
      'fields of one selection set',
      `{ district { ${many(50, (n) => `a${n}: id b${n}: accent c${n}: languages d${n}: billingPlan`)} } }`,
      `{ district { ${many(50, (n) => `a${n}: id b${n}: accent c${n}: languages d${n}: billingPlan`)} createdAt } }`,
      '201 fields in one selection; the limit is 200 fields in one selection.',
    ],
    [
      'directives',
      `{ ${many(50, (n) => `a${n}: __typename @include(if: true)`)} }`,
      `{ ${many(50, (n) => `a${n}: __typename @include(if: true)`)} b: __typename @skip(if: false) }`,
      'more than 50 directives; the limit is 50 directives.',
    ],
    [
      'the length of a name',
      `query ${nameOf(100)} { ${nameOf(100)}: __typename }`,
      `query ${nameOf(101)} { __typename }`,
      'a name of 101 characters; the limit is 100 characters a name.',
    ],
    [
      'brackets',
      `{ ${'... { '.repeat(49)} __typename ${'}'.repeat(49)} }`,
      `{ ${'... { '.repeat(50)} __typename ${'}'.repeat(50)} }`,
      'brackets nested more than 50 deep; the limit is 50 levels of brackets.',
    ],
  ])('%s', async (_what, at, beyond, sentence) => {
    const answer = await gateway.graphql(at, { token })
    expect([answer.status, answer.json.errors]).toEqual([200, undefined])
    expect(await refused(beyond)).toBe(`This document asks for ${sentence}`)
  })

  test('fields that would conflict beyond counting are refused by a sentence of ours', async () => {
    const pairs = `{ ${many(150, () => `me { ${'districtId '.repeat(5)} }`)} }`
    expect(await refused(pairs)).toMatch(/^This document (selects too many fields under the same names|asks for)/)
  })

  test('a component for each part of a page asks for the same fields as all others', async () => {
    const fragments = many(60, (n) => `fragment Part${n} on Person { id first last roles { rank role { id name } } }`)
    const { status, json: body } = await gateway.graphql(
      `{ people(first: 2) { nodes { ${many(60, (n) => `...Part${n}`)} } } } ${fragments}`,
      {
        token,
      },
    )
    expect([status, body.errors]).toEqual([200, undefined])
  })
})

test('an answer of texts that nobody can count before is refused when it is too long, and not written', async () => {
  const { id: personId } = await district.person()
  const text = 'x'.repeat(20_000)
  const id = await district.interview(personId, { responses: { '1b': { en: text, es: text } } })
  const asked = (aliases: number, responses: number) =>
    `{ ${Array.from({ length: aliases }, (_, n) => `i${n}: interview(id: "${id}") { responses { ...F } }`).join(' ')} } fragment F on InterviewResponse { ${Array.from({ length: responses }, (__, m) => `v${m}: value`).join(' ')} }`
  expect(await refused(asked(45, 20))).toMatch(/^This answer would have more than 32000000 characters/)
  expect((await gateway.graphql(asked(5, 10), { token })).json.data.i0.responses).toHaveLength(1)

  const tags = Array.from({ length: 50 }, (_, n) => `${n} ${'t'.repeat(90)}`)
  for (let n = 0; n < 100; n++) await district.person({ tags })
  const lists = (aliases: number) =>
    `{ people(first: 200) { nodes { ${Array.from({ length: aliases }, (_, n) => `t${n}: tags`).join(' ')} } } }`
  expect(
    await refused(
      `{ a: people(first: 200) { nodes { ...F } } b: people(first: 200) { nodes { ...F } } } fragment F on Person { ${Array.from({ length: 50 }, (_, n) => `t${n}: tags`).join(' ')} }`,
    ),
  ).toMatch(/^This answer would have more/)
  expect((await gateway.graphql(lists(2), { token })).status).toBe(200)
})

test('a document padded with comments is refused before it is parsed', async () => {
  expect(await refused(`#${'x'.repeat(60_000)}\n{ __typename }`)).toContain('characters')
})

test('the introspection of tools is no deep document', async () => {
  const answer = await gateway.graphql(getIntrospectionQuery({ descriptions: true, inputValueDeprecation: true, oneOf: true }), { token })
  expect(answer.json.data.__schema.queryType.name).toBe('Query')
})

describe('one secret of a sign-in a document', () => {
  const asks = 'requestLogin(email: "nobody@example.org") { ok }'
  const gives = 'verifyCode(code: "000000", email: "nobody@example.org") { token }'
  const uses = `verifyMagicLink(token: "${'A'.repeat(43)}") { token }`
  const having = (directive: string, field: string) => field.replace(' {', ` ${directive} {`)
  const asked = () => db.query(sql`select id from login_requests union all select key from request_buckets`)
  const given = () => db.query(sql`select id from code_guesses union all select id from audit_events where action = 'SIGN_IN_FAILED'`)

  test.each([
    ['aliases', `mutation { a: ${gives} b: ${gives} }`],
    ['a hundred and thirty aliases', `mutation { ${Array.from({ length: 130 }, (_, n) => `a${n}: ${gives}`).join(' ')} }`],
    ['the same field twice', `mutation { ${asks} ${asks} }`],
    ['two of them', `mutation { ${asks} ${gives} }`],
    ['a code and a link', `mutation { ${gives} ${uses} }`],
    ['two links', `mutation { a: ${uses} b: ${uses} }`],
    ['others between them', `mutation { ${asks} logout { ok } ${gives} }`],
    ['inline fragments', `mutation { ... on Mutation { a: ${gives} } ... { ... { b: ${gives} } } }`],
    ['a fragment', `mutation { ...f } fragment f on Mutation { a: ${gives} b: ${gives} }`],
    ['a fragment spread twice', `mutation { ...f ...f } fragment f on Mutation { ${gives} }`],
    ['a fragment and the field beside it', `mutation { ...f b: ${gives} } fragment f on Mutation { a: ${gives} }`],
    [
      'fragments within fragments',
      `mutation { ...f } fragment f on Mutation { ...g ...h } fragment g on Mutation { a: ${gives} } fragment h on Mutation { ... { b: ${asks} } }`,
    ],
    ['one that is skipped', `mutation { a: ${gives} b: ${having('@skip(if: true)', gives)} }`],
    ['two that are skipped', `mutation { a: ${having('@skip(if: true)', gives)} ${having('@include(if: false)', asks)} }`],
  ])('%s: is refused before anything runs', async (_what, document) => {
    expect(await refused(document)).toContain('send them one by one')
    expect([await asked(), await given()]).toEqual([[], []])
  })

  test('two operations, one of which is asked for: is refused before anything runs', async () => {
    const query = `mutation One { ${gives} } mutation Two { ${asks} }`
    for (const operationName of ['One', 'Two']) {
      const { status, json: body } = await raw(`${gateway.url}/graphql`, json({ query, operationName }))
      expect([status, body.errors[0].message]).toEqual([400, expect.stringContaining('send them one by one')])
    }
    expect([await asked(), await given()]).toEqual([[], []])
  })

  test('one is fine, in a fragment and beside others too', async () => {
    const answer = await gateway.graphql(`mutation { logout { ok } ...f } fragment f on Mutation { ... { a: ${gives} } }`)
    expect(answer.json.errors.map(({ path }: { path: string[] }) => path)).toEqual([['logout'], ['a']])
    expect(await given()).toHaveLength(2)
    expect((await gateway.graphql(`mutation { __typename ${asks} }`)).json.data).toEqual({
      __typename: 'Mutation',
      requestLogin: { ok: true },
    })
    expect((await asked()).length).toBeGreaterThan(0)
  })
})
