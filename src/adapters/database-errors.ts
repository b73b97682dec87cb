/** Tells "the database does not answer" from every other error of the two drivers and of Prisma. */
import { Problem } from '../domain/problem.ts'

const networkCodes = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'ECONNABORTED',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ENOENT',
  'ETIMEDOUT',
  'EPIPE',
])
/** Prisma: cannot reach, timed out, closed, no free connection, transaction not started in time. */
const prismaCodes = new Set(['P1001', 'P1002', 'P1008', 'P1017', 'P2024', 'P2028'])
/** SQLSTATE: connection exceptions, shutting down, out of connections, cancelled by a timeout, that of a lock among them. */
const sqlStates = /^(08...|57P0[1-5]|53...|57014|25P03|55P03)$/
/** `pg` gives these no code. */
const driverMessages =
  /^(Connection terminated|Query read timeout|timeout exceeded when trying to connect|Client has encountered a connection error|Cannot use a pool after|Client was closed)/

/** Whether trying again later may help, because the statement met no working database. */
function isUnavailable(error: unknown): boolean {
  if (!(error instanceof Error)) return false
  const code = (error as { code?: unknown }).code
  if (typeof code === 'string' && (networkCodes.has(code) || prismaCodes.has(code) || sqlStates.test(code))) return true
  if (driverMessages.test(error.message)) return true
  if (error instanceof AggregateError && error.errors.some(isUnavailable)) return true
  const cause = error.cause as { originalCode?: unknown } | undefined
  if (typeof cause?.originalCode === 'string' && sqlStates.test(cause.originalCode)) return true
  return cause instanceof Error && isUnavailable(cause)
}

/** Every statement's result passes here: the one place where a driver's error becomes UNAVAILABLE. */
export const answered = <Result>(result: Promise<Result>): Promise<Result> => result.catch(explain)

function explain(error: unknown): never {
  throw isUnavailable(error) ? new Problem('UNAVAILABLE', { retryAfter: 1 }, { cause: error }) : error
}
