/** Which creation of its document a field is: what an Idempotency-Key is claimed for. */
import type { GraphQLResolveInfo } from 'graphql'
import { collectFields } from 'graphql/execution/collectFields.js'

/**
 * The name of a root field, where the operation runs it once; where it runs several, with the place of each in the response: each of them
 * makes a record, and finds it again when the document is sent again.
 */
export function claimOf({ schema, fragments, variableValues, parentType, operation, fieldName, path }: GraphQLResolveInfo): string {
  const fields = [...collectFields(schema, fragments, variableValues, parentType, operation.selectionSet).values()]
  const isOnly = fields.filter(([node]) => node?.name.value === fieldName).length === 1
  return isOnly ? fieldName : `${fieldName} ${path.key}`
}
