/** Cursors: a row's place in its list, opaque to clients, and bound to that list, its order and its filter. */
import { isDate, isMoment } from './calendar.ts'
import { invalid } from './problem.ts'

/** What a list is sorted by, beside the id. */
export type KeyType = 'text' | 'date' | 'timestamptz'

/** A row's place in its order. A time is milliseconds since the epoch. */
export interface Position {
  readonly key: string | number
  readonly id: string
}

/** @param binding what cursors of this list are bound to, in letters and digits */
export function encodeCursor(binding: string, { key, id }: Position): string {
  // Written out, since the array that it is takes twice as long.
  return Buffer.from(`["${binding}",${JSON.stringify(key)},${JSON.stringify(id)}]`).toString('base64url')
}

/**
 * @param field the argument that the cursor came in
 * @throws Problem INVALID_INPUT for what is no cursor of this list
 */
export function decodeCursor(cursor: string, type: KeyType, binding: string, field: string): Position {
  let parts: unknown
  try {
    parts = JSON.parse(Buffer.from(cursor, 'base64url').toString())
  } catch {
    throw invalid(field, 'This is not a cursor of this list.')
  }
  const [bound, key, id] = Array.isArray(parts) ? (parts as unknown[]) : []
  if (typeof bound !== 'string' || typeof id !== 'string' || id.includes('\0') || !isKey(key, type))
    throw invalid(field, 'This is not a cursor of this list.')
  if (bound !== binding) throw invalid(field, 'This cursor belongs to another list, or to another order or filter.')
  return { key, id }
}

function isKey(key: unknown, type: KeyType): key is string | number {
  if (type === 'timestamptz') return typeof key === 'number' && Number.isInteger(key) && isMoment(key)
  if (type === 'date') return typeof key === 'string' && isDate(key)
  return typeof key === 'string' && !key.includes('\0')
}
