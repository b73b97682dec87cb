/** What the documented bodies share: how times, flags and texts in several languages are written. */
import { z } from 'zod'

/** In GraphQL's answers. */
export interface LocalizedTextResult {
  readonly language: string
  readonly text: string
}

export const unixMsSchema = (description: string) => z.number().meta({ type: 'integer', format: 'int64', description })
export const unixMs = (moment: string): number => Date.parse(moment)

export const flagSchema = (description: string) => z.literal([0, 1]).meta({ description })
export const flag = (is: boolean): 0 | 1 => (is ? 1 : 0)

const multilingual = z.record(z.string(), z.string()).meta({
  id: 'Multilingual',
  description: 'A text in several languages, keyed by language.',
  examples: [{ en: 'English', es: 'Español' }],
})
export const multilingualSchema = (description: string) => multilingual.meta({ description })
export const byLanguage = (texts: readonly LocalizedTextResult[]): Record<string, string> =>
  Object.fromEntries(texts.map(({ language, text }) => [language, text]))

export const writtenIdSchema = z
  .object({ id: z.string() })
  .meta({ id: 'WrittenId', description: 'What was written, for a key that may write it and not read it.' })
