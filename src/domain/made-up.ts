/** Made-up districts of any size, in constant memory: what a seed makes is the same every time, and adds up exactly. */
import { raw } from 'sql-template-tag'
import { z } from 'zod'
import { type Deps, Duplicate } from '../deps.ts'
import { statement } from '../sql/statement.ts'
import { insertInterviews, insertMentorAssignments, insertPeople, type NewMentorAssignment } from './bulk-insert.ts'
import type { Interview } from './interviews.ts'
import { parse } from './input.ts'
import { createDice, type Dice } from './made-up-dice.ts'
import { madeUpInterview, madeUpPerson, type Part } from './made-up-people.ts'
import { interviewsOf, peopleByDistrict, split, staffOf } from './made-up-shares.ts'
import { places } from './made-up-texts.ts'
import { createDistrict, trialDays } from './new-district.ts'
import { invalid } from './problem.ts'

/** Small enough for the time that a server gives one statement. */
const rowsPerStatement = 500
const dayMs = 86_400_000

const count = (least: number) => z.number().int().min(least, `At least ${least}.`).max(100_000_000, 'At most 100000000.')
const planSchema = z
  .object({
    people: count(1),
    interviews: count(0),
    districts: count(1).default(1),
    seed: z.number().int().min(0).max(Number.MAX_SAFE_INTEGER),
  })
  .refine(({ people, districts }) => people >= districts, {
    path: ['people'],
    message: 'At least one person a district is needed: its administrator.',
  })
  .refine(({ people, districts, interviews }) => interviews === 0 || people > districts, {
    path: ['people'],
    message: 'Interviews need a candidate: more people than districts.',
  })
export type MadeUpPlan = z.input<typeof planSchema>

export interface MadeUp {
  /** The largest first. */
  readonly districts: readonly string[]
  readonly people: number
  readonly interviews: number
}

/**
 * Makes districts, their people and interviews. The largest district has a quarter of all people.
 * @param onProgress is told after every statement how many rows have been written since the last time
 * @throws Problem INVALID_INPUT when the numbers cannot be met, or when this database holds what this seed makes
 */
export async function makeUp({ db }: Pick<Deps, 'db'>, input: MadeUpPlan, onProgress: (rows: number) => void = () => {}): Promise<MadeUp> {
  const { people, interviews, districts, seed } = parse(planSchema, input)
  const dice = createDice(seed)
  const sizes = peopleByDistrict(people, districts)
  const interviewCounts = split(
    interviews,
    sizes.map((size) => staffOf(size).candidates),
  )
  const addresses = { used: 0 }
  const ids: string[] = []
  for (const [index, size] of sizes.entries()) {
    const districtId = await district(db, dice, index, seed)
    ids.push(districtId)
    onProgress(1)
    await fill({ db, dice, addresses, onProgress }, districtId, size, interviewCounts[index]!)
  }
  // The planner's numbers of an empty table would mislead it until the server looks by itself.
  for (const table of ['districts', 'people', 'mentor_assignments', 'interviews']) await db.query(statement`analyze ${raw(table)}`)
  return { districts: ids, people, interviews }
}

async function district(db: Deps['db'], dice: Dice, index: number, seed: number): Promise<string> {
  const name = `${places[index % places.length]!} District${index < places.length ? '' : ` ${Math.floor(index / places.length) + 1}`}`
  const { first, last, email, createdAt } = madeUpPerson(dice, '', index, 'admin')
  const { districtId, adminId } = await createDistrict(
    { db, random: dice.bytes },
    { name, admin: { first, last, email: `admin.${email}` } },
  ).catch((error: unknown) => {
    throw error instanceof Duplicate ? invalid('seed', `This database already holds what seed ${seed} makes. Give another one.`) : error
  })
  const trialEndsAt = new Date(createdAt.getTime() + trialDays * dayMs)
  await db.tables.district.update({
    where: { id: districtId },
    data: { billingPlan: 'pro', languages: ['en', 'es', 'pt', 'fr', 'ko'], createdAt, trialEndsAt },
    select: { id: true },
  })
  await db.tables.person.update({
    where: { districtId_id: { districtId, id: adminId } },
    data: { createdAt, updatedAt: createdAt },
    select: { id: true },
  })
  return districtId
}

interface Filling {
  readonly db: Deps['db']
  readonly dice: Dice
  /** Running number of all people, in their addresses. */
  readonly addresses: { used: number }
  readonly onProgress: (rows: number) => void
}

async function fill({ db, dice, addresses, onProgress }: Filling, districtId: string, size: number, interviews: number): Promise<void> {
  const { mentors, board, candidates } = staffOf(size)
  const draw = (part: Part, amount: number) => Array.from({ length: amount }, () => madeUpPerson(dice, districtId, ++addresses.used, part))
  const mentorRows = draw('mentor', mentors)
  const mentorIds = mentorRows.map(({ id }) => id)
  await insertPeople(db, [...mentorRows, ...draw('board', board)])
  onProgress(mentors + board)

  for (let from = 0; from < candidates; from += rowsPerStatement) {
    const rows = draw('candidate', Math.min(rowsPerStatement, candidates - from))
    await insertPeople(db, rows)
    onProgress(rows.length)
    await insertMentorAssignments(
      db,
      rows.flatMap(({ id }) => mentorsFor(dice, districtId, id, mentorIds)),
    )
    let pending: Interview[] = []
    const flush = async () => {
      await insertInterviews(db, pending)
      onProgress(pending.length)
      pending = []
    }
    for (const [index, person] of rows.entries()) {
      for (let left = interviewsOf(from + index, interviews, candidates); left > 0; left--) {
        pending.push(madeUpInterview(dice, person))
        if (pending.length === rowsPerStatement) await flush()
      }
    }
    await flush()
  }
}

/** Most candidates have one mentor, some two, some none. */
function mentorsFor(dice: Dice, districtId: string, candidateId: string, mentorIds: readonly string[]): NewMentorAssignment[] {
  if (mentorIds.length === 0 || dice.chance(0.2)) return []
  const chosen = new Set([dice.pick(mentorIds), ...(dice.chance(0.15) ? [dice.pick(mentorIds)] : [])])
  return [...chosen].map((mentorId) => ({ districtId, mentorId, candidateId }))
}
