/** Validation: graphql-js's rules, the one about subscriptions that its version 17 has, and few mistakes, each in few words. */
import {
  type ASTVisitor,
  type DocumentNode,
  GraphQLError,
  type GraphQLSchema,
  NoSchemaIntrospectionCustomRule,
  NoUndefinedVariablesRule,
  NoUnusedVariablesRule,
  OverlappingFieldsCanBeMergedRule,
  specifiedRules,
  validate,
  type ValidationContext,
  VariablesInAllowedPositionRule,
  ValuesOfCorrectTypeRule,
} from 'graphql'
import { literalsRule } from './input/literals.ts'
import { mostMistakes } from './input/mistake.ts'
import { mergedRules } from './merged-rules.ts'

/** Of what a mistake is about: a cycle of fragments, fields that conflict. */
const mostLocations = 4
/** Longer ones are graphql-js's about fields that conflict somewhere inside others, and about fragments that spread each other. */
const longestSentence = 400

/**
 * What is wrong with a document: five mistakes at most, and a last one that says that there are more.
 * @param suggestions whether the caller may be told what else there is in the schema
 */
export function mistakesIn(
  schema: GraphQLSchema,
  document: DocumentNode,
  { suggestions }: { suggestions: boolean },
): readonly GraphQLError[] {
  const options = { maxErrors: mostMistakes, hideSuggestions: !suggestions }
  // Every document without a `$` is spared what walks through all of its fields for variables.
  const found = validate(schema, document, [document.loc?.source.body.includes('$') === false ? withoutVariables : withVariables], options)
  const mistakes = found.length > 0 ? found : validate(schema, document, [OverlappingFieldsCanBeMergedRule], options)
  return mistakes.map((mistake, index) => {
    if (mistake.nodes) return brief(mistake)
    // graphql-js has stopped by itself: after the most mistakes, or where comparing fields takes too long. Neither says where.
    return new GraphQLError(
      index === mostMistakes
        ? 'There are more mistakes in this document; they were left out.'
        : 'This document selects too many fields under the same names to compare them all. Ask for fewer, or under names of their own.',
    )
  })
}

/** A document's first look into the schema, as a mistake. */
export const introspectionIn = (schema: GraphQLSchema, document: DocumentNode): readonly GraphQLError[] =>
  validate(schema, document, [NoSchemaIntrospectionCustomRule], { maxErrors: 1 }).slice(0, 1)

/** graphql-js finds out only when it executes them that the schema has no subscriptions (its version 17 has this rule). */
const knownOperationTypes = (context: ValidationContext): ASTVisitor => ({
  OperationDefinition(node) {
    if (!context.getSchema().getRootType(node.operation))
      context.reportError(new GraphQLError(`There is no ${node.operation} in this schema.`, { nodes: node }))
  },
})

/** All but the one that compares each field with each, which a document with other mistakes is spared. */
const rules = [
  ...specifiedRules.filter((rule) => rule !== OverlappingFieldsCanBeMergedRule && rule !== ValuesOfCorrectTypeRule),
  literalsRule,
  knownOperationTypes,
]
const aboutVariables: ReadonlySet<unknown> = new Set([NoUndefinedVariablesRule, NoUnusedVariablesRule, VariablesInAllowedPositionRule])
const withVariables = mergedRules(rules)
const withoutVariables = mergedRules(rules.filter((rule) => !aboutVariables.has(rule)))

function brief(mistake: GraphQLError): GraphQLError {
  const { message, nodes = [], originalError } = mistake
  if (nodes.length <= mostLocations && message.length <= longestSentence) return mistake
  return new GraphQLError(message.length <= longestSentence ? message : `${message.slice(0, longestSentence - 1)}…`, {
    nodes: nodes.slice(0, mostLocations),
    originalError: originalError ?? null,
  })
}
