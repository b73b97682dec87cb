/**
 * Executing by a plan is executing: the same documents, by graphql-js and by a plan, have the same results to the byte, and
 * their resolvers run in the same order. TEST_SEED repeats a run's documents.
 */
import { execute, getIntrospectionQuery, type GraphQLSchema, parse } from 'graphql'
import { queryObjects } from 'node:v8'
import { describe, expect, test, vi } from 'vitest'
import { createDice, type Dice } from '../src/domain/made-up-dice.ts'
import { planOperation } from '../src/graphql/planned/plan.ts'
import { PlannedField, SelectionTree } from '../src/graphql/planned/selection.ts'
import { startGateway } from './support/gateway.ts'
import { expectTheSame, type Surroundings } from './support/planned/compare.ts'
import { generateDocument, type Hints } from './support/planned/documents.ts'
import { oddSchema } from './support/planned/odd-schema.ts'
import { ownSchema } from './support/planned/own-schema.ts'

const seed = Number(process.env['TEST_SEED'] ?? Math.floor(Math.random() * 2 ** 31))
const { schema: odd, hints: oddHints, context: oddContext } = oddSchema()
const own = await ownSchema(await startGateway())

/** Compares so many documents of a schema. */
async function expectTheSameOf<Context>(
  count: number,
  {
    schema,
    hints,
    context,
  }: { schema: GraphQLSchema; hints: (dice: Dice) => Hints; context: (dice: Dice) => Surroundings<Context>['context'] },
): Promise<void> {
  let compared = 0
  for (let n = 0; compared < count && n < 2 * count; n++) {
    const dice = createDice(seed + n)
    const document = generateDocument(schema, dice, hints(dice))
    const again = dice.chance(0.25)
    if (await expectTheSame(document, { schema, context: context(dice), origin: `TEST_SEED=${seed}, document ${n}`, again })) compared++
  }
  expect(compared).toBe(count)
}

describe(`random documents of seed ${seed}`, () => {
  test('over a schema of everything that can happen, are executed by a plan as by graphql-js', async () => {
    await expectTheSameOf(4_500, { schema: odd, hints: oddHints, context: () => oddContext })
  })

  test('over our own schema, by every kind of caller, are executed by a plan as by graphql-js', async () => {
    await expectTheSameOf(500, {
      schema: own.schema,
      hints: own.hints,
      context(dice) {
        const viewer = dice.pick(own.viewers)
        return () => own.contextOf(viewer)
      },
    })
  })
})

test.each([
  ['at the root', '{ people { totalCount } interviews { totalCount } me { districtId } district { id } apiKeys { id } sessions { id } }'],
  [
    'at several depths, beside what answers later',
    '{ people(first: 3) { nodes { id mentors { id interviews { totalCount } } interviews { nodes { person { id } } } } } interviews { nodes { person { id interviews { totalCount } } } } }',
  ],
  [
    'under aliases and in fragments',
    '{ a: people { nodes { ...F } } b: people { edges { node { ...F } } } me { person { ...F } memberships { personId } } } fragment F on Person { x: interviews { totalCount } y: interviews { nodes { id person { id } } } mentors { id } }',
  ],
  [
    'beside arguments that are wrong',
    '{ a: people(first: 999) { totalCount } interviews(first: 999) { totalCount } apiKeys { createdBy { id } } b: people { totalCount } }',
  ],
])('refusals %s come in graphql-js’s order, whoever asks', async (_where, query) => {
  for (const viewer of own.viewers) {
    const context = () => own.contextOf(viewer)
    expect(await expectTheSame({ query, variables: {}, operationName: undefined }, { schema: own.schema, context })).toBe(true)
  }
})

const expectSame = async (query: string, variables: Readonly<Record<string, unknown>> = {}, operationName?: string) =>
  expect(
    await expectTheSame({ query, variables, operationName }, { schema: odd, context: oddContext, again: true }),
    `${query} is valid`,
  ).toBe(true)

test.each([
  ['an item that fails at once beside pending ones that fail later', '{ failedBesidePending { id } rejectedItems sB }'],
  [
    'an item that fails far inside a list beside pending ones',
    '{ lnn_errorB { aB { sn_errorI an { sI } } snA } properties { rows { textNN lateNN } } }',
  ],
  ['a required field that fails beside pending ones', '{ a { sB aB { sn_errorA sI aI { s } } sn_error snA } s }'],
  ['errors under what another error has made null', '{ a { aA { sn_errorB } anA { anA { sn_errorA s_error sI } s_errorB s_errorI } } }'],
  ['getters that throw', '{ properties { throwing throwingNN getter text } }'],
  ['getters of rows that throw', '{ properties { rows { rows { throwing } inside { throwingNN } } } }'],
  ['an iterator that throws', '{ generatedThrows { id } generatedThrowsLate generated set generatedAsync textAsList noList }'],
  ['thenables that are no promises', '{ thenable { id onlyA } thenableText s }'],
  ['sources that are no objects', '{ methodAsSource { text int } textAsSource { text missingNN } }'],
  [
    'the names of types under aliases',
    '{ __typename a: __typename u { t: __typename ... on B { __typename x: __typename } } nameds { __typename } }',
  ],
  [
    'names of Object.prototype',
    '{ __proto__: s constructor: s toString: sA then: sB a { __proto__: s then: a { toJSON: s } valueOf: sA hasOwnProperty: i } }',
  ],
  [
    'one field of several fragments',
    '{ a { ...F ... on Named { id named { id } } ...G } } fragment F on A { named { __typename ... on B { onlyB } } } fragment G on A { named { plain ...H } } fragment H on B { s }',
  ],
  ['arguments of each call its own', '{ x: changing(n: 1, list: [1]) as { changing(n: 1, list: [1]) y: changing(list: 3) } }'],
  ['what a resolver is told', '{ info x: info(n: 2) as { y: info } nameds { ... on A { ...F } } } fragment F on A { info }'],
  ['lists of lists', '{ lists colors }'],
  [
    'types of a property’s items',
    '{ properties { nameds { id ... on A { s } } checked { id } } either { ... on Checked { id } } eitherNot { __typename } }',
  ],
])('%s', async (_what, query) => expectSame(query))

test.each([
  ['left out where it is required', '($v: String!) { need(s: $v) s }', {}],
  ['null where it is required', '($v: String!) { need(s: $v) s }', { v: null }],
  ['null for a default where it is required', '($v: String = "d") { need(s: $v) s as { need(s: $v) } }', { v: null }],
  ['left out where there is a default', '($v: String = "d", $n: Int) { need(s: $v) echo(s: $v, n: $n) }', {}],
  ['null for a condition of the root', '($v: Boolean = true) { s @skip(if: $v) i }', { v: null }],
  [
    'null for a condition inside',
    '($v: Boolean = true) { s as { s @include(if: $v) i } a { ...F @skip(if: $v) } } fragment F on A { id }',
    { v: null },
  ],
  ['of the wrong type', '($v: Int, $w: [Int!], $x: Color) { echo(n: $v, list: $w, color: $x) }', { v: 'x', w: [1, null], x: 'PINK' }],
  ['wrong in more ways than are told', '($w: [Int!]) { echo(list: $w) }', { w: Array.from({ length: 60 }, () => 'x') }],
  ['named like a method', '($toString: Boolean = true, $constructor: String) { echo(s: $constructor) s @skip(if: $toString) }', {}],
  ['for a property that takes arguments', '($v: Int = 1) { properties { needs(n: $v) methodWith(n: $v, list: [1]) } }', { v: null }],
])('a variable %s', async (_how, query, variables) => expectSame(`query ${query}`, variables))

test('what failed fields of a mutation left under way goes on beside the next ones', async () => {
  await expectSame('mutation { ma { aB { aB { sI } } sn_errorA } mA(s: "1") maA { sB an { sI sn_errorB } } mI mErrorA m(s: "2") }')
  await expectSame('mutation { mA(s: "1") mErrorNA m(s: "never") }')
  await expectSame('mutation { m(s: "1") mErrorN mA(s: "never") }')
})

test('introspection', async () => {
  const query = getIntrospectionQuery({ descriptions: true, inputValueDeprecation: true, oneOf: true, specifiedByUrl: true })
  await expectSame(query)
  const context = () => own.contextOf(own.viewers[0]!)
  expect(await expectTheSame({ query, variables: {}, operationName: undefined }, { schema: own.schema, context, again: true })).toBe(true)
})

test('one of several operations is planned; what is none, or no one in particular, is left to graphql-js', async () => {
  const query = 'query A { s } mutation B { m(s: "1") mA(s: "2") } query C($v: Int!) { echo(n: $v) }'
  await expectSame(query, {}, 'A')
  await expectSame(query, {}, 'B')
  await expectSame(query, { v: 3 }, 'C')
  const document = parse(query)
  expect(planOperation(odd, document)).toBeUndefined()
  expect(planOperation(odd, document, 'D')).toBeUndefined()
  expect(planOperation(odd, parse('fragment F on A { s }'))).toBeUndefined()
  expect(planOperation(odd, parse('subscription { s }'))).toBeUndefined()
})

test('executions of one plan at the same time know nothing of each other', async () => {
  const document = parse('query ($n: Int, $v: Boolean!) { echo(n: $n) aI { echo(n: $n) sB @skip(if: $v) aB { echo(n: $n, list: [1]) } } }')
  const plan = planOperation(odd, document)!
  const runs = Array.from({ length: 20 }, (_, n) => ({ ...oddContext(), variableValues: { n, v: n % 3 === 0 } }))
  const planned = await Promise.all(runs.map(async (run) => plan.execute(run)))
  const interpreted = await Promise.all(runs.map(async (run) => execute({ schema: odd, document, ...run, ...oddContext() })))
  expect(JSON.stringify(planned)).toBe(JSON.stringify(interpreted))
})

describe('what a plan keeps', () => {
  const counted = (constructor: Function): number => queryObjects(constructor) as number
  /** What is kept for good: V8's compiler, at work on another thread, may hold one more for a moment. */
  const expectKept = (constructor: Function, before: number, most: number): Promise<void> =>
    vi.waitFor(() => expect(counted(constructor) - before).toBeLessThanOrEqual(most), { timeout: 30_000, interval: 100 })

  test('is a handful of trees, however many its conditions could leave', async () => {
    const names = Array.from({ length: 20 }, (_, n) => `v${n}`)
    const query = `query (${names.map((name) => `$${name}: Boolean!`).join(', ')}) {
      ${names.map((name) => `${name}: s @skip(if: $${name}) a { ${name}: sA @include(if: $${name}) }`).join(' ')} }`
    const plan = planOperation(odd, parse(query))!
    const before = counted(SelectionTree)
    const dice = createDice(seed)
    for (let n = 0; n < 200; n++) {
      const variableValues = Object.fromEntries(names.map((name) => [name, dice.chance(0.5)]))
      const { contextValue } = oddContext()
      const result = await plan.execute({ contextValue, variableValues })
      if (n % 20 === 0)
        expect(JSON.stringify(result)).toBe(
          JSON.stringify(await execute({ schema: odd, document: parse(query), contextValue, variableValues })),
        )
    }
    await expectKept(SelectionTree, before, 4)
    expect(plan.operation.kind).toBe('OperationDefinition')
  })

  test('is not more than the document says a few times over, however often its fragments are spread', async () => {
    const depth = 7
    const fragments = Array.from({ length: depth }, (_, n) => `fragment F${n} on A { a { ...F${n + 1} } an { ...F${n + 1} } }`).join(' ')
    const query = `{ a { ...F0 } } ${fragments} fragment F${depth} on A { s }`
    const plan = planOperation(odd, parse(query))!
    const before = counted(PlannedField)
    for (let n = 0; n < 3; n++) {
      const { contextValue } = oddContext()
      const result = JSON.stringify(await plan.execute({ contextValue }))
      expect(result).toBe(JSON.stringify(await execute({ schema: odd, document: parse(query), contextValue })))
    }
    await expectKept(PlannedField, before, 8 * 2 * (depth + 1))
    expect(plan.operation.kind).toBe('OperationDefinition')
  })
})
