/** Chance that repeats itself: the same number gives the same throws, on every machine. Never for secrets. */
import type { Random } from '../deps.ts'

export interface Dice {
  /** From 0 up to, not including, 1. */
  fraction(): number
  /** A whole number from 0 up to, not including, `limit`. */
  below(limit: number): number
  pick<Item>(items: readonly Item[]): Item
  /** True in this share of the throws. */
  chance(share: number): boolean
  readonly bytes: Random
}

/** The generator is sfc32, of the PractRand test suite: fast, and without a pattern that such data would show. */
export function createDice(seed: number): Dice {
  let a = seed >>> 0
  let b = Math.floor(seed / 2 ** 32) >>> 0
  let c = 0x9e3779b9
  let counter = 1
  const word = (): number => {
    const result = (a + b + counter) | 0
    counter = (counter + 1) | 0
    a = b ^ (b >>> 9)
    b = (c + (c << 3)) | 0
    c = ((c << 21) | (c >>> 11)) + result
    return result >>> 0
  }
  for (let round = 0; round < 15; round++) word() // until nothing of the seed's own pattern is left

  const below = (limit: number) => Math.floor((word() / 2 ** 32) * limit)
  return {
    fraction: () => word() / 2 ** 32,
    below,
    pick: (items) => items[below(items.length)]!,
    chance: (share) => word() < share * 2 ** 32,
    bytes(count) {
      const bytes = Buffer.allocUnsafe(Math.ceil(count / 4) * 4)
      for (let at = 0; at < bytes.length; at += 4) bytes.writeUInt32LE(word(), at)
      return bytes.subarray(0, count)
    },
  }
}
