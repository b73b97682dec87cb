/** A new district is whole or not there at all: its settings, and a first person who may change them. */
import sql from 'sql-template-tag'
import { z } from 'zod'
import type { Deps, Queryable, Random } from '../deps.ts'
import type { Prisma } from '../generated/prisma/client.ts'
import { computed } from '../sql/columns.ts'
import { statement } from '../sql/statement.ts'
import { defaultAccent } from './accent.ts'
import { audit, operator } from './audit.ts'
import { insertPeople } from './bulk-insert.ts'
import { adminRole, defaultBoard, defaultFields, defaultForm, defaultProfile, defaultRoles } from './district-defaults.ts'
import { emailSchema } from './email.ts'
import { filledIn, languageSchema, parse } from './input.ts'
import { makeId } from './tokens.ts'

/** PORTAL-API: "A new district has a 30-day trial with everything on" */
export const trialDays = 30

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

/** As nested writes: each list is one statement. */
const settings = {
  roles: { createMany: { data: [...defaultRoles] } },
  boards: { create: defaultBoard },
  profiles: { create: defaultProfile },
  forms: {
    create: {
      ...defaultForm,
      fields: { createMany: { data: defaultFields.map((field, index) => ({ ...field, position: index + 1 })) } },
    },
  },
} satisfies Partial<Prisma.DistrictCreateInput>

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
  // By the database's clock, and to the same millisecond as the time of its making, which the database fills in.
  const [trial] = await tx.query(
    statement`select ${computed('endsAt', 'timestamptz', sql`(now() + make_interval(days => ${trialDays}))::timestamptz(3)`)}`,
  )
  await tx.tables.district.create({
    data: {
      id: districtId,
      name: { [language]: name },
      accent: defaultAccent,
      languages: [language],
      billingPlan: 'trial',
      trialEndsAt: trial!.endsAt,
      ...settings,
    },
    select: { id: true },
  })
  const adminId = makeId(random)
  await insertPeople(tx, [{ districtId, id: adminId, ...admin, language, roles: { [adminRole]: 1 }, tags: [] }])
  await audit(tx, random, undefined, [
    { districtId, actor: operator, action: 'DISTRICT_CREATE', record: { type: 'DISTRICT', id: districtId } },
  ])
  return { districtId, name, adminId }
}
