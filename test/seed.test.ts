/** New districts, keys that an operator makes, and made-up data: what is written is what was promised. */
import { randomBytes } from 'node:crypto'
import fc from 'fast-check'
import sql, { raw } from 'sql-template-tag'
import { beforeAll, describe, expect, test } from 'vitest'
import type { Scope } from '../src/access/scopes.ts'
import { Duplicate } from '../src/deps.ts'
import { createApiKeyFor, type NewApiKey, revokeAnyApiKey } from '../src/domain/api-keys.ts'
import { findCredential } from '../src/domain/authentication.ts'
import { getSettings } from '../src/domain/districts.ts'
import { makeUp } from '../src/domain/made-up.ts'
import { createDice } from '../src/domain/made-up-dice.ts'
import { madeUpPerson } from '../src/domain/made-up-people.ts'
import { interviewsOf, peopleByDistrict, split, staffOf } from '../src/domain/made-up-shares.ts'
import { createDistrict, type NewDistrict } from '../src/domain/new-district.ts'
import { personIndex } from '../src/domain/people-index.ts'
import { Problem } from '../src/domain/problem.ts'
import { hashToken } from '../src/domain/tokens.ts'
import { type TestDatabase, testDatabase } from './support/database.ts'

let db: TestDatabase
beforeAll(async () => {
  db = await testDatabase()
})

const random = randomBytes
const admin = { first: 'Jane', last: 'Núñez', email: 'Jane@Example.org' }
const one = async <Row>(statement: ReturnType<typeof sql>): Promise<Row> => (await db.query<Row>(statement))[0]!

async function refusal(work: () => unknown): Promise<Problem> {
  const error: unknown = await Promise.resolve()
    .then(work)
    .then(
      () => undefined,
      (reason: unknown) => reason,
    )
  if (!(error instanceof Problem)) throw new Error(`Expected a Problem, not ${String(error)}`)
  return error
}

describe('a new district', () => {
  test('has the documented roles, board, profile and form', async () => {
    const { districtId } = await createDistrict({ db, random }, { name: 'My District', admin })
    const { languages, roles, boards, profiles, forms } = await getSettings({ db }, districtId)
    expect(languages).toEqual(['en'])
    expect(roles.map(({ id, name, permissions }) => [id, name['en'], permissions])).toEqual([
      ['1a', 'Admin', { p: 2, g: 1, i: 2, s: 1, r: 1, B: 1 }],
      ['1b', 'Mentor', { m: 1 }],
      ['1c', 'Candidate', { c: 1 }],
      ['1d', 'Credentials Board', { i: 2, b: { '1a': 1 } }],
    ])
    expect([boards, profiles, forms].map((list) => list.map(({ id }) => id))).toEqual([['1a'], ['1a'], ['1a']])
    expect(
      forms[0]!.fields.map(({ id, type, private: isPrivate, options }) => [
        id,
        type,
        isPrivate,
        options?.map((option) => option.id) ?? null,
      ]),
    ).toEqual([
      ['1a', 'select', false, ['1', '2']],
      ['1b', 'long_text', false, null],
      ['1c', 'long_text', false, null],
      ['1d', 'long_text', true, null],
      ['1e', 'file', false, null],
      ['1f', 'checkbox', false, null],
    ])
    for (const { name } of [...roles, ...boards, ...profiles, ...forms, ...forms[0]!.fields]) {
      expect(Object.keys(name).toSorted()).toEqual(['en', 'es', 'fr', 'ko', 'pt'])
    }
    expect(await one(sql`select count(*)::int as count from form_fields where district_id = ${districtId} and options is null`)).toEqual({
      count: 5,
    })
  })

  test('is on trial for 30 days by the clock of the database', async () => {
    const { districtId } = await createDistrict({ db, random }, { name: 'Distrito', language: 'pt-br', admin })
    expect(
      await one(
        sql`select name, accent, languages, billing_plan, trial_ends_at - created_at = interval '30 days' as thirty from districts where id = ${districtId}`,
      ),
    ).toEqual({
      name: { 'pt-BR': 'Distrito' },
      accent: '#6e5dec',
      languages: ['pt-BR'],
      billing_plan: 'trial',
      thirty: true,
    })
  })

  test('has its administrator as its first and only person', async () => {
    const created = await createDistrict({ db, random }, { name: ' My District ', admin })
    expect(created).toEqual({
      districtId: expect.stringMatching(/^[a-z0-9]{12}$/),
      name: 'My District',
      adminId: expect.stringMatching(/^[a-z0-9]{12}$/),
    })
    const people = await db.query(
      sql`select id, first, last, email, email_key, sort_name, language, roles, tags, archived, terms from people where district_id = ${created.districtId}`,
    )
    const index = personIndex({ districtId: created.districtId, ...admin, roles: { '1a': 1 }, tags: [] })
    expect(people).toEqual([
      {
        id: created.adminId,
        ...admin,
        email: 'Jane@example.org', // a domain has no case
        email_key: 'jane@example.org',
        sort_name: index.sortName,
        language: 'en',
        roles: { '1a': 1 },
        tags: [],
        archived: false,
        terms: index.terms,
      },
    ])
  })

  test.each<[string, Partial<NewDistrict>]>([
    ['name', { name: '  ' }],
    ['name', { name: 'n'.repeat(201) }],
    ['language', { language: 'not a language' }],
    ['admin.email', { admin: { ...admin, email: 'a@example.org,b@example.org' } }],
    ['admin.first', { admin: { ...admin, first: '' } }],
    ['admin.last', { admin: { ...admin, last: 'n'.repeat(101) } }],
  ])('is refused with a wrong %s (%j), and leaves nothing behind', async (field, wrong) => {
    const before = await one(sql`select count(*) from districts`)
    expect(await refusal(() => createDistrict({ db, random }, { name: 'My District', admin, ...wrong }))).toMatchObject({
      reason: 'INVALID_INPUT',
      details: { field },
    })
    expect(await one(sql`select count(*) from districts`)).toEqual(before)
  })

  describe('that fails half way leaves nothing behind', () => {
    /** Every row of what a district is made of. */
    const everything = () =>
      Promise.all(
        ['districts', 'roles', 'boards', 'profiles', 'forms', 'form_fields', 'people', 'audit_events'].map((table) =>
          db.query(sql`select to_jsonb(t) as row from ${raw(table)} t order by to_jsonb(t)::text`),
        ),
      )
    const idsOf = (byte: number) => (bytes: number) => Buffer.alloc(bytes, byte)

    test('as its id is taken', async () => {
      await createDistrict({ db, random: idsOf(1) }, { name: 'First', admin })
      const before = await everything()
      await expect(createDistrict({ db, random: idsOf(1) }, { name: 'Second', admin })).rejects.toBeInstanceOf(Duplicate)
      expect(await everything()).toEqual(before)
    })

    test('as the database refuses its last settings', async () => {
      const before = await everything()
      await db.query(sql`alter table form_fields add constraint no_more check (false) not valid`)
      try {
        await expect(createDistrict({ db, random }, { name: 'My District', admin })).rejects.toThrow(/no_more/)
      } finally {
        await db.query(sql`alter table form_fields drop constraint no_more`)
      }
      expect(await everything()).toEqual(before)
    })

    test('as the audit trail cannot have it', async () => {
      const before = await everything()
      let ids = 0
      const failing = (bytes: number) => {
        if (++ids === 3) throw new Error('no more randomness') // the district and its administrator have ids, the row of the trail has none
        return idsOf(2)(bytes)
      }
      await expect(createDistrict({ db, random: failing }, { name: 'My District', admin })).rejects.toThrow('no more randomness')
      expect(await everything()).toEqual(before)
    })
  })
})

describe('an API key', () => {
  const newKey = async (scopes: Scope[] = ['read:people']) => {
    const { districtId } = await createDistrict({ db, random }, { name: 'My District', admin })
    const { apiKey, key } = await createApiKeyFor(db, random, districtId, { name: 'Sync', scopes })
    return { ...apiKey, districtId, key }
  }

  test('is ck_ and 32 characters, and is kept as a hash and a hint', async () => {
    const { districtId, id, key, hint } = await newKey(['write:people', 'read:people', 'write:people'])
    expect(key).toMatch(/^ck_[a-z0-9]{32}$/)
    expect(hint).toBe(key.slice(-4))
    const { stored } = await one<{ stored: Record<string, unknown> }>(sql`select to_jsonb(k) as stored from api_keys k where id = ${id}`)
    expect(stored).toMatchObject({
      district_id: districtId,
      name: 'Sync',
      hint,
      key_hash: hashToken(key),
      scopes: ['write:people', 'read:people'],
      expires_at: null,
      created_by_id: null,
    })
    expect(JSON.stringify(stored)).not.toContain(key)
  })

  test('is refused from the moment it is revoked, and keeps the time of its first revocation', async () => {
    const { id, key } = await newKey()
    expect((await findCredential(db, key)).viewer).toMatchObject({ kind: 'key', keyId: id })
    const { revokedAt } = await revokeAnyApiKey({ db, random }, id)
    expect(await refusal(() => findCredential(db, key))).toMatchObject({ reason: 'INVALID_CREDENTIAL' })
    expect((await revokeAnyApiKey({ db, random }, id)).revokedAt).toEqual(revokedAt)
  })

  test('needs a name, a scope and a district that is there', async () => {
    const { districtId } = await newKey()
    const make = ({ at = districtId, ...changes }: Partial<Record<keyof NewApiKey | 'at', unknown>>) =>
      refusal(() => createApiKeyFor(db, random, at as string, { name: 'Sync', scopes: ['read:people'], ...changes } as NewApiKey))
    expect(await make({ name: '' })).toMatchObject({ details: { field: 'name' } })
    expect(await make({ name: 'n'.repeat(101) })).toMatchObject({ details: { field: 'name' } })
    expect(await make({ scopes: [] })).toMatchObject({ details: { field: 'scopes' } })
    expect(await make({ scopes: ['read:everything'] })).toMatchObject({ details: { field: 'scopes.0' } })
    for (const nowhere of ['nope', '', "'; drop table districts", 'a\0'])
      expect(await make({ at: nowhere })).toMatchObject({ reason: 'NO_SUCH_RECORD' })
    expect(await refusal(() => revokeAnyApiKey({ db, random }, 'nope'))).toMatchObject({ reason: 'NO_SUCH_RECORD' })
  })
})

describe('made-up data', () => {
  test('adds up, with one large district and everything that a district has', async () => {
    let rows = 0
    const made = await makeUp({ db }, { people: 1_200, interviews: 3_600, districts: 8, seed: 1 }, (more) => (rows += more))
    expect(made).toEqual({ districts: expect.any(Array), people: 1_200, interviews: 3_600 })
    expect(rows).toBe(4_800)
    const districts = await db.query<{ id: string; people: number; interviews: number }>(
      sql`select d.id, (select count(*)::int from people p where p.district_id = d.id) as people,
            (select count(*)::int from interviews i where i.district_id = d.id) as interviews
          from districts d where d.id = any(${[...made.districts]}::text[]) order by people desc`,
    )
    expect(districts).toHaveLength(8)
    expect(districts[0]).toMatchObject({ id: made.districts[0], people: 300 })
    expect(districts.map(({ people }) => people).reduce((a, b) => a + b)).toBe(1_200)
    expect(districts.map(({ interviews }) => interviews).reduce((a, b) => a + b)).toBe(3_600)

    const largest = made.districts[0]!
    expect(
      await one(
        sql`select d.billing_plan, d.languages, d.trial_ends_at - d.created_at = interval '30 days' as thirty, p.created_at = d.created_at as since,
              p.updated_at = d.created_at as unchanged, d.created_at < '2026-01-01' as past
            from districts d join people p on p.district_id = d.id and p.roles ? '1a' where d.id = ${largest}`,
      ),
    ).toEqual({ billing_plan: 'pro', languages: ['en', 'es', 'pt', 'fr', 'ko'], thirty: true, since: true, unchanged: true, past: true })
    const found = await one<Record<string, number>>(
      sql`select count(*) filter (where p.roles ? '1a')::int as admins, count(*) filter (where p.roles @> '{"1b": 1}')::int as mentors,
            count(*) filter (where p.roles @> '{"1d": 1}')::int as board, count(*) filter (where p.archived)::int as archived,
            count(*) filter (where p.tags <> '{}')::int as tagged,
            (select count(*)::int from mentor_assignments a where a.district_id = ${largest}) as mentored,
            (select count(*) filter (where published)::int from interviews i where i.district_id = ${largest}) as published,
            (select count(distinct extract(year from date))::int from interviews i where i.district_id = ${largest}) as years,
            (select count(*)::int from interviews i join people q on q.district_id = i.district_id and q.id = i.person_id
               where i.district_id = ${largest} and (i.date < q.created_at::date or i.created_at < q.created_at or i.updated_at < i.created_at)) as impossible
          from people p where p.district_id = ${largest}`,
    )
    expect(found).toMatchObject({ admins: 1, mentors: 15, board: 12, impossible: 0 })
    expect(found['archived']).toBeGreaterThan(0)
    for (const [many, least] of [
      ['tagged', 50],
      ['mentored', 100],
      ['published', 500],
      ['years', 8],
    ] as const)
      expect(found[many]).toBeGreaterThan(least)
  })

  test('of one seed is the same every time, and made only once in a database', async () => {
    const draw = (seed: number) => {
      const dice = createDice(seed)
      return Array.from({ length: 100 }, (_, number) => madeUpPerson(dice, 'd', number, 'candidate'))
    }
    expect(draw(7)).toEqual(draw(7))
    expect(draw(7)).not.toEqual(draw(8))
    const plan = { people: 3, interviews: 3, seed: 2 ** 40 }
    await makeUp({ db }, plan)
    expect(await refusal(() => makeUp({ db }, plan))).toMatchObject({ details: { field: 'seed' } })
    expect(await makeUp({ db }, { ...plan, seed: 0 })).toMatchObject({ people: 3 })
  })

  test.each([
    { people: 2, interviews: 0, districts: 3 },
    { people: 3, interviews: 1, districts: 3 },
    { people: 0, interviews: 0 },
    { people: 1.5, interviews: 0 },
  ])('is refused where the numbers cannot be met: %j', async (plan) => {
    expect(await refusal(() => makeUp({ db }, { seed: 9, ...plan }))).toMatchObject({ details: { field: 'people' } })
  })

  test('the documented size gives one district a quarter of all people', () => {
    const sizes = peopleByDistrict(200_000, 100)
    expect(sizes[0]).toBe(50_000)
    expect(sizes[1]).toBeLessThan(10_000)
  })

  test('shares add up, whatever the numbers', () => {
    const sum = (numbers: readonly number[]) => numbers.reduce((a, b) => a + b, 0)
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 300 }),
        fc.integer({ min: 1, max: 100_000 }),
        fc.integer({ min: 0, max: 5_000 }),
        (districts, more, interviews) => {
          const people = districts + more
          const sizes = peopleByDistrict(people, districts)
          expect(sizes).toHaveLength(districts)
          expect(sum(sizes)).toBe(people)
          expect(Math.min(...sizes)).toBeGreaterThanOrEqual(1)
          expect(Math.max(...sizes)).toBe(sizes[0])
          const candidates = sizes.map((size) => staffOf(size).candidates)
          const shares = split(interviews, candidates)
          expect(sum(shares)).toBe(interviews)
          candidates.forEach((count, index) => {
            expect(count).toBeGreaterThanOrEqual(0)
            if (index < 3 && count > 0)
              expect(sum(Array.from({ length: count }, (_, n) => interviewsOf(n, shares[index]!, count)))).toBe(shares[index])
            if (count === 0) expect(shares[index]).toBe(0)
          })
        },
      ),
      { numRuns: 50 },
    )
  })
})
