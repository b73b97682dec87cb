/** Sessions: opened by a sign-in, alive for 30 days by the database's clock, ended by signing out. */
import sql, { type Sql } from 'sql-template-tag'
import type { SessionViewer } from '../access/viewer.ts'
import type { Deps } from '../deps.ts'
import type { Multilingual } from './multilingual.ts'
import { Problem } from './problem.ts'

/** seed: "Session token | 30 days" */
export const sessionLifetimeDays = 30

export interface Session {
  readonly id: string
  readonly createdAt: Date
  readonly lastSeenAt: Date
  readonly expiresAt: Date
  readonly userAgent: string | null
  /** The coarse address it was opened from. */
  readonly location: string | null
}

/** A district that the holder of this session's address belongs to. */
export interface Membership {
  readonly districtId: string
  readonly districtName: Multilingual
  readonly personId: string
}

const sessionColumns: Sql = sql`s.id, s.created_at as "createdAt", s.last_seen_at as "lastSeenAt", s.expires_at as "expiresAt",
  s.user_agent as "userAgent", s.address as location`

/**
 * The viewer's own session.
 * @throws Problem INVALID_CREDENTIAL when it ended while it was being answered
 */
export async function getSession({ db }: Pick<Deps, 'db'>, { sessionId }: SessionViewer): Promise<Session> {
  const [session] = await db.query<Session>(sql`select ${sessionColumns} from sessions s where s.id = ${sessionId}`)
  if (!session) throw new Problem('INVALID_CREDENTIAL')
  return session
}

/** Ends the viewer's session: its token is refused from now on. */
export async function logout({ db }: Pick<Deps, 'db'>, { sessionId }: SessionViewer): Promise<void> {
  await db.query(sql`delete from sessions where id = ${sessionId}`)
}

/** Every district in which the address that this session proved belongs to an active person. */
export async function listMemberships({ db }: Pick<Deps, 'db'>, { emailKey }: SessionViewer): Promise<Membership[]> {
  return db.query<Membership>(
    sql`select p.district_id as "districtId", d.name as "districtName", p.id as "personId"
        from people p join districts d on d.id = p.district_id
        where p.email_key = ${emailKey} and not p.archived order by p.district_id`,
  )
}
