/** The first start: a demo district that shows everything, and a welcome that leads through it. */
import { randomBytes } from 'node:crypto'
import sql from 'sql-template-tag'
import { beforeAll, expect, test } from 'vitest'
import type { Config } from '../src/config.ts'
import { findCredential } from '../src/domain/authentication.ts'
import { createDemo, type Demo } from '../src/domain/demo.ts'
import { welcomeFacts, type WelcomeFacts, welcomeText } from '../src/welcome.ts'
import { type TestDatabase, testDatabase } from './support/database.ts'
import { createTestDistrict } from './support/fixtures.ts'

let db: TestDatabase
let demo: Demo | undefined
/** What the welcome found in a database without a district, and in one of a district without an administrator. */
let none: Found
let unattended: Found & { readonly districtId: string }
beforeAll(async () => {
  db = await testDatabase()
  none = await found()
  const { id: districtId } = await createTestDistrict(db)
  unattended = { ...(await found()), districtId }
  await db.tables.district.delete({ where: { id: districtId } })
  demo = await createDemo({ db, random: randomBytes })
})

const one = async <Row>(statement: ReturnType<typeof sql>): Promise<Row> => (await db.query<Row>(statement))[0]!

test('the demo is made once, and its key has every scope', async () => {
  expect(demo).toEqual({
    districtId: expect.stringMatching(/^[a-z0-9]{12}$/),
    adminEmail: 'admin@example.org',
    key: expect.stringMatching(/^ck_[a-z0-9]{32}$/),
  })
  expect((await findCredential(db, demo!.key)).viewer).toMatchObject({
    kind: 'key',
    districtId: demo!.districtId,
    lapsed: false,
    scopes: new Set(['read:people', 'write:people', 'read:interviews', 'write:interviews']),
  })
  expect(await createDemo({ db, random: randomBytes })).toBeUndefined()
})

test('the demo district has its names, pays for pro, and is 900 days old by the database’s clock', async () => {
  expect(
    await one(
      sql`select d.name->>'ko' as ko, d.languages, d.billing_plan, d.trial_ends_at - d.created_at = interval '30 days' as thirty,
            round(extract(epoch from e.at - d.created_at))::int as seconds
          from districts d join audit_events e on e.district_id = d.id and e.action = 'DISTRICT_CREATE'`,
    ),
  ).toEqual({
    ko: '북부 호수 지구',
    languages: ['en', 'es', 'fr', 'pt', 'ko'],
    billing_plan: 'pro',
    thirty: true,
    seconds: 900 * 86_400,
  })
})

test('the demo has an administrator, mentors, a board, candidates in five languages and one archived person', async () => {
  const parts = await db.query<{ role: string; people: number }>(
    sql`select role, count(*)::int as people from people, jsonb_each(roles) as has(role, rank) where rank = '1' group by role order by role`,
  )
  expect(parts).toEqual([
    { role: '1a', people: 1 },
    { role: '1b', people: 1 },
    { role: '1c', people: 26 },
    { role: '1d', people: 3 },
  ])
  const languages = await db.query<{ language: string }>(
    sql`select distinct left(language, 2) as language from people where roles ? '1c' order by 1`,
  )
  expect(languages.map(({ language }) => language)).toEqual(['en', 'es', 'fr', 'ko', 'pt'])
  const { archived, mentored, tagged, strays } = await one<Record<string, number>>(
    sql`select count(*) filter (where archived)::int as archived, count(*) filter (where tags <> '{}')::int as tagged,
          count(*) filter (where email !~ '@example\.(org|com)$')::int as strays,
          (select count(distinct candidate_id)::int from mentor_assignments) as mentored from people`,
  )
  expect({ archived, strays }).toEqual({ archived: 1, strays: 0 })
  expect(tagged).toBeGreaterThan(10)
  expect(mentored).toBeGreaterThan(10)
})

test('the demo has about 40 interviews: drafts, several languages, a private field, recordings', async () => {
  const found = await one<Record<string, number>>(
    sql`select count(*)::int as interviews, count(*) filter (where not published)::int as drafts, count(*) filter (where responses ? '1d')::int as private,
          count(*) filter (where recordings <> '{}')::int as recorded, count(*) filter (where date > current_date)::int as future,
          (select count(distinct language)::int from interviews, jsonb_object_keys(responses -> '1b') as language) as languages from interviews`,
  )
  expect(found).toEqual({ interviews: 42, drafts: 7, private: 42, recorded: 2, future: 0, languages: 5 })
})

const config = { publicUrl: 'http://127.0.0.1:4000', port: 4000, devMail: true, databaseUrl: undefined } as Config
const facts: WelcomeFacts = { publicUrl: config.publicUrl, mailPage: 'http://127.0.0.1:4000/dev/mail', database: 'embedded' }
const onServer: Config = { ...config, databaseUrl: 'postgresql://localhost/gateway' }

interface Found {
  readonly embedded: WelcomeFacts
  readonly server: WelcomeFacts
}
const found = async (): Promise<Found> => ({
  embedded: await welcomeFacts({ db, config }),
  server: await welcomeFacts({ db, config: onServer }),
})

test('the first welcome holds all that a newcomer needs', async () => {
  const text = welcomeText(await welcomeFacts({ db, config }, demo))
  for (const part of ['http://127.0.0.1:4000/graphql', demo!.key, 'admin@example.org', 'http://127.0.0.1:4000/dev/mail', 'this terminal'])
    expect(text).toContain(part)
  expect(text).toMatch(/^ {2}curl -s .*people/m)
  expect(text).not.toMatch(/\p{Cc}(?<!\n)/u)
})

test('a later welcome says what it found, and how to make another key', async () => {
  const text = welcomeText(await welcomeFacts({ db, config }))
  expect(text).toContain('the data of 1 district with 31 people')
  expect(text).toContain(`npx credentials-gateway api-key create --district ${demo!.districtId} --name "My key" --scope read:people`)
  expect(text).toContain('admin@example.org')
  expect(text).not.toContain(demo!.key)
})

test('on a server nothing is counted, and mail goes out', async () => {
  const text = welcomeText(await welcomeFacts({ db, config: { ...onServer, devMail: false } }))
  expect(text).toContain('PostgreSQL server')
  expect(text).not.toContain('/dev/mail')
})

test('an empty database is answered with the command that makes a district', () => {
  expect(none).toEqual({ embedded: facts, server: { ...facts, database: 'server' } })
  for (const each of [none.embedded, none.server]) expect(welcomeText(each)).toContain('npx credentials-gateway district create --name')
})

test('where nobody administers the district, nobody is named', () => {
  const { districtId, embedded, server } = unattended
  expect(embedded).toEqual({ ...facts, found: { districts: 1, people: 0, districtId } })
  expect(server).toEqual({ ...facts, database: 'server', found: { districtId } })
  expect(welcomeText(embedded)).toContain('with the address of a person of the district')
})

test('the page of mail is named by an address that it answers to', async () => {
  const { mailPage } = await welcomeFacts({ db, config: { ...config, publicUrl: 'https://gateway.example.org' } })
  expect(mailPage).toBe('http://localhost:4000/dev/mail')
})
