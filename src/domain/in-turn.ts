/** Work that is done one piece at a time in this process, in the order in which it came. */
import { Problem } from './problem.ts'

/** Longer than that nobody waits for their turn: a request is answered within 5 s, whatever those before it wait for. */
const patienceMs = 3_500
const lastOf = new WeakMap<object, Promise<void>>()

/**
 * Does work when all that came before it is through.
 * @param queue whatever the work is lined up at
 * @throws Problem UNAVAILABLE when its turn does not come within 3.5 s
 */
export async function inTurn<Result>(queue: object, work: () => Promise<Result>): Promise<Result> {
  const before = lastOf.get(queue)
  let through = (): void => {}
  const mine = new Promise<void>((resolve) => (through = resolve))
  lastOf.set(
    queue,
    Promise.all([before, mine]).then(() => {}),
  )
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<'late'>((resolve) => (timer = setTimeout(resolve, patienceMs, 'late')))
  try {
    if ((await Promise.race([before, late])) === 'late') throw new Problem('UNAVAILABLE', { retryAfter: 1 })
    return await work()
  } finally {
    clearTimeout(timer)
    through()
  }
}
