/** A district and its settings: roles, boards, forms and profiles. Any credential of it may know them. */
import sql from 'sql-template-tag'
import type { Deps, Queryable } from '../deps.ts'
import { columns, computed } from '../sql/columns.ts'
import { jsonList, jsonMember } from '../sql/json.ts'
import { type RowOf, statement, together } from '../sql/statement.ts'

/** Of `districts d`. */
export const districtColumns = columns('District', 'd', 'id', 'name', 'accent', 'languages', 'billingPlan', 'trialEndsAt', 'createdAt')
export type District = RowOf<typeof districtColumns>

const roleColumns = columns('Role', 'r', 'id', 'name', 'permissions')
export type Role = RowOf<typeof roleColumns>

const boardColumns = columns('Board', 'b', 'id', 'name')
const profileColumns = columns('Profile', 'q', 'id', 'name')
/** A board, a profile, or an option of a field. */
export type Named = RowOf<typeof boardColumns>

const fieldColumns = columns('FormField', 'x', 'id', 'name', 'type', 'private', 'options')
export type FormField = RowOf<typeof fieldColumns>

const fieldsOfForm = jsonList(fieldColumns, {
  from: sql`form_fields x where x.district_id = f.district_id and x.form_id = f.id`,
  order: sql`x.position, x.id`,
})
const formColumns = together(columns('Form', 'f', 'id', 'name'), jsonMember('fields', fieldsOfForm))
export type Form = RowOf<typeof formColumns>

/** What a district is made of beside its people: read together, because answers nearly always need several. */
const settingsColumns = together(
  columns('District', 'd', 'languages'),
  jsonMember('roles', jsonList(roleColumns, { from: sql`roles r where r.district_id = d.id`, order: sql`r.id` })),
  jsonMember('boards', jsonList(boardColumns, { from: sql`boards b where b.district_id = d.id`, order: sql`b.id` })),
  jsonMember('forms', jsonList(formColumns, { from: sql`forms f where f.district_id = d.id`, order: sql`f.id` })),
  jsonMember('profiles', jsonList(profileColumns, { from: sql`profiles q where q.district_id = d.id`, order: sql`q.id` })),
)
export type Settings = RowOf<typeof settingsColumns>

/** Whether the trial of `districts d` is over or its plan not active; judged by the database's clock. */
export const lapsed = computed(
  'lapsed',
  'boolean',
  sql`(d.billing_plan = 'inactive' or (d.billing_plan = 'trial' and d.trial_ends_at <= now()))`,
)

/** The district of a credential; it is there, since a credential is deleted with it. */
export async function getDistrict({ db }: Pick<Deps, 'db'>, id: string): Promise<District> {
  const [district] = await db.query(statement`select ${districtColumns} from districts d where d.id = ${id}`)
  return district!
}

/** All settings of a district, each list in order of id; the fields of a form in their own order. */
export async function getSettings({ db }: { db: Queryable }, districtId: string): Promise<Settings> {
  const [settings] = await db.query(settingsOf(districtId))
  return settings!
}

/** The statement that reads them, in one row. */
export const settingsOf = (districtId: string) => statement`select ${settingsColumns} from districts d where d.id = ${districtId}`
