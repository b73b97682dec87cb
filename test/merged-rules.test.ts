/** Merged rules find what they find one by one: in the same words and places, and in the same order. TEST_SEED repeats a run's documents. */
import { type DocumentNode, GraphQLError, Lexer, parse, Source, specifiedRules, TokenKind, validate, type ValidationRule } from 'graphql'
import { expect, test } from 'vitest'
import { createDice, type Dice } from '../src/domain/made-up-dice.ts'
import { mergedRules } from '../src/graphql/merged-rules.ts'
import { generateDocument } from './support/planned/documents.ts'
import { oddSchema } from './support/planned/odd-schema.ts'

const seed = Number(process.env['TEST_SEED'] ?? Math.floor(Math.random() * 2 ** 31))
const { schema, hints } = oddSchema()

/** What most mistakes come from: a part of the document is gone, is there twice, or stands in another's place. */
function damaged(text: string, dice: Dice): string {
  const tokens = tokensOf(text)
  for (let times = 1 + dice.below(4); times > 0; times--) {
    const at = dice.below(tokens.length)
    const [there, other] = [tokens[at]!, dice.pick(tokens)]
    tokens.splice(at, dice.below(3), ...dice.pick([[], [other], [there, there], ['nope'], ['@nope @nope'], ['... nope']]))
  }
  return tokens.join(' ')
}

function tokensOf(text: string): string[] {
  const lexer = new Lexer(new Source(text))
  const tokens: string[] = []
  for (;;) {
    const { kind, start, end } = lexer.advance()
    if (kind === TokenKind.EOF) return tokens
    tokens.push(text.slice(start, end))
  }
}

function parsed(text: string): DocumentNode | undefined {
  try {
    return parse(text)
  } catch (error) {
    if (error instanceof GraphQLError) return undefined
    throw error
  }
}

const found = (document: DocumentNode, rules: readonly ValidationRule[], maxErrors: number) =>
  validate(schema, document, rules, { maxErrors }).map((error) => error.toJSON())

test(`in damaged documents of seed ${seed}`, () => {
  let [compared, mistakes] = [0, 0]
  for (let n = 0; compared < 2_000; n++) {
    const dice = createDice(seed + n)
    const text = damaged(generateDocument(schema, dice, hints(dice)).query, dice)
    const document = parsed(text)
    if (!document) continue
    const maxErrors = dice.pick([1, 5, 100])
    const expected = found(document, specifiedRules, maxErrors)
    expect(found(document, [mergedRules(specifiedRules)], maxErrors), `TEST_SEED=${seed}, document ${n}:\n${text}`).toEqual(expected)
    compared++
    mistakes += expected.length
  }
  console.log(compared, mistakes)
  expect(mistakes).toBeGreaterThan(2_000)
})
