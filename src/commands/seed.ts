/** `seed`: made-up data at any size, with a progress bar for whoever watches. */
import { randomBytes } from 'node:crypto'
import type { Command } from 'commander'
import { makeUp, type MadeUpPlan } from '../domain/made-up.ts'
import { report, showProgress, wholeNumber, withDatabase, withJson } from './operator.ts'

/** A machine that reads the answer needs no more ids than these. */
const districtsNamed = 10

interface Options {
  readonly people: number
  readonly interviews: number
  readonly districts: number
  readonly seed?: number
  readonly json?: boolean
}

export function addSeed(program: Command): void {
  withJson(program.command('seed'))
    .description('fill the database with made-up districts, people and interviews')
    .requiredOption('--people <number>', 'how many people, the administrators among them', wholeNumber)
    .requiredOption('--interviews <number>', 'how many interviews', wholeNumber)
    .option('--districts <number>', 'how many new districts; the largest gets a quarter of the people', wholeNumber, 1)
    .option('--seed <number>', 'the same number makes the same data; another one each time, when left out', wholeNumber)
    .addHelpText(
      'after',
      '\nNothing that is there already is changed. Example:\n  credentials-gateway seed --people 200000 --interviews 600000 --districts 100',
    )
    .action(seed)
}

async function seed({ people, interviews, districts, seed: given, json = false }: Options): Promise<void> {
  const plan: MadeUpPlan = { people, interviews, districts, seed: given ?? randomBytes(4).readUInt32LE() }
  const startedAt = Date.now()
  const made = await withDatabase(async (db) => {
    const progress = showProgress({ json }, people + interviews, 'rows')
    try {
      return await makeUp({ db }, plan, (rows) => progress.add(rows))
    } finally {
      progress.stop()
    }
  })
  const [largest] = made.districts
  const result = {
    districts: made.districts.slice(0, districtsNamed),
    largestDistrictId: largest,
    people: made.people,
    interviews: made.interviews,
  }
  const seconds = Math.round((Date.now() - startedAt) / 1_000)
  report(
    { json },
    result,
    [
      `Made up, from seed ${plan.seed} in ${seconds} s: districts ${made.districts.length}, people ${made.people}, interviews ${made.interviews}.`,
      `The largest district is ${largest}. A key for it:`,
      `  npx credentials-gateway api-key create --district ${largest} --name "My key" --scope read:people --scope read:interviews`,
    ].join('\n'),
  )
}
