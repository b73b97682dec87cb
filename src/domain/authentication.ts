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
  const [row] = await db.query<{
    id: string
    districtId: string
    scopes: Scope[]
    lapsed: boolean
    unmarked: boolean
    goodForMs: number | null
  }>(
    sql`select k.id, k.district_id as "districtId", k.scopes, ${lapsed} as lapsed, ${unmarked(sql`k.last_used_at`)} as unmarked,
          ${msUntil(sql`least(k.expires_at, ${nextLapse})`)} as "goodForMs"
        from api_keys k join districts d on d.id = k.district_id
        where ${which} and k.revoked_at is null and (k.expires_at is null or k.expires_at > now())`,
  )
  if (!row) return undefined
  if (row.unmarked) await db.query(sql`update api_keys set last_used_at = now() where id = ${row.id} and ${unmarked(sql`last_used_at`)}`)
  const { id, districtId, scopes } = row
  return { viewer: { kind: 'key', keyId: id, districtId, scopes: new Set(scopes), lapsed: row.lapsed }, goodForMs: row.goodForMs }
}

/** The viewer of a session as it is now; nothing when it is over, or its person archived. */
export const sessionById = async (db: Queryable, id: string): Promise<SessionViewer | undefined> =>
  (await findSession(db, sql`s.id = ${id}`))?.viewer

/** @param which a condition on `sessions s` */
async function findSession(db: Queryable, which: Sql): Promise<Found<SessionViewer> | undefined> {
  const [row] = await db.query<
    Omit<SessionViewer, 'kind' | 'powers'> & { permissions: RolePermissions[]; unmarked: boolean; goodForMs: number }
  >(
    sql`select s.id as "sessionId", s.district_id as "districtId", s.person_id as "personId", s.email_key as "emailKey", p.language,
          ${lapsed} as lapsed, ${unmarked(sql`s.last_seen_at`)} as unmarked, ${msUntil(sql`least(s.expires_at, ${nextLapse})`)} as "goodForMs",
          (select coalesce(jsonb_agg(r.permissions), '[]') from roles r where r.district_id = p.district_id and p.roles ? r.id) as permissions
        from sessions s
        join people p on p.district_id = s.district_id and p.id = s.person_id
        join districts d on d.id = s.district_id
        where ${which} and s.expires_at > now() and not p.archived`,
  )
  if (!row) return undefined
  const { permissions, unmarked: toBeMarked, goodForMs, ...session } = row
  if (toBeMarked)
    await db.query(sql`update sessions set last_seen_at = now() where id = ${row.sessionId} and ${unmarked(sql`last_seen_at`)}`)
  return { viewer: { kind: 'session', ...session, powers: powersOf(permissions) }, goodForMs }
}

/** The next moment at which the plan of `districts d` lapses by itself. */
const nextLapse: Sql = sql`(case when d.billing_plan = 'trial' and d.trial_ends_at > now() then d.trial_ends_at end)`
const msUntil = (moment: Sql): Sql => sql`(extract(epoch from ${moment} - now()) * 1000)::float8`

/** Last use is kept to the minute: a credential that is used all the time costs two writes a minute. */
const unmarked = (lastUse: Sql): Sql => sql`(${lastUse} is null or ${lastUse} < now() - interval '30 seconds')`
