/** What a resolver of abstract types may answer; graphql-js's sentences for what it may not. */
import { type FieldNode, GraphQLError, type GraphQLAbstractType, type GraphQLObjectType, type GraphQLSchema, isObjectType } from 'graphql'
import { inspect } from 'graphql/jsutils/inspect.js'
import type { PlannedField } from './selection.ts'

/** The object type of a name. @throws GraphQLError when it is none, or not one of the abstract type's */
export function ensureValidRuntimeType(
  name: unknown,
  schema: GraphQLSchema,
  returnType: GraphQLAbstractType,
  { nodes, name: fieldName, parentType }: PlannedField,
  result: unknown,
): GraphQLObjectType {
  const field = `${parentType.name}.${fieldName}`
  if (name == null)
    throw located(
      nodes,
      `Abstract type "${returnType.name}" must resolve to an Object type at runtime for field "${field}". Either the "${returnType.name}" type should provide a "resolveType" function or each possible type should provide an "isTypeOf" function.`,
    )
  if (isObjectType(name))
    throw new GraphQLError(
      'Support for returning GraphQLObjectType from resolveType was removed in graphql-js@16.0.0 please return type name instead.',
    )
  if (typeof name !== 'string')
    throw new GraphQLError(
      `Abstract type "${returnType.name}" must resolve to an Object type at runtime for field "${field}" with value ${inspect(result)}, received "${inspect(name)}".`,
    )
  const type = schema.getType(name)
  if (type == null)
    throw located(nodes, `Abstract type "${returnType.name}" was resolved to a type "${name}" that does not exist inside the schema.`)
  if (!isObjectType(type)) throw located(nodes, `Abstract type "${returnType.name}" was resolved to a non-object type "${name}".`)
  if (!schema.isSubType(returnType, type))
    throw located(nodes, `Runtime Object type "${type.name}" is not a possible type for "${returnType.name}".`)
  return type
}

const located = (nodes: readonly FieldNode[], message: string): GraphQLError => new GraphQLError(message, { nodes })
