/** An API key as its holder may read it: never the secret. */
import sql from 'sql-template-tag'
import type { Scope } from '../access/scopes.ts'
import type { KeyViewer } from '../access/viewer.ts'
import type { Deps } from '../deps.ts'

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

/** The key that asks; it was there a moment ago, when the viewer was made of it. */
export async function getApiKey({ db }: Pick<Deps, 'db'>, { keyId }: KeyViewer): Promise<ApiKey> {
  const [key] = await db.query<ApiKey>(
    sql`select k.id, k.name, k.hint, k.scopes, k.created_at as "createdAt", k.last_used_at as "lastUsedAt", k.expires_at as "expiresAt",
          k.revoked_at as "revokedAt", k.created_by_id as "createdById"
        from api_keys k where k.id = ${keyId}`,
  )
  return key!
}
