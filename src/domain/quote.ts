/** A client's text inside a sentence of ours: bounded before the sentence is made, so that no answer repeats what a request was filled with. */

/** In UTF-16 code units, an ellipsis included. */
export const mostQuoted = 100

/** The text, or its beginning and an ellipsis. No half of a surrogate pair is in it, neither cut here nor sent so: it would be no Unicode. */
export function quote(text: string, most = mostQuoted): string {
  if (text.length <= most) return text.toWellFormed()
  const cutsPair = (text.charCodeAt(most - 2) & 0xfc00) === 0xd800
  return `${text.slice(0, cutsPair ? most - 2 : most - 1).toWellFormed()}…`
}

/** The same in quotation marks, which count. */
export const quoteText = (text: string): string => quote(JSON.stringify(quote(text, mostQuoted - 2)), mostQuoted)

/** How deep into a value is looked: what is further down stands as `{…}` or `[…]`. */
const deepest = 3

/**
 * A JSON value in the notation of graphql-js's own sentences (`{ tag: 1, ids: ["x"] }`), or its beginning and an ellipsis.
 * @param names those of its members, where they are known: to list those of a large object takes ten times as long as to quote it
 */
export const quoteValue = (value: unknown, names?: readonly string[]): string =>
  typeof value === 'string' ? quoteText(value) : quote(written(value, mostQuoted + 1, deepest, names))

/** Stops soon after `room` characters, however large the value is. */
function written(value: unknown, room: number, levels: number, names?: readonly string[]): string {
  if (typeof value === 'string') return JSON.stringify(quote(value))
  if (typeof value !== 'object' || value === null) return String(value)
  const isList = Array.isArray(value)
  if (levels === 0) return isList ? '[…]' : '{…}'
  let text = ''
  for (const name of isList ? value.keys() : (names ?? Object.keys(value))) {
    if (text.length > room) break
    const member = written((value as Record<string | number, unknown>)[name], room - text.length, levels - 1)
    text += `${text === '' ? '' : ', '}${isList ? '' : `${quote(String(name))}: `}${member}`
  }
  if (isList) return `[${text}]`
  return text === '' ? '{}' : `{ ${text} }`
}
