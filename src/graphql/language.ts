/** Multilingual fields: the language asked for, then the caller's, then the district's first, then any. */
import type { ArgBuilder } from '@pothos/core'
import type { Context } from './context.ts'
import { inLanguage, type Multilingual } from '../domain/multilingual.ts'
import type { Builder, SchemaTypes } from './builder.ts'

type FieldBuilder<Parent> = PothosSchemaTypes.ObjectFieldBuilder<PothosSchemaTypes.ExtendDefaultTypes<SchemaTypes>, Parent>

export const languageArg = (t: { arg: ArgBuilder<PothosSchemaTypes.ExtendDefaultTypes<SchemaTypes>> }) =>
  t.arg({
    type: 'LanguageTag',
    description: 'The language wished for. Without it, or where the text is not in it: the caller’s, then the district’s first, then any.',
  })

type Asked = string | null | undefined

/** The languages to try, best first, for a text of a district that works in `languages`. */
const wishesAmong = ({ viewer }: Context, asked: Asked, languages: readonly string[]): Asked[] => [
  asked,
  viewer.kind === 'session' ? viewer.language : null,
  languages[0],
]

/** The languages to try, best first, for a text of the caller's district. */
export async function wishes(context: Context, asked: Asked): Promise<Asked[]> {
  const { viewer, loaders } = context
  const { languages } = viewer.kind === 'anonymous' ? { languages: [] } : await loaders.districtSettings(viewer.districtId)
  return wishesAmong(context, asked, languages)
}

/** A text in one language. */
interface LocalizedText {
  readonly language: string
  readonly text: string
}

export type LocalizedTextRef = ReturnType<typeof defineLocalizedText>

export const defineLocalizedText = (builder: Builder) =>
  builder.objectRef<LocalizedText>('LocalizedText').implement({
    description: 'A text in one language.',
    fields: (t) => ({
      language: t.expose('language', { type: 'LanguageTag', description: 'The language.' }),
      text: t.exposeString('text', { description: 'The text.' }),
    }),
  })

/**
 * `name(language: LanguageTag): String!`, as a reader wants it, and `names: [LocalizedText!]!`, in every language it is kept in.
 * What knows the languages of its district itself says so; for the rest they are read.
 */
export const nameFields = <Parent extends { readonly name: Multilingual; readonly languages?: readonly string[] }>(
  t: FieldBuilder<Parent>,
  localizedText: LocalizedTextRef,
  description: string,
) => ({
  name: t.string({
    description,
    args: { language: languageArg(t) },
    resolve: async (parent, { language }, context) => {
      const { name, languages } = parent as Parent
      return inLanguage(name, languages ? wishesAmong(context, language, languages) : await wishes(context, language))
    },
  }),
  names: t.field({
    type: [localizedText],
    description: 'The name in every language it is kept in.',
    resolve: (parent) => Object.entries((parent as Parent).name).map(([language, text]) => ({ language, text })),
  }),
})
