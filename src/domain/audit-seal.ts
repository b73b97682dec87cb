/**
 * The chain of the audit trail: each row gets the next number of its district and a seal (HMAC) over itself and the seal before it, so
 * that a changed row, a missing one and a cut tail show.
 *
 * Rows are written in the transactions of what they tell of, any number of them side by side; the sealing follows a moment later, by
 * one instance at a time for each chain. No write waits for the head of a chain.
 */
import sql from 'sql-template-tag'
import type { Deps, Queryable } from '../deps.ts'
import { columns } from '../sql/columns.ts'
import { type RowOf, statement } from '../sql/statement.ts'
import { repeatedly } from './background.ts'
import { auditMac, secretId } from './tokens.ts'

const intervalMs = 1_000
const rowsAtOnce = 500
/** Longer than a statement can take: a row that still counts is not sealed. */
const graceSeconds = 5

type SealDeps = Pick<Deps, 'db' | 'log' | 'secrets'>

/** A row as it is sealed, of `audit_events e`. */
export const sealedColumns = columns(
  'AuditEvent',
  'e',
  'id',
  'at',
  'actorType',
  'actorId',
  'action',
  'recordType',
  'recordId',
  'members',
  'network',
  'requestId',
  'count',
)
export type SealedRow = RowOf<typeof sealedColumns>

/** The seal of a row at its place in a chain. */
export function sealOf(secret: string, districtId: string, number: number, before: string, row: SealedRow): string {
  const { id, at, actorType, actorId, action, recordType, recordId, members, network, requestId, count } = row
  const told = [
    districtId,
    number,
    before,
    id,
    at.toISOString(),
    actorType,
    actorId,
    action,
    recordType,
    recordId,
    members,
    network,
    requestId,
    count,
  ]
  return auditMac(secret, JSON.stringify(told))
}

/** Seals what is written, every second. @returns how to stop it; what is written by then is sealed */
export function startSealing(deps: SealDeps): () => Promise<void> {
  const seal = async (stopped: () => boolean): Promise<void> => {
    try {
      await sealAll(deps, stopped)
      await logHeads(deps)
    } catch (error) {
      deps.log.warn({ err: error }, 'the audit trail could not be sealed; the next round tries again')
    }
  }
  const stop = repeatedly(intervalMs, seal)
  return async () => {
    await stop()
    await seal(() => false)
  }
}

/** Seals everything that can be sealed now. */
export async function sealAll({ db, secrets }: Pick<SealDeps, 'db' | 'secrets'>, stopped: () => boolean = () => false): Promise<void> {
  const chains = await db.query(
    statement`select distinct ${columns('AuditEvent', 'e', 'districtId')} from audit_events e where e.number is null and ${closed}`,
  )
  for (const { districtId } of chains) {
    while (!stopped() && (await db.transaction((tx) => sealSome(tx, secrets[0]!, districtId))) === rowsAtOnce);
  }
}

const closed = sql`(e.open_until is null or e.open_until < now() - make_interval(secs => ${graceSeconds}))`

/** @returns how many; 0 when another instance is at it */
async function sealSome(tx: Queryable, secret: string, districtId: string): Promise<number> {
  await tx.query(statement`insert into audit_chains (district_id) values (${districtId}) on conflict do nothing`)
  const [head] = await tx.query(
    statement`select ${columns('AuditChain', 'c', 'number', 'mac')} from audit_chains c where c.district_id = ${districtId} for update skip locked`,
  )
  if (!head) return 0
  const rows = await tx.query(
    statement`select ${sealedColumns} from audit_events e
        where e.district_id = ${districtId} and e.number is null and ${closed} order by e.at, e.id limit ${rowsAtOnce}`,
  )
  if (rows.length === 0) return 0
  let { number, mac } = head
  const seals = rows.map((row) => {
    mac = sealOf(secret, districtId, ++number, mac, row)
    return { id: row.id, number, mac }
  })
  await tx.query(
    statement`update audit_events e set number = s.number, mac = s.mac, secret_id = ${secretId(secret)}
        from jsonb_to_recordset(${JSON.stringify(seals)}::jsonb) as s(id text, number int, mac text)
        where e.district_id = ${districtId} and e.id = s.id`,
  )
  await tx.query(statement`update audit_chains set number = ${number}, mac = ${mac} where district_id = ${districtId}`)
  return rows.length
}

/** Whoever could cut the trail off in the database cannot cut it off in the log: each head that moved is there every hour. */
async function logHeads({ db, log }: SealDeps): Promise<void> {
  const heads = await db.query(
    statement`update audit_chains c set logged_at = now(), logged_mac = mac
        where number > 0 and mac is distinct from logged_mac and (logged_at is null or logged_at <= now() - interval '1 hour')
        returning ${columns('AuditChain', 'c', 'districtId', 'number', { head: 'mac' })}`,
  )
  for (const head of heads) log.info(head, 'head of the audit trail')
}
