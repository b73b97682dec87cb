/** Whether the audit trail is what was written: every row at its place, none changed, none missing, none cut off at the end. */
import sql, { type Sql } from 'sql-template-tag'
import type { Queryable } from '../deps.ts'
import { columns, computed } from '../sql/columns.ts'
import { statement, together } from '../sql/statement.ts'
import { sealedColumns, sealOf } from './audit-seal.ts'
import { equalSecrets, secretId } from './tokens.ts'

const rowsAtOnce = 1_000

/** The seal of a row: there, where the row has a number. */
const sealColumns = together(
  computed('number', 'int', sql`e.number`),
  computed('mac', 'text', sql`e.mac`),
  computed('secretId', 'text', sql`e.secret_id`),
)

export interface VerifiedChain {
  /** Empty for what belongs to no district. */
  readonly districtId: string
  /** Rows that are what they were. */
  readonly rows: number
  /** Rows written a moment ago, not sealed yet. */
  readonly unsealed: number
  /** The seal of the last row. */
  readonly head: string
  /** What is wrong, in a sentence. */
  readonly fault: string | undefined
}

/** @param head a seal that must be in one of these chains, as the log once showed it; its absence is a chain that was cut */
export async function verifyAuditTrail(
  { db, secrets }: { db: Queryable; secrets: readonly string[] },
  { districtId, head }: { districtId?: string | undefined; head?: string | undefined } = {},
): Promise<{ chains: VerifiedChain[]; headFound: boolean | undefined }> {
  const which: Sql = districtId === undefined ? sql`true` : sql`district_id = ${districtId}`
  const named = await db.query(
    statement`select ${columns('AuditChain', 'c', 'districtId')} from audit_chains c where ${which}
        union select district_id from audit_events where ${which} order by 1`,
  )
  const chains: VerifiedChain[] = []
  let headFound = head === undefined ? undefined : false
  for (const chain of named) {
    const verified = await verifyChain({ db, secrets }, chain.districtId, (mac) => (headFound ||= mac === head && head !== undefined))
    chains.push(verified)
  }
  return { chains, headFound: head === undefined ? undefined : headFound }
}

async function verifyChain(
  { db, secrets }: { db: Queryable; secrets: readonly string[] },
  districtId: string,
  seen: (mac: string) => void,
): Promise<VerifiedChain> {
  const bySecretId = new Map(secrets.map((secret) => [secretId(secret), secret]))
  const end = await db.tables.auditChain.findUnique({ where: { districtId }, select: { number: true, mac: true } })
  const [counted] = await db.query(
    statement`select ${computed('unsealed', 'int', sql`count(*) filter (where e.number is null)::int`)},
          ${computed('sealed', 'int', sql`count(*) filter (where e.number is not null)::int`)}
        from audit_events e where e.district_id = ${districtId}`,
  )
  let mac = ''
  let number = 0
  const outcome = (fault?: string): VerifiedChain => ({ districtId, rows: number, unsealed: counted!.unsealed, head: mac, fault })
  if (!end && counted!.sealed > 0) return outcome('The head of the chain is missing.')
  const last = end?.number ?? 0
  while (number < last) {
    const rows = await db.query(
      statement`select ${sealedColumns}, ${sealColumns} from audit_events e
          where e.district_id = ${districtId} and e.number > ${number} and e.number <= ${last} order by e.number limit ${rowsAtOnce}`,
    )
    for (const row of rows) {
      if (row.number !== number + 1) return outcome(`Row ${number + 1} is missing.`)
      const secret = bySecretId.get(row.secretId)
      if (secret === undefined) return outcome(`Row ${row.number} was sealed under a key that is not in SECRET_KEY: ${row.secretId}.`)
      if (!equalSecrets(sealOf(secret, districtId, row.number, mac, row), row.mac))
        return outcome(`Row ${row.number} is not what was written.`)
      ;({ number, mac } = row)
      seen(mac)
    }
    if (rows.length === 0) return outcome(`The rows from ${number + 1} to ${last} are missing.`)
  }
  return outcome(mac === (end?.mac ?? '') ? undefined : `Row ${number} is not the head that the chain has.`)
}
