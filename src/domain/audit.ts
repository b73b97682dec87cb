/**
 * The audit trail, as it is written: who did what to which record, when and from where; never a secret, and never a value. An entry
 * is written in the transaction of what it tells of, so that there is neither without the other.
 */
import sql, { empty, raw, type Sql } from 'sql-template-tag'
import type { Viewer } from '../access/viewer.ts'
import type { Queryable, Random } from '../deps.ts'
import { statement } from '../sql/statement.ts'
import type { Client } from './client.ts'
import { makeId } from './tokens.ts'

/** Everything that is remembered, as the schema names and describes it. */
export const auditActions = {
  SIGN_IN: 'A person signed in.',
  SIGN_IN_FAILED: 'A code or a link was wrong, used or expired.',
  SIGN_OUT: 'A person signed out.',
  DISTRICT_SWITCH: 'A session moved to another district of its holder.',
  SESSION_REVOKE: 'A session was ended by another one, or because its person was archived or got another address.',
  API_KEY_CREATE: 'An API key was created.',
  API_KEY_ROTATE: 'An API key got a new secret, as a new key.',
  API_KEY_REVOKE: 'An API key was revoked.',
  PERSON_CREATE: 'A person was added.',
  PERSON_UPDATE: 'A person was changed.',
  INTERVIEW_CREATE: 'An interview was added.',
  INTERVIEW_UPDATE: 'An interview was changed.',
  DISTRICT_CREATE: 'The district was made.',
  ACCESS_DENIED: 'A credential asked for what it may not do.',
} as const
export type AuditAction = keyof typeof auditActions

export const actorTypes = {
  PERSON: 'A person, with a session.',
  API_KEY: 'An API key.',
  OPERATOR: 'Whoever runs the gateway, by a command.',
  NOBODY: 'Somebody without a credential.',
} as const
export type ActorType = keyof typeof actorTypes

export const recordTypes = {
  PERSON: 'A person.',
  INTERVIEW: 'An interview.',
  API_KEY: 'An API key.',
  SESSION: 'A session.',
  DISTRICT: 'A district.',
  FIELD: 'A field of the schema, by its path.',
} as const
export type RecordType = keyof typeof recordTypes

/** @typeParam Id an expression, where only the statement that it is part of finds the id out */
export interface Actor<Id = string> {
  readonly type: ActorType
  readonly id?: Id
}
export const operator: Actor = { type: 'OPERATOR' }
export const nobody: Actor = { type: 'NOBODY' }

export function actorOf(viewer: Viewer): Actor {
  if (viewer.kind === 'anonymous') return nobody
  return viewer.kind === 'key' ? { type: 'API_KEY', id: viewer.keyId } : { type: 'PERSON', id: viewer.personId }
}

export interface AuditEntry<Id = string> {
  /** `noDistrict` for what belongs to none. */
  readonly districtId: Id
  readonly actor: Actor<Id>
  readonly action: AuditAction
  readonly record?: { readonly type: RecordType; readonly id: Id }
  /** Names of the members that changed, and never their values. */
  readonly members?: readonly string[]
}

/** The chain of events that belong to no district. */
export const noDistrict = ''

type Origin = Pick<Client, 'network' | 'requestId'>

const columns = raw('district_id, id, actor_type, actor_id, action, record_type, record_id, members, network, request_id')

/**
 * Remembers these, in the transaction that does them.
 * @param from the request; nothing for an operator's command
 */
export async function audit(tx: Queryable, random: Random, from: Origin | undefined, entries: readonly AuditEntry[]): Promise<void> {
  await tx.tables.auditEvent.createMany({ data: entries.map((entry) => rowOf(random, from, entry)) })
}

/**
 * One entry as part of the statement it tells of, which saves a round trip: `with remembered as (…) update …`.
 * @param each what there must be for it to be remembered, and what its ids may be read from: `from person`
 */
export const auditing = (random: Random, from: Origin, entry: AuditEntry<string | Sql>, each: Sql = empty): Sql =>
  sql`insert into audit_events (${columns}) select ${valuesOf(rowOf(random, from, entry))} ${each}`

/**
 * Remembers what may come again and again as one row a minute with a count.
 * @param what makes two of them the same, beside their action
 */
export async function auditRepeated(
  db: Queryable,
  random: Random,
  from: Origin,
  entry: AuditEntry,
  same: string,
  count = 1,
): Promise<void> {
  await db.query(
    statement`insert into audit_events (${columns}, count, repeat_key, open_until)
        values (${valuesOf(rowOf(random, from, entry))}, ${count},
          ${entry.action}::text || ' ' || ${same}::text || ' ' || extract(epoch from date_trunc('minute', now()))::bigint,
          date_trunc('minute', now()) + interval '1 minute')
        on conflict (district_id, repeat_key) where repeat_key is not null
          do update set count = audit_events.count + excluded.count where audit_events.number is null`,
  )
}

const valuesOf = (row: ReturnType<typeof rowOf<string | Sql>>): Sql =>
  sql`${row.districtId}, ${row.id}, ${row.actorType}, ${row.actorId}, ${row.action}, ${row.recordType}, ${row.recordId},
      ${row.members}::text[], ${row.network}, ${row.requestId}`

const rowOf = <Id>(random: Random, from: Origin | undefined, { districtId, actor, action, record, members = [] }: AuditEntry<Id>) => ({
  districtId,
  id: makeId(random),
  actorType: actor.type,
  actorId: actor.id ?? null,
  action,
  recordType: record?.type ?? null,
  recordId: record?.id ?? null,
  members: [...members],
  network: from?.network ?? null,
  requestId: from?.requestId ?? null,
})
