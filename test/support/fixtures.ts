/** Districts, people, interviews and credentials for tests, said in a few words; every row as the domain would write it. */
import { randomBytes } from 'node:crypto'
import sql from 'sql-template-tag'
import type { Scope } from '../../src/access/scopes.ts'
import type { RolePermissions } from '../../src/access/viewer.ts'
import type { TestDatabase } from './database.ts'
import { personIndex } from '../../src/domain/people-index.ts'
import { hashToken, hintOf, makeApiKey, makeId, makeToken } from '../../src/domain/tokens.ts'
import type { Interview } from '../../src/domain/interviews.ts'

/** The documented roles of a new district, and one of each further kind that the matrix tells apart. */
const roles: Record<string, RolePermissions> = {
  '1a': { p: 2, i: 2, s: 1, r: 1, g: 1, B: 1 },
  '1b': { m: 1 },
  '1c': { c: 1 },
  '1d': { i: 2, b: { '1a': 1 } },
  '1e': { p: 1 },
  '1f': { b: { '1a': 1 } },
}

export interface PersonOptions {
  /** One of its own when left out. */
  id?: string
  first?: string
  last?: string
  email?: string
  roles?: Record<string, number>
  tags?: string[]
  archived?: boolean
  language?: string
  createdAt?: Date
  updatedAt?: Date
}

export interface InterviewOptions {
  /** One of its own when left out. */
  id?: string
  date?: string
  published?: boolean
  boardId?: string
  profileId?: string
  responses?: Interview['responses']
  recordings?: Interview['recordings']
  createdAt?: Date
  updatedAt?: Date
}

export type TestDistrict = Awaited<ReturnType<typeof createTestDistrict>>

/** A district with its roles, two boards and profiles, and a form that has a private field. */
export async function createTestDistrict(
  db: TestDatabase,
  {
    id = makeId(randomBytes),
    plan = 'pro',
    trialEndsAt = null as Date | null,
    name = { en: `District ${id}` } as Record<string, string>,
    languages = ['en'],
  } = {},
) {
  await db.tables.district.create({
    data: {
      id,
      name,
      accent: '#6e5dec',
      languages,
      billingPlan: plan,
      trialEndsAt,
      roles: {
        create: Object.entries(roles).map(([roleId, permissions]) => ({
          id: roleId,
          name: { en: `Role ${roleId}` },
          permissions: permissions as object,
        })),
      },
      boards: {
        create: [
          { id: '1a', name: { en: 'Board', es: 'Junta' } },
          { id: '1b', name: { en: 'Second board' } },
        ],
      },
      profiles: {
        create: [
          { id: '1a', name: { en: 'Interview' } },
          { id: '1b', name: { en: 'Second interview' } },
        ],
      },
      forms: {
        create: {
          id: '1a',
          name: { en: 'Form' },
          fields: {
            create: [
              {
                id: '1a',
                position: 1,
                name: { en: 'Recommendation' },
                type: 'select',
                options: [
                  { id: '1', name: { en: 'Recommend', es: 'Recomendar' } },
                  { id: '2', name: { en: 'Do not recommend' } },
                ],
              },
              { id: '1b', position: 2, name: { en: 'What excited the committee' }, type: 'long_text' },
              { id: '1d', position: 3, name: { en: 'Board notes' }, type: 'long_text', private: true },
              { id: '1f', position: 4, name: { en: 'Quiz completed' }, type: 'checkbox' },
            ],
          },
        },
      },
    },
  })

  const person = async (options: PersonOptions = {}) => {
    const personId = options.id ?? makeId(randomBytes)
    const {
      id: _id,
      createdAt,
      updatedAt,
      ...row
    } = {
      first: 'Ada',
      last: 'Lovelace',
      email: `${personId}@example.org`,
      roles: {},
      tags: [] as string[],
      archived: false,
      language: 'en',
      ...options,
    }
    await db.tables.person.create({
      data: { districtId: id, id: personId, ...row, ...personIndex({ districtId: id, ...row }), ...times({ createdAt, updatedAt }) },
    })
    return { id: personId, ...row, token: () => session(db, id, personId, row.email) }
  }
  return {
    id,
    person,
    admin: () => person({ first: 'Admin', last: 'Admin', roles: { '1a': 1 } }),
    interview: async (personId: string, options: InterviewOptions = {}) => {
      const interviewId = options.id ?? makeId(randomBytes)
      const { date = '2026-03-14', boardId = '1a', profileId = '1a', published = true, responses = {}, recordings = {} } = options
      await db.tables.interview.create({
        data: {
          districtId: id,
          id: interviewId,
          personId,
          date: new Date(date),
          boardId,
          formId: '1a',
          profileId,
          published,
          responses,
          recordings,
          ...times(options),
        },
      })
      return interviewId
    },
    mentors: async (mentorId: string, candidateId: string) => {
      await db.tables.mentorAssignment.create({ data: { districtId: id, mentorId, candidateId } })
    },
    /** A key with these scopes; all four when none are named. */
    key: async (...scopes: Scope[]) => {
      const key = makeApiKey(randomBytes)
      await db.tables.apiKey.create({
        data: {
          id: makeId(randomBytes),
          districtId: id,
          keyHash: hashToken(key),
          name: 'A key',
          hint: hintOf(key),
          scopes: scopes.length > 0 ? scopes : ['read:people', 'write:people', 'read:interviews', 'write:interviews'],
        },
      })
      return key
    },
  }
}

/** The database's own where they are left out. */
const times = ({ createdAt, updatedAt }: { createdAt?: Date | undefined; updatedAt?: Date | undefined }) => ({
  ...(createdAt ? { createdAt } : {}),
  ...(updatedAt ? { updatedAt } : {}),
})

/** A signed-in session's token, without the mail. */
async function session(db: TestDatabase, districtId: string, personId: string, email: string): Promise<string> {
  const token = makeToken(randomBytes)
  await db.query(
    sql`insert into sessions (id, token_hash, district_id, person_id, email_key, expires_at)
        values (${makeId(randomBytes)}, ${hashToken(token)}, ${districtId}, ${personId}, ${email}, now() + interval '30 days')`,
  )
  return token
}
