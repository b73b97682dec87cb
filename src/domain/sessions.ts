/** Sessions: opened by a sign-in, alive for 30 days by the database's clock, ended by signing out or by another session of one's own. */
import sql, { type Sql } from 'sql-template-tag'
import type { SessionViewer } from '../access/viewer.ts'
import type { Deps, Queryable, Random } from '../deps.ts'
import type { Prisma } from '../generated/prisma/client.ts'
import { columns, picked } from '../sql/columns.ts'
import { type RowOf, statement } from '../sql/statement.ts'
import { type Actor, actorOf, audit, type AuditEntry } from './audit.ts'
import { sessionById } from './authentication.ts'
import type { Caller } from './client.ts'
import { isId } from './input.ts'
import { Problem } from './problem.ts'
import { hashToken, makeId, makeToken } from './tokens.ts'

/** seed: "Session token | 30 days" */
export const sessionLifetimeDays = 30

/** `address`: the coarse one it was opened from. */
const members = ['id', 'districtId', 'createdAt', 'lastSeenAt', 'expiresAt', 'userAgent', 'address'] as const
const sessionColumns = columns('Session', 's', ...members)
export type Session = RowOf<typeof sessionColumns>

/** A new session: its token is shown this once. */
export interface SignIn {
  readonly token: string
  readonly expiresAt: Date
  readonly viewer: SessionViewer
}

/** A district that the holder of this session's address belongs to, and who one is in it. */
const membership = { id: true, districtId: true, district: { select: { name: true } } } satisfies Prisma.PersonSelect
export type Membership = Prisma.PersonGetPayload<{ select: typeof membership }>

type WriteDeps = Pick<Deps, 'db' | 'random'>

/** One's own are those that proved the same address, in whichever district. */
const own = ({ emailKey }: SessionViewer): Sql => sql`s.email_key = ${emailKey} and s.expires_at > now()`

/**
 * The viewer's own session.
 * @throws Problem INVALID_CREDENTIAL when it ended while it was being answered
 */
export async function getSession({ db }: Pick<Deps, 'db'>, { sessionId }: SessionViewer): Promise<Session> {
  const session = await db.tables.session.findUnique({ where: { id: sessionId }, select: picked(members) })
  if (!session) throw new Problem('INVALID_CREDENTIAL')
  return session
}

/** All sessions of the viewer's address, the last used first. */
export async function listSessions({ db }: Pick<Deps, 'db'>, viewer: SessionViewer): Promise<Session[]> {
  return db.query(statement`select ${sessionColumns} from sessions s where ${own(viewer)} order by s.last_seen_at desc, s.id`)
}

/** Ends the viewer's session: its token is refused from now on. */
export async function logout({ db, random }: WriteDeps, caller: Caller<SessionViewer>): Promise<void> {
  const { viewer, client } = caller
  await db.transaction(async (tx) => {
    const { count } = await tx.tables.session.deleteMany({ where: { id: viewer.sessionId } })
    if (count === 0) return // somebody else was faster, and remembered it
    await audit(tx, random, client, [
      {
        districtId: viewer.districtId,
        actor: actorOf(viewer),
        action: 'SIGN_OUT',
        record: { type: 'SESSION', id: viewer.sessionId },
      },
    ])
  })
}

/**
 * Ends one of the viewer's own sessions.
 * @throws Problem NO_SUCH_RECORD when it is not one of them
 */
export async function revokeSession({ db, random }: WriteDeps, caller: Caller<SessionViewer>, id: string): Promise<void> {
  const ended = isId(id) ? await db.transaction((tx) => endSessions(tx, random, caller, sql`${own(caller.viewer)} and s.id = ${id}`)) : 0
  if (ended === 0) throw new Problem('NO_SUCH_RECORD')
}

/** Ends all of the viewer's own sessions but the one that asks. @returns how many */
export function revokeOtherSessions({ db, random }: WriteDeps, caller: Caller<SessionViewer>): Promise<number> {
  return db.transaction((tx) => endSessions(tx, random, caller, sql`${own(caller.viewer)} and s.id <> ${caller.viewer.sessionId}`))
}

/** Every district in which the address that this session proved belongs to an active person. */
export const listMemberships = ({ db }: Pick<Deps, 'db'>, { emailKey }: SessionViewer): Promise<Membership[]> =>
  db.tables.person.findMany({ where: { emailKey, archived: false }, select: membership, orderBy: { districtId: 'asc' } })

/**
 * Moves the viewer's session to another district that its address belongs to: the old token ends, a new one begins, and both live
 * no longer than the sign-in they come from.
 * @throws Problem NO_SUCH_RECORD when the address belongs to no active person there, INVALID_CREDENTIAL when the session has ended
 */
export function switchDistrict({ db, random }: WriteDeps, { viewer, client }: Caller<SessionViewer>, districtId: string): Promise<SignIn> {
  const token = makeToken(random)
  const sessionId = makeId(random)
  return db.transaction(async (tx) => {
    const [person] = isId(districtId)
      ? await tx.query(
          statement`update people p set signed_in_at = now()
              where p.district_id = ${districtId} and p.email_key = ${viewer.emailKey} and not p.archived returning ${columns('Person', 'p', 'id')}`,
        )
      : []
    if (!person) throw new Problem('NO_SUCH_RECORD', { sentence: 'Your address belongs to nobody in such a district.' })
    const [moved] = await tx.query(
      statement`with ended as (delete from sessions s where s.id = ${viewer.sessionId} and s.expires_at > now() returning *)
          insert into sessions as s (id, token_hash, district_id, person_id, email_key, user_agent, address, expires_at)
          select ${sessionId}, ${hashToken(token)}, ${districtId}, ${person.id}, ended.email_key, ended.user_agent, ended.address, ended.expires_at
          from ended returning ${columns('Session', 's', 'expiresAt')}`,
    )
    const next = moved && (await sessionById(tx, sessionId))
    if (!next) throw new Problem('INVALID_CREDENTIAL')
    await audit(tx, random, client, [
      {
        districtId: viewer.districtId,
        actor: actorOf(viewer),
        action: 'DISTRICT_SWITCH',
        record: { type: 'SESSION', id: viewer.sessionId },
      },
      { districtId, actor: actorOf(next), action: 'DISTRICT_SWITCH', record: { type: 'SESSION', id: sessionId } },
    ])
    return { token, expiresAt: moved.expiresAt, viewer: next }
  })
}

/** Ends the sessions that a condition on `sessions s` names, and remembers each. */
export async function endSessions(tx: Queryable, random: Random, { viewer, client }: Caller, which: Sql): Promise<number> {
  const ended = await tx.query(
    statement`delete from sessions s where ${which} returning ${columns('Session', 's', 'id', 'districtId', 'personId')}`,
  )
  const entries = ended.map(({ id, districtId, personId }): AuditEntry => {
    // In another district one is the person that one is there.
    const actor: Actor = districtId === viewer.districtId ? actorOf(viewer) : { type: 'PERSON', id: personId }
    return { districtId, actor, action: 'SESSION_REVOKE', record: { type: 'SESSION', id } }
  })
  if (entries.length > 0) await audit(tx, random, client, entries)
  return ended.length
}
