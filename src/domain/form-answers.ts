/** What may be answered to the fields of a form: an unknown field, another type or an option that is none is refused by name. */
import { z } from 'zod'
import type { Form, FormField } from './districts.ts'
import { languageSchema, textSchema } from './input.ts'
import { invalid } from './problem.ts'
import { quote } from './quote.ts'

/** What can be asked for in a field. */
export type FieldType = 'short_text' | 'long_text' | 'checkbox' | 'select' | 'file'

/** The answers to a form, by field id; values are numbers, option ids, or texts by language. */
export type Answers = Readonly<Record<string, unknown>>

const mostLanguages = 50
const maxLength = { short_text: 1_000, long_text: 20_000 }

/**
 * What answers look like whatever the form: an object by field id, or `null` for none, and in it nothing deeper than a text by
 * language, so that what is kept, compared or sealed has an end.
 */
export const answersSchema = z.unknown().transform((given, context): Answers | null | undefined => {
  if (given === null || given === undefined) return given
  if (!isObject(given)) {
    context.addIssue('Responses are an object by the ids of the form’s fields.')
    return z.NEVER
  }
  for (const [id, value] of Object.entries(given)) {
    const isDeep =
      typeof value === 'object' && value !== null && Object.values(value).some((each) => typeof each === 'object' && each !== null)
    if (!isDeep) continue
    context.addIssue({ code: 'custom', path: [quote(id)], message: 'A response is a number, an option or a text by language.' })
    return z.NEVER
  }
  return given
})

/**
 * Merges answers into those that there are: `null` clears one, or in place of the object all of them.
 * @param field where the answers stand in the input
 * @throws Problem INVALID_INPUT with the path of the first answer that is not one
 */
export function mergeAnswers({ fields }: Form, before: Answers, given: Answers | null, field: string): Answers {
  if (given === null) return {}
  const after = new Map(Object.entries(before))
  for (const [id, value] of Object.entries(given)) {
    const answered = fields.find((each) => each.id === id)
    const path = `${field}.${quote(id)}`
    // An answer to the form before this one, or to a field that is no more, can still be cleared.
    if (value === null && (answered || after.has(id))) after.delete(id)
    else if (answered) after.set(id, checked(answered, value, path))
    else throw invalid(path, 'The form has no such field.')
  }
  return Object.fromEntries(after)
}

/** Answers to one form say nothing about another, where the same id may be a public field. */
export function demandNoneLeft(before: Answers, given: Answers | null | undefined, field: string): void {
  const answeredAnew = given === undefined ? {} : given
  const left = answeredAnew === null ? undefined : Object.keys(before).find((id) => !Object.hasOwn(answeredAnew, id))
  if (left !== undefined)
    throw invalid(field, `Responses to another form are left (${left}). Clear them with null, or answer them anew, to change the form.`)
}

function checked(field: FormField, value: unknown, path: string): unknown {
  switch (field.type) {
    case 'checkbox':
      if (value === true || value === 1) return 1
      if (value === false || value === 0) return 0
      throw invalid(path, 'A checkbox is answered by 1 or 0.')
    case 'select':
      return chosen(field, value, path)
    case 'short_text':
    case 'long_text':
      return text(maxLength[field.type], value, path)
    case 'file':
      throw invalid(path, 'Files cannot be uploaded here.')
  }
}

/** The id of an option, as a number where it is one. */
function chosen({ options }: FormField, value: unknown, path: string): unknown {
  const option = typeof value === 'number' || typeof value === 'string' ? options?.find(({ id }) => id === String(value)) : undefined
  if (!option)
    throw invalid(path, `A select is answered by the id of one of its options: ${(options ?? []).map(({ id }) => id).join(', ')}.`)
  return /^(0|[1-9]\d{0,8})$/.test(option.id) ? Number(option.id) : option.id
}

/** A text by language. Not z.record, which leaves `__proto__` out as if it had not been there. */
function text(most: number, value: unknown, path: string): unknown {
  const given = isObject(value) ? Object.entries(value) : []
  if (given.length === 0) throw invalid(path, 'A text is given by language: {"en": "…"}.')
  if (given.length > mostLanguages) throw invalid(path, `A text is given in at most ${mostLanguages} languages.`)
  const texts = new Map<string, string>()
  for (const [tag, each] of given) {
    const at = `${path}.${quote(tag)}`
    const language = languageSchema.safeParse(tag)
    if (!language.success) throw invalid(at, 'This is not a BCP 47 language tag, such as en or pt-BR.')
    if (texts.has(language.data)) throw invalid(at, 'Each language is given once.')
    const said = textSchema(most).safeParse(each)
    if (!said.success) throw invalid(at, said.error.issues[0]!.message)
    texts.set(language.data, said.data)
  }
  return Object.fromEntries(texts)
}

const isObject = (value: unknown): value is Answers => typeof value === 'object' && value !== null && !Array.isArray(value)
