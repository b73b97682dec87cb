/** What the domain is given, and nothing else reaches it: database, mail, clock, randomness, log, configuration. */
import type { Logger } from 'pino'
import type { Sql } from 'sql-template-tag'
import type { Config } from './config.ts'
import type { Mail } from './domain/mail.ts'
import type { PrismaClient } from './generated/prisma/client.ts'

/** Runs one SQL statement. @throws Problem UNAVAILABLE when the database does not answer */
export interface Queryable {
  query<Row>(statement: Sql): Promise<Row[]>
}

/** PostgreSQL, on a server or embedded: the same statements, the same answers. */
export interface Database extends Queryable {
  /** All of the work or none of it. Only `tx` belongs inside: a query beside it would wait for this transaction. */
  transaction<Result>(work: (tx: Queryable) => Promise<Result>): Promise<Result>
  /** Hears what is announced on a channel (NOTIFY), by whichever instance, until the database is closed. */
  watch(channel: string, listener: Listener): Watch
  /** The same database through Prisma, for writes by model. */
  prisma(): Promise<PrismaClient>
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
  /** Tells the mailer that there is something to send; it finds it in the database. */
  readonly wakeMailer: () => void
}
