/** From the members of a body to those of a GraphQL input: what is not there is not given, `null` stays `null`, and the rest is ignored. */
import { isScope } from '../access/scopes.ts'
import { invalid } from '../domain/problem.ts'
import { quote } from '../domain/quote.ts'

/** What a member is called in the schema, and how its value is said there, where the two differ. */
type Member = readonly [name: string, value?: (value: unknown) => unknown]

export const inputOf = (body: Readonly<Record<string, unknown>>, members: Readonly<Record<string, Member>>): Record<string, unknown> =>
  Object.fromEntries(
    Object.entries(members)
      .filter(([name]) => Object.hasOwn(body, name))
      .map(([name, [inSchema, translated = asItIs]]) => [inSchema, translated(body[name])]),
  )

const asItIs = (value: unknown): unknown => value

/** 0 and 1 are what comes out; GraphQL refuses whatever else is no boolean. */
export const flagIn = (value: unknown): unknown => (value === 0 ? false : value === 1 ? true : value)

const ranks: ReadonlyMap<unknown, string> = new Map([
  [1, 'PRIMARY'],
  [2, 'SECONDARY'],
])

/** `{"1a": 1}` → `[{ roleId: "1a", rank: PRIMARY }]`. @throws Problem INVALID_INPUT for another shape or rank */
export function rolesIn(value: unknown): unknown {
  if (value === null) return null
  if (typeof value !== 'object' || Array.isArray(value))
    throw invalid('roles', 'roles must be an object of ranks by role id, such as {"1a":1}.')
  return Object.entries(value).map(([roleId, rank]: [string, unknown]) => {
    const member = `roles.${quote(roleId)}`
    if (!ranks.has(rank)) throw invalid(member, `${member} must be 1 (primary) or 2 (secondary).`)
    return { roleId, rank: ranks.get(rank) }
  })
}

const scopeIn = (value: unknown): unknown => (typeof value === 'string' && isScope(value) ? value.replace(':', '_').toUpperCase() : value)

/** `read:people` → `READ_PEOPLE`; GraphQL refuses what is no scope. */
export const scopesIn = (value: unknown): unknown => (Array.isArray(value) ? value.map(scopeIn) : scopeIn(value))
