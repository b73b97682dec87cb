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
  isInputObjectType,
  isNonNullType,
  type OperationDefinitionNode,
  typeFromAST,
  valueFromAST,
  type VariableDefinitionNode,
} from 'graphql'
import { quoteValue } from '../../domain/quote.ts'
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
      else if (value !== undefined) values[name] = coerceInputValue(value, type, explaining(definition, type, report), !suggestions)
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
function explaining(definition: VariableDefinitionNode, type: GraphQLInputType, report: (mistake: GraphQLError) => void) {
  const name = definition.variable.name.value
  const members = new Map<unknown, Iterator<readonly [MistakeKind, string], undefined>>()
  const quoted = new Map<unknown, string>() // an object of many members is read once for all that is wrong with it
  const quotedOnce = (value: unknown): string => {
    const text = quoted.get(value) ?? quoteValue(value)
    quoted.set(value, text)
    return text
  }
  const mistakeAt = (place: Place, at: GraphQLInputType, value: unknown, error: GraphQLError): InputMistake => {
    const named = getNamedType(at)
    if (value == null) return new InputMistake('null', named.name, place, error.message)
    if (!isInputObjectType(named)) {
      const sentence = valueSentence(named as GraphQLLeafType, quotedOnce(value), error)
      return new InputMistake('value', named.name, place, sentence)
    }
    if (typeof value !== 'object' || Array.isArray(value)) return new InputMistake('shape', named.name, place, error.message)
    // graphql-js names the object, and the member in its sentence alone. It goes through the members in a known order.
    const wrong = members.get(value) ?? wrongMembers(named, value)
    members.set(value, wrong)
    const [kind, member] = wrong.next().value!
    return new InputMistake(
      kind,
      named.name,
      [...place, member],
      kind === 'missing' ? error.message : unknownMemberSentence(named, member, error),
    )
  }
  return (path: Place, value: unknown, error: GraphQLError): void => {
    const mistake = mistakeAt([name, ...path], typeAt(type, path), value, error)
    const at = path.length === 0 ? '' : ` at "${name}${path.map((part) => (typeof part === 'number' ? `[${part}]` : `.${part}`)).join('')}"`
    const sentence = `Variable "$${name}" got invalid value ${quotedOnce(value)}${at}; ${mistake.message}`
    report(new GraphQLError(sentence, { nodes: definition, originalError: mistake }))
  }
}

function* wrongMembers(type: GraphQLInputObjectType, value: object): Generator<readonly [MistakeKind, string], undefined> {
  const given = value as Given
  for (const member of missingMembers(type, (name) => given[name] !== undefined)) yield ['missing', member]
  const known = type.getFields()
  for (const member of Object.keys(value)) if (!known[member]) yield ['unknown', member]
}

const typeAt = (type: GraphQLInputType, path: Place): GraphQLInputType =>
  path.reduce<GraphQLInputType>((around, part) => {
    if (typeof part === 'string') return (getNamedType(around) as GraphQLInputObjectType).getFields()[part]!.type
    return (getNullableType(around) as GraphQLList<GraphQLInputType>).ofType
  }, type)
