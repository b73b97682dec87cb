/**
 * A schema of everything that can happen in an execution, every field in many ways at once. What is asynchronous takes a
 * fixed number of turns, never a time: an execution is the same each time. Every call is written to the context's log.
 */
import {
  GraphQLBoolean,
  GraphQLEnumType,
  GraphQLError,
  type GraphQLFieldConfig,
  type GraphQLFieldConfigMap,
  GraphQLFloat,
  GraphQLID,
  GraphQLInputObjectType,
  GraphQLInt,
  GraphQLInterfaceType,
  GraphQLList,
  GraphQLNonNull,
  GraphQLObjectType,
  type GraphQLOutputType,
  type GraphQLResolveInfo,
  GraphQLScalarType,
  GraphQLSchema,
  GraphQLString,
  GraphQLUnionType,
  OperationTypeNode,
  responsePathAsArray,
} from 'graphql'
import type { Dice } from '../../../src/domain/made-up-dice.ts'
import type { Hints } from './documents.ts'

export interface OddContext {
  readonly log: string[]
}

type Field = GraphQLFieldConfig<unknown, OddContext>
type Args = Record<string, unknown>
type Resolve = (source: unknown, args: Args, context: OddContext, info: GraphQLResolveInfo) => unknown

const turns = async (count: number): Promise<void> => {
  for (let turn = 0; turn < count; turn++) await Promise.resolve()
}
const immediate = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

const raise = (thrown: unknown): never => {
  throw thrown as Error
}

class ErrorWithExtensions extends Error {
  readonly extensions = { code: 'C' }
}

/** Every way in which a resolver can end badly. */
const endings: Readonly<Record<string, () => unknown>> = {
  null: () => null,
  undefined: () => undefined,
  error: () => raise(new Error('boom')),
  graphql: () => raise(new GraphQLError('g', { extensions: { code: 'X', n: 1 } })),
  located: () => raise(new GraphQLError('elsewhere', { path: ['else', 'where'] })),
  extended: () => raise(new ErrorWithExtensions('custom')),
  string: () => raise('plain'),
  zero: () => raise(0),
  nothing: () => raise(undefined),
  object: () => raise({ message: 'm', extensions: { code: 'O' } }),
  silent: () => raise(new Error('')),
  returned: () => new Error('returned'),
  returnedGraphql: () => new GraphQLError('returned', { extensions: { code: 'R' } }),
}

/** How long it may take until then. */
const delays: Readonly<Record<string, ((end: () => unknown) => unknown) | undefined>> = {
  '': (end) => end(),
  A: async (end) => (await turns(1), end()),
  B: async (end) => (await turns(4), end()),
  I: async (end) => (await immediate(), end()),
}

/** A promise that may be rejected before anybody looks at it. */
function overheard<Value>(promise: Promise<Value>): Promise<Value> {
  promise.catch(() => {})
  return promise
}
const promised = (end: () => unknown, delay: number) => overheard((async () => (await turns(delay), end()))())

const field = (type: GraphQLOutputType, resolve: Resolve, args: Field['args'] = {}): Field => ({
  type,
  args,
  resolve(source, given, context, info) {
    context.log.push(`${responsePathAsArray(info.path).join('.')} ${JSON.stringify(given)}`)
    return resolve(source, given as Args, context, info)
  },
})
const list = (type: GraphQLOutputType) => new GraphQLList(type)
const required = (type: GraphQLOutputType) => new GraphQLNonNull(type as GraphQLObjectType)

const DateScalar = new GraphQLScalarType({
  name: 'Date',
  serialize: (value) => (value instanceof Date ? value.toISOString() : raise(new TypeError(`Date cannot be ${typeof value}`))),
  parseValue(value) {
    const date = new Date(String(value))
    return Number.isNaN(date.getTime()) ? raise(new TypeError('not a date')) : date
  },
})
const JsonScalar = new GraphQLScalarType({ name: 'JSON' })
const OddScalar = new GraphQLScalarType({
  name: 'Odd',
  serialize(value) {
    if (value === 'throw') raise(new GraphQLError('odd', { extensions: { code: 'ODD' } }))
    if (value === 'string') raise('odd string')
    return value === 'undefined' ? undefined : value === 'nan' ? Number.NaN : value === 'promise' ? promised(() => 'late', 2) : value
  },
  parseValue: (value) => (value === 'bad' ? raise(new GraphQLError('odd input', { extensions: { code: 'ODDIN' } })) : value),
})
const Color = new GraphQLEnumType({ name: 'Color', values: { RED: { value: 1 }, GREEN: { value: { green: true } }, BLUE: {} } })
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
const inputs: NonNullable<Field['args']> = {
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

const typeOf = (value: unknown) => (value as { readonly kind?: string } | null)?.kind
const a = () => ({ id: 'x', kind: 'A' })
const b = () => ({ id: 7, kind: 'B' })

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

/** A type without resolvers, over sources of every kind. */
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
function properties(context: OddContext, depth = 3): object {
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

const afterOne = (end: () => unknown) =>
  function* () {
    yield 'a'
    yield promised(() => 'late', 3)
    end()
  }

/** The fields of Query and of A. */
function common(): GraphQLFieldConfigMap<unknown, OddContext> {
  const fields: GraphQLFieldConfigMap<unknown, OddContext> = {}
  for (const [ending, end] of Object.entries(endings))
    for (const [delay, after] of Object.entries(delays)) {
      const bad = () => after!(end)
      const item = (good: () => unknown) => () => [good(), overheardIfPromise(bad), promised(good, 2), good()]
      const name = `${ending}${delay}`
      fields[`s_${name}`] = field(GraphQLString, bad)
      fields[`sn_${name}`] = field(required(GraphQLString), bad)
      fields[`o_${name}`] = field(A, bad)
      fields[`on_${name}`] = field(required(A), bad)
      fields[`l_${name}`] = field(list(A), bad)
      fields[`li_${name}`] = field(list(A), item(a))
      fields[`lin_${name}`] = field(list(required(A)), item(a))
      fields[`lnn_${name}`] = field(required(list(required(A))), item(a))
      fields[`ls_${name}`] = field(
        list(GraphQLString),
        item(() => 's'),
      )
    }
  return { ...fields, ...good, ...strange }
}

/** Calls it as an item of a list: thrown, it is a rejected promise. */
function overheardIfPromise(bad: () => unknown): unknown {
  try {
    const value = bad()
    return value instanceof Promise ? overheard(value) : value
  } catch (error) {
    return promised(() => raise(error), 0)
  }
}

/** Fields that end well, most of the time. */
const good: GraphQLFieldConfigMap<unknown, OddContext> = {
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
}

/** No promise of this language, as a database's library may answer. */
// oxlint-disable-next-line unicorn/no-thenable
const thenable = (then: (resolve: (value: unknown) => unknown) => unknown) => Object.defineProperty({}, 'then', { value: then })

/** Fields that do not, each in a way of its own. */
const strange: GraphQLFieldConfigMap<unknown, OddContext> = {
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
}

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

const mutations: GraphQLFieldConfigMap<unknown, OddContext> = {
  m: field(GraphQLString, (_source, { s }) => s, { s: { type: GraphQLString } }),
  mA: field(
    GraphQLString,
    async (_source, { s }, { log }) => {
      await turns(3)
      log.push(`done ${String(s)}`)
      return s
    },
    { s: { type: GraphQLString } },
  ),
  mI: field(GraphQLInt, async (_source, _args, { log }) => {
    await immediate()
    return log.push('done')
  }),
  mError: field(GraphQLString, endings['error']!),
  mErrorA: field(GraphQLString, () => delays['A']!(endings['error']!)),
  mErrorN: field(required(GraphQLString), endings['graphql']!),
  mErrorNA: field(required(GraphQLString), () => delays['B']!(endings['graphql']!)),
  mNeed: field(GraphQLString, (_source, { s }) => s, { s: { type: new GraphQLNonNull(GraphQLString) } }),
  ma: field(A, a),
  maA: field(A, () => promised(a, 2)),
  maN: field(required(A), () => promised(a, 1)),
  mas: field(list(required(A)), () => [a(), promised(a, 2)]),
  mProperties: field(Properties, (_source, _args, context) => properties(context)),
}

export const oddSchema = (): GraphQLSchema =>
  new GraphQLSchema({
    query: new GraphQLObjectType({ name: 'Query', fields: common }),
    mutation: new GraphQLObjectType({ name: 'Mutation', fields: mutations }),
    types: [A, B],
  })

/** Most of the time what ends well is asked for, so that there is something left to see when something does not. */
function likelyOddFields(type: string): readonly string[] | undefined {
  if (type === 'Query' || type === 'A') return Object.keys(good)
  return type === 'Mutation' ? Object.keys(mutations).filter((name) => !/Error/.test(name)) : undefined
}

export const oddHints = (dice: Dice): Hints => ({
  operations: [OperationTypeNode.QUERY, OperationTypeNode.QUERY, OperationTypeNode.QUERY, OperationTypeNode.MUTATION],
  likely: likelyOddFields,
  maxFields: 25,
  scalar(type, name) {
    if (type === 'Int') return dice.pick([0, 1, 5, -7])
    if (type === 'Float') return dice.pick([0.5, 3])
    if (type === 'Boolean') return dice.chance(0.5)
    if (type === 'Date') return dice.pick(['2020-01-01', '2021-05-05', ...(dice.chance(0.1) ? ['never'] : [])])
    if (type === 'JSON') return dice.pick([{ a: [1, true, null] }, 'text', 4, { __proto__: 1 }])
    if (type === 'Odd') return dice.pick(['fine', 'fine', { a: 1 }, ...(dice.chance(0.1) ? ['bad'] : [])])
    if (name === 'v') return dice.pick(['fine', 'throw', 'string', 'undefined', 'nan', 'promise'])
    return dice.pick(['', 'x', 'some text', 'Query'])
  },
})
