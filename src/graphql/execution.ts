/** The one way in which an operation is executed, whichever face asked for it; and what is to be done before its answer leaves. */
import { type ExecutionResult, type GraphQLError, Kind, locatedError, type OperationDefinitionNode, OperationTypeNode } from 'graphql'
import { actorOf, auditRepeated } from '../domain/audit.ts'
import { obstacleAt } from './access-refusals.ts'
import { demandWritable } from './answer-length.ts'
import type { Context } from './context.ts'
import type { Document } from './documents.ts'
import { problemIn } from './errors.ts'
import { coerceVariables } from './input/variables.ts'

type Given = Readonly<Record<string, unknown>>

/**
 * Executes an operation of a document without mistakes.
 * @param given the variables as they came
 * @param suggestions whether what is wrong with them may tell what else there is in the schema
 * @throws Problem INVALID_INPUT when with these variables it asks for too much, UNAVAILABLE when a denial cannot be remembered
 */
export async function executeOperation(
  document: Document,
  operation: OperationDefinitionNode,
  context: Context,
  given: Given,
  { suggestions }: { suggestions: boolean },
): Promise<ExecutionResult> {
  // Authorization before validation: a forbidden mutation gets the same answer for valid and invalid variables.
  const refused = operation.operation === OperationTypeNode.MUTATION ? await refusedWhole(document, operation, context, given) : undefined
  if (refused) return refused
  const mayBeLong = document.demandAffordable(given)
  const plan = document.planOf(operation)
  const read = plan.readVariables(given)
  const coerced = read ? { values: read } : coerceVariables(document.schema, operation, given, { suggestions })
  if ('mistakes' in coerced) return { errors: coerced.mistakes }
  const { viewer } = context
  const result = await plan.run({ contextValue: context, variables: coerced.values })
  if (result.errors) await rememberDenials(result.errors, context, viewer.kind === 'anonymous' ? context.viewer : viewer)
  if (mayBeLong && operation.operation === OperationTypeNode.QUERY) demandWritable(result.data)
  return result
}

/**
 * The result of an operation whose root fields are all forbidden to this caller. It does not depend on the variables.
 * @returns nothing where a root field is permitted
 */
export async function refusedWhole(
  document: Document,
  operation: OperationDefinitionNode,
  context: Context,
  given: Given = {},
): Promise<ExecutionResult | undefined> {
  const fields = document.planOf(operation).rootFields(given)
  if (fields.length === 0) return undefined
  const errors: GraphQLError[] = []
  for (const { definition, nodes, responseName } of fields) {
    const problem = await obstacleAt(definition, context)
    if (!problem) return undefined
    errors.push(locatedError(problem, nodes, [responseName]))
  }
  await rememberDenials(errors, context, context.viewer)
  return { errors, data: Object.fromEntries(fields.map(({ responseName }) => [responseName, null])) }
}

/** Every refusal for want of a permission is remembered, those of one credential as one row a minute. */
async function rememberDenials(errors: readonly GraphQLError[], { deps, client }: Context, viewer: Context['viewer']): Promise<void> {
  const denied = errors.filter((error) => problemIn(error)?.code === 'FORBIDDEN')
  const [first] = denied
  if (!first || viewer.kind === 'anonymous') return
  const field = first.nodes?.find((node) => node.kind === Kind.FIELD)?.name.value ?? ''
  const entry = {
    districtId: viewer.districtId,
    actor: actorOf(viewer),
    action: 'ACCESS_DENIED' as const,
    record: { type: 'FIELD' as const, id: field },
  }
  await auditRepeated(deps.db, deps.random, client, entry, viewer.kind === 'key' ? viewer.keyId : viewer.sessionId, denied.length)
}
