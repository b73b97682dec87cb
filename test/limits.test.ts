/** What one document may ask for: too much is a clean 400, in no time. */
import { getIntrospectionQuery } from 'graphql'
import { expect, test } from 'vitest'
import { createTestDistrict } from './support/fixtures.ts'
import { startGateway } from './support/gateway.ts'

const gateway = await startGateway()
const district = await createTestDistrict(gateway.db)
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
  expect(await refused(`{ people(first: ${'['.repeat(20_000)}${']'.repeat(20_000)}) { totalCount } }`)).toContain('token')
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

test('a document padded with comments is refused before it is parsed', async () => {
  expect(await refused(`#${'x'.repeat(60_000)}\n{ __typename }`)).toContain('characters')
})

test('the introspection of tools is no deep document', async () => {
  const answer = await gateway.graphql(getIntrospectionQuery({ descriptions: true, inputValueDeprecation: true, oneOf: true }), { token })
  expect(answer.json.data.__schema.queryType.name).toBe('Query')
})
