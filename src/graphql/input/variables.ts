/** The variables of a request, coerced by graphql-js; what is wrong with them is told by place and kind, and a few mistakes are enough. */
import {
  coerceInputValue,
  getNamedType,
  getNullableType,
  GraphQLError,
  type GraphQLInputObjectType,
  type GraphQLInputType,
  type GraphQLLeafType,
  type GraphQLList,
  type GraphQLSchema,
  isEnumType,
  isInputObjectType,
  isListType,
  isNonNullType,
  isSpecifiedScalarType,
  type OperationDefinitionNode,
  typeFromAST,
  valueFromAST,
  type VariableDefinitionNode,
} from 'graphql'
import { mostQuoted, quoteValue } from '../../domain/quote.ts'
import {
  InputMistake,
  type MistakeKind,
  missingMembers,
  mostMistakes,
  type Place,
  unknownMemberSentence,
  valueSentence,
} from './mistake.ts'

type Values = Record<string, unknown>
type Given = Readonly<Values>

/** Ends the reading: enough is known. */
class EnoughMistakes extends Error {}

/**
 * Coerces the variables of a valid operation as graphql-js does.
 * @param suggestions whether the caller may be told what else there is in the schema
 * @returns their values, or what is wrong with them: five mistakes at most, and a last one that says that there are more
 */
export function coerceVariables(
  schema: GraphQLSchema,
  { variableDefinitions = [] }: OperationDefinitionNode,
  given: Given,
  { suggestions }: { suggestions: boolean },
): { readonly values: Values } | { readonly mistakes: readonly GraphQLError[] } {
  const values: Values = {}
  const mistakes: GraphQLError[] = []
  const report = (mistake: GraphQLError): void => {
    if (mistakes.length < mostMistakes) return void mistakes.push(mistake)
    mistakes.push(new GraphQLError('There are more mistakes in the variables; they were left out.'))
    throw new EnoughMistakes()
  }
  try {
    for (const definition of variableDefinitions) {
      const name = definition.variable.name.value
      const type = typeFromAST(schema, definition.type as never) as GraphQLInputType // validation has seen to it
      const value = Object.hasOwn(given, name) ? given[name] : undefined
      if (value === undefined && definition.defaultValue) values[name] = valueFromAST(definition.defaultValue, type)
      else if (value == null && isNonNullType(type)) report(absent(definition, type, value))
      else if (value !== undefined) {
        const standIns: StandIns = new Map()
        const small = withStandIns(value, type, standIns)
        values[name] = coerceInputValue(small, type, explaining(definition, type, standIns, report), !suggestions)
      }
    }
  } catch (error) {
    if (!(error instanceof EnoughMistakes)) throw error
  }
  return mistakes.length > 0 ? { mistakes } : { values }
}

function absent(definition: VariableDefinitionNode, type: GraphQLInputType, value: undefined | null): GraphQLError {
  const name = definition.variable.name.value
  const [kind, sentence] =
    value === null
      ? (['null', `Variable "$${name}" of non-null type "${String(type)}" must not be null.`] as const)
      : (['missing', `Variable "$${name}" of required type "${String(type)}" was not provided.`] as const)
  const mistake = new InputMistake(kind, getNamedType(type).name, [name], sentence)
  return new GraphQLError(sentence, { nodes: definition, originalError: mistake })
}

/** What `coerceInputValue` is to call with each mistake. */
function explaining(
  definition: VariableDefinitionNode,
  type: GraphQLInputType,
  standIns: StandIns,
  report: (mistake: GraphQLError) => void,
) {
  const name = definition.variable.name.value
  const members = new Map<unknown, Iterator<readonly [MistakeKind, string], undefined>>()
  const names = new Map<object, readonly string[]>() // an object of many members is read once for all that is wrong with it
  const namesOf = (value: object): readonly string[] => {
    const known = names.get(value) ?? Object.keys(value)
    names.set(value, known)
    return known
  }
  const quoted = (value: unknown): string =>
    quoteValue(value, typeof value === 'object' && value !== null && !Array.isArray(value) ? namesOf(value) : undefined)
  const mistakeAt = (place: Place, at: GraphQLInputType, value: unknown, error: GraphQLError): InputMistake => {
    const named = getNamedType(at)
    if (value == null) return new InputMistake('null', named.name, place, error.message)
    if (!isInputObjectType(named)) {
      const sentence = valueSentence(named as GraphQLLeafType, quoted(value), error, { told: true })
      return new InputMistake('value', named.name, place, sentence)
    }
    if (typeof value !== 'object' || Array.isArray(value)) return new InputMistake('shape', named.name, place, error.message)
    // graphql-js names the object, and the member in its sentence alone: its order is kept here (and held by test/input-coercion.test.ts).
    const wrong = members.get(value) ?? wrongMembers(named, value, namesOf(value))
    members.set(value, wrong)
    const [kind, member] = wrong.next().value!
    return new InputMistake(
      kind,
      named.name,
      [...place, member],
      kind === 'missing' ? error.message : unknownMemberSentence(named, member, error),
    )
  }
  return (path: Place, judged: unknown, error: GraphQLError): void => {
    const value = standIns.get(judged) ?? judged
    const mistake = mistakeAt([name, ...path], typeAt(type, path), value, error)
    const at = path.length === 0 ? '' : ` at "${name}${path.map((part) => (typeof part === 'number' ? `[${part}]` : `.${part}`)).join('')}"`
    const sentence = `Variable "$${name}" got invalid value ${quoted(value)}${at}; ${mistake.message}`
    report(new GraphQLError(sentence, { nodes: definition, originalError: mistake }))
  }
}

type StandIns = Map<unknown, object>

/**
 * The value with an empty object for each large one that stands where a scalar or an enum is expected: as wrong, but graphql-js writes the
 * whole of it into its sentence.
 */
function withStandIns(value: unknown, type: GraphQLInputType, standIns: StandIns): unknown {
  if (typeof value !== 'object' || value === null) return value
  const nullable = getNullableType(type)
  if (isListType(nullable)) {
    if (!Array.isArray(value)) return withStandIns(value, nullable.ofType, standIns)
    const items = value.map((item) => withStandIns(item, nullable.ofType, standIns))
    return items.some((item, at) => item !== value[at]) ? items : value
  }
  if (isInputObjectType(nullable)) {
    if (Array.isArray(value)) return value
    let copy: Values | undefined
    for (const { name, type: inside } of Object.values(nullable.getFields())) {
      const member = Object.hasOwn(value, name) ? (value as Given)[name] : undefined
      const small = withStandIns(member, inside, standIns)
      if (small !== member) (copy ??= { ...value })[name] = small
    }
    return copy ?? value
  }
  if (!isEnumType(nullable) && !isSpecifiedScalarType(nullable)) return value
  if (quoteValue(value).length < mostQuoted - 2) return value
  const standIn = {}
  standIns.set(standIn, value)
  return standIn
}

function* wrongMembers(
  type: GraphQLInputObjectType,
  value: object,
  names: readonly string[],
): Generator<readonly [MistakeKind, string], undefined> {
  const given = value as Given
  for (const member of missingMembers(type, (name) => given[name] !== undefined)) yield ['missing', member]
  const known = type.getFields()
  for (const member of names) if (!known[member]) yield ['unknown', member]
}

const typeAt = (type: GraphQLInputType, path: Place): GraphQLInputType =>
  path.reduce<GraphQLInputType>((around, part) => {
    if (typeof part === 'string') return (getNamedType(around) as GraphQLInputObjectType).getFields()[part]!.type
    return (getNullableType(around) as GraphQLList<GraphQLInputType>).ofType
  }, type)
