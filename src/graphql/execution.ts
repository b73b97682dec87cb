/** The one way in which an operation is executed, whichever face asked for it; and what is to be done before its answer leaves. */
import { execute, type ExecutionResult, Kind, type OperationDefinitionNode, OperationTypeNode } from 'graphql'
import { actorOf, auditRepeated } from '../domain/audit.ts'
import type { Context } from './context.ts'
import type { Document } from './documents.ts'
import { problemIn } from './errors.ts'

interface Given {
  readonly operationName?: string | null | undefined
  readonly variables?: Readonly<Record<string, unknown>> | null | undefined
}

/**
 * Executes an operation of a document without mistakes.
 * @param operation nothing where the document has none of that name, which graphql-js says in its own words
 * @throws Problem UNAVAILABLE when a denial cannot be remembered
 */
export async function executeOperation(
  document: Document,
  operation: OperationDefinitionNode | undefined,
  context: Context,
  { operationName, variables }: Given,
): Promise<ExecutionResult> {
  const { viewer } = context
  const plan = operation && document.planOf(operation)
  const result = await (plan
    ? plan.execute({ contextValue: context, variableValues: variables })
    : execute({ schema: document.schema, document: document.node, contextValue: context, variableValues: variables, operationName }))
  if (result.errors) await rememberDenials(result.errors, context, viewer.kind === 'anonymous' ? context.viewer : viewer)
  // Whoever has ended a credential may rely on it: the next request with it meets a gateway that knows.
  if (operation?.operation === OperationTypeNode.MUTATION) await context.credentials.caughtUp()
  return result
}

/** Every refusal for want of a permission is remembered, those of one credential as one row a minute. */
async function rememberDenials(
  errors: NonNullable<ExecutionResult['errors']>,
  { deps, client }: Context,
  viewer: Context['viewer'],
): Promise<void> {
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
