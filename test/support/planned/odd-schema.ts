/** A schema of everything that can happen in an execution, every field in many ways at once. */
import {
  type GraphQLFieldConfigMap,
  GraphQLInt,
  GraphQLNonNull,
  GraphQLObjectType,
  GraphQLSchema,
  GraphQLString,
  OperationTypeNode,
} from 'graphql'
import type { Dice } from '../../../src/domain/made-up-dice.ts'
import type { Hints } from './documents.ts'
import { delays, endings, field, immediate, list, type OddContext, overheardIfPromise, promised, required, turns } from './odd-endings.ts'
import { goodFields, strangeFields, type Types } from './odd-fields.ts'
import { properties, propertiesType } from './odd-properties.ts'
import { a, oddTypes } from './odd-types.ts'

export function oddSchema() {
  const { A, ...others } = oddTypes(() => common)
  const types: Types = { A, ...others, Properties: propertiesType(others) }
  const good = goodFields(types)
  const common = { ...failingFields(types), ...good, ...strangeFields(types) }
  const mutations = mutationFields(types)
  const likely = new Map([
    ['Query', Object.keys(good)],
    ['A', Object.keys(good)],
    ['Mutation', Object.keys(mutations).filter((name) => !name.startsWith('mError'))],
  ])
  return {
    schema: new GraphQLSchema({
      query: new GraphQLObjectType({ name: 'Query', fields: common }),
      mutation: new GraphQLObjectType({ name: 'Mutation', fields: mutations }),
      types: [A, others.B],
    }),
    /** Most of the time what ends well is asked for, so that there is something left to see when something does not. */
    hints: (dice: Dice): Hints => ({ ...oddHints(dice), likely: (type) => likely.get(type) }),
    context() {
      const log: string[] = []
      const contextValue: OddContext = { log }
      return { contextValue, log }
    },
  }
}

/** Every ending after every delay, in places of every kind. */
function failingFields({ A }: Pick<Types, 'A'>): GraphQLFieldConfigMap<unknown, OddContext> {
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
  return fields
}

const mutationFields = ({ A, Properties }: Types): GraphQLFieldConfigMap<unknown, OddContext> => ({
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
})

const oddHints = (dice: Dice): Omit<Hints, 'likely'> => ({
  operations: [OperationTypeNode.QUERY, OperationTypeNode.QUERY, OperationTypeNode.QUERY, OperationTypeNode.MUTATION],
  maxFields: 16,
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
