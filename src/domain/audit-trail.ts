/** The audit trail, as it is read: the newest first, by whoever has Settings in its district. */
import sql, { join, type Sql } from 'sql-template-tag'
import { z } from 'zod'
import type { SessionViewer } from '../access/viewer.ts'
import type { Deps } from '../deps.ts'
import { columns, total } from '../sql/columns.ts'
import { type RowOf, statement, together } from '../sql/statement.ts'
import { type AuditAction, auditActions } from './audit.ts'
import { sealedColumns } from './audit-seal.ts'
import { idSchema, parse, textSchema } from './input.ts'
import type { Page } from './page.ts'
import { andSortKey, keysetCondition, orderAndLimit, ordersBy, type PageArgs, pageOf, windowOf } from './paging.ts'

const filterSchema = z.object({
  actorId: idSchema.nullish(),
  action: z.enum(Object.keys(auditActions) as [AuditAction, ...AuditAction[]]).nullish(),
  /** A field's name is one as well. */
  recordId: textSchema(200).nullish(),
  since: z.date().nullish(),
  until: z.date().nullish(),
})
export type AuditEventFilter = z.input<typeof filterSchema>

const newestFirst = ordersBy('AT', 'e.at', 'timestamptz').AT_DESC

/** `number`: its place in the chain; `null` until it is sealed, a moment later. */
const eventColumns = together(sealedColumns, columns('AuditEvent', 'e', 'number'))
export type AuditEvent = RowOf<typeof eventColumns>

/**
 * A page of the trail of the viewer's district.
 * @throws Problem INVALID_INPUT for a bad page size, cursor or filter
 */
export async function listAuditEvents(
  { db }: Pick<Deps, 'db'>,
  { districtId }: SessionViewer,
  { filter, ...args }: PageArgs & { filter?: AuditEventFilter | null | undefined },
): Promise<Page<AuditEvent>> {
  const wanted = parse(filterSchema, filter ?? {}, 'filter')
  const window = windowOf(args, newestFirst, { list: 'audit events', districtId, ...wanted })
  const where = sql`e.district_id = ${districtId}${filterCondition(wanted)}`
  const rows = await db.query(
    statement`select ${eventColumns}${andSortKey(window.order)} from audit_events e where ${where}${keysetCondition(window)} ${orderAndLimit(window)}`,
  )
  return pageOf(window, rows, async () => {
    const [counted] = await db.query(statement`select ${total} from audit_events e where ${where}`)
    return counted!.total
  })
}

function filterCondition({ actorId, action, recordId, since, until }: z.output<typeof filterSchema>): Sql {
  const conditions: Sql[] = []
  if (actorId != null) conditions.push(sql`e.actor_id = ${actorId}`)
  if (action != null) conditions.push(sql`e.action = ${action}`)
  if (recordId != null) conditions.push(sql`e.record_id = ${recordId}`)
  if (since != null) conditions.push(sql`e.at >= ${since}`)
  if (until != null) conditions.push(sql`e.at <= ${until}`)
  return conditions.length === 0 ? sql`` : sql` and ${join(conditions, ' and ')}`
}
