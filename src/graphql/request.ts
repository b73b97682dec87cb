/** A GraphQL request as its members say it, whichever door it came by: checked here, and nothing else of it is looked at. */
import { Problem } from '../domain/problem.ts'

export interface GraphqlRequest {
  readonly query: string
  readonly operationName: string | undefined
  readonly variables: Readonly<Record<string, unknown>>
}

/**
 * Reads the members of a request. Others than GraphQL's are ignored (GraphQL over HTTP: "MUST ignore"), and a name without a character
 * is none.
 * @throws Problem INVALID_INPUT for a member that is not what it must be, PERSISTED_QUERY_NOT_SUPPORTED for a hash in place of a document
 */
export function graphqlRequest(members: unknown): GraphqlRequest {
  if (Array.isArray(members)) throw refused('Send one operation a request: batches are not taken.')
  if (!isObject(members)) throw refused('The body must be a JSON object with the member query.')
  const { query, variables, operationName, extensions } = members
  if (variables != null && !isObject(variables)) throw refused('variables must be an object.')
  if (extensions != null && !isObject(extensions)) throw refused('extensions must be an object.')
  if (operationName != null && typeof operationName !== 'string') throw refused('operationName must be a string.')
  if (query == null && isObject(extensions?.['persistedQuery'])) throw new Problem('PERSISTED_QUERY_NOT_SUPPORTED')
  if (typeof query !== 'string') throw refused('query must be a string: the GraphQL document.')
  return { query, operationName: operationName || undefined, variables: variables ?? {} }
}

const refused = (sentence: string): Problem => new Problem('INVALID_INPUT', { sentence })

const isObject = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null && !Array.isArray(value)
