/** Values that are written into a document: judged by graphql-js's own rule, their mistakes told by place and kind like those of variables. */
import {
  type ASTNode,
  type ASTVisitFn,
  type ASTVisitor,
  getNamedType,
  GraphQLError,
  type GraphQLInputObjectType,
  isInputObjectType,
  isLeafType,
  Kind,
  print,
  type ValidationContext,
  ValuesOfCorrectTypeRule,
} from 'graphql'
import { mostQuoted, quote, quoteText } from '../../domain/quote.ts'
import { InputMistake, missingMembers, type Place, unknownMemberSentence, valueSentence } from './mistake.ts'

/** In place of graphql-js's ValuesOfCorrectTypeRule. */
export function literalsRule(context: ValidationContext): ASTVisitor {
  let visited: { readonly node: ASTNode; readonly path: Place }
  const missing = new Map<ASTNode, Iterator<string, undefined>>()
  const mistakeIn = (error: GraphQLError): InputMistake => {
    const { node, path } = visited
    const place = placeOf(context.getDocument(), path)
    if (node.kind === Kind.OBJECT_FIELD) {
      const type = getNamedType(context.getParentInputType()) as GraphQLInputObjectType
      return new InputMistake('unknown', type.name, place, unknownMemberSentence(type, node.name.value, error))
    }
    const type = getNamedType(context.getInputType())!
    if (node.kind === Kind.NULL) return new InputMistake('null', type.name, place, error.message)
    if (node.kind === Kind.OBJECT && isInputObjectType(type)) {
      // graphql-js names the object, and the member in its sentence alone: its order is kept here (and held by test/input-coercion.test.ts).
      const given = new Set(node.fields.map(({ name }) => name.value))
      const members = missing.get(node) ?? missingMembers(type, (member) => given.has(member))
      missing.set(node, members)
      return new InputMistake('missing', type.name, [...place, members.next().value!], error.message)
    }
    const shown = node.kind === Kind.STRING ? quoteText(node.value) : quote(print(node))
    if (isLeafType(type)) return new InputMistake('value', type.name, place, valueSentence(type, shown, error))
    const sentence = shown.length < mostQuoted ? error.message : `Expected value of type "${type.name}", found ${shown}.`
    return new InputMistake('shape', type.name, place, sentence)
  }
  const reportError = (error: GraphQLError): void => {
    const mistake = mistakeIn(error)
    context.reportError(new GraphQLError(mistake.message, { nodes: visited.node, originalError: mistake }))
  }
  const rule = ValuesOfCorrectTypeRule(Object.create(context, { reportError: { value: reportError } }) as ValidationContext)
  return Object.fromEntries(
    Object.entries(rule as Record<string, ASTVisitFn<ASTNode>>).map(([kind, enter]) => {
      const visit: ASTVisitFn<ASTNode> = (node, key, parent, path, ancestors) => {
        visited = { node, path }
        return enter(node, key, parent, path, ancestors) as unknown
      }
      return [kind, visit]
    }),
  )
}

/** Where a node stands in its argument, or in the default value of its variable. */
function placeOf(document: ASTNode, path: Place): Place {
  let place: (string | number)[] = []
  let at: unknown = document
  let before: string | number | undefined
  for (const key of path) {
    at = (at as Record<string | number, unknown>)[key]
    const node = at as ASTNode
    if (before === 'values') place.push(key)
    else if (node.kind === Kind.ARGUMENT || node.kind === Kind.OBJECT_FIELD) place.push(node.name.value)
    else if (node.kind === Kind.FIELD) place = []
    else if (node.kind === Kind.VARIABLE_DEFINITION) place = [node.variable.name.value]
    before = key
  }
  return place
}
