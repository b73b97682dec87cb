/**
 * Creations that may be sent again (the Idempotency-Key header): for 24 hours the same key with the same input means the same record.
 * The claim on a key is made in the creation's own transaction, so that there is never one without the other; it keeps no answer.
 */
import sql from 'sql-template-tag'
import type { SignedInViewer } from '../access/viewer.ts'
import type { Deps, Queryable } from '../deps.ts'
import type { Caller } from './client.ts'
import { invalid, Problem } from './problem.ts'
import { equalSecrets, hashToken, inputMac, makeId, secretId } from './tokens.ts'

/** SPEC: "for 24 hours" */
export const idempotencyHours = 24

/**
 * Creates a record, unless this credential has created it before under the same Idempotency-Key.
 * @param operation what the key is claimed for: the name of the operation, and where a request has several of them, which
 * @param create makes the record with the id it is given
 * @returns the record's id, of now or of then
 * @throws Problem IDEMPOTENCY_KEY_REUSED when the key came with another input, INVALID_INPUT when it is no key
 */
export async function createOnce(
  tx: Queryable,
  { random, secrets }: Pick<Deps, 'random' | 'secrets'>,
  { viewer, client: { idempotencyKey } }: Caller,
  operation: string,
  input: unknown,
  create: (id: string) => Promise<void>,
): Promise<string> {
  const id = makeId(random)
  if (idempotencyKey !== undefined) {
    if (!/^[\x21-\x7e][\x20-\x7e]{0,254}$/.test(idempotencyKey))
      throw invalid('Idempotency-Key', 'An Idempotency-Key is 1 to 255 visible ASCII characters.')
    const earlier = await claim(tx, secrets, viewer, operation, idempotencyKey, canonical(input), id)
    if (earlier !== undefined) return earlier
  }
  await create(id)
  return id
}

/** The same text for the same input: there are clients that write the members of an object in another order each time. */
const canonical = (input: unknown): string =>
  JSON.stringify(input, (_name, value: unknown) =>
    typeof value === 'object' && value !== null && !Array.isArray(value)
      ? Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)))
      : value,
  )

/** Claims the key for a new record, or finds the record that it was claimed for. Two at once wait for each other here. */
async function claim(
  tx: Queryable,
  secrets: readonly string[],
  viewer: SignedInViewer,
  operation: string,
  key: string,
  input: string,
  id: string,
): Promise<string | undefined> {
  const credentialId = viewer.kind === 'key' ? viewer.keyId : viewer.sessionId
  const [secret] = secrets
  const claimed = await tx.query(
    sql`insert into idempotency_keys as k (district_id, credential_id, operation, key_hash, input_mac, secret_id, record_id)
        values (${viewer.districtId}, ${credentialId}, ${operation}, ${hashToken(key)}, ${inputMac(secret!, input)}, ${secretId(secret!)}, ${id})
        on conflict (district_id, credential_id, operation, key_hash) do update
          set input_mac = excluded.input_mac, secret_id = excluded.secret_id, record_id = excluded.record_id, created_at = now()
          where k.created_at <= now() - make_interval(hours => ${idempotencyHours})
        returning k.record_id`,
  )
  if (claimed.length > 0) return undefined
  const [before] = await tx.query<{ inputMac: string; secretId: string; recordId: string }>(
    sql`select k.input_mac as "inputMac", k.secret_id as "secretId", k.record_id as "recordId" from idempotency_keys k
        where k.district_id = ${viewer.districtId} and k.credential_id = ${credentialId} and k.operation = ${operation}
          and k.key_hash = ${hashToken(key)}`,
  )
  const signedBy = before && secrets.find((each) => secretId(each) === before.secretId)
  if (!before || !signedBy || !equalSecrets(inputMac(signedBy, input), before.inputMac)) throw new Problem('IDEMPOTENCY_KEY_REUSED')
  return before.recordId
}
