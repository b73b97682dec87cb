/** Every filter and every order is served by an index: the plans of the very statements that the gateway runs. */
import sql, { raw, type Sql } from 'sql-template-tag'
import { describe, expect, test } from 'vitest'
import { interviewOrders } from '../src/domain/interviews.ts'
import { personOrders } from '../src/domain/people.ts'
import { roleTerm, tagTerm, wordTerm } from '../src/domain/people-index.ts'
import { testDatabase } from './support/database.ts'
import { createTestDistrict } from './support/fixtures.ts'
import { startGateway } from './support/gateway.ts'
import { recordStatements } from './support/statements.ts'
import { rowsAs } from './support/rows.ts'

const { db, during } = recordStatements(await testDatabase())
const gateway = await startGateway({ db })

/** One district among ten alike: reading a whole table for it never pays. */
const districts = await Promise.all(Array.from({ length: 10 }, (_, n) => createTestDistrict(db, { id: `d${n}` })))
for (const { id } of districts) await fill(id, 2_000, 4_000)
const [district] = districts
const mentor = await district!.person({ id: 'mentor', roles: { '1b': 1 } })
const candidate = await district!.person({ id: 'candidate', roles: { '1c': 1 } })
await db.query(
  rowsAs`insert into mentor_assignments (district_id, mentor_id, candidate_id) select 'd0', 'mentor', 'p' || n from generate_series(1, 20) n`,
)
await db.query(rowsAs`analyze`)
const callers = {
  key: await district!.key(),
  mentor: await mentor.token(),
  candidate: await candidate.token(),
  admin: await (await district!.admin()).token(),
}

async function fill(id: string, people: number, interviews: number): Promise<void> {
  const [word, role, tag] = [wordTerm(id, ''), roleTerm(id, ''), tagTerm(id, '')]
  await db.query(
    rowsAs`insert into people (district_id, id, first, last, email, email_key, language, roles, tags, archived, sort_name, terms, created_at, updated_at)
        select ${id}, 'p' || n, 'First' || n, 'Last' || n % 997, 'p' || n || '@example.org', 'p' || n || '@example.org', 'en', '{"1c": 1}', array['t' || n % 50],
          n % 20 = 0, 'LAST' || n % 997 || ' FIRST' || n,
          array[${word}::text || 'FIRST' || n, ${word}::text || 'LAST' || n % 997, ${role}::text || '1' || chr(97 + n % 5), ${tag}::text || 't' || n % 50],
          timestamptz '2026-01-01' + n * interval '1 minute', timestamptz '2026-01-01' + (n * 7919 % 2000) * interval '1 minute'
        from generate_series(1, ${people}::int) n`,
  )
  await db.query(
    rowsAs`insert into interviews (district_id, id, person_id, date, board_id, form_id, profile_id, published, created_at, updated_at)
        select ${id}, 'i' || n, 'p' || (n % ${people}::int + 1), date '2020-01-01' + n % 2000, '1' || chr(97 + n % 2), '1a', '1' || chr(97 + n / 7 % 2), n % 3 > 0,
          timestamptz '2026-01-01' + n * interval '1 minute', timestamptz '2026-01-01' + (n * 7919 % 4000) * interval '1 minute'
        from generate_series(1, ${interviews}::int) n`,
  )
  await db.query(
    rowsAs`insert into audit_events (district_id, id, at, actor_type, actor_id, action, record_type, record_id, members, number)
        select ${id}, 'e' || n, timestamptz '2026-01-01' + n * interval '1 minute', 'PERSON', 'p' || n % 40,
          case when n % 50 = 0 then 'SIGN_IN' else 'PERSON_UPDATE' end, 'PERSON', 'p' || n % 500, '{}', n
        from generate_series(1, 4000) n`,
  )
  await db.query(
    rowsAs`insert into mentor_assignments (district_id, mentor_id, candidate_id) select ${id}, 'p' || (n / 20 + 1), 'p' || n from generate_series(1, ${people}::int) n`,
  )
}

/** The plans of the statements on people and interviews that this query runs, without the one that reads the credential. */
async function plansOf(token: string, query: string): Promise<string[]> {
  const statements = await during(async () => {
    const { json, text } = await gateway.graphql(query, { token })
    expect(json.errors, text).toBeUndefined()
  })
  const listed = statements.filter(({ text }) => /from (people|interviews|unnest|mentor_assignments|audit_events)/.test(text))
  return Promise.all(listed.map(explained))
}

/** How PostgreSQL runs a statement with these values, and how with any: the plan that it keeps for a prepared statement. */
async function explained(statement: Sql): Promise<string> {
  const values = statement.values.map(literal).join()
  return db.transaction(async (tx) => {
    const lines = async (explain: Sql) => (await tx.query(rowsAs<{ 'QUERY PLAN': string }>`${explain}`)).map((row) => row['QUERY PLAN'])
    const withThese = await lines(sql`${raw('explain (costs off)')} ${statement}`)
    await tx.query(rowsAs([`prepare kept as ${statement.text}`]))
    await tx.query(rowsAs`set local plan_cache_mode = force_generic_plan`)
    const withAny = await lines(raw(`explain (costs off) execute kept${values === '' ? '' : `(${values})`}`))
    await tx.query(rowsAs`deallocate kept`)
    return [...withThese, ...withAny].join('\n')
  })
}

function literal(value: unknown): string {
  if (Array.isArray(value)) return `array[${value.map(literal).join()}]::text[]`
  if (value instanceof Date) return `'${value.toISOString()}'`
  return typeof value === 'string' ? `'${value.replaceAll("'", "''")}'` : String(value)
}

const tables = /Seq Scan on (people|interviews|mentor_assignments|audit_events)\b/
/** Sorting all that fits the condition, for a page of it, costs what the district weighs. */
const sorting = /\bSort\b/

/** A cursor from the middle of the list. */
async function middle(list: string, args: string): Promise<string> {
  const { json } = await gateway.graphql(`{ ${list}(first: 200, ${args}) { edges { cursor } } }`, { token: callers.key })
  const { edges } = json.data[list]
  return edges[Math.floor(edges.length / 2)].cursor
}

describe('an order alone is read off an index, page by page, without sorting', () => {
  test.each(Object.keys(personOrders))('people in order %s', async (order) => {
    for (const filter of ['', ', filter: { archived: true }', ', filter: { archived: null }']) {
      const cursor = await middle('people', `orderBy: ${order}${filter}`)
      for (const page of ['first: 20', 'last: 20', `first: 20, after: "${cursor}"`, `last: 20, before: "${cursor}"`]) {
        const [plan] = await plansOf(callers.key, `{ people(${page}, orderBy: ${order}${filter}) { nodes { id } } }`)
        expect(plan, `${page}${filter}`).toMatch(/Index/)
        expect(plan, `${page}${filter}`).not.toMatch(tables)
        expect(plan, `${page}${filter}`).not.toMatch(sorting)
      }
    }
  })

  test.each(Object.keys(interviewOrders))('interviews in order %s', async (order) => {
    const cursor = await middle('interviews', `orderBy: ${order}`)
    for (const page of ['first: 20', 'last: 20', `first: 20, after: "${cursor}"`, `last: 20, before: "${cursor}"`]) {
      const [plan] = await plansOf(callers.key, `{ interviews(${page}, orderBy: ${order}) { nodes { id } } }`)
      expect(plan, page).toMatch(/Index/)
      expect(plan, page).not.toMatch(tables)
      expect(plan, page).not.toMatch(sorting)
    }
  })
})

const personFilters = [
  'search: "first12"',
  'search: "last1 first"',
  'email: "p7@example.org"',
  'roleId: "1a"',
  'tag: "t7"',
  'updatedSince: "2026-01-02T06:00:00Z"',
  'updatedSince: "2025-01-01T00:00:00Z"',
  'archived: true',
  'archived: null',
  'search: "first", tag: "t7", roleId: "1a", archived: null',
  'tag: "t7", updatedSince: "2026-01-02T00:00:00Z"',
]
const interviewFilters = [
  'personId: "p7"',
  'boardId: "1b"',
  'profileId: "1b"',
  'published: true',
  'published: false',
  'dateFrom: "2024-01-01"',
  'dateTo: "2020-06-01"',
  'dateFrom: "2022-01-01", dateTo: "2022-02-01"',
  'updatedSince: "2026-01-02T06:00:00Z"',
  'personId: "p7", published: true',
  'boardId: "1a", profileId: "1b", published: true, dateFrom: "2022-01-01"',
]

describe('a filter is served by an index, in every order, and so is its total', () => {
  test.each(personFilters)('people by %s', async (filter) => {
    for (const order of Object.keys(personOrders)) {
      for (const plan of await plansOf(
        callers.key,
        `{ people(first: 20, orderBy: ${order}, filter: { ${filter} }) { totalCount nodes { id } } }`,
      )) {
        expect(plan, order).toMatch(/Index/)
        expect(plan, order).not.toMatch(tables)
      }
    }
  })

  test.each(interviewFilters)('interviews by %s', async (filter) => {
    for (const order of Object.keys(interviewOrders)) {
      for (const plan of await plansOf(
        callers.key,
        `{ interviews(first: 20, orderBy: ${order}, filter: { ${filter} }) { totalCount nodes { id } } }`,
      )) {
        expect(plan, order).toMatch(/Index/)
        expect(plan, order).not.toMatch(tables)
      }
    }
  })

  test.each(['personId: "p7"', 'boardId: "1b"', 'profileId: "1b"', 'published: false'])(
    'interviews by %s in order of date are read off its index without sorting',
    async (filter) => {
      for (const order of ['DATE_ASC', 'DATE_DESC']) {
        const [plan] = await plansOf(callers.key, `{ interviews(first: 20, orderBy: ${order}, filter: { ${filter} }) { nodes { id } } }`)
        expect(plan, order).not.toMatch(sorting)
      }
    },
  )
})

describe('the audit trail', () => {
  test.each([
    '',
    'actorId: "p7"',
    'action: SIGN_IN',
    'recordId: "p7"',
    'since: "2026-01-03T00:00:00Z"',
    'until: "2026-01-02T00:00:00Z"',
    'actorId: "p7", action: SIGN_IN, since: "2026-01-02T00:00:00Z"',
  ])('is read off an index, the newest first, without sorting: {%s}', async (filter) => {
    const plans = await plansOf(callers.admin, `{ auditEvents(first: 20, filter: { ${filter} }) { totalCount nodes { id } } }`)
    expect(plans).toHaveLength(2)
    for (const plan of plans) {
      expect(plan).toMatch(/Index/)
      expect(plan).not.toMatch(tables)
    }
    expect(plans[0]).not.toMatch(sorting)
  })
})

describe('what a caller may see is found by an index too', () => {
  test.each(['mentor', 'candidate'] as const)('lists of a %s touch their own records and not the district’s', async (caller) => {
    const plans = await plansOf(
      callers[caller],
      '{ people(first: 20) { totalCount nodes { id } } interviews(first: 20) { totalCount nodes { id } } interview(id: "i7") { id } person(id: "p7") { id } }',
    )
    expect(plans).toHaveLength(6)
    for (const plan of plans) {
      expect(plan).not.toMatch(tables)
      // Found by id, not read through in order and thrown away.
      expect(plan).toMatch(/Index Cond: .*\((id|person_id) = /)
    }
  })

  test('relations of a page are found by the ids of its records', async () => {
    const plans = await plansOf(
      callers.key,
      '{ people(first: 20, filter: { archived: null }) { nodes { mentors { id } interviews(first: 5) { totalCount nodes { id person { id } } } } } }',
    )
    expect(plans).toHaveLength(5)
    for (const plan of plans) expect(plan).not.toMatch(tables)
  })
})
