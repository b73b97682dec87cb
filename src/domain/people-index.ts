/** What a person is found and sorted by, computed from the rest of the row and kept beside it. */
import { emailKey } from './email.ts'

/** Text without case and accents: "Núñez" and "NUNEZ" are one. In upper case, where ß is SS and σ is ς; by way of lower, where ẞ is ß. */
const fold = (text: string): string => text.normalize('NFKD').replace(/\p{M}/gu, '').toLowerCase().toUpperCase()

/**
 * The words of a text, folded: letters and digits in any script. PostgreSQL holds lexemes of up to 2,046 bytes: a word
 * longer than 100 characters counts as several, in the index as in a search.
 */
export const wordsOf = (text: string): string[] => fold(text).match(/[\p{L}\p{N}]{1,100}/gu) ?? []

/** Words of one inverted index: a kind and a district before each, so that no tenant touches another's entries. */
export const wordTerm = (districtId: string, word: string): string => `${districtId}/w/${word}`
export const roleTerm = (districtId: string, roleId: string): string => `${districtId}/r/${roleId}`
export const tagTerm = (districtId: string, tag: string): string => `${districtId}/t/${tag}`

export interface PersonFacts {
  readonly districtId: string
  readonly first: string
  readonly last: string
  readonly email: string
  readonly roles: Readonly<Record<string, number>>
  readonly tags: readonly string[]
}

/** The three computed columns. Whoever writes a person writes these with it. */
export function personIndex({ districtId, first, last, email, roles, tags }: PersonFacts): {
  emailKey: string
  sortName: string
  terms: string[]
} {
  const words = [first, last, email].flatMap(wordsOf)
  return {
    emailKey: emailKey(email),
    sortName: `${fold(last)} ${fold(first)}`.trim(),
    terms: [
      ...new Set([
        ...words.map((word) => wordTerm(districtId, word)),
        ...Object.keys(roles).map((roleId) => roleTerm(districtId, roleId)),
        ...tags.map((tag) => tagTerm(districtId, tag)),
      ]),
    ],
  }
}
