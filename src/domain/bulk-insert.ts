/** People, interviews and mentors, many rows a statement; every person with the columns that lists and searches need. */
import sql, { type Sql } from 'sql-template-tag'
import type { Queryable } from '../deps.ts'
import { columns } from '../sql/columns.ts'
import { statement } from '../sql/statement.ts'
import type { Interview } from './interviews.ts'
import { type PersonFacts, personIndex } from './people-index.ts'

export interface NewPerson extends PersonFacts {
  readonly id: string
  readonly language: string
  readonly archived?: boolean
  /** Now, when left out. */
  readonly createdAt?: Date
  readonly updatedAt?: Date
}

export interface NewMentorAssignment {
  readonly districtId: string
  readonly mentorId: string
  readonly candidateId: string
}

export async function insertPeople(db: Queryable, people: readonly NewPerson[]): Promise<void> {
  if (people.length > 0) await db.query(statement`${peopleInsert(people)}`)
}

/**
 * Leaves out whoever has the e-mail address of another person of the district, even of one that is being added at this moment.
 * @returns the ids of those who were added
 */
export async function insertPeopleWithFreeEmail(db: Queryable, people: readonly NewPerson[]): Promise<ReadonlySet<string>> {
  if (people.length === 0) return new Set()
  const rows = await db.query(
    statement`${peopleInsert(people)} on conflict (district_id, email_key) do nothing returning ${columns('Person', 'people', 'id')}`,
  )
  return new Set(rows.map(({ id }) => id))
}

/** The statement that adds them, to be part of another. */
export function peopleInsert(people: readonly NewPerson[]): Sql {
  const rows = people.map((person) => ({ archived: false, ...person, ...personIndex(person) }))
  return sql`insert into people (district_id, id, first, last, email, email_key, language, roles, tags, archived, sort_name, terms, created_at, updated_at)
        select p."districtId", p.id, p.first, p.last, p.email, p."emailKey", p.language, p.roles, p.tags, p.archived, p."sortName", p.terms,
          coalesce(p."createdAt", now()), coalesce(p."updatedAt", p."createdAt", now())
        from jsonb_to_recordset(${JSON.stringify(rows)}::jsonb) as p("districtId" text, id text, first text, last text, email text, "emailKey" text,
          language text, roles jsonb, tags text[], archived boolean, "sortName" text, terms text[], "createdAt" timestamptz, "updatedAt" timestamptz)`
}

export async function insertInterviews(db: Queryable, interviews: readonly Interview[]): Promise<void> {
  if (interviews.length === 0) return
  await db.query(
    statement`insert into interviews (district_id, id, person_id, date, board_id, form_id, profile_id, published, responses, recordings, created_at, updated_at)
        select i."districtId", i.id, i."personId", i.date, i."boardId", i."formId", i."profileId", i.published, i.responses, i.recordings,
          i."createdAt", i."updatedAt"
        from jsonb_to_recordset(${JSON.stringify(interviews)}::jsonb) as i("districtId" text, id text, "personId" text, date date, "boardId" text,
          "formId" text, "profileId" text, published boolean, responses jsonb, recordings jsonb, "createdAt" timestamptz, "updatedAt" timestamptz)`,
  )
}

export async function insertMentorAssignments(db: Queryable, assignments: readonly NewMentorAssignment[]): Promise<void> {
  if (assignments.length === 0) return
  await db.query(
    statement`insert into mentor_assignments (district_id, mentor_id, candidate_id)
        select a."districtId", a."mentorId", a."candidateId"
        from jsonb_to_recordset(${JSON.stringify(assignments)}::jsonb) as a("districtId" text, "mentorId" text, "candidateId" text)`,
  )
}
