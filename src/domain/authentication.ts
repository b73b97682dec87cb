/** Turns a bearer token into a viewer. What the database cannot confirm now is not believed. */
import sql, { type Sql } from 'sql-template-tag'
import type { Scope } from '../access/scopes.ts'
import { type KeyViewer, powersOf, type RolePermissions, type SessionViewer, type SignedInViewer } from '../access/viewer.ts'
import type { Queryable } from '../deps.ts'
import { lapsed } from './districts.ts'
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

/**
 * Who holds this token: a session or an API key.
 * @throws Problem INVALID_CREDENTIAL when it is unknown, expired, revoked, or its person archived
 */
export async function authenticate(db: Queryable, token: string): Promise<SignedInViewer> {
  const viewer = isApiKey(token) ? await keyViewer(db, token) : isToken(token) ? await sessionViewer(db, token) : undefined
  if (viewer === undefined) throw new Problem('INVALID_CREDENTIAL')
  return viewer
}

async function keyViewer(db: Queryable, key: string): Promise<KeyViewer | undefined> {
  const [row] = await db.query<{ id: string; districtId: string; scopes: Scope[]; lapsed: boolean; unmarked: boolean }>(
    sql`select k.id, k.district_id as "districtId", k.scopes, ${lapsed} as lapsed, ${minuteOld(sql`k.last_used_at`)} as unmarked
        from api_keys k join districts d on d.id = k.district_id
        where k.key_hash = ${hashToken(key)} and k.revoked_at is null and (k.expires_at is null or k.expires_at > now())`,
  )
  if (row?.unmarked) await db.query(sql`update api_keys set last_used_at = now() where id = ${row.id} and ${minuteOld(sql`last_used_at`)}`)
  return row && { kind: 'key', keyId: row.id, districtId: row.districtId, scopes: new Set(row.scopes), lapsed: row.lapsed }
}

/** The viewer of a session's token; nothing when it is unknown or expired, or its person archived. */
export async function sessionViewer(db: Queryable, token: string): Promise<SessionViewer | undefined> {
  const [row] = await db.query<Omit<SessionViewer, 'kind' | 'powers'> & { permissions: RolePermissions[]; unmarked: boolean }>(
    sql`select s.id as "sessionId", s.district_id as "districtId", s.person_id as "personId", s.email_key as "emailKey", p.language,
          ${lapsed} as lapsed, ${minuteOld(sql`s.last_seen_at`)} as unmarked,
          (select coalesce(jsonb_agg(r.permissions), '[]') from roles r where r.district_id = p.district_id and p.roles ? r.id) as permissions
        from sessions s
        join people p on p.district_id = s.district_id and p.id = s.person_id
        join districts d on d.id = s.district_id
        where s.token_hash = ${hashToken(token)} and s.expires_at > now() and not p.archived`,
  )
  if (!row) return undefined
  const { permissions, unmarked, ...session } = row
  if (unmarked)
    await db.query(sql`update sessions set last_seen_at = now() where id = ${row.sessionId} and ${minuteOld(sql`last_seen_at`)}`)
  return { kind: 'session', ...session, powers: powersOf(permissions) }
}

/** Last use is kept to the minute: a credential that is used all the time costs one write a minute. */
const minuteOld = (lastUse: Sql): Sql => sql`(${lastUse} is null or ${lastUse} < now() - interval '1 minute')`
