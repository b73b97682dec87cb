/** Whether one sample is larger than another, by ranks alone: whatever a slow machine does to both alike shows in neither. */
import { randomInt } from 'node:crypto'

/** The share of pairs in which the one's is larger, a tie counting for half (Mann and Whitney): 0.5 where nothing tells them apart. */
export function shareLarger(one: readonly number[], other: readonly number[]): number {
  const sorted = Float64Array.from(other).sort()
  const wins = one.reduce(
    (sum, value) => sum + (countBefore(sorted, (each) => each < value) + countBefore(sorted, (each) => each <= value)) / 2,
    0,
  )
  return wins / (one.length * other.length)
}

/** How far that share is from a half, in standard deviations. */
export const deviation = (one: readonly number[], other: readonly number[]): number =>
  Math.abs(shareLarger(one, other) - 0.5) / Math.sqrt((one.length + other.length + 1) / (12 * one.length * other.length))

/** How many at the beginning are such. */
function countBefore(sorted: Float64Array, isSuch: (value: number) => boolean): number {
  let [from, to] = [0, sorted.length]
  while (from < to) {
    const middle = (from + to) >> 1
    if (isSuch(sorted[middle]!)) from = middle + 1
    else to = middle
  }
  return from
}

/** The same in random order. */
export function shuffled<Value>(values: readonly Value[]): Value[] {
  const order = [...values]
  for (let n = order.length - 1; n > 0; n--) {
    const other = randomInt(n + 1)
    ;[order[n], order[other]] = [order[other]!, order[n]!]
  }
  return order
}
