/** What waits for the database, and for how long: one look at all of it every so often costs less than a timer for each. */
import type { Patience } from '../deps.ts'

export interface Wait {
  readonly patience: Patience
  /** Whether it is given up, too, when nobody waits for its answer any more. */
  readonly isRead: boolean
  /** Its time is over. It is not called again. */
  readonly end: () => void
}

const lookEveryMs = 20

/** All that waits in this process. The timer runs while anything does. */
const waits = new Set<Wait>()
let timer: NodeJS.Timeout | undefined

export function beginWait(wait: Wait): void {
  waits.add(wait)
  timer ??= setInterval(look, lookEveryMs)
}

export const endWait = (wait: Wait): void => void waits.delete(wait)

function look(): void {
  if (waits.size === 0) {
    clearInterval(timer)
    timer = undefined
    return
  }
  for (const wait of waits) {
    if (wait.patience.left() > 0 && !(wait.isRead && wait.patience.isGone())) continue
    waits.delete(wait)
    wait.end()
  }
}

/** So long from now, whoever waits. */
export function patienceOf(ms: number): Patience {
  const endsAt = performance.now() + ms
  return { left: () => endsAt - performance.now(), isGone: () => false }
}
