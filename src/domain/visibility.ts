/** Which rows a viewer sees. Every list, get, count and relation takes its `where` from here; the rest does not exist. */
import sql, { join, type Sql } from 'sql-template-tag'
import { seesAllInterviews, type Viewer } from '../access/viewer.ts'

const nothing = sql`false`

/** A condition on `people p`. */
export function visiblePeople(viewer: Viewer): Sql {
  if (viewer.kind === 'anonymous') return nothing
  const ofDistrict = sql`p.district_id = ${unseen(viewer.districtId)}`
  if (viewer.kind === 'key') return viewer.scopes.has('read:people') ? ofDistrict : nothing
  if (viewer.powers.people >= 1) return ofDistrict
  return sql`${ofDistrict} and p.id = ${anyOf(viewer.powers.mentor ? [self(viewer), candidatesOf(viewer)] : [self(viewer)])}`
}

/** A condition on `interviews i`. */
export function visibleInterviews(viewer: Viewer): Sql {
  if (viewer.kind === 'anonymous') return nothing
  const ofDistrict = sql`i.district_id = ${unseen(viewer.districtId)}`
  if (seesAllInterviews(viewer)) return ofDistrict
  if (viewer.kind === 'key') return nothing
  const { mentor, candidate } = viewer.powers
  if (!mentor && !candidate) return nothing
  const people = [...(candidate ? [self(viewer)] : []), ...(mentor ? [candidatesOf(viewer)] : [])]
  return sql`${ofDistrict} and i.published and i.person_id = ${anyOf(people)}`
}

/** Private form fields are for those who see every interview. */
export const seesPrivateFields = seesAllInterviews

/**
 * A value that PostgreSQL does not look at when it plans: the plan is the same for all districts then, and it keeps it. Planning anew for
 * each one costs as much as reading a page.
 */
const unseen = (value: string): Sql => sql`(select ${value}::text)`

/** One list of ids, found first: what comes after is looked up by them, and not read through and thrown away. */
const anyOf = (ids: readonly Sql[]): Sql => sql`any(array(${join(ids, ' union all ')}))`

const self = ({ personId }: { personId: string }): Sql => sql`select ${personId}::text`

const candidatesOf = ({ districtId, personId }: { districtId: string; personId: string }): Sql =>
  sql`select a.candidate_id from mentor_assignments a where a.district_id = ${districtId} and a.mentor_id = ${personId}`
