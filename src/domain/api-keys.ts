/** API keys: shown once, kept only as a hash, refused from the moment they are revoked. */
import sql from 'sql-template-tag'
import { z } from 'zod'
import { type Scope, scopes as allScopes } from '../access/scopes.ts'
import type { KeyViewer } from '../access/viewer.ts'
import type { Deps, Queryable, Random } from '../deps.ts'
import { isId, parse, textSchema } from './input.ts'
import { Problem } from './problem.ts'
import { hashToken, hintOf, makeApiKey, makeId } from './tokens.ts'

const scopeIds = allScopes.map(({ id }) => id)

const newApiKeySchema = z.object({
  districtId: z.string(),
  name: textSchema(100).trim().min(1, 'A name is needed, from 1 to 100 characters.'),
  scopes: z
    .array(z.enum(scopeIds, `A scope is one of ${scopeIds.join(', ')}.`))
    .min(1, `At least one scope is needed, of ${scopeIds.join(', ')}.`),
  /** Never, when left out. */
  expiresAt: z.date().nullish(),
  /** The person who makes it; nobody for one that an operator makes. */
  createdById: z.string().nullish(),
})
export type NewApiKey = z.input<typeof newApiKeySchema>

/** A key as its holder and its district may read it: never the secret. */
export interface ApiKey {
  readonly id: string
  readonly name: string
  readonly hint: string
  readonly scopes: readonly Scope[]
  readonly createdAt: Date
  readonly lastUsedAt: Date | null
  readonly expiresAt: Date | null
  readonly revokedAt: Date | null
  /** `null` for one that an operator made. */
  readonly createdById: string | null
}

export interface CreatedApiKey {
  readonly id: string
  readonly name: string
  /** The secret. Nothing can show it again. */
  readonly key: string
  readonly hint: string
  readonly scopes: readonly Scope[]
}

/**
 * Makes a key for a district.
 * @throws Problem INVALID_INPUT naming the member that is wrong; NO_SUCH_RECORD when there is no such district
 */
export async function createApiKey({ db, random }: { db: Queryable; random: Random }, input: NewApiKey): Promise<CreatedApiKey> {
  const { districtId, name, scopes, expiresAt = null, createdById = null } = parse(newApiKeySchema, input)
  const key = makeApiKey(random)
  const created: CreatedApiKey = { id: makeId(random), name, key, hint: hintOf(key), scopes: [...new Set(scopes)] }
  const inserted = isId(districtId)
    ? await db.query(
        sql`insert into api_keys (id, key_hash, district_id, name, hint, scopes, created_by_id, expires_at)
            select ${created.id}::text, ${hashToken(key)}::text, d.id, ${name}::text, ${created.hint}::text, ${created.scopes}::text[],
              ${createdById}::text, ${expiresAt}::timestamptz
            from districts d where d.id = ${districtId} returning id`,
      )
    : []
  if (inserted.length === 0) throw new Problem('NO_SUCH_RECORD', { sentence: 'There is no such district.' })
  return created
}

/**
 * Ends a key: its next use is refused. One that has been revoked before keeps its time.
 * @throws Problem NO_SUCH_RECORD when there is no such key
 */
export async function revokeApiKey({ db }: { db: Queryable }, { id }: { id: string }): Promise<{ id: string; revokedAt: Date }> {
  const [revoked] = isId(id)
    ? await db.query<{ id: string; revokedAt: Date }>(
        sql`update api_keys set revoked_at = coalesce(revoked_at, now()) where id = ${id} returning id, revoked_at as "revokedAt"`,
      )
    : []
  if (!revoked) throw new Problem('NO_SUCH_RECORD', { sentence: 'There is no such API key.' })
  return revoked
}

/** The key that asks; it was there a moment ago, when the viewer was made of it. */
export async function getApiKey({ db }: Pick<Deps, 'db'>, { keyId }: KeyViewer): Promise<ApiKey> {
  const [key] = await db.query<ApiKey>(
    sql`select k.id, k.name, k.hint, k.scopes, k.created_at as "createdAt", k.last_used_at as "lastUsedAt", k.expires_at as "expiresAt",
          k.revoked_at as "revokedAt", k.created_by_id as "createdById"
        from api_keys k where k.id = ${keyId}`,
  )
  return key!
}
