/** An interview's responses, in the order of its form, without the private fields for those who may not see them. */
import type { FormField, Settings } from './districts.ts'
import type { Interview } from './interviews.ts'
import { inLanguage, type Multilingual } from './multilingual.ts'

export interface InterviewResponse {
  readonly field: FormField
  readonly value: unknown
}

/** @param withPrivate whether the viewer sees private fields */
export function responsesOf({ formId, responses }: Interview, { forms }: Settings, withPrivate: boolean): InterviewResponse[] {
  const fields = forms.find(({ id }) => id === formId)?.fields ?? []
  return fields
    .filter((field) => Object.hasOwn(responses, field.id) && (withPrivate || !field.private))
    .map((field) => ({ field, value: responses[field.id] }))
}

/** A response as a reader would say it: a text in their language, the name of the chosen option; else nothing. */
export function responseText({ field, value }: InterviewResponse, wishes: readonly (string | null | undefined)[]): string | null {
  if (field.type === 'select') {
    const option = field.options?.find(({ id }) => id === String(value))
    return option ? inLanguage(option.name, wishes) : null
  }
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? inLanguage(value as Multilingual, wishes) : null
}
