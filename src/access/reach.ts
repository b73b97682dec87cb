/** Nobody reaches above themselves: how far a caller's own powers go. */
import type { Scope } from './scopes.ts'
import type { Level, Powers, SignedInViewer } from './viewer.ts'

/**
 * Whether a caller's powers include all of these. A key has people and interviews by its scopes, and nothing else, ever. A seat on a
 * board lets its holder see every interview: whoever sees them all has that already. Mentor and candidate are no powers over others.
 */
export function reaches(viewer: SignedInViewer, powers: Powers): boolean {
  const own = viewer.kind === 'session' ? viewer.powers : powersOfKey(viewer.scopes)
  return (
    own.people >= powers.people &&
    own.interviews >= powers.interviews &&
    (own.settings || !powers.settings) &&
    (own.roles || !powers.roles) &&
    (own.broadcasts || !powers.broadcasts) &&
    (own.billing || !powers.billing) &&
    (own.interviews >= 1 || [...powers.boards].every((board) => own.boards.has(board)))
  )
}

function powersOfKey(scopes: ReadonlySet<Scope>): Omit<Powers, 'mentor' | 'candidate'> {
  const level = (what: 'people' | 'interviews'): Level => (scopes.has(`write:${what}`) ? 2 : scopes.has(`read:${what}`) ? 1 : 0)
  return {
    people: level('people'),
    interviews: level('interviews'),
    settings: false,
    roles: false,
    broadcasts: false,
    billing: false,
    boards: new Set(),
  }
}
