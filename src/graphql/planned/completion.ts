/** How values of a type are completed, read off the type once. */
import {
  type GraphQLAbstractType,
  GraphQLBoolean,
  GraphQLFloat,
  GraphQLID,
  GraphQLInt,
  type GraphQLLeafType,
  type GraphQLObjectType,
  type GraphQLOutputType,
  GraphQLString,
  isAbstractType,
  isLeafType,
  isListType,
  isNonNullType,
} from 'graphql'

/** A type without its NonNull, told by kind. */
export type Completion = { readonly nonNull: boolean; readonly unchanged: Primitive | undefined } & (
  | { readonly kind: 'leaf'; readonly type: GraphQLLeafType }
  | { readonly kind: 'object'; readonly type: GraphQLObjectType }
  | { readonly kind: 'abstract'; readonly type: GraphQLAbstractType }
  | { readonly kind: 'list'; readonly item: Completion; readonly itemType: GraphQLOutputType }
)

type Primitive = 'string' | 'boolean' | 'number'

export function completionOf(returnType: GraphQLOutputType): Completion {
  const nonNull = isNonNullType(returnType)
  const type = nonNull ? returnType.ofType : returnType
  if (isListType(type)) return { nonNull, unchanged: undefined, kind: 'list', item: completionOf(type.ofType), itemType: type.ofType }
  if (isLeafType(type)) return { nonNull, unchanged: serializedUnchanged(type), kind: 'leaf', type }
  return isAbstractType(type)
    ? { nonNull, unchanged: undefined, kind: 'abstract', type }
    : { nonNull, unchanged: undefined, kind: 'object', type }
}

/** Whether resolvers of types may ask for the field's info. */
export function takesInfo(completion: Completion): boolean {
  if (completion.kind === 'list') return takesInfo(completion.item)
  return completion.kind === 'abstract' || (completion.kind === 'object' && completion.type.isTypeOf != null)
}

/** What GraphQL's own scalars answer as it is; of numbers, see `isUnchanged`. */
function serializedUnchanged(type: GraphQLLeafType): Primitive | undefined {
  if (type === GraphQLString || type === GraphQLID) return 'string'
  if (type === GraphQLBoolean) return 'boolean'
  return type === GraphQLInt || type === GraphQLFloat ? 'number' : undefined
}

/** Whether the type's `serialize` would return this very value: of numbers, those of 32 bits, which are an Int as well as a Float. */
export function isUnchanged(value: unknown, { unchanged }: Completion): boolean {
  return typeof value === unchanged && (typeof value !== 'number' || (value | 0) === value)
}
