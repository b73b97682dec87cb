/** The object types of the odd schema, and abstract ones that are resolved in every way there is. */
import {
  type GraphQLFieldConfigMap,
  GraphQLID,
  GraphQLInt,
  GraphQLInterfaceType,
  GraphQLNonNull,
  GraphQLObjectType,
  type GraphQLResolveInfo,
  GraphQLString,
  GraphQLUnionType,
  responsePathAsArray,
} from 'graphql'
import { delays, endings, field, type OddContext, raise, required, turns } from './odd-endings.ts'

const typeOf = (value: unknown) => (value as { readonly kind?: string } | null)?.kind
export const a = () => ({ id: 'x', kind: 'A' })
export const b = () => ({ id: 7, kind: 'B' })

export type OddTypes = ReturnType<typeof oddTypes>

/** @param common the fields that A shares with Query */
export function oddTypes(common: () => GraphQLFieldConfigMap<unknown, OddContext>) {
  const Named: GraphQLInterfaceType = new GraphQLInterfaceType({
    name: 'Named',
    fields: () => ({ id: { type: GraphQLID }, plain: { type: GraphQLString }, named: { type: Named } }),
    resolveType(value, { log }: OddContext, info) {
      log.push(`type ${info.fieldName} ${String(info.path.key)}`)
      return typeOf(value)
    },
  })
  const named = (): GraphQLFieldConfigMap<unknown, OddContext> => ({
    id: { type: GraphQLID },
    plain: field(GraphQLString, () => 'p'),
    named: field(Named, b),
  })
  const A: GraphQLObjectType<unknown, OddContext> = new GraphQLObjectType({
    name: 'A',
    interfaces: [Named],
    fields: () => ({ ...named(), ...common(), onlyA: field(GraphQLString, () => 'A!') }),
  })
  const B: GraphQLObjectType<unknown, OddContext> = new GraphQLObjectType({
    name: 'B',
    interfaces: [Named],
    fields: () => ({
      ...named(),
      a: field(A, a),
      onlyB: field(GraphQLInt, () => 2),
      s: field(GraphQLString, () => 'of B'),
      sn_error: field(required(GraphQLString), endings['error']!),
      sn_errorB: field(required(GraphQLString), () => delays['B']!(endings['error']!)),
    }),
  })
  const union = (name: string, resolveType?: (value: unknown, context: OddContext) => unknown) =>
    new GraphQLUnionType({ name, types: () => [A, B], ...(resolveType ? { resolveType: resolveType as () => string } : {}) })
  const U = union('U', typeOf)
  const UAsync = union('UAsync', async (value, { log }) => (await turns(2), log.push('type'), typeOf(value)))
  const UThrows = union('UThrows', (value) => (typeOf(value) === 'B' ? raise(new Error('no type')) : 'A'))
  const UObject = union('UObject', () => A)
  const UDefault = union('UDefault')

  const checked = (name: string, isTypeOf: (value: unknown, context: OddContext, info: GraphQLResolveInfo) => boolean | Promise<boolean>) =>
    new GraphQLObjectType<unknown, OddContext>({
      name,
      fields: { id: { type: GraphQLID }, kind: { type: new GraphQLNonNull(GraphQLString) } },
      isTypeOf(value, context, info) {
        context.log.push(`is ${name} ${responsePathAsArray(info.path).join('.')}`)
        return isTypeOf(value, context, info)
      },
    })
  const Checked = checked('Checked', (value) => typeOf(value) === 'A')
  const CheckedLate = checked('CheckedLate', async (value) => (await turns(2), typeOf(value) === 'A' || raise(new Error('no check'))))
  const EitherChecked = new GraphQLUnionType({ name: 'EitherChecked', types: [Checked, CheckedLate] })
  return { Named, A, B, U, UAsync, UThrows, UObject, UDefault, Checked, CheckedLate, EitherChecked }
}
