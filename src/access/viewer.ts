/** Who is asking: nobody known, a signed-in person, or an API key. Decided once, before anything runs. */
import type { Scope } from './scopes.ts'

export interface Anonymous {
  readonly kind: 'anonymous'
}

export interface SessionViewer {
  readonly kind: 'session'
  readonly sessionId: string
  readonly districtId: string
  readonly personId: string
  /** The address this session proved. */
  readonly emailKey: string
  readonly language: string
  readonly powers: Powers
  /** The district's trial has expired or its plan is inactive. */
  readonly lapsed: boolean
}

export interface KeyViewer {
  readonly kind: 'key'
  readonly keyId: string
  readonly districtId: string
  readonly scopes: ReadonlySet<Scope>
  readonly lapsed: boolean
}

export type SignedInViewer = SessionViewer | KeyViewer
export type Viewer = Anonymous | SignedInViewer

export const anonymous: Anonymous = { kind: 'anonymous' }

/** 0 nothing, 1 view, 2 edit. */
export type Level = 0 | 1 | 2

/** What a person's roles add up to. */
export interface Powers {
  readonly people: Level
  readonly interviews: Level
  readonly settings: boolean
  readonly roles: boolean
  readonly broadcasts: boolean
  readonly billing: boolean
  readonly mentor: boolean
  readonly candidate: boolean
  readonly boards: ReadonlySet<string>
}

/** A role's flags as they are stored, under their documented letters. */
export interface RolePermissions {
  readonly p?: Level
  readonly i?: Level
  readonly s?: 0 | 1
  readonly r?: 0 | 1
  readonly g?: 0 | 1
  readonly B?: 0 | 1
  readonly m?: 0 | 1
  readonly c?: 0 | 1
  readonly b?: Readonly<Record<string, unknown>>
}

/** With several roles the highest permission counts. */
export function powersOf(roles: readonly RolePermissions[]): Powers {
  const highest = (flag: 'p' | 'i'): Level => roles.reduce<Level>((level, role) => ((role[flag] ?? 0) > level ? role[flag]! : level), 0)
  const any = (flag: 's' | 'r' | 'g' | 'B' | 'm' | 'c') => roles.some((role) => role[flag] === 1)
  return {
    people: highest('p'),
    interviews: highest('i'),
    settings: any('s'),
    roles: any('r'),
    broadcasts: any('g'),
    billing: any('B'),
    mentor: any('m'),
    candidate: any('c'),
    boards: new Set(roles.flatMap((role) => Object.keys(role.b ?? {}))),
  }
}

/** Interviews ≥ view, or a seat on a board: all interviews of the district, private fields included. */
export const seesAllInterviews = (viewer: Viewer): boolean =>
  viewer.kind === 'session'
    ? viewer.powers.interviews >= 1 || viewer.powers.boards.size > 0
    : viewer.kind === 'key' && viewer.scopes.has('read:interviews')
