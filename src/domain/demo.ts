/** The demo district: made once, whole or not at all, in a database that has no district yet. */
import sql from 'sql-template-tag'
import { scopes } from '../access/scopes.ts'
import type { Deps, Queryable, Random } from '../deps.ts'
import { computed } from '../sql/columns.ts'
import { statement } from '../sql/statement.ts'
import { createApiKeyFor } from './api-keys.ts'
import { insertInterviews, insertMentorAssignments, insertPeople, type NewPerson } from './bulk-insert.ts'
import type { Interview } from './interviews.ts'
import {
  demoArchived,
  demoCandidates,
  demoDistrict,
  type DemoExtra,
  demoInterviews,
  type DemoPerson,
  demoStaff,
  type Impression,
  impressions,
  recordings,
} from './demo-data.ts'
import { candidateRole, defaultBoard, defaultForm, defaultProfile } from './district-defaults.ts'
import { insertDistrict, trialDays } from './new-district.ts'
import { makeId } from './tokens.ts'

export interface Demo {
  readonly districtId: string
  readonly adminEmail: string
  /** An API key with every scope: shown this once. */
  readonly key: string
}

/** Before the database's now. */
type DaysAgo = (days: number) => Date
const dayMs = 86_400_000

/** Makes the demo district; nothing when there is a district already. Its dates lie before the database's today. */
export function createDemo({ db, random }: Pick<Deps, 'db' | 'random'>): Promise<Demo | undefined> {
  return db.transaction(async (tx) => {
    const [found] = await tx.query(
      statement`select ${computed('now', 'timestamptz', sql`now()`)}, ${computed('taken', 'boolean', sql`exists (select from districts)`)}`,
    )
    if (found!.taken) return undefined
    const { admin } = demoDistrict
    const { districtId } = await insertDistrict(tx, random, { name: demoDistrict.name.en, admin })
    const daysAgo: DaysAgo = (days) => new Date(found!.now.getTime() - days * dayMs)
    await tx.tables.district.update({
      where: { id: districtId },
      data: {
        name: demoDistrict.name,
        languages: demoDistrict.languages,
        billingPlan: 'pro',
        createdAt: daysAgo(demoDistrict.ageDays),
        trialEndsAt: daysAgo(demoDistrict.ageDays - trialDays),
      },
      select: { id: true },
    })
    await fill(tx, { districtId, daysAgo, random })
    const { key } = await createApiKeyFor(tx, random, districtId, { name: 'Demo', scopes: scopes.map(({ id }) => id) })
    return { districtId, adminEmail: admin.email, key }
  })
}

async function fill(
  tx: Queryable,
  { districtId, daysAgo, random }: { districtId: string; daysAgo: DaysAgo; random: Random },
): Promise<void> {
  const ids = new Map<string, string>()
  const idOf = (address: string) => ids.get(address)!
  const person = (
    [email, first, last, language]: DemoPerson,
    days: number,
    rest: Pick<NewPerson, 'roles'> & Partial<NewPerson>,
  ): NewPerson => {
    const id = makeId(random)
    ids.set(email, id)
    return { districtId, id, email, first, last, language, tags: [], createdAt: daysAgo(days), ...rest }
  }

  const [archivedEmail, archivedFirst, archivedLast, archivedLanguage, archivedDaysAgo] = demoArchived
  await insertPeople(tx, [
    ...demoStaff.map(([email, first, last, language, roles]) => person([email, first, last, language], demoDistrict.ageDays, { roles })),
    ...demoCandidates.map(([email, first, last, language, , tags, days]) =>
      person([email, first, last, language], days, { roles: { [candidateRole]: 1 }, tags }),
    ),
    person([archivedEmail, archivedFirst, archivedLast, archivedLanguage], archivedDaysAgo, {
      roles: { [candidateRole]: 1 },
      archived: true,
    }),
  ])
  await insertMentorAssignments(
    tx,
    demoCandidates.flatMap(([email, , , , mentors]) =>
      mentors.map((mentor) => ({ districtId, mentorId: idOf(mentor), candidateId: idOf(email) })),
    ),
  )
  await insertInterviews(
    tx,
    demoInterviews.map(([email, days, published, recommendation, impression, extra]): Interview => {
      const { recording, quiz = 1 }: DemoExtra = extra ?? {}
      return {
        districtId,
        id: makeId(random),
        personId: idOf(email),
        date: daysAgo(days).toISOString().slice(0, 10),
        boardId: defaultBoard.id,
        formId: defaultForm.id,
        profileId: defaultProfile.id,
        published,
        responses: responses(recommendation, impressions[impression], quiz),
        recordings: recording === undefined ? {} : { '1a': recordings[recording] },
        createdAt: daysAgo(days),
        updatedAt: daysAgo(Math.max(0, days - 3)),
      }
    }),
  )
}

/** By the ids of the default form's fields. */
const responses = (recommendation: 1 | 2, { excited, workOn, notes }: Impression, quiz: 0 | 1) => ({
  '1a': recommendation,
  '1b': excited,
  '1c': workOn,
  '1d': notes,
  '1f': quiz,
})
