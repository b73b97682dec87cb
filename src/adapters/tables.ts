/** Prisma's models as the domain has them: each call runs at once, obeys what statements obey, and fails as they fail. */
import type { Queryable, Tables } from '../deps.ts'
import { told } from './database-errors.ts'
import type { Ask, Models } from './prisma.ts'

type Call = (args?: unknown) => Promise<unknown>
type Operations = Readonly<Record<string, Call>>
type Run = (model: string, operation: string, args: unknown) => Promise<unknown>

/** Operations that only read. */
const reads: ReadonlySet<string> = new Set([
  'findUnique',
  'findUniqueOrThrow',
  'findFirst',
  'findFirstOrThrow',
  'findMany',
  'count',
  'aggregate',
  'groupBy',
])

/** Wraps an error that is mapped already: Prisma would replace one that has a `code`. */
class Told extends Error {}

/** Runs a statement for Prisma. Its error passes through Prisma unchanged. */
export async function throughPrisma<Result>(statement: Promise<Result>): Promise<Result> {
  try {
    return await statement
  } catch (error) {
    throw new Told('a statement of a model failed', { cause: told(error) })
  }
}

const toldByPrisma = (error: unknown): unknown => (error instanceof Told ? error.cause : told(error))

/**
 * The tables outside of a transaction. A write runs in a transaction of its own, since Prisma often makes several statements of one; a read
 * does not.
 * @param ask runs one statement that reads
 */
export function tablesOutside<A extends Ask>(models: Models<A>, ask: A, transaction: Transact): Tables {
  return tablesBy((model, operation, args) =>
    reads.has(operation)
      ? models.using(ask, (client) => callOf(client, model, operation)(args)).catch(throwTold)
      : transaction((tx) => callOf(tx.tables, model, operation)(args)),
  )
}
type Transact = <Result>(work: (tx: Queryable) => Promise<Result>) => Promise<Result>

/** The tables inside a transaction. */
export class JoinedTables<A extends Ask> {
  readonly tables: Tables
  private readonly models: Models<A>
  private readonly ask: A
  private last: Promise<unknown> = Promise.resolve()
  private isOver = false
  private failed: unknown

  /** @param ask runs one statement of the transaction */
  constructor(models: Models<A>, ask: A) {
    this.models = models
    this.ask = ask
    this.tables = tablesBy((model, operation, args) => this.inTurn(model, operation, args))
  }

  /**
   * Before the transaction ends: calls that nobody awaited are over, and no other begins.
   * @throws Error where a write failed and the work went on: PostgreSQL would refuse a transaction with a statement that failed, and of a
   * write that Prisma gave up a part may be done
   */
  async finish(): Promise<void> {
    await this.last
    this.isOver = true
    if (this.failed !== undefined)
      throw new Error('a write of a transaction had failed, and that was not passed on', { cause: this.failed })
  }

  private inTurn(model: string, operation: string, args: unknown): Promise<unknown> {
    const result = this.last.then(async () => {
      if (this.isOver) throw new Error('a model was called in a transaction that had ended')
      try {
        return await this.models.using(this.ask, (client) => callOf(client, model, operation)(args))
      } catch (error) {
        if (!reads.has(operation)) this.failed ??= error
        return throwTold(error)
      }
    })
    this.last = result.catch(() => {}) // the caller gets the error
    return result
  }
}

function throwTold(error: unknown): never {
  throw toldByPrisma(error)
}

const callOf = (client: object, model: string, operation: string): Call =>
  (client as Readonly<Record<string, Operations>>)[model]![operation]!

/** A proxy for the client's models, so that it is loaded with the first call. */
function tablesBy(run: Run): Tables {
  const operationsOf = (model: string): Operations =>
    proxyOf((operation): Call => async (args) => {
      demandDefined(args, `${model}.${operation}`)
      return run(model, operation, args)
    })
  return proxyOf(operationsOf) as unknown as Tables
}

function proxyOf<Member>(make: (name: string) => Member): Readonly<Record<string, Member>> {
  const made = new Map<string, Member>()
  const get = (_: object, name: string | symbol): Member | undefined => {
    if (typeof name === 'symbol' || name === 'then') return undefined // an `await` asks whether it is a promise
    const member = made.get(name) ?? make(name)
    made.set(name, member)
    return member
  }
  return new Proxy<Record<string, Member>>({}, { get })
}

/** Prisma ignores an undefined member, so that `where: { id: undefined }` would match every row. */
function demandDefined(value: unknown, path: string): void {
  if (typeof value !== 'object' || value === null) return
  for (const [name, member] of Object.entries(value)) {
    if (member === undefined) throw new TypeError(`${path}: ${name} is undefined, which would stand for no condition at all`)
    demandDefined(member, `${path}.${name}`)
  }
}
