/** What GraphQL says of its variables, said of the members of a body as REST spells them. */
import type { GraphQLError } from 'graphql'
import { scopes } from '../access/scopes.ts'
import { mistakeIn } from '../graphql/errors.ts'

/**
 * The sentence for a refusal: it begins with the member that is to blame, if one is.
 * A variable of the document is a member of the body; of `$input`, which stands for the whole body, each field is one.
 */
export function sentence(error: GraphQLError): string {
  const { message, extensions } = error
  const field = extensions['field']
  if (typeof field !== 'string') return message
  const member = memberOf(field)
  const mistake = mistakeIn(error)
  if (!mistake) return message.startsWith(member) ? message : `${member}: ${message}`
  // graphql-js says first, and in GraphQL's notation, what was sent.
  if (mistake.kind === 'missing') return `${member} is required.`
  if (mistake.kind === 'null') return `${member} must not be null.`
  const must = valueOf[mistake.typeName]
  return must === undefined ? `${member}: ${mistake.message}` : `${member} must be ${must}.`
}

/** What a value of a type is to a reader of REST, where GraphQL's own words would tell of something else. */
const valueOf: Readonly<Record<string, string>> = {
  String: 'a string',
  ID: 'a string',
  Boolean: '0, 1, true or false',
  Scope: `one of ${scopes.map(({ id }) => id).join(', ')}`,
}

/**
 * `input.boardId` → `board_id`, `input.scopes.0` → `scopes.0`; what follows the member's own name stays as it is, and so does the name of a
 * header.
 */
function memberOf(field: string): string {
  const [first = '', ...rest] = field.replace(/^input\./, '').split('.')
  return [first.replaceAll(/(?<=[a-z\d])[A-Z]/g, (letter) => `_${letter.toLowerCase()}`), ...rest].join('.')
}
