/** What may be answered to the fields of a form: an unknown field, another type or an option that is none is refused by name. */
import { z } from 'zod'
import type { Form, FormField } from './districts.ts'
import { languageSchema, textSchema } from './input.ts'
import { invalid } from './problem.ts'

/** The answers to a form, by field id; values are numbers, option ids, or texts by language. */
export type Answers = Readonly<Record<string, unknown>>

const maxLength = { short_text: 1_000, long_text: 20_000 }

/**
 * Merges answers into those that there are: `null` clears one, or in place of the object all of them.
 * @param field where the answers stand in the input
 * @throws Problem INVALID_INPUT with the path of the first answer that is not one
 */
export function mergeAnswers({ fields }: Form, before: Answers, given: unknown, field: string): Answers {
  if (given === null) return {}
  if (typeof given !== 'object' || Array.isArray(given)) throw invalid(field, 'Responses are an object by the ids of the form’s fields.')
  const after = new Map(Object.entries(before))
  for (const [id, value] of Object.entries(given)) {
    const answered = fields.find((each) => each.id === id)
    const path = `${field}.${id.slice(0, 64)}`
    if (!answered) throw invalid(path, 'The form has no such field.')
    if (value === null) after.delete(id)
    else after.set(id, checked(answered, value, path))
  }
  return Object.fromEntries(after)
}

/** Answers to one form say nothing about another, where the same id may be a public field. */
export function demandNoneLeft(before: Answers, given: unknown, field: string): void {
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

function text(most: number, value: unknown, path: string): unknown {
  const byLanguage = z.record(z.string(), textSchema(most)).safeParse(value)
  if (!byLanguage.success || Object.keys(byLanguage.data).length === 0) {
    const tooLong = byLanguage.error?.issues.find(({ code }) => code !== 'invalid_type')
    throw invalid(path, tooLong?.message ?? 'A text is given by language: {"en": "…"}.')
  }
  const entries = Object.entries(byLanguage.data).map(([tag, each]): [string, string] => {
    const language = languageSchema.safeParse(tag)
    if (!language.success) throw invalid(`${path}.${tag.slice(0, 35)}`, 'This is not a BCP 47 language tag, such as en or pt-BR.')
    return [language.data, each]
  })
  return Object.fromEntries(entries)
}
