/** A district and its settings: roles, boards, forms and profiles. Any credential of it may know them. */
import sql, { type Sql } from 'sql-template-tag'
import type { RolePermissions } from '../access/viewer.ts'
import type { Deps, Queryable } from '../deps.ts'
import { columnsOf } from './columns.ts'
import type { Multilingual } from './multilingual.ts'

export interface District {
  readonly id: string
  readonly name: Multilingual
  readonly accent: string
  readonly languages: readonly string[]
  readonly billingPlan: string
  readonly trialEndsAt: Date | null
  readonly createdAt: Date
}

export interface Named {
  readonly id: string
  readonly name: Multilingual
}

export interface Role extends Named {
  readonly permissions: RolePermissions
}

export interface Form extends Named {
  readonly fields: readonly FormField[]
}

export interface FormField extends Named {
  readonly type: 'short_text' | 'long_text' | 'checkbox' | 'select' | 'file'
  readonly private: boolean
  readonly options: readonly Named[] | null
}

/** What a district is made of beside its people: read together, because answers nearly always need several. */
export interface Settings {
  readonly languages: readonly string[]
  readonly roles: readonly Role[]
  readonly boards: readonly Named[]
  readonly forms: readonly Form[]
  readonly profiles: readonly Named[]
}

/** True in SQL when the trial is over or the plan is not active; judged by the database's clock. */
export const lapsed = sql`(d.billing_plan = 'inactive' or (d.billing_plan = 'trial' and d.trial_ends_at <= now()))`

export const districtColumns = columnsOf<District>({
  id: 'd.id',
  name: 'd.name',
  accent: 'd.accent',
  languages: 'd.languages',
  billingPlan: 'd.billing_plan',
  trialEndsAt: 'd.trial_ends_at',
  createdAt: 'd.created_at',
})

/** The district of a credential; it is there, since a credential is deleted with it. */
export async function getDistrict({ db }: Pick<Deps, 'db'>, id: string): Promise<District> {
  const [district] = await db.query<District>(sql`select ${districtColumns()} from districts d where d.id = ${id}`)
  return district!
}

/** All settings of a district, each list in order of id; the fields of a form in their own order. */
export async function getSettings({ db }: { db: Queryable }, districtId: string): Promise<Settings> {
  const [settings] = await db.query<Settings>(settingsOf(districtId))
  return settings!
}

/** The statement that reads them, in one row. */
export const settingsOf = (districtId: string): Sql =>
  sql`select d.languages,
          (select coalesce(jsonb_agg(jsonb_build_object('id', r.id, 'name', r.name, 'permissions', r.permissions) order by r.id), '[]')
             from roles r where r.district_id = d.id) as roles,
          (select coalesce(jsonb_agg(jsonb_build_object('id', b.id, 'name', b.name) order by b.id), '[]')
             from boards b where b.district_id = d.id) as boards,
          (select coalesce(jsonb_agg(jsonb_build_object('id', f.id, 'name', f.name, 'fields', (
               select coalesce(jsonb_agg(jsonb_build_object('id', x.id, 'name', x.name, 'type', x.type, 'private', x.private, 'options', x.options)
                 order by x.position, x.id), '[]')
               from form_fields x where x.district_id = f.district_id and x.form_id = f.id)) order by f.id), '[]')
             from forms f where f.district_id = d.id) as forms,
          (select coalesce(jsonb_agg(jsonb_build_object('id', q.id, 'name', q.name) order by q.id), '[]')
             from profiles q where q.district_id = d.id) as profiles
        from districts d where d.id = ${districtId}`
