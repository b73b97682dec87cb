/** What a client sends is coerced and judged as by graphql-js, whatever it is: the same values, and mistakes in the same places. */
import fc from 'fast-check'
import {
  type GraphQLError,
  type GraphQLInputType,
  isEnumType,
  isInputObjectType,
  isInputType,
  isListType,
  isNonNullType,
  type OperationDefinitionNode,
  parse,
  parseType,
  typeFromAST,
  validate,
  type ValidationRule,
  ValuesOfCorrectTypeRule,
} from 'graphql'
import { getVariableValues } from 'graphql/execution/values.js'
import { describe, expect, test } from 'vitest'
import { mistakeIn } from '../src/graphql/errors.ts'
import { literalsRule } from '../src/graphql/input/literals.ts'
import { InputMistake, mostMistakes } from '../src/graphql/input/mistake.ts'
import { coerceVariables } from '../src/graphql/input/variables.ts'
import { buildSchema } from '../src/graphql/schema.ts'

const schema = buildSchema()
const runs = { numRuns: 100 }

const oddNames = ['__proto__', 'constructor', 'toString', '', 'frist', '😀', '\ud83d', '0', 'x'.repeat(120)]
const oddTexts = [
  '',
  'x',
  '1',
  'en',
  'EN-us',
  '2026-02-29',
  '2024-02-29',
  '2026-01-01T00:00:00Z',
  'READ_PEOPLE',
  'PRIMARY',
  '\ud800',
  '😀'.repeat(80),
]
/** No value is `undefined`: JSON has none. */
const oddValue: fc.Arbitrary<unknown> = fc.letrec((tie) => ({
  value: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    fc.constantFrom<unknown>(null, true, false, 0, -0, 1, 1.5, 2_147_483_648, 1e300, ...oddTexts),
    fc.array(tie('value'), { maxLength: 12 }),
    fc.array(fc.tuple(fc.constantFrom(...oddNames), tie('value')), { maxLength: 4 }).map(Object.fromEntries),
  ),
})).value

/** Mostly what the type takes, and anything else in any place of it. */
function valueOf(type: GraphQLInputType, levels = 3): fc.Arbitrary<unknown> {
  if (isNonNullType(type)) return valueOf(type.ofType, levels)
  const some = (good: fc.Arbitrary<unknown>) => fc.oneof({ weight: 12, arbitrary: good }, { weight: 1, arbitrary: oddValue })
  if (isListType(type)) {
    const item = valueOf(type.ofType, levels)
    return some(fc.oneof(fc.array(item, { maxLength: 4 }), item))
  }
  if (isInputObjectType(type)) {
    const members = Object.values(type.getFields()).map(({ name, type: inside }) => [name, valueOf(inside, levels - 1)] as const)
    const known = fc.record(Object.fromEntries(members), { requiredKeys: [] })
    const all = fc.record(Object.fromEntries(members))
    const unknown = fc.array(fc.tuple(fc.constantFrom(...oddNames), oddValue), { maxLength: 1 }).map(Object.fromEntries)
    return some(
      fc.oneof(
        all,
        known,
        fc.tuple(all, unknown).map(([a, b]) => Object.assign(Object.create(null), a, b) as unknown),
      ),
    )
  }
  if (isEnumType(type)) return some(fc.constantFrom(...type.getValues().map(({ name }) => name)))
  return some(fc.constantFrom<unknown>(...oddTexts, 1, true))
}

const spellings = Object.values(schema.getTypeMap())
  .filter((type) => isInputType(type) && !type.name.startsWith('__'))
  .flatMap(({ name }) => [name, `${name}!`, `[${name}!]!`])

/** Where graphql-js quotes the whole of a short value, the sentence is its own. */
const isShort = ({ message }: GraphQLError) => message.length < 100 && !/\[Object\]|\[Array\]|more item|\\ud8|\ufffd/.test(message)

function expectSame(ours: readonly GraphQLError[], theirs: readonly GraphQLError[]): void {
  const told = theirs.slice(0, mostMistakes)
  expect(ours).toHaveLength(told.length + (theirs.length > mostMistakes ? 1 : 0))
  for (const [n, their] of told.entries()) {
    if (their.locations) expect(ours[n]!.locations).toEqual(their.locations) // what a scalar of ours throws has none
    expect(mistakeIn(ours[n]!)).toBeInstanceOf(InputMistake)
    if (isShort(their)) expect(ours[n]!.message).toBe(their.message.toWellFormed())
  }
}

describe.each([true, false])(
  'a variable has the value that graphql-js gives it, or is refused as by graphql-js: suggestions %s',
  (suggestions) => {
    test.each(spellings)('%s', (spelling) => {
      const [operation] = parse(`query ($v: ${spelling}) { __typename }`).definitions as [OperationDefinitionNode]
      const value = valueOf(typeFromAST(schema, parseType(spelling) as never) as GraphQLInputType)
      const given = fc.oneof(
        { weight: 20, arbitrary: value.map((v) => ({ v })) },
        { weight: 1, arbitrary: fc.constantFrom<Record<string, unknown>>({}, { v: null }, { other: 1 }) },
      )
      fc.assert(
        fc.property(given, (variables) => {
          const theirs = getVariableValues(schema, operation.variableDefinitions!, variables, { hideSuggestions: !suggestions })
          const ours = coerceVariables(schema, operation, variables, { suggestions })
          if (theirs.coerced) expect(ours).toEqual({ values: { ...theirs.coerced } })
          else expectSame('mistakes' in ours ? ours.mistakes : [], theirs.errors)
        }),
        runs,
      )
    })
  },
)

/** A value as it is written in a document. Texts in capitals are written as values of enums, now and then. */
function literal(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(literal).join(', ')}]`
  if (typeof value === 'object' && value !== null) {
    const members = Object.entries(value).filter(([name]) => /^[A-Za-z_]\w*$/.test(name))
    return `{ ${members.map(([name, inside]) => `${name}: ${literal(inside)}`).join(', ')} }`
  }
  if (typeof value === 'string') return /^[A-Z_]{2,}$/.test(value) ? value : JSON.stringify(value.replaceAll(/\p{Cs}/gu, ''))
  return String(value).replace('e+', 'e')
}

test.each(spellings)('a literal is refused where graphql-js refuses it: %s', (spelling) => {
  const value = valueOf(typeFromAST(schema, parseType(spelling) as never) as GraphQLInputType)
  fc.assert(
    fc.property(value, (written) => {
      const document = parse(`query ($v: ${spelling} = ${literal(written)}) { __typename }`)
      const judged = (rule: ValidationRule) => validate(schema, document, [rule], { maxErrors: mostMistakes })
      expectSame(judged(literalsRule), judged(ValuesOfCorrectTypeRule))
    }),
    runs,
  )
})
