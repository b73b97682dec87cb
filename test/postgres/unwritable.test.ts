/**
 * What a caller is told when the database refuses a statement, and how often the work was tried: real errors, raised by the database
 * itself and counted by a sequence, which no rollback takes back.
 */
import sql from 'sql-template-tag'
import { afterAll, beforeEach, describe, expect, onTestFinished, test, vi } from 'vitest'
import { openServer } from '../../src/adapters/postgres-server.ts'
import type { OpenDatabase } from '../../src/adapters/database.ts'
import { testDatabase } from '../support/database.ts'
import { createTestDistrict } from '../support/fixtures.ts'
import { startGateway } from '../support/gateway.ts'
import { json, raw, type RawAnswer, serve } from '../support/http.ts'
import { startTcpProxy } from '../support/tcp-proxy.ts'

const db = await testDatabase()
const gateway = await startGateway()
const district = await createTestDistrict(db)
const key = await district.key()
const bearer = { Authorization: `Bearer ${key}` }
const somebody = await district.person()

const run = async (...statements: readonly string[]): Promise<void> => {
  for (const statement of statements) await db.query(sql([statement] as never))
}

// Row security makes reads fail, and does so for whoever is no superuser: a role that the gateway's connections take on.
const role = new URL(db.url!).pathname.slice(1)
await run(
  'create sequence tries',
  'create table fault (place text, state text, times int)',
  `create function fail(asked text) returns boolean language plpgsql security definer as $$
    declare wanted record;
    begin
      select * into wanted from fault where place = asked;
      if not found or nextval('tries') > wanted.times then return true; end if;
      if wanted.state = 'terminate' then
        perform pg_terminate_backend(pg_backend_pid());
        perform pg_sleep(10);
      elsif wanted.state = 'sleep' then
        perform pg_sleep(2);
        return true;
      end if;
      raise exception 'made to fail' using errcode = wanted.state;
    end $$`,
  `create function fail_trigger() returns trigger language plpgsql as $$
    begin perform fail(tg_argv[0]); return new; end $$`,
  `create trigger fail_write before insert on people for each row execute function fail_trigger('write')`,
  `create constraint trigger fail_commit after insert on people deferrable initially deferred for each row execute function fail_trigger('commit')`,
  'alter table people enable row level security',
  `create policy reads on people for select using (fail('read'))`,
  'create policy inserts on people for insert with check (true)',
  `create role ${role}`,
  `grant all on all tables in schema public to ${role}`,
)
const asRole = (url: string): string => `${url}?options=${encodeURIComponent(`-c role=${role}`)}`
const open = (url: string): OpenDatabase => openServer({ url: asRole(url), directUrl: asRole(url), pooled: false })
const limited = open(db.url!)
const url = await serve({ ...gateway.deps, db: limited })
afterAll(async () => {
  await limited.close()
  await run(`drop owned by ${role}`, `drop role ${role}`)
})

type Where = 'read' | 'write' | 'commit'
/** From now on this fails there, so many times. */
const failing = (place: Where, state: string, times = 1_000) =>
  run('delete from fault', `insert into fault values ('${place}', '${state}', ${times})`, 'alter sequence tries restart')
/** How often it was tried since. */
const tries = async (): Promise<number> => {
  const [row] = await db.query<{ count: number }>(sql`select case when is_called then last_value else 0 end::int as count from tries`)
  return row!.count
}
const people = async (): Promise<number> => (await db.query(sql`select from people where district_id = ${district.id}`)).length
beforeEach(() => run('delete from fault'))

let count = 0
const newcomer = () => ({ first: 'Ada', last: 'Lovelace', email: `newcomer-${count++}@example.org` })
const graphql = (query: string, variables: object) => raw(`${url}/graphql`, json({ query, variables }, bearer))
const reads: Record<string, () => Promise<RawAnswer>> = {
  REST: () => raw(`${url}/api/people/${somebody.id}`, { headers: bearer }),
  GraphQL: () => graphql('query ($id: ID!) { person(id: $id) { last } }', { id: somebody.id }),
}
const writes: Record<string, () => Promise<RawAnswer>> = {
  REST: () => raw(`${url}/api/people`, json(newcomer(), bearer)),
  GraphQL: () => graphql('mutation ($input: CreatePersonInput!) { createPerson(input: $input) { id } }', { input: newcomer() }),
}
const doors = ['REST', 'GraphQL'] as const

/** Each with the seconds after which to try again, and how often reads and writes are tried. */
const faults: readonly (readonly [state: string, retryAfter: number, reads: number, writes: number])[] = [
  ['25006', 3, 2, 2],
  ['40001', 1, 2, 2],
  ['40P01', 1, 2, 2],
  ['53100', 3, 1, 1],
  ['53200', 3, 1, 1],
  ['53300', 3, 1, 1],
  ['55P03', 2, 1, 1],
  ['57P01', 1, 2, 1],
  ['57P02', 1, 2, 1],
  ['57P03', 1, 2, 1],
  ['terminate', 1, 2, 1],
]

const expectUnavailable = ({ status, headers, json: body, text }: RawAnswer, retryAfter: number): void => {
  expect([status, headers['retry-after']], text).toEqual([503, String(retryAfter)])
  if (body.errors) expect(body.errors[0].extensions).toEqual({ code: 'UNAVAILABLE', retryAfter })
  expect(text).not.toContain('made to fail')
}

test('nothing fails that is not made to', async () => {
  for (const door of doors) {
    expect(await reads[door]!()).toMatchObject({ status: 200 })
    const { status, text } = await writes[door]!()
    expect([200, 201], text).toContain(status)
  }
})

describe.each(doors)('over %s', (door) => {
  test.each(faults)('%s in a read is 503 with Retry-After: %i, after %i tries', async (state, retryAfter, times) => {
    await failing('read', state)
    expectUnavailable(await reads[door]!(), retryAfter)
    expect(await tries()).toBe(times)
  })

  test.each(faults)('%s in a write is 503 with Retry-After: %i, and nothing is written', async (state, retryAfter, _reads, times) => {
    const before = await people()
    await failing('write', state)
    expectUnavailable(await writes[door]!(), retryAfter)
    expect([await tries(), await people()]).toEqual([times, before])
  })

  test.each(faults.filter(([, , times]) => times > 1))('%s once in a read is not noticed', async (state) => {
    await failing('read', state, 1)
    expect(await reads[door]!()).toMatchObject({ status: 200 })
  })

  test.each(faults.filter(([, , , times]) => times > 1))('%s once in a write is not noticed, and the work is done once', async (state) => {
    const before = await people()
    await failing('write', state, 1)
    const { status, text } = await writes[door]!()
    expect([200, 201], text).toContain(status)
    expect(await people()).toBe(before + 1)
  })

  test.each(['40001', '40P01'])('%s at COMMIT undoes all of a transaction, which is done once more', async (state) => {
    const before = await people()
    await failing('commit', state, 1)
    const { status, text } = await writes[door]!()
    expect([200, 201], text).toContain(status)
    expect([await tries(), await people()]).toEqual([2, before + 1])
    await failing('commit', state)
    expectUnavailable(await writes[door]!(), 1)
    expect([await tries(), await people()]).toEqual([2, before + 1])
  })

  test('a COMMIT that is lost is never repeated', async () => {
    const before = await people()
    await failing('commit', 'terminate')
    expectUnavailable(await writes[door]!(), 1)
    expect([await tries(), await people()]).toEqual([1, before])
  })
})

test('a COMMIT whose answer alone is lost is done once, and so is its retry with the same Idempotency-Key', async () => {
  const proxy = await startTcpProxy(db.url!)
  onTestFinished(() => proxy.close())
  const through = open(proxy.url)
  onTestFinished(() => through.close())
  const gatewayThrough = await serve({ ...gateway.deps, db: through })
  const body = newcomer()
  const write = () => raw(`${gatewayThrough}/api/people`, json(body, { ...bearer, 'Idempotency-Key': 'the same' }))
  const before = await people()

  await failing('commit', 'sleep', 1)
  const answer = write()
  const until = (condition: () => Promise<boolean>) => vi.waitUntil(condition, { timeout: 60_000, interval: 10 })
  await until(
    async () =>
      (await db.query(sql`select from pg_stat_activity where datname = current_database() and query = 'commit' and state = 'active'`))
        .length === 1,
  )
  proxy.hold()
  await until(async () => (await people()) === before + 1)
  proxy.cut()
  proxy.letGo()
  expectUnavailable(await answer, 1)
  expect(await tries()).toBe(1)

  let again = await write()
  await until(async () => again.status !== 503 || ((again = await write()), false)) // while connections come up again
  expect([again.status, again.json.email]).toEqual([201, body.email])
  expect(await people()).toBe(before + 1)
})
