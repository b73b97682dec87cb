/** One document, executed by graphql-js and by a plan of it: the results as JSON, and everything that happened on the way, must be the same. */
import { execute, type GraphQLSchema, parse, validate } from 'graphql'
import { expect } from 'vitest'
import { planOperation } from '../../../src/graphql/planned/plan.ts'
import type { GeneratedDocument } from './documents.ts'

export interface Surroundings<Context> {
  readonly schema: GraphQLSchema
  /** A context of its own for each execution, and where its resolvers write to. */
  context(): { readonly contextValue: Context; readonly log: readonly string[] }
  /** For a message: how to make this document again. */
  readonly origin?: string
  /** Whether the plan is executed with other values of its conditions too, and with the first ones again. */
  readonly again?: boolean
}

/** Compares a document that is valid. @returns whether it is */
export async function expectTheSame<Context>(
  { query, variables, operationName }: GeneratedDocument,
  { schema, context, origin = '', again = false }: Surroundings<Context>,
): Promise<boolean> {
  const document = parse(query)
  if (validate(schema, document).length > 0) return false
  const plan = planOperation(schema, document, operationName)
  if (!plan) throw new Error(`not planned: ${query}`)
  const outcome = async (given: GeneratedDocument['variables'], run: (args: Run<Context>) => unknown) => {
    const { contextValue, log } = context()
    // Scalars may hand on what a variable holds, and resolvers change it.
    const variableValues = structuredClone(given)
    const { result, unhandled } = await watchingRejections(() => run({ contextValue, variableValues, rootValue: {} }))
    return { result: JSON.stringify(result), log: [...log], unhandled }
  }
  // By the third time, nothing of the first is left to be planned.
  for (const given of again ? [variables, withConditionsTurned(variables), variables] : [variables]) {
    const interpreted = await outcome(given, (args) => execute({ schema, document, operationName, ...args }))
    const planned = await outcome(given, (args) => plan.execute(args))
    expect(planned, `${origin}\n${query}\n${JSON.stringify(given)}`).toEqual({ ...interpreted, unhandled: 0 })
  }
  return true
}

const withConditionsTurned = (variables: GeneratedDocument['variables']): GeneratedDocument['variables'] =>
  Object.fromEntries(Object.entries(variables).map(([name, value]) => [name, typeof value === 'boolean' ? !value : value]))

interface Run<Context> {
  readonly rootValue: object
  readonly contextValue: Context
  readonly variableValues: Readonly<Record<string, unknown>>
}

/**
 * Waits for a result, and until nothing is under way any more. Meanwhile rejections that nobody handles are counted and end no
 * test run: graphql-js leaves some behind, where a list fails while items of it are pending.
 */
async function watchingRejections(work: () => unknown): Promise<{ result: unknown; unhandled: number }> {
  const listeners = process.rawListeners('unhandledRejection') as NodeJS.UnhandledRejectionListener[]
  let unhandled = 0
  process.removeAllListeners('unhandledRejection')
  process.on('unhandledRejection', () => unhandled++)
  try {
    const result = await work()
    for (let turn = 0; turn < 6; turn++) await new Promise((resolve) => setImmediate(resolve))
    return { result, unhandled }
  } finally {
    process.removeAllListeners('unhandledRejection')
    for (const listener of listeners) process.on('unhandledRejection', listener)
  }
}
