/** The one way in which a document is executed, whichever door it came by; and what is to be done before its answer leaves. */
import { execute, type ExecutionArgs, type ExecutionResult, getOperationAST, Kind, OperationTypeNode } from 'graphql'
import { actorOf, auditRepeated } from '../domain/audit.ts'
import type { Context } from './context.ts'
import { problemIn } from './errors.ts'

type Execution = ExecutionArgs & { readonly contextValue: Context }

/** Executes a document that has been let through. @throws Problem UNAVAILABLE when a denial cannot be remembered */
export async function executeDocument(args: Execution): Promise<ExecutionResult> {
  const { contextValue: context } = args
  const { viewer } = context
  const result = await execute(args)
  await rememberDenials(result, context, viewer.kind === 'anonymous' ? context.viewer : viewer)
  // Whoever has ended a credential may rely on it: the next request with it meets a gateway that knows.
  if (getOperationAST(args.document, args.operationName)?.operation === OperationTypeNode.MUTATION) await context.credentials.caughtUp()
  return result
}

/** Every refusal for want of a permission is remembered, those of one credential as one row a minute. */
async function rememberDenials({ errors }: ExecutionResult, { deps, client }: Context, viewer: Context['viewer']): Promise<void> {
  const denied = errors?.filter((error) => problemIn(error)?.code === 'FORBIDDEN') ?? []
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
