/**
 * A cache bounded in bytes, for what strangers may fill: an entry is kept for long only once it is asked for again, so that a flood of
 * entries that come once pushes out each other and nothing that is in use.
 */
import { LRUCache } from 'lru-cache'

/** The share for entries that nobody has asked for again yet. */
const newcomersShare = 1 / 8

export class BoundedCache<Value extends object> {
  private readonly newcomers: LRUCache<string, Value>
  private readonly regulars: LRUCache<string, Value>
  private readonly sizes = new WeakMap<Value, number>()

  constructor(maxBytes: number) {
    const size = (value: Value) => this.sizes.get(value)!
    this.newcomers = new LRUCache({ maxSize: maxBytes * newcomersShare, sizeCalculation: size })
    this.regulars = new LRUCache({ maxSize: maxBytes * (1 - newcomersShare), sizeCalculation: size })
  }

  get(key: string): Value | undefined {
    const regular = this.regulars.get(key)
    if (regular) return regular
    const newcomer = this.newcomers.get(key)
    if (newcomer) {
      this.newcomers.delete(key)
      this.regulars.set(key, newcomer)
    }
    return newcomer
  }

  /** @param bytes about how much memory the entry takes; one larger than its share is not kept */
  set(key: string, value: Value, bytes: number): void {
    this.sizes.set(value, bytes)
    this.newcomers.set(key, value)
  }
}
