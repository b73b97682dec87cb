/** Which rows a viewer sees. Every list, get, count and relation takes its `where` from here; the rest does not exist. */
import sql, { type Sql } from 'sql-template-tag'
import { seesAllInterviews, type Viewer } from '../access/viewer.ts'

const nothing = sql`false`

/** A condition on `people p`. */
export function visiblePeople(viewer: Viewer): Sql {
  if (viewer.kind === 'anonymous') return nothing
  const ofDistrict = sql`p.district_id = ${viewer.districtId}`
  if (viewer.kind === 'key') return viewer.scopes.has('read:people') ? ofDistrict : nothing
  if (viewer.powers.people >= 1) return ofDistrict
  return viewer.powers.mentor
    ? sql`${ofDistrict} and (p.id = ${viewer.personId} or p.id in (${candidatesOf(viewer)}))`
    : sql`${ofDistrict} and p.id = ${viewer.personId}`
}

/** A condition on `interviews i`. */
export function visibleInterviews(viewer: Viewer): Sql {
  if (viewer.kind === 'anonymous') return nothing
  const ofDistrict = sql`i.district_id = ${viewer.districtId}`
  if (seesAllInterviews(viewer)) return ofDistrict
  if (viewer.kind === 'key') return nothing
  const { mentor, candidate } = viewer.powers
  if (!mentor && !candidate) return nothing
  const own = candidate ? sql`i.person_id = ${viewer.personId}` : nothing
  const assigned = mentor ? sql`i.person_id in (${candidatesOf(viewer)})` : nothing
  return sql`${ofDistrict} and i.published and (${own} or ${assigned})`
}

/** Private form fields are for those who see every interview. */
export const seesPrivateFields = seesAllInterviews

const candidatesOf = ({ districtId, personId }: { districtId: string; personId: string }): Sql =>
  sql`select a.candidate_id from mentor_assignments a where a.district_id = ${districtId} and a.mentor_id = ${personId}`
