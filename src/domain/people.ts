/** People of a district: found, listed and counted, as far as the viewer sees them. */
import sql, { join, type Sql } from 'sql-template-tag'
import { z } from 'zod'
import type { SessionViewer, SignedInViewer, Viewer } from '../access/viewer.ts'
import type { Deps } from '../deps.ts'
import { columns, total } from '../sql/columns.ts'
import { narrowable, type Needed } from '../sql/needed.ts'
import { type RowOf, statement } from '../sql/statement.ts'
import { emailKey } from './email.ts'
import { idSchema, isId, parse, textSchema } from './input.ts'
import type { Page } from './page.ts'
import { andSortKey, keysetCondition, orderAndLimit, ordersBy, type PageArgs, pageOf, windowOf } from './paging.ts'
import { roleTerm, tagTerm, wordsOf, wordTerm } from './people-index.ts'
import { visiblePeople } from './visibility.ts'

/** Each word is one more look into the index. */
const maxSearchWords = 10

const personFilterSchema = z.object({
  search: textSchema(200)
    .refine((text) => wordsOf(text).length <= maxSearchWords, `At most ${maxSearchWords} words.`)
    .nullish(),
  email: textSchema(254).nullish(),
  roleId: idSchema.nullish(),
  tag: textSchema(100).nullish(),
  /** `false`, the default: active people; `true`: archived ones; `null`: both. */
  archived: z.boolean().nullish().default(false),
  updatedSince: z.date().nullish(),
})
export type PersonFilter = z.input<typeof personFilterSchema>
const noFilter = personFilterSchema.parse({})

export const personOrders = {
  ...ordersBy('NAME', 'p.sort_name', 'text'),
  ...ordersBy('CREATED_AT', 'p.created_at', 'timestamptz'),
  ...ordersBy('UPDATED_AT', 'p.updated_at', 'timestamptz'),
}
export type PersonOrder = keyof typeof personOrders

const wholePerson = columns(
  'Person',
  'p',
  'id',
  'districtId',
  'first',
  'last',
  'email',
  'language',
  'roles',
  'tags',
  'archived',
  'avatarUrl',
  'createdAt',
  'updatedAt',
)
export type Person = RowOf<typeof wholePerson>
/** Of `people p`. */
export const personColumns = narrowable(wholePerson, 'id')

/** Several people at once, by id; `undefined` for each that is not there to see. */
export async function findPeople(
  { db }: Pick<Deps, 'db'>,
  viewer: Viewer,
  ids: readonly string[],
  needed?: Needed<Person>,
): Promise<(Person | undefined)[]> {
  const wanted = ids.filter(isId)
  if (wanted.length === 0) return ids.map(() => undefined)
  const rows = await db.query(
    statement`select ${personColumns(needed)} from people p where ${visiblePeople(viewer)} and p.id = any(${wanted}::text[])`,
  )
  const byId = new Map(rows.map((row) => [row.id, row]))
  return ids.map((id) => byId.get(id))
}

/** The person of a session, whatever its roles let it see: everybody sees themselves. */
export async function findSelf({ db }: Pick<Deps, 'db'>, { districtId, personId }: SessionViewer): Promise<Person> {
  const [self] = await db.query(
    statement`select ${personColumns()} from people p where p.district_id = ${districtId} and p.id = ${personId}`,
  )
  return self!
}

/**
 * A page of the people whom the viewer sees.
 * @throws Problem INVALID_INPUT for a bad page size, cursor or filter
 */
export async function listPeople(
  { db }: Pick<Deps, 'db'>,
  viewer: SignedInViewer,
  { filter, orderBy, ...args }: PageArgs & { filter?: PersonFilter | null | undefined; orderBy: PersonOrder },
  needed?: Needed<Person>,
): Promise<Page<Person>> {
  const wanted = filter == null ? noFilter : parse(personFilterSchema, filter, 'filter')
  const window = windowOf(args, personOrders[orderBy], { list: 'people', districtId: viewer.districtId, ...wanted })
  const where = sql`${visiblePeople(viewer)}${filterCondition(viewer.districtId, wanted)}`
  const rows = await db.query(
    statement`select ${personColumns(needed)}${andSortKey(window.order, needed)} from people p where ${where}${keysetCondition(window)} ${orderAndLimit(window)}`,
  )
  return pageOf(window, rows, async () => {
    const [counted] = await db.query(statement`select ${total} from people p where ${where}`)
    return counted!.total
  })
}

/** The mentors of each of these candidates, as far as the viewer sees them, in order of name. */
export async function mentorsOf(
  { db }: Pick<Deps, 'db'>,
  viewer: SignedInViewer,
  candidateIds: readonly string[],
  needed?: Needed<Person>,
): Promise<Person[][]> {
  const rows =
    await db.query(statement`select ${columns('MentorAssignment', 'a', 'candidateId')}, ${personColumns(needed)} from mentor_assignments a
        join people p on p.district_id = a.district_id and p.id = a.mentor_id
        where a.district_id = ${viewer.districtId} and a.candidate_id = any(${candidateIds}::text[]) and ${visiblePeople(viewer)}
        order by p.sort_name, p.id`)
  return candidateIds.map((id) => rows.filter((row) => row.candidateId === id))
}

type CheckedFilter = z.output<typeof personFilterSchema>
function filterCondition(districtId: string, { search, email, roleId, tag, archived, updatedSince }: CheckedFilter): Sql {
  const conditions: Sql[] = []
  if (archived != null) conditions.push(sql`p.archived = ${archived}`)
  if (email != null) conditions.push(sql`p.email_key = ${emailKey(email)}`)
  if (updatedSince != null) conditions.push(sql`p.updated_at >= ${updatedSince}`)
  const terms = [
    ...(search == null ? [] : wordsOf(search).map((word) => `${quoteLexeme(wordTerm(districtId, word))}:*`)),
    ...(roleId == null ? [] : [quoteLexeme(roleTerm(districtId, roleId))]),
    ...(tag == null ? [] : [quoteLexeme(tagTerm(districtId, tag))]),
  ]
  if (terms.length > 0) conditions.push(sql`array_to_tsvector(p.terms) @@ ${terms.join(' & ')}::tsquery`)
  return conditions.length === 0 ? sql`` : sql` and ${join(conditions, ' and ')}`
}

/** PostgreSQL's quoting of a word inside a tsquery. */
const quoteLexeme = (text: string): string => `'${text.replaceAll('\\', '\\\\').replaceAll("'", "''")}'`
