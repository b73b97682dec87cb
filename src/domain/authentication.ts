/** Turns a bearer token into a viewer. What the database cannot confirm now is not believed. */
import sql, { type Sql } from 'sql-template-tag'
import { type KeyViewer, powersOf, type SessionViewer, type SignedInViewer } from '../access/viewer.ts'
import type { Queryable } from '../deps.ts'
import { type Column, columns, computed } from '../sql/columns.ts'
import { json, jsonMember } from '../sql/json.ts'
import { type RowOf, type SelectList, type Statement, statement, together } from '../sql/statement.ts'
import { lapsed } from './districts.ts'
import { findMarking, unmarked } from './last-use.ts'
import { Problem } from './problem.ts'
import { hashToken, isApiKey, isToken } from './tokens.ts'

/**
 * Reads an Authorization header.
 * @throws Problem MALFORMED_CREDENTIAL for anything but one "Bearer" with a token
 */
export function bearerToken(headers: readonly string[]): string | undefined {
  if (headers.length === 0) return undefined
  const token = headers.length === 1 ? /^Bearer +([\x21-\x7e]{1,512})$/i.exec(headers[0]!.trim())?.[1] : undefined
  if (token === undefined) throw new Problem('MALFORMED_CREDENTIAL')
  return token
}

/** A credential as it was found. */
interface Found<Who extends SignedInViewer = SignedInViewer> {
  readonly viewer: Who
  /** How long it stays what it is if nobody changes anything, by the database's clock; `null`: for ever. */
  readonly goodForMs: number | null
}

/**
 * Looks up who holds this token: a session or an API key.
 * @throws Problem INVALID_CREDENTIAL when it is unknown, expired, revoked, or its person archived
 */
export async function findCredential(db: Queryable, token: string): Promise<Found> {
  const found = isApiKey(token)
    ? await findKey(db, sql`k.key_hash = ${hashToken(token)}`)
    : isToken(token)
      ? await findSession(db, sql`s.token_hash = ${hashToken(token)}`)
      : undefined
  if (found === undefined) throw new Problem('INVALID_CREDENTIAL')
  return found
}

async function findKey(db: Queryable, which: Sql): Promise<Found<KeyViewer> | undefined> {
  const row = await findMarking(
    db,
    statement`select ${columns('ApiKey', 'k', { keyId: 'id' }, 'districtId', 'scopes')}, ${lapsed},
          ${goodForMs('float8?', sql`least(k.expires_at, ${nextLapse})`)}
        from api_keys k join districts d on d.id = k.district_id
        where ${which} and k.revoked_at is null and (k.expires_at is null or k.expires_at > now())`,
    sql`update api_keys set last_used_at = now() where id in (
          select k.id from api_keys k join found on k.id = found."keyId" where ${unmarked(sql`k.last_used_at`)} for update of k skip locked)`,
  )
  if (!row) return undefined
  const { scopes, goodForMs: known, ...key } = row
  return { viewer: { kind: 'key', ...key, scopes: new Set(scopes) }, goodForMs: known }
}

async function findSession(db: Queryable, which: Sql): Promise<Found<SessionViewer> | undefined> {
  const row = await findMarking(
    db,
    liveSession(together(sessionColumns, goodForMs('float8', sql`least(s.expires_at, ${nextLapse})`)), which),
    sql`update sessions set last_seen_at = now() where id in (
          select s.id from sessions s join found on s.id = found."sessionId" where ${unmarked(sql`s.last_seen_at`)} for update of s skip locked)`,
  )
  return row && { viewer: sessionViewerOf(row), goodForMs: row.goodForMs }
}

/** The viewer of a session as it is now; nothing when it is over, or its person archived. */
export async function sessionById(db: Queryable, id: string): Promise<SessionViewer | undefined> {
  const [row] = await db.query(liveSession(sessionColumns, sql`s.id = ${id}`))
  return row && sessionViewerOf(row)
}

/** @param which a condition on `sessions s` */
const liveSession = <Row>(list: SelectList<Row>, which: Sql): Statement<Row> =>
  statement`select ${list}
      from sessions s
      join people p on p.district_id = s.district_id and p.id = s.person_id
      join districts d on d.id = s.district_id
      where ${which} and s.expires_at > now() and not p.archived`

/** What makes a viewer, of `sessions s` with its `people p` and `districts d`. */
export const sessionColumns = together(
  columns('Session', 's', { sessionId: 'id' }, 'districtId', 'personId', 'emailKey'),
  columns('Person', 'p', 'language'),
  lapsed,
  jsonMember(
    'permissions',
    json<
      readonly Column<'Role', 'permissions'>[]
    >`(select coalesce(jsonb_agg(r.permissions), '[]') from roles r where r.district_id = p.district_id and p.roles ? r.id)`,
  ),
)
export type SessionRow = RowOf<typeof sessionColumns>

export const sessionViewerOf = ({ permissions, ...session }: SessionRow): SessionViewer => ({
  kind: 'session',
  sessionId: session.sessionId,
  districtId: session.districtId,
  personId: session.personId,
  emailKey: session.emailKey,
  language: session.language,
  lapsed: session.lapsed,
  powers: powersOf(permissions),
})

/** The next moment at which the plan of `districts d` lapses by itself. */
const nextLapse: Sql = sql`(case when d.billing_plan = 'trial' and d.trial_ends_at > now() then d.trial_ends_at end)`
const goodForMs = <const Type extends 'float8' | 'float8?'>(type: Type, until: Sql) =>
  computed('goodForMs', type, sql`(extract(epoch from ${until} - now()) * 1000)::float8`)
