/** A rule is data: what a key needs, what a session needs, whether the plan counts. One function decides them all. */
import type { Scope } from './scopes.ts'
import type { Powers, Viewer } from './viewer.ts'

export interface Rule {
  /** Whether it is allowed without any credential. */
  readonly anonymous: boolean
  readonly key: 'always' | 'never' | Scope
  readonly session: 'always' | { readonly needs: string; readonly has: (powers: Powers) => boolean }
  /** Whether it needs a running trial or an active plan. */
  readonly paid: boolean
}

/** Nothing of its own to guard: it holds only what was guarded on the way to it, or what everybody may do. */
export const open: Rule = { anonymous: true, key: 'always', session: 'always', paid: false }
/** Any credential, whatever the plan. */
export const signedIn: Rule = { anonymous: false, key: 'always', session: 'always', paid: false }
/** Any credential of a district whose plan runs. */
export const member: Rule = { ...signedIn, paid: true }
/** One's own session. */
export const ownSession: Rule = { anonymous: false, key: 'never', session: 'always', paid: false }
/** Reading: a key needs the scope; of a session's reading, visibility decides row by row. */
export const reading = (what: 'people' | 'interviews'): Rule => ({ ...member, key: `read:${what}` })

/** Writing: a key needs the write scope, which does not include reading; a session needs to edit. */
export const writing = (what: 'people' | 'interviews'): Rule => ({
  ...member,
  key: `write:${what}`,
  session: { needs: `${what === 'people' ? 'People' : 'Interviews'} = edit`, has: (powers) => powers[what] === 2 },
})
/** The district's keys and its audit trail: a session with Settings, and never a key. */
export const settings: Rule = { ...ownSession, session: { needs: 'Settings', has: (powers) => powers.settings }, paid: true }

/** The first thing that stands in the way. The names are reasons of the table of problems. */
export type Refusal = 'SIGN_IN_FIRST' | 'PLAN_LAPSED' | 'SESSION_ONLY' | 'MISSING_SCOPE' | 'NOT_PERMITTED'

/** Why this viewer may not, or nothing when it may. */
export function refusal(rule: Rule, viewer: Viewer): Refusal | undefined {
  if (viewer.kind === 'anonymous') return rule.anonymous ? undefined : 'SIGN_IN_FIRST'
  if (viewer.kind === 'key') {
    if (rule.key === 'never') return 'SESSION_ONLY'
    if (rule.key !== 'always' && !viewer.scopes.has(rule.key)) return 'MISSING_SCOPE'
  } else if (rule.session !== 'always' && !rule.session.has(viewer.powers)) return 'NOT_PERMITTED'
  return rule.paid && viewer.lapsed ? 'PLAN_LAPSED' : undefined
}

/** The scopes that a key would need: what a refusal names. */
export const requiredScopes = (rule: Rule): readonly Scope[] => (rule.key === 'always' || rule.key === 'never' ? [] : [rule.key])
