/** A type without resolvers, over sources of every kind: what graphql-js's default resolver makes of properties and methods. */
import {
  GraphQLBoolean,
  GraphQLFloat,
  GraphQLInt,
  GraphQLList,
  GraphQLNonNull,
  GraphQLObjectType,
  type GraphQLResolveInfo,
  GraphQLString,
  responsePathAsArray,
} from 'graphql'
import { type Args, endings, type OddContext, promised, raise } from './odd-endings.ts'
import { Color, DateScalar, inputs, JsonScalar } from './odd-inputs.ts'
import { a, b, type OddTypes } from './odd-types.ts'

export function propertiesType({ Named, Checked }: Pick<OddTypes, 'Named' | 'Checked'>) {
  const Properties: GraphQLObjectType<unknown, OddContext> = new GraphQLObjectType<unknown, OddContext>({
    name: 'Properties',
    fields: () => ({
      text: { type: GraphQLString },
      textNN: { type: new GraphQLNonNull(GraphQLString) },
      missing: { type: GraphQLString },
      missingNN: { type: new GraphQLNonNull(GraphQLString) },
      number: { type: GraphQLString },
      int: { type: GraphQLInt },
      large: { type: GraphQLInt },
      fraction: { type: GraphQLFloat },
      nan: { type: GraphQLFloat },
      zero: { type: GraphQLInt },
      truth: { type: GraphQLBoolean },
      truthNN: { type: new GraphQLNonNull(GraphQLBoolean) },
      boxed: { type: GraphQLString },
      object: { type: GraphQLString },
      objectNN: { type: new GraphQLNonNull(GraphQLString) },
      color: { type: Color },
      date: { type: DateScalar },
      json: { type: JsonScalar },
      late: { type: GraphQLString },
      lateNN: { type: new GraphQLNonNull(GraphQLString) },
      rejected: { type: GraphQLString },
      rejectedNN: { type: new GraphQLNonNull(GraphQLString) },
      error: { type: GraphQLString },
      method: { type: GraphQLString },
      methodWith: { type: GraphQLString, args: inputs },
      needs: { type: GraphQLString, args: { n: { type: new GraphQLNonNull(GraphQLInt) } } },
      throws: { type: GraphQLString },
      getter: { type: GraphQLString },
      throwing: { type: GraphQLString },
      throwingNN: { type: new GraphQLNonNull(GraphQLString) },
      inside: { type: Properties },
      insideNN: { type: new GraphQLNonNull(Properties) },
      insideLate: { type: Properties },
      rows: { type: new GraphQLList(new GraphQLNonNull(Properties)) },
      texts: { type: new GraphQLList(GraphQLString) },
      textsNN: { type: new GraphQLNonNull(new GraphQLList(new GraphQLNonNull(GraphQLString))) },
      nameds: { type: new GraphQLList(Named) },
      checked: { type: new GraphQLList(Checked) },
    }),
  })
  return Properties
}

export function properties(context: OddContext, depth = 3): object {
  const inside = () => (depth > 0 ? properties(context, depth - 1) : null)
  return {
    text: 'text',
    textNN: 'text',
    number: 12,
    int: 3,
    large: 2 ** 40,
    fraction: 1.5,
    nan: Number.NaN,
    zero: -0,
    truth: false,
    truthNN: 1,
    boxed: { valueOf: () => 'boxed' },
    object: { a: 1 },
    objectNN: { a: 1 },
    color: 'BLUE',
    date: new Date(0),
    json: { a: [1, null] },
    late: promised(() => 'late', 3),
    lateNN: promised(() => 'late', 1),
    rejected: promised(endings['graphql']!, 2),
    rejectedNN: promised(endings['error']!, 3),
    error: new Error('a property'),
    method(args: Args, { log }: OddContext, info: GraphQLResolveInfo) {
      log.push(`method ${responsePathAsArray(info.path).join('.')}`)
      return `${JSON.stringify(args)} ${String((this as { text?: string }).text)}`
    },
    methodWith: (args: Args) => (args['n'] == null ? JSON.stringify(args) : promised(() => JSON.stringify(args), 1)),
    needs: 'never mind',
    throws: () => raise('a method'),
    get getter() {
      return context.log.push('got')
    },
    get throwing() {
      context.log.push('got')
      return raise(new Error('a getter'))
    },
    get throwingNN() {
      return raise(new Error('a getter'))
    },
    get inside() {
      return inside()
    },
    get insideNN() {
      return inside()
    },
    get insideLate() {
      return promised(inside, 2)
    },
    get rows() {
      return depth > 1 ? [inside(), inside()] : [{ text: 'row' }, { text: 4 }, { textNN: promised(() => null, 1) }]
    },
    texts: ['a', 5, true, null, promised(() => 'b', 2), promised(endings['error']!, 1), {}, 'c'],
    textsNN: new Set(['a', promised(() => 'b', 4), depth > 2 ? 'c' : null]),
    nameds: [a(), promised(b, 1), null, {}],
    checked: [a(), b(), promised(a, 1)],
  }
}
