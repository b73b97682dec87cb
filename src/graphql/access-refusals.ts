/** What stands in a viewer's way: found by scope-auth, ahead of an operation or of a field's resolver, and told here for both. */
import { type AuthFailure, type AuthScopeFailure, AuthScopeFailureType } from '@pothos/plugin-scope-auth'
import type { GraphQLField } from 'graphql'
import type { AuthScopes } from '../access/rules.ts'
import { isScope } from '../access/scopes.ts'
import type { Viewer } from '../access/viewer.ts'
import { Problem, type ProblemDetails, type Reason, withoutStack } from '../domain/problem.ts'
import type { Decide } from './access-plugin.ts'
import type { Context } from './context.ts'

/** What a field's rule says to this viewer, before anything of the request but the credential is looked at. */
export async function obstacleAt(
  { extensions }: Pick<GraphQLField<unknown, unknown>, 'extensions'>,
  context: Context,
): Promise<Problem | undefined> {
  const decide = extensions['decide'] as Decide<Context> | undefined
  const failure = await decide?.(context)
  return failure ? refusalOf(context.viewer, failure) : undefined
}

/** The first thing that stands in the way: that there is no credential; its kind and what it lacks; the plan. */
export function refusalOf(viewer: Viewer, failure: AuthFailure): Problem {
  if (viewer.kind === 'anonymous') return refusal('SIGN_IN_FIRST')
  const unmet = unmetIn(failure)
  if (unmet.some(({ scope }) => scope === plan)) return refusal('PLAN_LAPSED')
  if (viewer.kind === 'session') return refusal('NOT_PERMITTED')
  const requiredScopes = unmet.flatMap(({ scope, parameter }) => (scope === key && isScope(parameter) ? [parameter] : []))
  return requiredScopes.length > 0 ? refusal('MISSING_SCOPE', { requiredScopes }) : refusal('SESSION_ONLY')
}

const refusal = (reason: Reason, details?: ProblemDetails): Problem => withoutStack(() => new Problem(reason, details))

const [key, plan] = ['key', 'plan'] as const satisfies (keyof AuthScopes)[]

/** The auth scopes that were asked for in vain. The tree stops at the first of what must hold together; of alternatives it has each. */
function unmetIn(failure: AuthFailure): AuthScopeFailure[] {
  if (failure.kind === AuthScopeFailureType.AuthScope) return [failure]
  return 'failures' in failure ? failure.failures.flatMap(unmetIn) : []
}
