/** Which district a request may read, by its API key: the same check for every peer, a key found being remembered for 30 seconds. */
import { createHash } from 'node:crypto'

const rememberedMs = 30_000

/** The credential behind a hash ($1), when it is good for what is measured. */
export const keyQuery = `select district_id from api_keys
  where key_hash = $1 and revoked_at is null and (expires_at is null or expires_at > now())
    and scopes @> '{read:people,read:interviews}'`

/**
 * From an Authorization header to the id of the district; undefined for a key that is missing or no good.
 * @param {(hash: string) => Promise<string | undefined>} find looks a key up by its hash, with the peer's own client
 */
export function districtsByKey(find) {
  const remembered = new Map()
  return async (authorization) => {
    const token = /^Bearer (ck_[a-z0-9]{32})$/.exec(authorization ?? '')?.[1]
    if (token === undefined) return undefined
    const known = remembered.get(token)
    if (known !== undefined && known.until > Date.now()) return known.districtId
    const districtId = await find(createHash('sha256').update(token).digest('base64url'))
    if (districtId === undefined) remembered.delete(token)
    else remembered.set(token, { districtId, until: Date.now() + rememberedMs })
    return districtId
  }
}
