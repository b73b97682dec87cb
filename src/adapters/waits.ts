/** What waits for the database, and for how long: one look at all of it every so often costs less than a timer for each. */
import type { Patience } from '../deps.ts'

export interface Wait {
  readonly patience: Patience
  /** Whether it is given up, too, when nobody waits for its answer any more. */
  readonly isRead: boolean
  /** Its time is over. It is not called again. */
  readonly end: () => void
  /** Its place among all that waits; undefined while it does not. */
  place?: number | undefined
}

const lookEveryMs = 20

/**
 * All waits of this process, unordered; the timer runs while there are any. It is an array with swap-remove, not a Set: V8 rehashes a churning
 * Set into old space, and each discarded table keeps its entries alive until the next full collection (nepotism).
 */
const waits: Wait[] = []
let timer: NodeJS.Timeout | undefined

export function beginWait(wait: Wait): void {
  wait.place = waits.push(wait) - 1
  timer ??= setInterval(look, lookEveryMs)
}

export function endWait(wait: Wait): void {
  const { place } = wait
  if (place === undefined) return
  wait.place = undefined
  const last = waits.pop()!
  if (last === wait) return
  waits[place] = last
  last.place = place
}

function look(): void {
  if (waits.length === 0) {
    clearInterval(timer)
    timer = undefined
    return
  }
  for (const wait of waits.filter(({ patience, isRead }) => patience.left() <= 0 || (isRead && patience.isGone()))) {
    if (wait.place === undefined) continue // ended by what another's end has set off
    endWait(wait)
    wait.end()
  }
}

/** So long from now, whoever waits. */
export function patienceOf(ms: number): Patience {
  const endsAt = performance.now() + ms
  return { left: () => endsAt - performance.now(), isGone: () => false }
}
