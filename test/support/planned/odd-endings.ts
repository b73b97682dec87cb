/**
 * How resolvers of the odd schema end. What is asynchronous takes a fixed number of turns, never a time: an execution is the
 * same each time. Every call of a resolver is written to the context's log.
 */
import {
  GraphQLError,
  type GraphQLFieldConfig,
  GraphQLList,
  GraphQLNonNull,
  type GraphQLObjectType,
  type GraphQLOutputType,
  type GraphQLResolveInfo,
  responsePathAsArray,
} from 'graphql'

export interface OddContext {
  readonly log: string[]
}
export type Field = GraphQLFieldConfig<unknown, OddContext>
export type Args = Record<string, unknown>
export type Resolve = (source: unknown, args: Args, context: OddContext, info: GraphQLResolveInfo) => unknown

export const turns = async (count: number): Promise<void> => {
  for (let turn = 0; turn < count; turn++) await Promise.resolve()
}
export const immediate = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

export const raise = (thrown: unknown): never => {
  throw thrown as Error
}

class ErrorWithExtensions extends Error {
  readonly extensions = { code: 'C' }
}

/** Every way in which a resolver can end badly. */
export const endings: Readonly<Record<string, () => unknown>> = {
  null: () => null,
  undefined: () => undefined,
  error: () => raise(new Error('boom')),
  graphql: () => raise(new GraphQLError('g', { extensions: { code: 'X', n: 1 } })),
  located: () => raise(new GraphQLError('elsewhere', { path: ['else', 'where'] })),
  extended: () => raise(new ErrorWithExtensions('custom')),
  string: () => raise('plain'),
  zero: () => raise(0),
  nothing: () => raise(undefined),
  object: () => raise({ message: 'm', extensions: { code: 'O' } }),
  silent: () => raise(new Error('')),
  returned: () => new Error('returned'),
  returnedGraphql: () => new GraphQLError('returned', { extensions: { code: 'R' } }),
}

/** How long it may take until then. */
export const delays: Readonly<Record<string, ((end: () => unknown) => unknown) | undefined>> = {
  '': (end) => end(),
  A: async (end) => (await turns(1), end()),
  B: async (end) => (await turns(4), end()),
  I: async (end) => (await immediate(), end()),
}

/** A promise that may be rejected before anybody looks at it. */
function overheard<Value>(promise: Promise<Value>): Promise<Value> {
  promise.catch(() => {})
  return promise
}
export const promised = (end: () => unknown, delay: number) => overheard((async () => (await turns(delay), end()))())

export const field = (type: GraphQLOutputType, resolve: Resolve, args: Field['args'] = {}): Field => ({
  type,
  args,
  resolve(source, given, context, info) {
    context.log.push(`${responsePathAsArray(info.path).join('.')} ${JSON.stringify(given)}`)
    return resolve(source, given as Args, context, info)
  },
})
export const list = (type: GraphQLOutputType) => new GraphQLList(type)
export const required = (type: GraphQLOutputType) => new GraphQLNonNull(type as GraphQLObjectType)

/** Calls it as an item of a list: thrown, it is a rejected promise. */
export function overheardIfPromise(bad: () => unknown): unknown {
  try {
    const value = bad()
    return value instanceof Promise ? overheard(value) : value
  } catch (error) {
    return promised(() => raise(error), 0)
  }
}
