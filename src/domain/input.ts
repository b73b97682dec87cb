/** Pieces of input that several features share; parsed at the door, so that what is inside can be trusted. */
import { z } from 'zod'
import { invalid } from './problem.ts'

/** A malformed id is a missing one: it is never looked up, and never an error of its own. */
export const isId = (id: string): boolean => /^[A-Za-z0-9_-]{1,64}$/.test(id)

/** An id to filter by. A malformed one becomes one that nothing has, and finds what a missing one finds. */
export const idSchema = z.string('This must be an id.').transform((id) => (isId(id) ? id : ''))

/** Text that a database can hold. */
export const textSchema = (maxLength: number) =>
  z
    .string('This must be text.')
    .max(maxLength, { error: `At most ${maxLength} characters.`, abort: true }) // no more is done with what is too long
    .refine((text) => !text.includes('\0'), 'The character U+0000 is not allowed.')
    .refine((text) => !/\p{Cs}/u.test(text), 'Half of a surrogate pair is not a character.')

/** Text that says something. */
export const filledIn = (maxLength: number) => textSchema(maxLength).trim().min(1, 'This must not be empty.')

/** A list with a maximum length, checked before its items are validated: the cost of a refusal is bounded. @param tooMany the sentence */
export const listOf = <Item extends z.ZodType>(item: Item, most: number, tooMany: string) =>
  z.array(z.unknown()).max(most, tooMany).pipe(z.array(item))

/** A BCP 47 language tag in its canonical form. */
export const languageSchema = z
  .string('This must be a BCP 47 language tag, such as en or pt-BR.')
  .max(35, { error: 'This is not a BCP 47 language tag, such as en or pt-BR.', abort: true })
  .transform((tag, context) => {
    try {
      return Intl.getCanonicalLocales(tag)[0]!
    } catch {
      context.addIssue('This is not a BCP 47 language tag, such as en or pt-BR.')
      return z.NEVER
    }
  })

/**
 * Parses input.
 * @throws Problem INVALID_INPUT naming the first member that is wrong, as a dotted path
 */
export function parse<Schema extends z.ZodType>(schema: Schema, input: unknown, prefix = ''): z.output<Schema> {
  const parsed = schema.safeParse(input)
  if (parsed.success) return parsed.data
  const [issue] = parsed.error.issues
  throw invalid([prefix, ...issue!.path.map(String)].filter(Boolean).join('.'), issue!.message)
}
