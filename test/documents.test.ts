/** Documents are parsed, validated and planned once, and whoever sends others without end gains nothing and takes nothing from anybody. */
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { GraphQLError } from 'graphql'
import { expect, test } from 'vitest'
import { Problem } from '../src/domain/problem.ts'
import { BoundedCache } from '../src/graphql/bounded-cache.ts'
import { Documents } from '../src/graphql/documents.ts'
import { buildSchema } from '../src/graphql/schema.ts'

const schema = buildSchema()
const inUse = 'query ($n: Int!) { people(first: $n) { nodes { id first last } } }'

/** Distinct documents of some 7,000 characters. */
const another = (n: number) =>
  Array.from(
    { length: 8 },
    (_, q) => `query q${q} { ${Array.from({ length: 50 }, (_, i) => `a${n}_${q}_${i}: __typename`).join(' ')} }`,
  ).join(' ')

test('a document is one object for as long as it is used, and so is its plan', () => {
  const documents = new Documents(schema)
  const document = documents.get(inUse)
  const operation = document.operation(undefined)!
  expect(documents.get(inUse)).toBe(document)
  expect(document.planOf(operation)).toBeDefined()
  expect(document.planOf(operation)).toBe(document.planOf(operation))
})

test('a flood of distinct documents pushes out none that is in use, and does not grow memory', () => {
  setFlagsFromString('--expose-gc')
  const collectGarbage = runInNewContext('gc') as () => void
  const heapMb = () => (collectGarbage(), process.memoryUsage().heapUsed / 1e6)
  const documents = new Documents(schema)
  const document = documents.get(inUse)
  expect(documents.get(inUse)).toBe(document)
  for (let n = 0; n < 50; n++) documents.get(another(n))
  const before = heapMb()
  for (let n = 0; n < 700; n++) documents.get(another(1_000 + n)) // 5 million characters, which would take 350 MB
  expect(heapMb() - before).toBeLessThan(40)
  expect(documents.get(inUse)).toBe(document)
})

test('a flood of documents that come twice is bounded, too', () => {
  const cache = new BoundedCache<{ readonly n: number }>(1_000)
  for (let n = 0; n < 1_000; n++) {
    cache.set(`key ${n}`, { n }, 10)
    expect(cache.get(`key ${n}`)).toEqual({ n })
  }
  const kept = Array.from({ length: 1_000 }, (_, n) => cache.get(`key ${n}`)).filter((value) => value !== undefined)
  expect(kept.length).toBeLessThanOrEqual(100)
  expect(kept.length).toBeGreaterThan(50)
})

test('what has mistakes is not kept, and is told each time', () => {
  const documents = new Documents(schema)
  const first = documents.get('{ nope }')
  expect(first.mistakes.map(({ message }) => message)).toEqual(['Cannot query field "nope" on type "Query".'])
  expect(documents.get('{ nope }')).not.toBe(first)
  for (let n = 0; n < 2; n++) {
    expect(() => documents.get('{')).toThrow(GraphQLError)
    expect(() => documents.get(`{ ${'me '.repeat(2_000)} }`)).toThrow(Problem)
    expect(() => documents.get('x'.repeat(50_001))).toThrow(Problem)
  }
})
