/** What GraphQL says of its variables, said of the members of a body as REST spells them. */
import type { GraphQLError } from 'graphql'
import { scopes } from '../access/scopes.ts'

/**
 * The sentence for a refusal: it begins with the member that is to blame, if one is.
 * A variable of the document is a member of the body; of `$input`, which stands for the whole body, each field is one.
 */
export function sentence({ message, extensions, originalError }: GraphQLError): string {
  const field = extensions['field']
  if (typeof field !== 'string') return message
  const ofVariable = /^Variable "\$\w+" (?:of (?:required|non-null) type|got invalid value)/.test(message)
  if (!ofVariable) {
    const member = memberOf(field)
    return message.startsWith(member) ? message : `${member}: ${message}`
  }
  // graphql-js says first, and in GraphQL's notation, what was sent; what is wrong with it is the error inside.
  const why = originalError?.message
  const missing = why === undefined ? field : /^Field "(\w+)" of required type/.exec(why)?.[1]
  if (missing !== undefined) return `${memberOf(missing)} is required.`
  const member = memberOf(field)
  for (const [pattern, must] of kinds) if (pattern.test(why!)) return `${member} must ${must}.`
  return `${member}: ${why}`
}

/** What graphql-js and the scalars say that a reader of REST should not meet. */
const kinds: readonly (readonly [RegExp, string])[] = [
  [/^Expected non-nullable type/, 'not be null'],
  [/^(String|ID) cannot represent/, 'be a string'],
  [/^Boolean cannot represent/, 'be 0, 1, true or false'],
  [/^(Value ".*" does not exist in|Enum) "Scope"/s, `be one of ${scopes.map(({ id }) => id).join(', ')}`],
]

/** `input.boardId` → `board_id`, `input.scopes[0]` → `scopes.0`; what follows the member's own name stays as it is. */
function memberOf(field: string): string {
  const [first = '', ...rest] = field
    .replace(/^input\./, '')
    .replaceAll(/\[(\d+)\]/g, '.$1')
    .split('.')
  return [first.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`), ...rest].join('.')
}
