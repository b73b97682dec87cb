/** A new district is whole or not there at all: its settings, and a first person who may change them. */
import { z } from 'zod'
import type { Deps, Queryable, Random } from '../deps.ts'
import { statement } from '../sql/statement.ts'
import { defaultAccent } from './accent.ts'
import { audit, operator } from './audit.ts'
import { insertPeople } from './bulk-insert.ts'
import { adminRole, defaultBoard, defaultFields, defaultForm, defaultProfile, defaultRoles } from './district-defaults.ts'
import { emailSchema } from './email.ts'
import { filledIn, languageSchema, parse } from './input.ts'
import { makeId } from './tokens.ts'

/** PORTAL-API: "A new district has a 30-day trial with everything on" */
const trialDays = 30

const newDistrictSchema = z.object({
  name: filledIn(200),
  /** Of the district, its name and its administrator. */
  language: languageSchema.default('en'),
  admin: z.object({ first: filledIn(100), last: filledIn(100), email: emailSchema }),
})
export type NewDistrict = z.input<typeof newDistrictSchema>

export interface CreatedDistrict {
  readonly districtId: string
  readonly name: string
  readonly adminId: string
}

/**
 * Makes a district with the documented settings, on trial for 30 days by the database's clock, and its administrator.
 * @throws Problem INVALID_INPUT naming the member that is wrong, such as `admin.email`
 */
export function createDistrict({ db, random }: Pick<Deps, 'db' | 'random'>, input: NewDistrict): Promise<CreatedDistrict> {
  const wanted = parse(newDistrictSchema, input)
  return db.transaction((tx) => insertDistrict(tx, random, wanted))
}

/** The same inside a transaction that makes more than the district. */
export async function insertDistrict(tx: Queryable, random: Random, input: NewDistrict): Promise<CreatedDistrict> {
  const { name, language, admin } = parse(newDistrictSchema, input)
  const districtId = makeId(random)
  await tx.query(
    statement`insert into districts (id, name, accent, languages, billing_plan, trial_ends_at)
        values (${districtId}, ${JSON.stringify({ [language]: name })}::jsonb, ${defaultAccent}, ${[language]}::text[], 'trial',
          now() + make_interval(days => ${trialDays}))`,
  )
  await insertSettings(tx, districtId)
  const adminId = makeId(random)
  await insertPeople(tx, [{ districtId, id: adminId, ...admin, language, roles: { [adminRole]: 1 }, tags: [] }])
  await audit(tx, random, undefined, [
    { districtId, actor: operator, action: 'DISTRICT_CREATE', record: { type: 'DISTRICT', id: districtId } },
  ])
  return { districtId, name, adminId }
}

async function insertSettings(tx: Queryable, districtId: string): Promise<void> {
  await tx.query(
    statement`insert into roles (district_id, id, name, permissions)
        select ${districtId}::text, r.id, r.name, r.permissions
        from jsonb_to_recordset(${JSON.stringify(defaultRoles)}::jsonb) as r(id text, name jsonb, permissions jsonb)`,
  )
  await tx.query(
    statement`insert into boards (district_id, id, name) values (${districtId}, ${defaultBoard.id}, ${JSON.stringify(defaultBoard.name)}::jsonb)`,
  )
  await tx.query(
    statement`insert into profiles (district_id, id, name) values (${districtId}, ${defaultProfile.id}, ${JSON.stringify(defaultProfile.name)}::jsonb)`,
  )
  await tx.query(
    statement`insert into forms (district_id, id, name) values (${districtId}, ${defaultForm.id}, ${JSON.stringify(defaultForm.name)}::jsonb)`,
  )
  const fields = defaultFields.map((field, index) => ({ ...field, position: index + 1 }))
  await tx.query(
    statement`insert into form_fields (district_id, form_id, id, position, name, type, private, options)
        select ${districtId}::text, ${defaultForm.id}::text, f.id, f.position, f.name, f.type, f.private, f.options
        from jsonb_to_recordset(${JSON.stringify(fields)}::jsonb)
          as f(id text, position int, name jsonb, type text, private boolean, options jsonb)`,
  )
}
