/** A rule is data: which keys and which sessions it lets pass, and whether the plan counts. The schema takes it as a map of auth scopes. */
import type { Scope } from './scopes.ts'
import type { Powers, Viewer } from './viewer.ts'

/** What a session may need, as the matrix names it. */
const hasPower = {
  'People = edit': ({ people }) => people === 2,
  'Interviews = edit': ({ interviews }) => interviews === 2,
  Settings: ({ settings }) => settings,
} satisfies Record<string, (powers: Powers) => boolean>

/** The auth scopes: what a rule may ask of a viewer, and with which parameter. */
export interface AuthScopes {
  /** An API key with this scope. */
  readonly key: Scope | 'any'
  /** A session whose roles together give this permission. */
  readonly session: keyof typeof hasPower | 'any'
  /** A running trial or an active plan. */
  readonly plan: 'running'
}

/** One of the two kinds of credential, and the plan: all members must hold. Without members everybody may. */
export interface Rule {
  readonly $any?: Partial<Pick<AuthScopes, 'key' | 'session'>>
  readonly plan?: AuthScopes['plan']
}

/** Nothing of its own to guard: it holds only what was guarded on the way to it, or what everybody may do. */
export const open: Rule = {}
/** Any credential, whatever the plan. */
export const signedIn: Rule = { $any: { key: 'any', session: 'any' } }
/** Any credential of a district whose plan runs. */
export const member: Rule = { ...signedIn, plan: 'running' }
/** One's own session. */
export const ownSession: Rule = { $any: { session: 'any' } }
/** Reading: a key needs the scope; of a session's reading, visibility decides row by row. */
export const reading = (what: 'people' | 'interviews'): Rule => ({ $any: { key: `read:${what}`, session: 'any' }, plan: 'running' })

/** Writing: a key needs the write scope, which does not include reading; a session needs to edit. */
export const writing = (what: 'people' | 'interviews'): Rule => ({
  $any: { key: `write:${what}`, session: what === 'people' ? 'People = edit' : 'Interviews = edit' },
  plan: 'running',
})
/** A session with Settings, and never a key; whatever the plan. */
export const administering: Rule = { $any: { session: 'Settings' } }
/** The district's keys and its audit trail. */
export const settings: Rule = { ...administering, plan: 'running' }

/**
 * Answers for a viewer, at once: a rule is decided within one turn. Each is a function, `plan` too: plain booleans are judged before
 * `$any`, and a lapsed key without the scope would be told of the plan.
 */
export const authScopesOf = (viewer: Viewer): { readonly [Name in keyof AuthScopes]: (needed: AuthScopes[Name]) => boolean } => ({
  key: (needed) => viewer.kind === 'key' && (needed === 'any' || viewer.scopes.has(needed)),
  session: (needed) => viewer.kind === 'session' && (needed === 'any' || hasPower[needed](viewer.powers)),
  plan: () => viewer.kind !== 'anonymous' && !viewer.lapsed,
})
