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

/** The languages to try, best first. */
export async function wishes({ viewer, loaders }: Context, asked: string | null | undefined): Promise<(string | null | undefined)[]> {
  const own = viewer.kind === 'session' ? viewer.language : null
  const { languages } = viewer.kind === 'anonymous' ? { languages: [] } : await loaders.districtSettings(viewer.districtId)
  return [asked, own, languages[0]]
}

/** `name(language: LanguageTag): String!` */
export const nameField = <Parent extends { readonly name: Multilingual }>(t: FieldBuilder<Parent>, description: string) =>
  t.string({
    description,
    args: { language: languageArg(t) },
    resolve: async (parent, { language }, context) => inLanguage((parent as Parent).name, await wishes(context, language)),
  })

/** A text in one language. */
export interface LocalizedText {
  readonly language: string
  readonly text: string
}

export const defineLocalizedText = (builder: Builder) =>
  builder.objectRef<LocalizedText>('LocalizedText').implement({
    description: 'A text in one language.',
    fields: (t) => ({
      language: t.expose('language', { type: 'LanguageTag', description: 'The language.' }),
      text: t.exposeString('text', { description: 'The text.' }),
    }),
  })

/** All translations of a text, in the order in which they are kept. */
export const translationsOf = (text: Multilingual): LocalizedText[] =>
  Object.entries(text).map(([language, each]) => ({ language, text: each }))
