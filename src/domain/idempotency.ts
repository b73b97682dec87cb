/**
 * Creations that may be sent again (the Idempotency-Key header): for 24 hours the same key with the same input means the same record.
 * The claim on a key is made in the creation's own transaction, so that there is never one without the other; it keeps no answer.
 */
import sql, { type Sql } from 'sql-template-tag'
import type { SignedInViewer } from '../access/viewer.ts'
import type { Deps, Queryable } from '../deps.ts'
import { computed } from '../sql/columns.ts'
import { type Statement, statement } from '../sql/statement.ts'
import type { Caller } from './client.ts'
import { invalid, Problem } from './problem.ts'
import { equalSecrets, hashToken, inputMac, makeId, secretId } from './tokens.ts'

/** SPEC: "for 24 hours" */
export const idempotencyHours = 24

/** What came of a creation. */
export interface Created<Row, Basis> {
  /** The record's, of now or of then. */
  readonly id: string
  /** The record as it was made; nothing where it was made before, and may be another by now. */
  readonly record?: Row
  /** What was read for it. */
  readonly basis: Basis
}

/**
 * Creates a record, unless this credential has created it before under the same Idempotency-Key.
 * @param operation what the key is claimed for: the name of the operation, and where a request has several of them, which
 * @param reading reads in one row what the creation is based on, in the statement of the claim
 * @param create makes the record with the id it is given
 * @throws Problem IDEMPOTENCY_KEY_REUSED when the key came with another input, INVALID_INPUT when it is no key
 */
export async function createOnce<Row, Basis extends object>(
  tx: Queryable,
  { random, secrets }: Pick<Deps, 'random' | 'secrets'>,
  { viewer, client: { idempotencyKey } }: Caller,
  operation: string,
  input: unknown,
  reading: Statement<Basis>,
  create: (id: string, basis: Basis) => Promise<Row>,
): Promise<Created<Row, Basis>> {
  const id = makeId(random)
  const made = async (basis: Basis) => ({ id, record: await create(id, basis), basis })
  if (idempotencyKey === undefined) {
    const [basis] = await tx.query(reading)
    return made(basis!)
  }
  const claim = claimBy(secrets[0]!, viewer, operation, idempotencyKey, canonical(input))
  // Two at once wait for each other here.
  const [row] = await tx.query(statement`with claimed as (${claiming(claim, id)}) select ${isClaimed}, basis.* from (${reading}) basis`)
  return row!.isClaimed ? made(row!) : { id: await madeUnder(tx, secrets, claim), basis: row! }
}

const isClaimed = computed('isClaimed', 'boolean', sql`exists (select from claimed)`)

/** The same text for the same input: there are clients that write the members of an object in another order each time. */
const canonical = (input: unknown): string =>
  JSON.stringify(input, (_name, value: unknown) =>
    typeof value === 'object' && value !== null && !Array.isArray(value)
      ? Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)))
      : value,
  )

/** Who claims a key, and for what. */
interface Claim {
  readonly districtId: string
  readonly credentialId: string
  readonly operation: string
  readonly keyHash: string
  readonly input: string
  readonly secret: string
}

/** @throws Problem INVALID_INPUT when it is no key */
function claimBy(secret: string, viewer: SignedInViewer, operation: string, key: string, input: string): Claim {
  if (!/^[\x21-\x7e][\x20-\x7e]{0,254}$/.test(key))
    throw invalid('Idempotency-Key', 'An Idempotency-Key is 1 to 255 visible ASCII characters.')
  const credentialId = viewer.kind === 'key' ? viewer.keyId : viewer.sessionId
  return { districtId: viewer.districtId, credentialId, operation, keyHash: hashToken(key), input, secret }
}

/** Claims the key for a new record, and returns nothing where another record has it. */
const claiming = ({ districtId, credentialId, operation, keyHash, input, secret }: Claim, recordId: string): Sql =>
  sql`insert into idempotency_keys as k (district_id, credential_id, operation, key_hash, input_mac, secret_id, record_id)
      values (${districtId}, ${credentialId}, ${operation}, ${keyHash}, ${inputMac(secret, input)}, ${secretId(secret)}, ${recordId})
      on conflict (district_id, credential_id, operation, key_hash) do update
        set input_mac = excluded.input_mac, secret_id = excluded.secret_id, record_id = excluded.record_id, created_at = now()
        where k.created_at <= now() - make_interval(hours => ${idempotencyHours})
      returning k.record_id`

/** The record that has the key. @throws Problem IDEMPOTENCY_KEY_REUSED where the key came with another input */
async function madeUnder(
  tx: Queryable,
  secrets: readonly string[],
  { districtId, credentialId, operation, keyHash, input }: Claim,
): Promise<string> {
  const before = await tx.tables.idempotencyKey.findUnique({
    where: { districtId_credentialId_operation_keyHash: { districtId, credentialId, operation, keyHash } },
    select: { inputMac: true, secretId: true, recordId: true },
  })
  const signedBy = before && secrets.find((each) => secretId(each) === before.secretId)
  if (!before || !signedBy || !equalSecrets(inputMac(signedBy, input), before.inputMac)) throw new Problem('IDEMPOTENCY_KEY_REUSED')
  return before.recordId
}
