/**
 * The variables of an operation. Nearly all of them are what they should be, of types whose values are taken over as they are: those are
 * read here. What is anything else graphql-js coerces, or explains what is wrong with it.
 */
import {
  GraphQLBoolean,
  GraphQLFloat,
  GraphQLID,
  GraphQLInt,
  type GraphQLInputType,
  type GraphQLSchema,
  GraphQLString,
  isNonNullType,
  type OperationDefinitionNode,
  typeFromAST,
} from 'graphql'

type Values = Readonly<Record<string, unknown>>

/** The values of the variables, where each of them that is given is the same before and after coercion; else nothing. */
export type VariableReader = (given: Values) => Record<string, unknown> | undefined

interface Variable {
  readonly name: string
  readonly nonNull: boolean
  readonly hasDefault: boolean
  readonly isSame: ((value: unknown) => boolean) | undefined
}

export function variableReader(schema: GraphQLSchema, { variableDefinitions = [] }: OperationDefinitionNode): VariableReader {
  const variables = variableDefinitions.map(({ variable, type: node, defaultValue }): Variable => {
    const type = typeFromAST(schema, node as never) as GraphQLInputType | undefined
    const nonNull = isNonNullType(type)
    return {
      name: variable.name.value,
      nonNull,
      hasDefault: defaultValue !== undefined,
      isSame: sameness.get(nonNull ? type.ofType : type),
    }
  })
  return (given) => {
    const values: Record<string, unknown> = {}
    for (const { name, nonNull, hasDefault, isSame } of variables) {
      const value = Object.hasOwn(given, name) ? given[name] : undefined
      if (value === undefined) {
        if (nonNull || hasDefault || Object.hasOwn(given, name)) return undefined
      } else if (value === null) {
        if (nonNull) return undefined
        values[name] = null
      } else {
        if (!isSame?.(value)) return undefined
        values[name] = value
      }
    }
    return values
  }
}

const [maxInt, minInt] = [2_147_483_647, -2_147_483_648]
const isText = (value: unknown) => typeof value === 'string'

/** The values that a type of the specification takes as they are. */
const sameness: ReadonlyMap<unknown, (value: unknown) => boolean> = new Map<unknown, (value: unknown) => boolean>([
  [GraphQLString, isText],
  [GraphQLID, isText],
  [GraphQLBoolean, (value) => typeof value === 'boolean'],
  [GraphQLFloat, (value) => Number.isFinite(value)],
  [GraphQLInt, (value) => Number.isInteger(value) && (value as number) <= maxInt && (value as number) >= minInt],
])
