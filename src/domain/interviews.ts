/** Interviews of a district: found, listed and counted, as far as the viewer sees them. */
import sql, { join, type Sql } from 'sql-template-tag'
import { z } from 'zod'
import type { SignedInViewer, Viewer } from '../access/viewer.ts'
import type { Deps } from '../deps.ts'
import { columns, total } from '../sql/columns.ts'
import { narrowable, type Needed } from '../sql/needed.ts'
import { type RowOf, statement } from '../sql/statement.ts'
import { idSchema, isId, parse } from './input.ts'
import { isDate } from './calendar.ts'
import type { Page } from './page.ts'
import { andSortKey, keysetCondition, orderAndLimit, ordersBy, type PageArgs, pageOf, windowOf } from './paging.ts'
import { visibleInterviews } from './visibility.ts'

export interface Recording {
  readonly name: string
  readonly url: string | null
  readonly transcript: string | null
  readonly summary: string | null
}

export const dateSchema = z.string().refine(isDate, 'This is not a day, written as YYYY-MM-DD.')

const interviewFilterSchema = z.object({
  personId: idSchema.nullish(),
  boardId: idSchema.nullish(),
  profileId: idSchema.nullish(),
  published: z.boolean().nullish(),
  dateFrom: dateSchema.nullish(),
  dateTo: dateSchema.nullish(),
  updatedSince: z.date().nullish(),
})
export type InterviewFilter = z.input<typeof interviewFilterSchema>
const noFilter = interviewFilterSchema.parse({})

export const interviewOrders = {
  ...ordersBy('DATE', 'i.date', 'date'),
  ...ordersBy('CREATED_AT', 'i.created_at', 'timestamptz'),
  ...ordersBy('UPDATED_AT', 'i.updated_at', 'timestamptz'),
}
export type InterviewOrder = keyof typeof interviewOrders

export type InterviewListArgs = PageArgs & { readonly filter?: InterviewFilter | null | undefined; readonly orderBy: InterviewOrder }

/** `date`: YYYY-MM-DD. */
const wholeInterview = columns(
  'Interview',
  'i',
  'id',
  'districtId',
  'personId',
  'date',
  'boardId',
  'formId',
  'profileId',
  'published',
  'responses',
  'recordings',
  'createdAt',
  'updatedAt',
)
export type Interview = RowOf<typeof wholeInterview>
/** Of `interviews i`. */
export const interviewColumns = narrowable(wholeInterview, 'id', 'personId')

/** One interview, or nothing when there is none to see, or it is not of the person who is named. */
export async function findInterview(
  { db }: Pick<Deps, 'db'>,
  viewer: Viewer,
  { id, personId }: { id: string; personId?: string | null | undefined },
  needed?: Needed<Interview>,
): Promise<Interview | undefined> {
  if (!isId(id)) return undefined
  const [found] = await db.query(
    statement`select ${interviewColumns(needed)} from interviews i where ${visibleInterviews(viewer)} and i.id = ${id}`,
  )
  return found && (personId == null || found.personId === personId) ? found : undefined
}

/**
 * A page of the interviews that the viewer sees.
 * @throws Problem INVALID_INPUT for a bad page size, cursor or filter
 */
export async function listInterviews(
  { db }: Pick<Deps, 'db'>,
  viewer: SignedInViewer,
  args: InterviewListArgs,
  needed?: Needed<Interview>,
): Promise<Page<Interview>> {
  const { window, where } = listOf('interviews', viewer, args)
  const rows = await db.query(
    statement`select ${interviewColumns(needed)}${andSortKey(window.order, needed)} from interviews i where ${where}${keysetCondition(window)} ${orderAndLimit(window)}`,
  )
  return pageOf(window, rows, async () => {
    const [counted] = await db.query(statement`select ${total} from interviews i where ${where}`)
    return counted!.total
  })
}

/**
 * The same page of the interviews of each of these people, in one statement; their totals in one more, when asked.
 * @throws Problem INVALID_INPUT for a bad page size, cursor or filter
 */
export async function listInterviewsOf(
  { db }: Pick<Deps, 'db'>,
  viewer: SignedInViewer,
  personIds: readonly string[],
  args: InterviewListArgs,
  needed?: Needed<Interview>,
): Promise<Page<Interview>[]> {
  const { window, where } = listOf('interviews of a person', viewer, args)
  const rows = await db.query(statement`select page.* from unnest(${personIds}::text[]) as person(id) cross join lateral (
          select ${interviewColumns(needed)}${andSortKey(window.order, needed)} from interviews i
          where ${where} and i.person_id = person.id${keysetCondition(window)} ${orderAndLimit(window)}
        ) page`)
  const byPerson = new Map<string, typeof rows>(personIds.map((id) => [id, []]))
  for (const row of rows) byPerson.get(row.personId)!.push(row)
  let totals: Promise<Map<string, number>> | undefined
  const countAll = async () => {
    const counted = await db.query(statement`select ${columns('Interview', 'i', 'personId')}, ${total} from interviews i
          where ${where} and i.person_id = any(${personIds}::text[]) group by i.person_id`)
    return new Map(counted.map((each) => [each.personId, each.total]))
  }
  return personIds.map((id) => pageOf(window, byPerson.get(id)!, async () => (await (totals ??= countAll())).get(id) ?? 0))
}

function listOf(list: string, viewer: SignedInViewer, { filter, orderBy, ...args }: InterviewListArgs) {
  const wanted = filter == null ? noFilter : parse(interviewFilterSchema, filter, 'filter')
  const window = windowOf(args, interviewOrders[orderBy], { list, districtId: viewer.districtId, ...wanted })
  return { window, where: sql`${visibleInterviews(viewer)}${filterCondition(wanted)}` }
}

function filterCondition(filter: z.output<typeof interviewFilterSchema>): Sql {
  const conditions: Sql[] = []
  if (filter.personId != null) conditions.push(sql`i.person_id = ${filter.personId}`)
  if (filter.boardId != null) conditions.push(sql`i.board_id = ${filter.boardId}`)
  if (filter.profileId != null) conditions.push(sql`i.profile_id = ${filter.profileId}`)
  if (filter.published != null) conditions.push(sql`i.published = ${filter.published}`)
  if (filter.dateFrom != null) conditions.push(sql`i.date >= ${filter.dateFrom}::date`)
  if (filter.dateTo != null) conditions.push(sql`i.date <= ${filter.dateTo}::date`)
  if (filter.updatedSince != null) conditions.push(sql`i.updated_at >= ${filter.updatedSince}`)
  return conditions.length === 0 ? sql`` : sql` and ${join(conditions, ' and ')}`
}
