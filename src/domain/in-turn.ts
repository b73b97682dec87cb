/** Work that is done one piece at a time in this process, in the order in which it came. */
import { Problem } from './problem.ts'

/** Longer than that nobody waits for their turn: a request is answered within 5 s, whatever those before it wait for. */
const patienceMs = 3_500

interface Line {
  /** How many are at work or wait. */
  length: number
  /** Resolves when the last of them is through. */
  through: Promise<void>
}
const lines = new WeakMap<object, Line>()

/** Whether work that comes now would wait for other work. */
export const isBusy = (queue: object): boolean => (lines.get(queue)?.length ?? 0) > 0

/**
 * Does work when all that came before it is through.
 * @param queue whatever the work is lined up at
 * @throws Problem UNAVAILABLE when its turn does not come within 3.5 s
 */
export async function inTurn<Result>(queue: object, work: () => Promise<Result>): Promise<Result> {
  const line = lines.get(queue) ?? { length: 0, through: Promise.resolve() }
  lines.set(queue, line)
  const before = line.through
  let through = (): void => {}
  const mine = new Promise<void>((resolve) => (through = resolve))
  line.through = Promise.all([before, mine]).then(() => {}) // without their values, which would hold each other for ever
  line.length++
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<'late'>((resolve) => (timer = setTimeout(resolve, patienceMs, 'late')))
  try {
    if ((await Promise.race([before, late])) === 'late') throw new Problem('UNAVAILABLE', { retryAfter: 1 })
    return await work()
  } finally {
    clearTimeout(timer)
    line.length--
    through()
  }
}
