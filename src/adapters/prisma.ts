/**
 * Prisma's client as a compiler: it turns model calls into statements, and its driver adapter turns rows into what the models promise. Its
 * statements run where ours do: it has no connection of its own, and the transactions that it thinks to be in begin and end nothing.
 */
import { channel } from 'node:diagnostics_channel'
import type { SqlDriverAdapter, SqlDriverAdapterFactory, SqlQuery, SqlQueryable, Transaction } from '@prisma/driver-adapter-utils'
import type { Prisma, PrismaClient } from '../generated/prisma/client.ts'

/** Runs one statement, in the terms of the driver. */
export type Ask = (...query: never) => Promise<unknown>

export interface ModelOptions<A extends Ask> {
  /** The schema of the tables: Prisma qualifies every name with it. */
  readonly schema: () => Promise<string>
  /** The driver's adapter, over whatever `ask` is at that moment. */
  readonly adapterOver: (ask: () => A) => Promise<SqlQueryable>
}

/** Told of every statement of a model, as `SqlQuery`. */
export const modelStatements = channel('credentials-gateway:model-statement')

const provider = 'postgres'
const adapterName = 'credentials-gateway'
/** Prisma ends a transaction that takes longer, and a timer takes no more than 24 days. */
const laneLifetimeMs = 20 * 24 * 60 * 60 * 1_000
/** The pool replaces a lane of this age. A call takes minutes at most, so that no lane reaches its end in use. */
const laneUseMs = laneLifetimeMs / 2
const startMs = 60_000
/** A lane takes some 100 kB. */
const mostIdle = 20

/** Prisma's transaction object. One caller leases it at a time and routes its statements to a connection of ours. */
class Seat<A extends Ask> implements Transaction {
  readonly provider = provider
  readonly adapterName = adapterName
  /** Prisma sends no COMMIT. */
  readonly options = { usePhantomQuery: true }
  private readonly adapter: Promise<SqlQueryable>
  private ask: A | undefined

  constructor(adapterOver: ModelOptions<A>['adapterOver']) {
    this.adapter = adapterOver(() => {
      if (!this.ask) throw new Error('a model call sent a statement after it had returned')
      return this.ask
    })
  }

  lead(ask: A | undefined): void {
    this.ask = ask
  }

  async queryRaw(query: SqlQuery): ReturnType<SqlQueryable['queryRaw']> {
    publish(query)
    return (await this.adapter).queryRaw(query)
  }

  async executeRaw(query: SqlQuery): Promise<number> {
    publish(query)
    return (await this.adapter).executeRaw(query)
  }

  commit(): Promise<void> {
    return Promise.resolve()
  }

  rollback(): Promise<void> {
    return Promise.resolve()
  }
}

function publish(query: SqlQuery): void {
  if (modelStatements.hasSubscribers) modelStatements.publish(query)
}

/**
 * A pooled client inside a long-lived transaction of Prisma's, which holds no connection. Opening a transaction for each call would cost four
 * times the call.
 */
interface Lane<A extends Ask> {
  readonly client: Prisma.TransactionClient
  readonly seat: Seat<A>
  readonly openedAt: number
  readonly end: () => void
}

/** The models of one database. The client is loaded when it is first needed: that takes 0.1 s and 40 MB. */
export class Models<A extends Ask> {
  private readonly options: ModelOptions<A>
  private readonly idle: Lane<A>[] = []
  private loaded: Promise<PrismaClient> | undefined
  private opening: Promise<unknown> = Promise.resolve()
  private made: Seat<A> | undefined

  constructor(options: ModelOptions<A>) {
    this.options = options
  }

  /**
   * Leases a lane of the pool for model calls; `ask` runs their statements. Make one call at a time: when one of several fails, Prisma answers
   * the others with `undefined`.
   */
  async using<Result>(ask: A, work: (client: Prisma.TransactionClient) => Promise<Result>): Promise<Result> {
    const lane = this.idleLane() ?? (await this.open())
    lane.seat.lead(ask)
    try {
      return await work(lane.client)
    } finally {
      lane.seat.lead(undefined)
      if (this.idle.length < mostIdle) this.idle.push(lane)
      else lane.end()
    }
  }

  async disconnect(): Promise<void> {
    for (const lane of this.idle.splice(0)) lane.end()
    await (await this.loaded)?.$disconnect()
  }

  private idleLane(): Lane<A> | undefined {
    const lane = this.idle.pop()
    if (!lane || performance.now() - lane.openedAt < laneUseMs) return lane
    lane.end()
    return this.idleLane()
  }

  /** One at a time: which seat belongs to which client Prisma does not say. */
  private open(): Promise<Lane<A>> {
    const opened = this.opening.then(() => this.openNow())
    this.opening = opened.catch(() => {}) // the caller gets the error
    return opened
  }

  private async openNow(): Promise<Lane<A>> {
    const prisma = await this.load()
    return new Promise((resolve, reject) => {
      let end = (): void => {}
      const over = new Promise<void>((done) => (end = done))
      const begun = (client: Prisma.TransactionClient): Promise<void> => {
        resolve({ client, seat: this.made!, openedAt: performance.now(), end })
        return over
      }
      prisma.$transaction(begun, { timeout: laneLifetimeMs, maxWait: startMs }).catch(reject)
    })
  }

  private load(): Promise<PrismaClient> {
    this.loaded ??= this.loadNow().catch((error: unknown) => {
      this.loaded = undefined // the next call tries again
      throw error
    })
    return this.loaded
  }

  private async loadNow(): Promise<PrismaClient> {
    // oxlint-disable-next-line no-restricted-imports -- the one place that loads the client
    const [schemaName, { PrismaClient: Client }] = await Promise.all([this.options.schema(), import('../generated/prisma/client.ts')])
    const prisma = new Client({ adapter: this.factory(schemaName) })
    await prisma.$connect()
    return prisma
  }

  private factory(schemaName: string): SqlDriverAdapterFactory {
    const never = (): Promise<never> => Promise.reject(new Error('Prisma sent a statement outside of a transaction'))
    const adapter: SqlDriverAdapter = {
      provider,
      adapterName,
      queryRaw: never,
      executeRaw: never,
      executeScript: never,
      getConnectionInfo: () => ({ schemaName, supportsRelationJoins: true }),
      startTransaction: () => Promise.resolve((this.made = new Seat(this.options.adapterOver))),
      dispose: () => Promise.resolve(),
    }
    return { provider, adapterName, connect: () => Promise.resolve(adapter) }
  }
}
