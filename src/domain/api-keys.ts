/** API keys: shown once, kept only as a hash, refused from the moment they are revoked. They belong to their district, not to who made them. */
import sql, { type Sql } from 'sql-template-tag'
import { z } from 'zod'
import { scopes as allScopes } from '../access/scopes.ts'
import type { KeyViewer, SessionViewer } from '../access/viewer.ts'
import type { Deps, Queryable, Random } from '../deps.ts'
import { columns, computed, picked } from '../sql/columns.ts'
import { type RowOf, statement } from '../sql/statement.ts'
import { type Actor, actorOf, audit, type AuditAction, operator } from './audit.ts'
import type { Caller, Client } from './client.ts'
import { isId, parse, textSchema } from './input.ts'
import { invalid, Problem } from './problem.ts'
import { hashToken, hintOf, makeApiKey, makeId } from './tokens.ts'

const scopeIds = allScopes.map(({ id }) => id)

const newApiKeySchema = z.object({
  name: textSchema(100).trim().min(1, 'A name is needed, from 1 to 100 characters.'),
  scopes: z
    .array(z.enum(scopeIds, `A scope is one of ${scopeIds.join(', ')}.`))
    .min(1, `At least one scope is needed, of ${scopeIds.join(', ')}.`)
    .transform((wanted) => [...new Set(wanted)]),
  /** Never, when left out. */
  expiresAt: z.date().nullish(),
})
export type NewApiKey = z.input<typeof newApiKeySchema>

/** A key as its holder and its district may read it: never the secret. `createdById`: `null` for one that an operator made. */
const members = ['id', 'name', 'hint', 'scopes', 'createdAt', 'lastUsedAt', 'expiresAt', 'revokedAt', 'createdById'] as const
const keyColumns = columns('ApiKey', 'k', ...members)
export type ApiKey = RowOf<typeof keyColumns>

export interface CreatedApiKey {
  readonly apiKey: ApiKey
  /** The secret. Nothing can show it again. */
  readonly key: string
}

/** In minutes: a week to bring a new key everywhere. */
export const longestOverlap = 10_080

const active: Sql = sql`k.revoked_at is null and (k.expires_at is null or k.expires_at > now())`
const noSuchKey = () => new Problem('NO_SUCH_RECORD', { sentence: 'There is no such API key.' })

type WriteDeps = Pick<Deps, 'db' | 'random'>

/**
 * Makes a key for a district, as an operator and in a transaction of the caller's.
 * @throws Problem INVALID_INPUT naming the member that is wrong; NO_SUCH_RECORD when there is no such district
 */
export const createApiKeyFor = (tx: Queryable, random: Random, districtId: string, input: NewApiKey): Promise<CreatedApiKey> =>
  insertKey(tx, random, { districtId, actor: operator }, parse(newApiKeySchema, input))

/**
 * Makes a key for the viewer's district.
 * @throws Problem INVALID_INPUT naming the member that is wrong
 */
export function createApiKey(
  { db, random }: WriteDeps,
  { viewer, client }: Caller<SessionViewer>,
  input: NewApiKey,
): Promise<CreatedApiKey> {
  const wanted = parse(newApiKeySchema, input, 'input')
  return db.transaction((tx) => insertKey(tx, random, { districtId: viewer.districtId, actor: actorOf(viewer), client }, wanted))
}

/** The keys of the viewer's district, the newest first; ended ones only when they are asked for. */
export function listApiKeys(
  { db }: Pick<Deps, 'db'>,
  { districtId }: SessionViewer,
  { includeEnded }: { includeEnded: boolean },
): Promise<ApiKey[]> {
  return db.query(
    statement`select ${keyColumns} from api_keys k where k.district_id = ${districtId} and (${includeEnded} or ${active})
        order by k.created_at desc, k.id desc`,
  )
}

/**
 * Ends a key of any district, as an operator. One that has been revoked before keeps its time.
 * @throws Problem NO_SUCH_RECORD when there is no such key
 */
export function revokeAnyApiKey({ db, random }: WriteDeps, id: string): Promise<ApiKey> {
  return db.transaction((tx) => revoke(tx, random, { actor: operator }, id, sql`true`))
}

/**
 * Ends a key of the viewer's district: its next use is refused. One that has been revoked before keeps its time.
 * @throws Problem NO_SUCH_RECORD when there is no such key
 */
export function revokeApiKey({ db, random }: WriteDeps, { viewer, client }: Caller<SessionViewer>, id: string): Promise<ApiKey> {
  return db.transaction((tx) => revoke(tx, random, { actor: actorOf(viewer), client }, id, sql`k.district_id = ${viewer.districtId}`))
}

/**
 * Gives a key a new secret: a new key of the same name, scopes and end. The old one dies after the overlap, at once when it is 0.
 * @param overlapMinutes 0 to a week
 * @throws Problem NO_SUCH_RECORD when there is no such key that works, INVALID_INPUT for the overlap
 */
export function rotateApiKey(
  { db, random }: WriteDeps,
  { viewer, client }: Caller<SessionViewer>,
  id: string,
  overlapMinutes: number,
): Promise<CreatedApiKey> {
  if (overlapMinutes < 0 || overlapMinutes > longestOverlap)
    throw invalid('overlapMinutes', `An overlap is 0 to ${longestOverlap} minutes.`)
  return db.transaction(async (tx) => {
    const [old] = isId(id)
      ? await tx.query(
          statement`select ${keyColumns} from api_keys k where k.district_id = ${viewer.districtId} and k.id = ${id} and ${active} for update`,
        )
      : []
    if (!old) throw noSuchKey()
    await tx.query(
      overlapMinutes === 0
        ? statement`update api_keys set revoked_at = now() where id = ${id}`
        : statement`update api_keys set expires_at = least(expires_at, now() + make_interval(mins => ${overlapMinutes}::int)) where id = ${id}`,
    )
    const by = { districtId: viewer.districtId, actor: actorOf(viewer), client }
    return insertKey(tx, random, by, { ...old, scopes: [...old.scopes] }, { action: 'API_KEY_ROTATE', of: id })
  })
}

/** The key that asks; it was there a moment ago, when the viewer was made of it. */
export const getApiKey = ({ db }: Pick<Deps, 'db'>, { keyId }: KeyViewer): Promise<ApiKey> =>
  db.tables.apiKey.findUniqueOrThrow({ where: { id: keyId }, select: picked(members) })

interface By {
  readonly districtId: string
  readonly actor: Actor
  readonly client?: Client
}

async function insertKey(
  tx: Queryable,
  random: Random,
  { districtId, actor, client }: By,
  { name, scopes, expiresAt }: z.output<typeof newApiKeySchema>,
  remembered: { action: AuditAction; of?: string } = { action: 'API_KEY_CREATE' },
): Promise<CreatedApiKey> {
  const [id, key] = [makeId(random), makeApiKey(random)]
  const [district] = isId(districtId)
    ? await tx.query(
        statement`select ${computed('inTime', 'boolean', sql`coalesce(${expiresAt ?? null}::timestamptz > now(), true)`)} from districts d where d.id = ${districtId}`,
      )
    : []
  if (!district) throw new Problem('NO_SUCH_RECORD', { sentence: 'There is no such district.' })
  if (!district.inTime) throw invalid('input.expiresAt', 'A key must end in the future.')
  const apiKey = await tx.tables.apiKey.create({
    data: {
      id,
      keyHash: hashToken(key),
      districtId,
      name,
      hint: hintOf(key),
      scopes,
      createdById: actor.id ?? null,
      expiresAt: expiresAt ?? null,
    },
    select: picked(members),
  })
  await audit(tx, random, client, [
    { districtId, actor, action: remembered.action, record: { type: 'API_KEY', id: remembered.of ?? id } },
    // A new secret is a new key: both have their line.
    ...(remembered.of === undefined
      ? []
      : [{ districtId, actor, action: 'API_KEY_CREATE' as const, record: { type: 'API_KEY' as const, id } }]),
  ])
  return { apiKey, key }
}

async function revoke(tx: Queryable, random: Random, { actor, client }: Omit<By, 'districtId'>, id: string, which: Sql): Promise<ApiKey> {
  const [before] = isId(id)
    ? await tx.query(
        statement`select ${columns('ApiKey', 'k', 'districtId')}, ${computed('revoked', 'boolean', sql`k.revoked_at is not null`)} from api_keys k where k.id = ${id} and ${which} for update`,
      )
    : []
  if (!before) throw noSuchKey()
  const [revoked] = await tx.query(
    statement`update api_keys k set revoked_at = coalesce(k.revoked_at, now()) where k.id = ${id} returning ${keyColumns}`,
  )
  if (!before.revoked)
    await audit(tx, random, client, [{ districtId: before.districtId, actor, action: 'API_KEY_REVOKE', record: { type: 'API_KEY', id } }])
  return revoked!
}
