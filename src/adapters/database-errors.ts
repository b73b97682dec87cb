/** What the errors of the drivers, of PostgreSQL (SQLSTATE) and of Prisma come to here: whether a statement may be tried again, and what a caller is told. */
import { Duplicate, Missing } from '../deps.ts'
import { Problem } from '../domain/problem.ts'

/**
 * - `lost`: there is no connection, or it has ended. A statement that was sent may have been done.
 * - `undone`: all of the transaction was rolled back, in favour of another one.
 * - `readOnly`: this server takes no writes: it is a standby, or was made read-only.
 * - `refused`: this user, or this database, is not let in: somebody has to change that.
 * - `full`: no room, no memory, no connection left there.
 * - `late`: no answer in time, or a lock that was not given in time.
 * - `unnamed`: a statement's name is taken on this connection, or means nothing: a pooler changes connections. Nothing was done.
 * - `outgrown`: a statement was prepared before a table was changed. Nothing was done.
 * - `duplicate`: a row would be there twice.
 * - `missing`: a row is not there that a model call demands.
 */
export type Fault = 'lost' | 'undone' | 'readOnly' | 'refused' | 'full' | 'late' | 'unnamed' | 'outgrown' | 'duplicate' | 'missing'

/** PostgreSQL's error codes (its manual, appendix A), by code or class. */
const sqlStates: readonly (readonly [RegExp, Fault])[] = [
  [/^08...$/, 'lost'], // connection exceptions; poolers tell what is wrong with them by 08P01
  [/^57P0[1-5]$/, 'lost'], // shut down, crashed, starting up, database dropped, idle for too long
  [/^25P0[34]$/, 'lost'], // idle in a transaction, or at one, for too long
  [/^(40001|40P01)$/, 'undone'], // serialization failure, deadlock
  [/^25006$/, 'readOnly'],
  [/^(28...|3D000)$/, 'refused'], // authorization; no such database
  [/^(53...|54023)$/, 'full'], // disk, memory, connections; too many prepared statements of a pooler
  [/^(57014|55P03)$/, 'late'], // cancelled by a timeout or by us; lock not available
  [/^(26000|42P05)$/, 'unnamed'], // no such prepared statement; there is one already
  [/^23505$/, 'duplicate'],
]

/** What somebody has to change: the user or its password, the name of the database, the user's rights, an embedded database's folder. */
export type Obstacle = 'user' | 'database' | 'rights' | 'folder'

const obstacles: readonly (readonly [RegExp, Obstacle])[] = [
  [/^28(000|P01)$/, 'user'],
  [/^3D000$/, 'database'],
  [/^42501$/, 'rights'],
  [/^(53100|57P02|58030|58P01|XX00[12])$/, 'folder'], // no space, broken down, files that cannot be read or are gone, damaged rows or indexes
]

/** Of Node's network, and of Prisma (its reference of errors). What Prisma has no code for (P2039) it tells by the SQLSTATE. */
const codes: Readonly<Record<string, Fault>> = {
  ECONNREFUSED: 'lost',
  ECONNRESET: 'lost',
  ECONNABORTED: 'lost',
  ENOTFOUND: 'lost',
  EAI_AGAIN: 'lost',
  EHOSTDOWN: 'lost',
  EHOSTUNREACH: 'lost',
  ENETUNREACH: 'lost',
  ENOENT: 'lost', // of a socket in the file system
  EPIPE: 'lost',
  ETIMEDOUT: 'late',
  P1000: 'refused', // wrong password
  P1001: 'lost', // cannot be reached
  P1002: 'late', // reached, and no answer in time
  P1003: 'refused', // no such database
  P1008: 'late', // no answer in time
  P1010: 'refused', // no rights
  P1017: 'lost', // closed
  P2002: 'duplicate',
  P2024: 'full', // no free connection
  P2025: 'missing',
  P2028: 'late', // a transaction that did not begin, or end, in time
  P2034: 'undone', // conflict or deadlock
  P2037: 'full', // too many connections
}

/** `pg` gives these no code. */
const driverMessages: readonly (readonly [RegExp, Fault])[] = [
  [/^(Connection terminated|Client has encountered a connection error|Cannot use a pool after|Client was closed)/, 'lost'],
  [/^(Query read timeout|timeout exceeded when trying to connect|timeout expired)/, 'late'],
  [/^cached plan must not change result type/, 'outgrown'],
]

/** The server behind this connection is a standby: it takes no writes, and what it tells may be old. */
export class Standby extends Error {}
/** The database takes no writes. */
export class ReadOnly extends Error {}
/** The settings of a connection are not what the gateway needs, and cannot be made so; the message says what to run. */
export class WrongSettings extends Error {}
/** No answer came within the deadline. The statement is cancelled at the server before its connection is used again. */
export class TooLate extends Error {}
/** There is no more room in the queue for a connection. */
export class TooManyWaiting extends Error {}

/** What an error comes to; `undefined` for one that trying again does not mend. */
export function faultOf(error: unknown): Fault | undefined {
  if (!isError(error)) return undefined
  if (error instanceof TooLate) return 'late'
  if (error instanceof TooManyWaiting || error instanceof WrongSettings) return 'full'
  if (error instanceof Standby || error instanceof ReadOnly) return 'readOnly'
  const { code, cause = driverErrorIn(error), message, syscall } = error
  if (syscall === 'open') return undefined // a file, such as a certificate: it is not there later either
  const original = (cause as { originalCode?: unknown } | undefined)?.originalCode // of Prisma's driver adapters
  return (
    faultOfCode(code) ??
    faultOfCode(original) ??
    driverMessages.find(([pattern]) => pattern.test(message))?.[1] ??
    (error instanceof AggregateError ? firstOf(error.errors) : undefined) ??
    (cause instanceof Error ? faultOf(cause) : undefined)
  )
}

const isError = (error: unknown): error is Error & { readonly code?: unknown; readonly syscall?: unknown; readonly meta?: unknown } =>
  error instanceof Error

/** Where Prisma's client keeps what its driver adapter has met. */
const driverErrorIn = ({ meta }: { readonly meta?: unknown }): unknown =>
  (meta as { driverAdapterError?: { cause?: unknown } } | undefined)?.driverAdapterError?.cause

const faultOfCode = (code: unknown): Fault | undefined =>
  typeof code === 'string' ? (codes[code] ?? sqlStates.find(([pattern]) => pattern.test(code))?.[1]) : undefined

const firstOf = (errors: readonly unknown[]): Fault | undefined => errors.map(faultOf).find((fault) => fault !== undefined)

/** What an error of the database asks somebody to change, if it does. */
export function obstacleOf(error: unknown): Obstacle | undefined {
  const { code } = error as { code?: unknown }
  return typeof code === 'string' ? obstacles.find(([pattern]) => pattern.test(code))?.[1] : undefined
}

/** Seconds after which trying again is worth while. */
const retryAfter: Readonly<Record<Exclude<Fault, 'duplicate' | 'missing'>, number>> = {
  lost: 1,
  undone: 1,
  unnamed: 1,
  outgrown: 1,
  late: 2,
  readOnly: 3,
  refused: 3,
  full: 3,
}

/** The error as the domain knows it: Problem UNAVAILABLE where trying again later may help, Duplicate, Missing, or what it was. */
export function told(error: unknown): unknown {
  if (error instanceof Problem) return error
  const fault = faultOf(error)
  if (fault === undefined) return error
  if (fault === 'duplicate') return new Duplicate('A row would be there twice.', { cause: error })
  if (fault === 'missing') return new Missing('A row is not there.', { cause: error })
  const sentence = fault === 'readOnly' ? { sentence: 'The database takes no writes just now. Try again in a moment.' } : {}
  return new Problem('UNAVAILABLE', { retryAfter: retryAfter[fault], ...sentence }, { cause: error })
}

/** Every statement's result passes here, or by `told`: nobody else knows what a driver's error means. */
export const answered = <Result>(result: Promise<Result>): Promise<Result> =>
  result.catch((error: unknown) => {
    throw told(error)
  })
