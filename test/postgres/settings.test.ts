/** Session settings of the server, the database or the role: the gateway's own hold, or it refuses to start and says what to run. */
import sql from 'sql-template-tag'
import pg from 'pg'
import { afterAll, describe, expect, onTestFinished, test } from 'vitest'
import { createTestDistrict, type TestDistrict } from '../support/fixtures.ts'
import { testDatabase } from '../support/database.ts'
import { json, newAddress, raw } from '../support/http.ts'
import { startPgBouncer } from '../support/pgbouncer.ts'
import { createDatabase } from '../support/postgres.ts'
import { failedStart, type GatewayProcess, startProcess } from '../support/process.ts'

const db = await testDatabase()
const district = await createTestDistrict(db)
const name = new URL(db.url!).pathname.slice(1)

/** Does what an operator does in psql, within no timeout of the database's: one of 1 ms may come while nothing is asked, and end the process. */
async function run(url: string, ...statements: readonly string[]): Promise<void> {
  const client = new pg.Client({ connectionString: url, options: '-c statement_timeout=0 -c lock_timeout=0' })
  await client.connect()
  for (const statement of statements) await client.query(statement)
  await client.end()
}

const strange: Readonly<Record<string, string>> = {
  DateStyle: `'German, DMY'`,
  TimeZone: `'Asia/Kolkata'`,
  default_transaction_isolation: `'serializable'`,
  standard_conforming_strings: 'off',
  search_path: `'pg_catalog'`,
  statement_timeout: '1',
  lock_timeout: '1',
}
const ofDatabase = (settings: readonly string[], change: (setting: string) => string): readonly string[] =>
  settings.map((setting) => `alter database ${name} ${change(setting)}`)
/** From now on the database has these settings, until the test is over. */
async function set(...settings: readonly string[]): Promise<void> {
  await run(db.url!, ...ofDatabase(settings, (setting) => `set ${setting} = ${strange[setting]}`))
  onTestFinished(() => run(db.url!, ...ofDatabase(settings, (setting) => `reset ${setting}`)))
}

/** A sign-in by the mail that is printed, a list, a write: what strange settings broke. */
async function expectWorks(gateway: GatewayProcess, { admin, person }: Pick<TestDistrict, 'admin' | 'person'>): Promise<void> {
  const { email } = await admin()
  const { id } = await person({ createdAt: new Date('2026-03-04T05:06:07Z') })
  const client = { 'X-Forwarded-For': newAddress() }
  expect((await raw(`${gateway.url}/api/auth/request`, json({ email }, client))).status).toBe(200)
  await expect.poll(() => gateway.output().includes(email), { timeout: 60_000 }).toBe(true)
  const code = /\d{6}/.exec(gateway.output().slice(gateway.output().indexOf(email)))![0]
  const verified = await raw(`${gateway.url}/api/auth/verify`, json({ code, email }, client))
  expect(verified.status, verified.text).toBe(200)
  const { token } = verified.json
  const read = await gateway.graphql(token, '{ people(first: 200) { totalCount nodes { id createdAt } } }')
  expect(read.json.data.people.nodes).toContainEqual({ id, createdAt: '2026-03-04T05:06:07.000Z' })
  const input = { first: 'Ann', last: String.raw`O'Neil\n`, email: `ann-${email}` }
  const write = 'mutation ($input: CreatePersonInput!) { createPerson(input: $input) { person { last } } }'
  expect((await gateway.graphql(token, write, { input })).json).toEqual({ data: { createPerson: { person: { last: input.last } } } })
}

describe('on connections of its own', () => {
  test.each(Object.keys(strange))('%s of the database counts for nothing', async (setting) => {
    await set(setting)
    await expectWorks(await startProcess(db.url!, { atEnd: onTestFinished }), district)
  })

  test('all of them at once count for nothing, and the trail is sealed', async () => {
    await set(...Object.keys(strange))
    await expectWorks(await startProcess(db.url!, { atEnd: onTestFinished }), district)
    await expect
      .poll(() => db.query(sql`select count(*)::int as unsealed from audit_events where number is null and open_until is null`), {
        timeout: 60_000,
      })
      .toEqual([{ unsealed: 0 }])
  })

  test('the tables are found in the schema where they are', async () => {
    const other = await createDatabase()
    onTestFinished(other.drop)
    const made = new URL(other.url)
    made.searchParams.set('options', '-c search_path=gateway')
    await run(other.url, 'create schema gateway')
    const first = await startProcess(made.href, { env: { SHUTDOWN_GRACE: '0' }, atEnd: onTestFinished })
    await first.end('SIGTERM')
    const second = await startProcess(other.url, { atEnd: onTestFinished })
    expect(second.output()).not.toContain('migrations applied')
    expect((await raw(`${second.url}/api/auth/request`, json({ email: 'somebody@example.org' }))).status).toBe(200)
  })
})

describe('behind a pooler in transaction mode', async () => {
  const pooler = await startPgBouncer(db.url!)
  afterAll(() => pooler.close())
  const environment = { DIRECT_DATABASE_URL: db.url! }

  test.each(['DateStyle', 'TimeZone', 'default_transaction_isolation', 'standard_conforming_strings', 'search_path'])(
    'a wrong %s is refused at the start, and what is said mends it',
    async (setting) => {
      await set(setting)
      const own = await startPgBouncer(db.url!) // its connections have the settings of now
      onTestFinished(() => own.close())
      const { code, output } = await failedStart(own.url, environment)
      expect([code, output]).toEqual([1, expect.stringContaining(setting)])
      expect(output).not.toMatch(/^ +at /m)
      const statements = output.match(/ALTER ROLE .*?;/g)!
      const role = new URL(db.url!).username
      onTestFinished(() => run(db.url!, `alter role ${role} in database ${name} reset all`))
      await run(db.url!, ...statements)
      const mended = await startPgBouncer(db.url!)
      onTestFinished(() => mended.close())
      await expectWorks(await startProcess(mended.url, { env: environment, atEnd: onTestFinished }), district)
    },
  )

  test('timeouts that nobody has set are told of, and what is said sets them', async () => {
    const gateway = await startProcess(pooler.url, { env: environment, atEnd: onTestFinished })
    await expectWorks(gateway, district)
    const statements = gateway.output().match(/ALTER ROLE [^;]*_timeout = [^;]*;/g) ?? []
    expect(statements.length).toBeGreaterThanOrEqual(3)
    await run(db.url!, ...statements.map((statement) => statement.replaceAll(String.raw`\"`, '"')))
    const role = new URL(db.url!).username
    onTestFinished(() => run(db.url!, `alter role ${role} in database ${name} reset all`))
    const set = await startPgBouncer(db.url!)
    onTestFinished(() => set.close())
    const later = await startProcess(set.url, { env: environment, atEnd: onTestFinished })
    expect(later.output()).not.toContain('_timeout')
  })
})
