/** How made-up people and interviews are spread: one large district, ever smaller ones; some candidates with many interviews. */

/** The largest of many districts holds a quarter of all people; of a few, clearly more than its equal share. */
const largestShare = (districts: number): number => Math.min(1, Math.max(1 / 4, 1.5 / districts))

/** People by district, the largest first, at least one in each; they add up. Needs as many people as districts. */
export function peopleByDistrict(people: number, districts: number): number[] {
  const largest = districts === 1 ? people : Math.max(1, Math.min(Math.round(people * largestShare(districts)), people - (districts - 1)))
  const others = Array.from({ length: districts - 1 }, (_, index) => 1 / Math.sqrt(index + 4))
  return [largest, ...split(people - largest - others.length, others).map((more) => more + 1)]
}

/** A whole number in parts of these weights; what rounding leaves goes to the first ones. */
export function split(total: number, weights: readonly number[]): number[] {
  const sum = weights.reduce((a, b) => a + b, 0)
  const parts = weights.map((weight) => (sum === 0 ? 0 : Math.floor((total * weight) / sum)))
  let rest = total - parts.reduce((a, b) => a + b, 0)
  for (let index = 0; rest > 0 && weights.length > 0; index = (index + 1) % weights.length) {
    if (sum > 0 && weights[index] === 0) continue
    parts[index]! += 1
    rest -= 1
  }
  return parts
}

export interface Staff {
  readonly mentors: number
  readonly board: number
  /** Everybody else but the administrator. */
  readonly candidates: number
}

/** Who the people of a district are, its administrator among them. */
export function staffOf(people: number): Staff {
  const mentors = Math.min(1_000, Math.floor(people / 20))
  const board = Math.min(40, Math.floor(people / 25))
  return { mentors, board, candidates: people - 1 - mentors - board }
}

/** Relative numbers of interviews of ten candidates after each other: most have a few, some none, some many. */
const pattern = [3, 1, 0, 5, 2, 4, 1, 7, 3, 4]
const before = pattern.map((_, index) => pattern.slice(0, index).reduce((a, b) => a + b, 0))
const wholePattern = 30
const weightBefore = (candidate: number): number =>
  Math.floor(candidate / pattern.length) * wholePattern + before[candidate % pattern.length]!

/** How many of a district's interviews the n-th of its candidates has; over all of them they add up. */
export function interviewsOf(candidate: number, interviews: number, candidates: number): number {
  const upTo = (index: number) => Math.floor((interviews * weightBefore(index)) / weightBefore(candidates))
  return upTo(candidate + 1) - upTo(candidate)
}
