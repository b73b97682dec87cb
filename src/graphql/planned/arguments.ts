/** The arguments of a field, as far as they are known before it runs; what may be wrong with one graphql-js finds out and explains. */
import {
  type FieldNode,
  getArgumentValues,
  getNullableType,
  type GraphQLArgument,
  type GraphQLField,
  isEnumType,
  isNonNullType,
  isScalarType,
  isSpecifiedScalarType,
  Kind,
  valueFromAST,
} from 'graphql'
import type { ObjMap } from 'graphql/jsutils/ObjMap.js'

type Values = Readonly<Record<string, unknown>>

/** What each call of a resolver is given, anew. @throws GraphQLError when an argument is wrong */
export type ArgumentReader = (variables: Values) => ObjMap<unknown>

/** Adds one argument's value, if it has one. @returns false where graphql-js is to read them all */
type Read = (variables: Values, values: ObjMap<unknown>) => boolean

export function argumentReader(definition: GraphQLField<unknown, unknown>, node: FieldNode): ArgumentReader {
  const reads = definition.args.map((argument) => readOf(argument, node))
  return (variables) => {
    const values: ObjMap<unknown> = {}
    for (const read of reads) if (!read(variables, values)) return getArgumentValues(definition, node, variables as never)
    return values
  }
}

const leave: Read = () => false

function readOf({ name, type, defaultValue }: GraphQLArgument, node: FieldNode): Read {
  const given = node.arguments?.find((each) => each.name.value === name)?.value
  const byDefault: Read = (_variables, values) => {
    if (defaultValue === undefined) return !isNonNullType(type)
    values[name] = defaultValue
    return true
  }
  if (!given) return byDefault
  if (given.kind === Kind.VARIABLE) {
    const variable = given.name.value
    return (variables, values) => {
      if (!Object.hasOwn(variables, variable)) return byDefault(variables, values)
      const value = variables[variable]
      if (value === undefined || (value === null && isNonNullType(type))) return false
      values[name] = value
      return true
    }
  }
  // A list or an input object is made anew from its literal, and a scalar of one's own may do as it likes.
  const leaf = getNullableType(type)
  if (!isEnumType(leaf) && !(isScalarType(leaf) && isSpecifiedScalarType(leaf))) return leave
  const value: unknown = valueFromAST(given, type)
  if (value === undefined) return leave
  return (_variables, values) => {
    values[name] = value
    return true
  }
}
