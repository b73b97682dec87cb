/** Texts in several languages, as objects keyed by language code; and which of them a reader gets. */
export type Multilingual = Readonly<Record<string, string>>

/** The first of the wished languages that there is, its base language counting too (pt for pt-BR); then any. */
export function inLanguage(text: Multilingual, wishes: readonly (string | null | undefined)[]): string {
  const byLowerCase = new Map(Object.entries(text).map(([language, value]) => [language.toLowerCase(), value]))
  for (const wish of wishes) {
    if (!wish) continue
    const asked = wish.toLowerCase()
    const found = byLowerCase.get(asked) ?? byLowerCase.get(asked.split('-')[0]!)
    if (found !== undefined) return found
  }
  return Object.values(text)[0] ?? ''
}
