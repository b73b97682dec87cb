/** How long an answer may be. What a document asks for is counted before (limits.ts), but not how long the texts are that it finds. */
import { Problem } from '../domain/problem.ts'

/** In characters of JSON. To write so many takes some tenths of a second, in which nobody else is answered. */
const maxAnswerLength = 32_000_000

/** @throws Problem INVALID_INPUT before the answer is written, where it would be longer */
export function demandWritable(data: unknown): void {
  if (lengthOf(data, maxAnswerLength) > maxAnswerLength)
    throw new Problem('INVALID_INPUT', {
      sentence: `This answer would have more than ${maxAnswerLength} characters: ask for smaller pages (first, last), fewer fields or fewer texts.`,
    })
}

/** About the length of a value as JSON; of one that is too long, of its beginning. */
function lengthOf(value: unknown, most: number): number {
  if (typeof value === 'string') return value.length + 2
  if (typeof value !== 'object' || value === null) return 5
  let length = 2
  for (const name in value) {
    if (length > most) return length
    const member = (value as Readonly<Record<string, unknown>>)[name]
    length += lengthOf(member, most - length) + (Array.isArray(value) ? 1 : name.length + 4)
  }
  return length
}
