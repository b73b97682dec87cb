/** What the domain is given, and nothing else reaches it: database, mail, clock, randomness, log, configuration. */
import type { Logger } from 'pino'
import type { Config } from './config.ts'
import type { Mail } from './domain/mail.ts'
import type { Prisma, PrismaClient } from './generated/prisma/client.ts'
import type { Statement } from './sql/statement.ts'

/**
 * The models of schema.prisma, with Prisma's types. A call runs at once, awaited or not, and a write is done as a whole or not at all.
 * There are neither fluent relations of a result (`findUnique(…).district()`) nor lazy promises.
 */
export type Tables = { readonly [Model in Uncapitalize<Prisma.ModelName>]: Omit<PrismaClient[Model], 'fields'> }

/** @throws Problem UNAVAILABLE when the database does not answer, Duplicate when a row would be there twice */
export interface Queryable {
  /** Runs one SQL statement. */
  query<Row>(statement: Statement<Row>): Promise<Row[]>
  /** Runs what a model says. @throws Missing when a row is not there that the call demands; TypeError for an undefined member, before any SQL */
  readonly tables: Tables
}

/** A row that must be there once would be there twice (unique_violation). */
export class Duplicate extends Error {}
/** A row that a model call demands is not there (`update`, `delete`, `connect`, `…OrThrow`). */
export class Missing extends Error {}

/** Statements, and transactions of them. */
export interface Transactions extends Queryable {
  /**
   * All of the work or none of it. Only `tx` belongs inside: a query beside it would wait for this transaction. Where the database has
   * rolled it back in favour of another one, a request's work is done once more.
   */
  transaction<Result>(work: (tx: Queryable) => Promise<Result>): Promise<Result>
}

/** How long whoever asked waits for what the database answers. */
export interface Patience {
  /** Milliseconds, zero or less when it is over. */
  left(): number
  /** Whether nobody waits any more: reads are given up then, and what writes is finished. */
  isGone(): boolean
}

/** PostgreSQL, on a server or embedded: the same statements, the same answers. */
export interface Database extends Transactions {
  /** The same for one request: every statement has what is left of its patience, and a transaction that has not got to COMMIT by then is rolled back. */
  within(patience: Patience): Database
  /**
   * The same over a few connections beside those of the requests, for probes, credentials and mail: whatever the requests wait for, these
   * do not. A lock is waited for a moment only.
   */
  readonly aside: Transactions
  /** Looks whether the database does what work needs. @throws Problem UNAVAILABLE where it does not answer, or takes no writes */
  probe(): Promise<void>
  /** Hears what is announced on a channel (NOTIFY), by whichever instance, until the database is closed. */
  watch(channel: string, listener: Listener): Watch
}

export interface Listener {
  /** An announcement, in the order of commits. */
  heard(payload: string): void
  /** Announcements may have been missed up to now. */
  missed(): void
}

export interface Watch {
  /** Whether everything that was committed up to a moment ago (well under a second) has been heard. */
  isLive(): boolean
  /** Resolves when everything that was committed before the call has been heard; at once where the channel is down. */
  caughtUp(): Promise<void>
  /** Why it does not hear what is announced, and what to do about it; nothing while it does. */
  trouble(): string | undefined
}

/** Time outside the database: timers and backoff. Lifetimes are judged by the database's own clock. */
export interface Clock {
  /** Milliseconds since the epoch. */
  now(): number
}

/** Cryptographically strong random bytes. */
export type Random = (byteCount: number) => Buffer

export interface Deps {
  readonly db: Database
  readonly mail: Mail
  readonly clock: Clock
  readonly random: Random
  readonly log: Logger
  readonly config: Config
  /** Keys that codes and links are derived from: the first signs, all verify. */
  readonly secrets: readonly string[]
}
