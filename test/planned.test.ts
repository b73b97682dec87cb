/**
 * Executing by a plan is executing: the same documents, by graphql-js and by a plan, have the same results to the byte, and
 * their resolvers run in the same order. TEST_SEED repeats a run's documents.
 */
import { describe, expect, test } from 'vitest'
import { createDice } from '../src/domain/made-up-dice.ts'
import { expectTheSame } from './support/planned/compare.ts'
import { generateDocument } from './support/planned/documents.ts'
import { oddHints, oddSchema } from './support/planned/odd-schema.ts'

const seed = Number(process.env['TEST_SEED'] ?? Math.floor(Math.random() * 2 ** 31))

describe(`documents of seed ${seed}`, () => {
  test('over a schema of everything that can happen', async () => {
    const schema = oddSchema()
    let compared = 0
    for (let n = 0; compared < 4_500; n++) {
      const dice = createDice(seed + n)
      const document = generateDocument(schema, dice, oddHints(dice))
      const surroundings = {
        schema,
        origin: `TEST_SEED=${seed}, document ${n}`,
        context() {
          const log: string[] = []
          return { contextValue: { log }, log }
        },
      }
      if (await expectTheSame(document, surroundings)) compared++
    }
    expect(compared).toBe(4_500)
  })
})
