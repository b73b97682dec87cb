/** Fields that end well, most of the time, and fields that do not, each in a way of its own. */
import {
  GraphQLBoolean,
  GraphQLError,
  type GraphQLFieldConfigMap,
  GraphQLFloat,
  GraphQLID,
  GraphQLInt,
  GraphQLList,
  GraphQLNonNull,
  type GraphQLObjectType,
  type GraphQLResolveInfo,
  GraphQLString,
  responsePathAsArray,
} from 'graphql'
import { type Args, endings, field, immediate, list, type OddContext, promised, raise, required, type Resolve } from './odd-endings.ts'
import { Color, DateScalar, inputs, JsonScalar, OddScalar } from './odd-inputs.ts'
import { properties } from './odd-properties.ts'
import { a, b, type OddTypes } from './odd-types.ts'

export interface Types extends OddTypes {
  readonly Properties: GraphQLObjectType
}

const afterOne = (end: () => unknown) =>
  function* () {
    yield 'a'
    yield promised(() => 'late', 3)
    end()
  }

/** Fields that end well, most of the time. */
export const goodFields = ({
  A,
  Named,
  U,
  UAsync,
  UDefault,
  Checked,
  CheckedLate,
  EitherChecked,
  Properties,
}: Types): GraphQLFieldConfigMap<unknown, OddContext> => ({
  s: field(GraphQLString, () => 'v'),
  sA: field(GraphQLString, () => promised(() => 'v', 1)),
  sB: field(GraphQLString, () => promised(() => 'v', 5)),
  sI: field(GraphQLString, async () => (await immediate(), 'v')),
  sn: field(required(GraphQLString), () => 'v'),
  snA: field(required(GraphQLString), () => promised(() => 'v', 2)),
  i: field(GraphQLInt, () => 3),
  f: field(GraphQLFloat, () => 1.5),
  bool: field(GraphQLBoolean, () => false),
  id: field(GraphQLID, () => 12),
  date: field(DateScalar, () => new Date(0)),
  json: field(JsonScalar, () => ({ a: [1, null, 'x'], b: { c: 1 } })),
  color: field(Color, () => 1),
  colors: field(list(Color), () => [1, 'BLUE', null]),
  a: field(A, a),
  aA: field(A, () => promised(a, 1)),
  aB: field(A, () => promised(a, 3)),
  aI: field(A, async () => (await immediate(), a())),
  an: field(required(A), a),
  anA: field(required(A), () => promised(a, 2)),
  as: field(list(A), () => [a(), a()]),
  asA: field(list(A), () => promised(() => [a(), a()], 1)),
  asP: field(list(A), () => [promised(a, 3), promised(a, 1), a()]),
  asN: field(required(list(required(A))), () => [a(), promised(a, 1)]),
  named: field(Named, a),
  namedA: field(Named, () => promised(b, 1)),
  nameds: field(list(Named), () => [a(), b(), promised(a, 2)]),
  u: field(U, b),
  us: field(list(U), () => [a(), b()]),
  ua: field(UAsync, a),
  uas: field(list(required(UAsync)), () => [a(), b()]),
  ud: field(UDefault, () => ({ ...b(), __typename: 'B' })),
  checked: field(Checked, a),
  checkedLate: field(CheckedLate, a),
  either: field(EitherChecked, () => a()),
  set: field(list(GraphQLString), () => new Set(['a', 'b'])),
  generated: field(list(GraphQLString), () => afterOne(() => 0)()),
  echo: field(GraphQLString, (_source, args) => JSON.stringify(args), inputs),
  echoA: field(A, (_source, args) => promised(() => ({ ...a(), id: JSON.stringify(args) }), 1), inputs),
  need: field(GraphQLString, (_source, args) => JSON.stringify(args), {
    s: { type: new GraphQLNonNull(GraphQLString) },
    d: { type: new GraphQLNonNull(GraphQLInt), defaultValue: 5 },
  }),
  info: field(GraphQLString, (_source, _args, _context, info) => infoAsText(info), { n: { type: GraphQLInt } }),
  changing: field(GraphQLString, changeArguments, { n: { type: GraphQLInt }, list: { type: new GraphQLList(GraphQLInt) } }),
  properties: field(Properties, (_source, _args, context) => properties(context)),
  propertiesLate: field(Properties, (_source, _args, context) => promised(() => properties(context), 2)),
})

/** No promise of this language, as a database's library may answer. */
// oxlint-disable-next-line unicorn/no-thenable
const thenable = (then: (resolve: (value: unknown) => unknown) => unknown) => Object.defineProperty({}, 'then', { value: then })

/** Fields that do not, each in a way of its own. */
export const strangeFields = ({
  A,
  U,
  UAsync,
  UThrows,
  UObject,
  UDefault,
  Checked,
  CheckedLate,
  EitherChecked,
  Properties,
}: Types): GraphQLFieldConfigMap<unknown, OddContext> => ({
  iBad: field(GraphQLInt, () => 'abc'),
  iLarge: field(GraphQLInt, () => 2 ** 40),
  iText: field(GraphQLInt, () => '12'),
  fInfinite: field(GraphQLFloat, () => Infinity),
  boolBad: field(GraphQLBoolean, () => 'x'),
  sObject: field(required(GraphQLString), () => ({ a: 1 })),
  dateBad: field(DateScalar, () => 'no'),
  dateBadN: field(required(DateScalar), () => 'no'),
  colorBad: field(Color, () => 'zz'),
  odd: field(OddScalar, (_source, { v }) => v, { v: { type: GraphQLString } }),
  oddN: field(required(OddScalar), (_source, { v }) => v, { v: { type: GraphQLString } }),
  guarded: field(GraphQLString, () => raise(new GraphQLError('Not allowed.', { extensions: { code: 'FORBIDDEN' } }))),
  guardedN: field(required(A), () => promised(() => raise(new GraphQLError('Not allowed.', { extensions: { code: 'FORBIDDEN' } })), 2)),
  generatedThrows: field(list(A), () => afterOne(endings['error']!)()),
  generatedThrowsLate: field(list(GraphQLString), () => promised(() => afterOne(endings['graphql']!)(), 2)),
  generatedAsync: field(list(GraphQLString), async function* () {
    yield 'a'
  } as Resolve),
  noList: field(list(GraphQLString), () => 5),
  textAsList: field(list(GraphQLString), () => 'abc'),
  rejectedItems: field(list(required(GraphQLString)), () => [
    'a',
    promised(endings['error']!, 3),
    promised(endings['graphql']!, 1),
    promised(() => 'b', 4),
  ]),
  failedBesidePending: field(list(required(A)), () => [promised(endings['error']!, 3), promised(a, 2), null]),
  lists: field(list(list(GraphQLInt)), () => [[1, 'x', promised(() => 2, 2)], null, 5, [promised(endings['error']!, 1)]]),
  thenable: field(A, () => thenable((resolve) => resolve(a()))),
  thenableText: field(GraphQLString, () => thenable((resolve) => void resolve('text'))),
  methodAsSource: field(Properties, () => Object.assign(() => 0, { text: 'of a function' })),
  textAsSource: field(Properties, () => 'a text'),
  uQuery: field(U, () => ({ kind: 'Query' })),
  uNowhere: field(U, () => ({ kind: 'Nowhere' })),
  uScalar: field(required(U), () => ({ kind: 'Color' })),
  uNone: field(U, () => ({})),
  uNumber: field(U, () => ({ kind: 5 })),
  uObject: field(UObject, a),
  uThrows: field(UThrows, b),
  uThrowsEach: field(list(UThrows), () => [a(), b(), promised(b, 1)]),
  uDefaultNone: field(UDefault, a),
  uaNowhere: field(UAsync, () => ({ kind: 'Nowhere' })),
  checkedNot: field(Checked, b),
  checkedLateNot: field(required(CheckedLate), b),
  eitherNot: field(EitherChecked, b),
})

function infoAsText({ path, parentType, returnType, schema, fieldNodes, fragments, operation, ...info }: GraphQLResolveInfo): string {
  const nodes = fieldNodes.map(({ alias, name }) => `${alias?.value ?? ''}:${name.value}`)
  const types = [parentType, returnType, schema.getQueryType(), path.typename].map(String)
  return JSON.stringify([info, types, nodes, responsePathAsArray(path), Object.keys(fragments), operation.name?.value ?? null])
}

/** What a resolver does to its arguments is no other call's business. */
function changeArguments(_source: unknown, args: Args): string {
  const text = JSON.stringify(args)
  const numbers = args['list'] as number[] | null | undefined
  Object.assign(args, { n: 99, more: true })
  if (numbers && numbers.length < 9) numbers.push(9)
  return text
}
