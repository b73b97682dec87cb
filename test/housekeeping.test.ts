/** What has run out is deleted, a flood of it too, and nothing that is still good. */
import pino from 'pino'
import sql from 'sql-template-tag'
import { expect, test } from 'vitest'
import { startHousekeeping } from '../src/domain/housekeeping.ts'
import { testDatabase } from './support/database.ts'
import { createTestDistrict } from './support/fixtures.ts'
import { startGateway } from './support/gateway.ts'

const gateway = await startGateway()
const db = await testDatabase()
const count = async () => {
  const [row] = await db.query<{ requests: number; sessions: number }>(
    sql`select (select count(*)::int from login_requests) as requests, (select count(*)::int from sessions) as sessions`,
  )
  return row
}

test('login requests go after 24 hours and sessions when they expire, however many there are', async () => {
  const district = await createTestDistrict(db)
  const person = await district.person()
  const alive = await person.token()
  await db.query(
    sql`insert into login_requests (id, email_key, network, secret_id, mail_due_at, created_at)
        select 'old' || n, 'a@example.org', '127.0.0.1', 's', null, now() - interval '25 hours' from generate_series(1, 2500) n`,
  )
  await db.query(
    sql`insert into login_requests (id, email_key, network, secret_id, mail_due_at) values ('new', 'a@example.org', '127.0.0.1', 's', null)`,
  )
  await db.query(
    sql`insert into sessions (id, token_hash, district_id, person_id, email_key, expires_at)
        select 'old' || n, 'hash' || n, ${district.id}, ${person.id}, 'a@example.org', now() from generate_series(1, 2500) n`,
  )
  expect(await count()).toEqual({ requests: 2501, sessions: 2501 })
  const stop = startHousekeeping({ db, log: pino({ level: 'silent' }) })
  await expect.poll(count, { timeout: 30_000 }).toEqual({ requests: 1, sessions: 1 })
  await stop()
  expect((await gateway.rest('GET', '/api/me', { token: alive })).status).toBe(200)
})

test('guesses go after 24 hours, buckets when they are full, and trusted browsers after 180 days', async () => {
  const district = await createTestDistrict(db)
  const { id } = await district.person()
  for (const [which, spared] of [
    ['old', '0 seconds'],
    ['new', '1 hour'],
  ] as const) {
    await db.query(
      sql`insert into code_guesses (id, block, requests, people, cost, at)
          values (${which}, '192.0.2.0/24', '{}', '{}', 1, now() - interval '24 hours' + ${spared}::interval)`,
    )
    await db.query(sql`insert into request_buckets (key, full_at) values (${which}, now() + ${spared}::interval)`)
    await db.query(
      sql`insert into trusted_devices (district_id, person_id, token_hash, signed_in_at)
          values (${district.id}, ${id}, ${which}, now() - interval '180 days' + ${spared}::interval)`,
    )
  }
  const stop = startHousekeeping({ db, log: pino({ level: 'silent' }) })
  const left = () =>
    db.query(sql`select id from code_guesses union all select key from request_buckets union all select token_hash from trusted_devices`)
  await expect.poll(left, { timeout: 30_000 }).toEqual([{ id: 'new' }, { id: 'new' }, { id: 'new' }])
  await stop()
})

test('a database that is away is met again in the next round', async () => {
  const lines: string[] = []
  const log = pino({ level: 'warn' }, { write: (line: string) => void lines.push(line) })
  const stop = startHousekeeping({ db: { ...db, query: () => Promise.reject(new Error('away')) }, log })
  await stop()
  expect(lines.join('')).toContain('the next round tries again')
})
