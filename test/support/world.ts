/** One small fixed district and every kind of caller that the access table tells apart. */
import sql from 'sql-template-tag'
import { scopes } from '../../src/access/scopes.ts'
import { createTestDistrict } from './fixtures.ts'
import type { Gateway } from './gateway.ts'

export interface Caller {
  /** Short, for the head of a column. */
  readonly name: string
  readonly title: string
  /** The district's trial is over while this one asks. */
  readonly lapsed: boolean
  /** A credential of this caller; of a session a new one each time, so that one may be ended. */
  readonly token: () => Promise<string | undefined>
}

/**
 * A candidate with a mentor, who has a published interview with a private answer and an unpublished one; another
 * candidate without a mentor, with one of each; one who is both mentor and candidate; one of every further role; an
 * archived candidate; and a second district.
 */
export async function createWorld({ db }: Pick<Gateway, 'db'>) {
  const district = await createTestDistrict(db)
  const elsewhere = await createTestDistrict(db)
  const admin = await district.person({ first: 'Alma', last: 'Admin', roles: { '1a': 1 } })
  const board = await district.person({ first: 'Bo', last: 'Board', roles: { '1d': 1 } })
  const seat = await district.person({ first: 'Sara', last: 'Seat', roles: { '1f': 1 } })
  const mentor = await district.person({ first: 'Mia', last: 'Mentor', roles: { '1b': 1 } })
  const candidate = await district.person({ first: 'Cara', last: 'Candidate', roles: { '1c': 1 }, tags: ['2026'] })
  const other = await district.person({ first: 'Otto', last: 'Other', roles: { '1c': 1 } })
  const both = await district.person({ first: 'Bea', last: 'Both', roles: { '1b': 1, '1c': 2 } })
  const viewer = await district.person({ first: 'Vera', last: 'Viewer', roles: { '1e': 1 } })
  const nobody = await district.person({ first: 'Nora', last: 'Norole' })
  const archived = await district.person({ first: 'Ari', last: 'Archived', roles: { '1c': 1 }, archived: true })
  const stranger = await elsewhere.admin()
  await district.mentors(mentor.id, candidate.id)
  await district.mentors(both.id, candidate.id)

  const responses = { '1a': 1, '1b': { en: 'Her calm' }, '1d': { en: 'Ask again in a year' }, '1f': 1 }
  const recordings = { '1a': { name: 'Whole meeting', url: null, transcript: 'Welcome.', summary: 'Good.' } }
  const interviews = {
    published: await district.interview(candidate.id, { date: '2026-03-14', responses, recordings }),
    unpublished: await district.interview(candidate.id, { date: '2026-04-14', published: false, responses }),
    ofOther: await district.interview(other.id, { date: '2026-05-14', responses }),
    unpublishedOfOther: await district.interview(other.id, { date: '2026-06-14', published: false, responses }),
    ofBoth: await district.interview(both.id, { date: '2026-07-14', responses }),
  }
  const foreignCandidate = await elsewhere.person({ first: 'Cara', last: 'Candidate', roles: { '1c': 1 } })
  const foreignInterview = await elsewhere.interview(foreignCandidate.id, { responses })

  const session = (name: string, title: string, { token }: { token: () => Promise<string> }, lapsed = false): Caller => ({
    name,
    title,
    lapsed,
    token,
  })
  const key = async (name: string, title: string, given: Parameters<typeof district.key>, lapsed = false): Promise<Caller> => {
    const secret = await district.key(...given)
    return { name, title, lapsed, token: async () => secret }
  }
  const callers: Caller[] = [
    { name: 'anon', title: 'nobody: no credential', lapsed: false, token: async () => undefined },
    ...(await Promise.all(
      scopes.map(({ id }) => key(id.replace('read:', 'r:').replace('write:', 'w:').slice(0, 5), `an API key with ${id} alone`, [id])),
    )),
    await key('all', 'an API key with all scopes', []),
    session('admin', 'an administrator (1a)', admin),
    session('board', 'a member of the credentials board (1d)', board),
    session('seat', 'a seat on a board and nothing else', seat),
    session('mentr', 'a mentor (1b) of the candidate', mentor),
    session('cand', 'the candidate (1c)', candidate),
    session('m+c', 'one who is mentor of the candidate and a candidate (1b + 1c)', both),
    session('view', 'one who views people (1e)', viewer),
    session('none', 'one without a role', nobody),
    session('elsew', 'an administrator of another district', stranger),
    session('lapsA', 'the administrator, the trial being over', admin, true),
    session('lapsC', 'the candidate, the trial being over', candidate, true),
    await key('lapsK', 'the API key with all scopes, the trial being over', [], true),
  ]
  /** Does this work as it is while the district's trial is over, if this caller's is. */
  const as = async <Result>({ lapsed }: Caller, work: () => Promise<Result>): Promise<Result> => {
    if (!lapsed) return work()
    await db.query(sql`update districts set billing_plan = 'trial', trial_ends_at = now() - interval '1 second' where id = ${district.id}`)
    try {
      return await work()
    } finally {
      await db.query(sql`update districts set billing_plan = 'pro', trial_ends_at = null where id = ${district.id}`)
    }
  }
  return {
    district,
    elsewhere,
    admin,
    board,
    seat,
    mentor,
    candidate,
    other,
    both,
    viewer,
    nobody,
    archived,
    stranger,
    interviews,
    foreignCandidate,
    foreignInterview,
    callers,
    as,
  }
}
