/** What the odd schema's fields take: scalars that refuse on either side, enums of objects, and every kind of input at once. */
import {
  GraphQLBoolean,
  GraphQLEnumType,
  GraphQLError,
  type GraphQLFieldConfigArgumentMap,
  GraphQLFloat,
  GraphQLID,
  GraphQLInputObjectType,
  GraphQLInt,
  GraphQLList,
  GraphQLNonNull,
  GraphQLScalarType,
  GraphQLString,
} from 'graphql'
import { promised, raise } from './odd-endings.ts'

export const DateScalar = new GraphQLScalarType({
  name: 'Date',
  serialize: (value) => (value instanceof Date ? value.toISOString() : raise(new TypeError(`Date cannot be ${typeof value}`))),
  parseValue(value) {
    const date = new Date(String(value))
    return Number.isNaN(date.getTime()) ? raise(new TypeError('not a date')) : date
  },
})
export const JsonScalar = new GraphQLScalarType({ name: 'JSON' })
export const OddScalar = new GraphQLScalarType({
  name: 'Odd',
  serialize(value) {
    if (value === 'throw') raise(new GraphQLError('odd', { extensions: { code: 'ODD' } }))
    if (value === 'string') raise('odd string')
    return value === 'undefined' ? undefined : value === 'nan' ? Number.NaN : value === 'promise' ? promised(() => 'late', 2) : value
  },
  parseValue: (value) => (value === 'bad' ? raise(new GraphQLError('odd input', { extensions: { code: 'ODDIN' } })) : value),
})
export const Color = new GraphQLEnumType({ name: 'Color', values: { RED: { value: 1 }, GREEN: { value: { green: true } }, BLUE: {} } })
const Inner = new GraphQLInputObjectType({
  name: 'Inner',
  fields: () => ({
    a: { type: new GraphQLNonNull(GraphQLInt) },
    b: { type: GraphQLString, defaultValue: 'bee' },
    color: { type: Color },
    date: { type: DateScalar },
    inner: { type: Inner },
  }),
})
export const inputs: GraphQLFieldConfigArgumentMap = {
  s: { type: GraphQLString, defaultValue: 'default' },
  n: { type: GraphQLInt },
  f: { type: GraphQLFloat },
  b: { type: GraphQLBoolean },
  id: { type: GraphQLID },
  list: { type: new GraphQLList(new GraphQLNonNull(GraphQLInt)) },
  lists: { type: new GraphQLList(new GraphQLList(GraphQLString)) },
  color: { type: Color, defaultValue: 1 },
  colors: { type: new GraphQLList(Color) },
  date: { type: DateScalar },
  json: { type: JsonScalar },
  odd: { type: OddScalar },
  inner: { type: Inner },
  inners: { type: new GraphQLList(new GraphQLNonNull(Inner)), defaultValue: [] },
}
