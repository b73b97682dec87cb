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

test('ten thousand aliases are refused', async () => {
  expect(await refused(`{ ${Array.from({ length: 10_000 }, (_, i) => `a${i}: __typename`).join(' ')} }`)).toContain('token')
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

test('pages within pages are counted by what they can hold, variables included', async () => {
  const query =
    'query ($n: Int!) { people(first: $n) { nodes { interviews(first: $n) { nodes { person { interviews(first: $n) { nodes { id } } } } } } } }'
  expect(await refused(query, { n: 100 })).toContain('1010100 records')
  expect((await gateway.graphql(query, { token, variables: { n: 10 } })).status).toBe(200)
})

test('the introspection of tools is no deep document', async () => {
  const answer = await gateway.graphql(getIntrospectionQuery({ descriptions: true, inputValueDeprecation: true, oneOf: true }), { token })
  expect(answer.json.data.__schema.queryType.name).toBe('Query')
})
