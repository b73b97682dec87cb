/** Work that is done a few at a time: what would have to wait too long for its turn is told so. */
import { Problem } from './problem.ts'

interface Waiting {
  readonly begin: () => void
  readonly timer: NodeJS.Timeout
}

/**
 * @param most how much is under way at once
 * @param longestWaitMs for a turn, after which the work is not done
 * @returns what does the work in its turn; it throws Problem UNAVAILABLE when that does not come
 */
export function inTurns(most: number, longestWaitMs: number): <Result>(work: () => Promise<Result>) => Promise<Result> {
  const waiting = new Set<Waiting>()
  let running = 0

  const turn = (): Promise<void> =>
    new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        waiting.delete(mine)
        reject(new Problem('UNAVAILABLE', { retryAfter: 1 }))
      }, longestWaitMs)
      const mine = { begin: resolve, timer }
      waiting.add(mine)
    })
  return async (work) => {
    if (running >= most) await turn()
    else running++
    try {
      return await work()
    } finally {
      const [next] = waiting
      if (next) {
        waiting.delete(next)
        clearTimeout(next.timer)
        next.begin()
      } else running--
    }
  }
}
