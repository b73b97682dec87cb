/** Signing in under contention, on a real server: many hands on one code, one link, one mail, through one gateway or two. */
import { randomInt } from 'node:crypto'
import { afterAll, describe, expect, test, vi } from 'vitest'
import { openServer } from '../../src/adapters/postgres-server.ts'
import type { Database } from '../../src/deps.ts'
import { startMailer } from '../../src/domain/mailer.ts'
import { otherwise } from '../support/database.ts'
import { createTestDistrict } from '../support/fixtures.ts'
import { startGateway } from '../support/gateway.ts'
import { json, newAddress, raw, serve } from '../support/http.ts'
import { holdOpen } from '../support/postgres.ts'
import { rowsAs } from '../support/rows.ts'

// One proxy in front, so that each request comes from the address that it names.
const gateway = await startGateway({ config: { trustedProxyHops: 1 } })
const { db, deps } = gateway
const district = await createTestDistrict(db)

/** A second gateway: another pool on the same database. */
const otherDb = openServer({ url: db.url!, directUrl: db.url!, pooled: false })
const urls = [gateway.url, await serve({ ...deps, db: otherDb })] as const
afterAll(() => otherDb.close())

const times = <Result>(count: number, act: (n: number) => Promise<Result>): Promise<Result[]> =>
  Promise.all(Array.from({ length: count }, (_, n) => act(n)))
/** Each second request goes to the second gateway; each comes from an address of its own, where none is named. */
const post = (n: number, path: string, body: object, { address = newAddress(), cookie }: { address?: string; cookie?: string } = {}) =>
  raw(urls[n % 2] + path, json(body, { 'X-Forwarded-For': address, ...(cookie === undefined ? {} : { Cookie: cookie }) }))
const verify = (n: number, body: object, from?: { address?: string; cookie?: string }) => post(n, '/api/auth/verify', body, from)
const ask = (n: number, email: string, from?: { address?: string; cookie?: string }) => post(n, '/api/auth/request', { email }, from)
const wrong = (code: string, by: number) => String((Number(code) + by) % 1_000_000).padStart(6, '0')
const count = (statuses: readonly { status: number }[]) =>
  statuses.reduce<Record<number, number>>((counts, { status }) => ({ ...counts, [status]: (counts[status] ?? 0) + 1 }), {})

async function mailed(from?: { cookie: string }) {
  const person = await district.person({ roles: { '1a': 1 } })
  await ask(0, person.email, from)
  return { person, email: person.email, ...(await gateway.nextMail(person.email)) }
}
const sessionsOf = async (personId: string) => (await db.query(rowsAs`select id from sessions where person_id = ${personId}`)).length
async function attemptsOf(email: string): Promise<number> {
  const [row] = await db.query(
    rowsAs<{ attempts: number }>`select code_attempts as attempts from login_requests where email_key = ${email}`,
  )
  return row!.attempts
}

describe.each(['code', 'link'] as const)('one %s', (kind) => {
  test('used 50 times at once through two gateways signs in exactly once', async () => {
    for (let round = 0; round < 5; round++) {
      const { person, email, code, token } = await mailed()
      const answers = await times(50, (n) =>
        kind === 'code' ? verify(n, { code, email }) : raw(`${urls[n % 2]}/api/auth/verify/${token}`),
      )
      expect(count(answers)).toEqual({ 200: 1, 401: 49 })
      expect(await sessionsOf(person.id)).toBe(1)
      const [winner] = answers.filter(({ status }) => status === 200)
      expect((await raw(`${urls[1]}/api/me`, { headers: { Authorization: `Bearer ${winner!.json.token}` } })).json.person.id).toBe(
        person.id,
      )
    }
  })
})

test('a code and its link used at once give one session', async () => {
  for (let round = 0; round < 10; round++) {
    const { person, email, code, token } = await mailed()
    const answers = await times(20, (n) => (n % 4 < 2 ? verify(n, { code, email }) : raw(`${urls[n % 2]}/api/auth/verify/${token}`)))
    expect(count(answers)).toEqual({ 200: 1, 401: 19 })
    expect(await sessionsOf(person.id)).toBe(1)
  }
})

/** Both gateways over again, and how many guesses they have paid for, which is what they compare. */
async function counted() {
  const paid = { guesses: 0 }
  const counting = (database: Database): Database =>
    otherwise(database, {
      transaction: (work) =>
        database.transaction((tx) =>
          work({
            tables: tx.tables,
            query: (statement) => {
              const [cost = 0] = statement.values.filter((value) => typeof value === 'number') // the only number of a guess
              if (statement.text.includes('insert into code_guesses') && cost > 0) paid.guesses++
              return tx.query(statement)
            },
          }),
        ),
    })
  return { paid, both: [await serve({ ...deps, db: counting(db) }), await serve({ ...deps, db: counting(otherDb) })] as const }
}

test('of 100 wrong guesses at once five are compared, through two gateways, and the right code comes too late', async () => {
  const { person, email, code, token } = await mailed()
  const { paid, both } = await counted()
  const answers = await times(100, (n) =>
    raw(`${both[n % 2]}/api/auth/verify`, json({ code: wrong(code, n + 1), email }, { 'X-Forwarded-For': newAddress() })),
  )
  expect(count(answers)).toEqual({ 401: 100 })
  expect(paid.guesses).toBe(5)
  expect(await attemptsOf(email)).toBe(5)
  expect((await verify(0, { code, email })).status).toBe(401)
  expect(await sessionsOf(person.id)).toBe(0)
  expect((await raw(`${urls[0]}/api/auth/verify/${token}`)).status).toBe(200)
})

test('of 40 wrong guesses at once from one address ten are compared, through two gateways', async () => {
  const people = await times(10, () => mailed())
  const { paid, both } = await counted()
  const address = newAddress()
  const answers = await times(40, (n) => {
    const { code, email } = people[n % 10]!
    return raw(`${both[n % 2]}/api/auth/verify`, json({ code: wrong(code, n + 1), email }, { 'X-Forwarded-For': address }))
  })
  expect(count(answers)).toEqual({ 401: 10, 429: 30 })
  expect(paid.guesses).toBe(10)
})

test('of 40 wrong guesses at once with ten left in the budget ten are compared, through two gateways', async () => {
  const people = await times(10, () => mailed())
  const { paid, both } = await counted()
  await db.query(rowsAs`delete from code_guesses`)
  await db.query(rowsAs`insert into code_guesses (id, block, requests, people, cost) values ('spent', '203.0.113.0/24', '{}', '{}', 490)`)
  const answers = await times(40, (n) => {
    const { code, email } = people[n % 10]!
    return raw(`${both[n % 2]}/api/auth/verify`, json({ code: wrong(code, n + 1), email }, { 'X-Forwarded-For': newAddress() }))
  })
  expect(count(answers)).toEqual({ 401: 10, 429: 30 })
  expect(paid.guesses).toBe(10)
  await db.query(rowsAs`delete from code_guesses`)
})

test('guesses that cannot be counted are refused, uncompared, and hold one connection of each gateway and no more', async () => {
  const { person, email, code } = await mailed()
  const letGo = await holdOpen(db.url!, 'select from guess_budget for update')
  let underWay = true
  const guesses = times(40, (n) => verify(n, { code, email })).finally(() => (underWay = false))
  let most = 0
  while (underWay) {
    const waiting = await db.query(
      rowsAs`select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock' and query like '%guess_budget%'`,
    )
    most = Math.max(most, waiting.length)
  }
  expect(most).toBeGreaterThan(0)
  expect(most).toBeLessThanOrEqual(2)
  expect(count(await guesses)).toEqual({ 503: 40 })
  expect(await attemptsOf(email)).toBe(0)
  await letGo()
  expect((await verify(0, { code, email })).status).toBe(200)
  expect(await sessionsOf(person.id)).toBe(1)
})

test('the right code among wrong ones at once signs in once or not at all, and no more than five are ever compared', async () => {
  let signedIn = 0
  for (let round = 0; round < 12; round++) {
    const { person, email, code } = await mailed()
    const place = randomInt(0, 8)
    const answers = await times(8, (n) => verify(n, { code: n === place ? code : wrong(code, n + 1), email }))
    const right = answers[place]!.status
    expect(count(answers.filter((_, n) => n !== place))).toEqual({ 401: 7 })
    expect([200, 401]).toContain(right)
    expect(await sessionsOf(person.id)).toBe(right === 200 ? 1 : 0)
    expect(await attemptsOf(email)).toBeLessThanOrEqual(5)
    if (right === 401) expect(await attemptsOf(email)).toBe(5)
    signedIn += right === 200 ? 1 : 0
  }
  expect(signedIn).toBeGreaterThan(0)
})

test("guesses at many people's codes at once, and their links, never wait for each other in a circle", async () => {
  const cookie = `browser=${'A'.repeat(43)}`
  const everybody = await times(20, () => mailed({ cookie }))
  // Each guess is held against all 20: one browser has asked for them.
  const [answers, links] = await Promise.all([
    times(80, (n) => verify(n, { code: wrong(everybody[n % 20]!.code, 1 + n) }, { cookie })),
    times(20, (n) => raw(`${urls[n % 2]}/api/auth/verify/${everybody[n]!.token}`)),
  ])
  expect(Object.keys(count(answers)).every((status) => status === '401' || status === '200')).toBe(true)
  expect(links.filter(({ status }) => status !== 200).length).toBeLessThanOrEqual(count(answers)[200] ?? 0)
})

test('a burst of 100 requests from one address is 30 through two gateways, and one of 10 for one person five', async () => {
  const address = newAddress()
  const startedAt = performance.now()
  const answers = await times(100, (n) => ask(n, `nobody-${n}@example.org`, { address }))
  const since = Math.floor((performance.now() - startedAt) / 10_000)
  const admitted = count(answers)[200]!
  expect(admitted).toBeGreaterThanOrEqual(30)
  expect(admitted).toBeLessThanOrEqual(30 + since)
  expect(count(answers)).toEqual({ 200: admitted, 429: 100 - admitted })
  expect(await db.query(rowsAs`select id from login_requests where network = ${address}`)).toHaveLength(admitted)

  const { email } = await district.person()
  expect(count(await times(10, (n) => ask(n, email)))).toEqual({ 200: 10 })
  expect(await db.query(rowsAs`select id from login_requests where email_key = ${email}`)).toHaveLength(5)
})

test('of requests at once for one person only the newest code lives', async () => {
  const person = await district.person()
  await times(5, (n) => ask(n, person.email))
  await expect
    .poll(
      async () =>
        (await db.query(rowsAs`select id from login_requests where email_key = ${person.email} and mail_due_at is not null`)).length,
      { timeout: 20_000 },
    )
    .toBe(0)
  const alive = await db.query(
    rowsAs`select id from login_requests where email_key = ${person.email} and code_mac is not null and code_ended_at is null and mail_sent_at is not null`,
  )
  expect(alive).toHaveLength(1)
})

test('two mailers on one queue send each mail once', async () => {
  const sent: string[] = []
  const slowly = { send: async ({ to }: { to: string }) => (await new Promise((resolve) => setTimeout(resolve, 15)), void sent.push(to)) }
  const often = { untilNextLook: () => 10 }
  const mailers = [db, otherDb, db].map((database) => startMailer({ ...deps, db: database, mail: slowly }, often))
  const people = await times(40, () => district.person())
  const before = gateway.mails.length
  await times(40, (n) => ask(n, people[n]!.email))
  const delivered = () => [...sent, ...gateway.mails.slice(before).map(({ to }) => to)]
  await expect.poll(() => delivered().length, { timeout: 20_000 }).toBeGreaterThanOrEqual(40)
  await new Promise((resolve) => setTimeout(resolve, 3_500)) // longer than a lease
  await Promise.all(mailers.map((mailer) => mailer.stop()))
  expect(delivered().toSorted()).toEqual(people.map(({ email }) => email).toSorted())
  expect(sent.length).toBeGreaterThan(0)
})

test('a row that somebody has locked does not keep the leases of other mails from being renewed', async () => {
  const tries: string[] = []
  const slow = { send: ({ to }: { to: string }) => (tries.push(to), new Promise<void>((resolve) => setTimeout(resolve, 5_000))) }
  const [locked, free] = [await district.person(), await district.person()]
  const secret = 'another-secret-key-of-32-characters'
  const elsewhere = await serve({ ...deps, secrets: [secret] }) // whose mails the other mailers leave alone
  for (const { email } of [locked, free]) await raw(`${elsewhere}/api/auth/request`, json({ email }, { 'X-Forwarded-For': newAddress() }))
  const mailers = [db, otherDb].map((database) =>
    startMailer({ ...deps, secrets: [secret], db: database, mail: slow }, { untilNextLook: () => 10 }),
  )
  await expect.poll(() => tries.length, { timeout: 60_000 }).toBe(2)
  await db.transaction(async (tx) => {
    await tx.query(rowsAs`select id from login_requests where email_key = ${locked.email} for update`)
    await new Promise((resolve) => setTimeout(resolve, 4_000))
  })
  await Promise.all(mailers.map((mailer) => mailer.stop()))
  expect(tries.filter((to) => to === free.email)).toHaveLength(1)
})

test('a session opened through one gateway ends for both at once', async () => {
  const { token } = await mailed()
  const {
    json: { token: session },
  } = await raw(`${urls[0]}/api/auth/verify/${token}`)
  const headers = { Authorization: `Bearer ${session}` }
  expect((await raw(`${urls[1]}/api/me`, { headers })).status).toBe(200)
  expect((await raw(`${urls[1]}/api/auth/logout`, { method: 'POST', headers })).status).toBe(200)
  expect((await raw(`${urls[0]}/api/me`, { headers })).status).toBe(401)
})

describe.each([
  ['ahead', 3_600_000],
  ['behind', -3_600_000],
])("with the application's clock an hour %s", (_where, offMs) => {
  test('codes, links and sessions live as long as ever', async () => {
    vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + offMs })
    try {
      const [byCode, byLink] = [await mailed(), await mailed()]
      const age = (email: string, interval: string) =>
        db.query(rowsAs`update login_requests set created_at = now() - ${interval}::interval where email_key = ${email}`)
      await age(byCode.email, '10 minutes')
      expect((await verify(0, { code: byCode.code, email: byCode.email })).status).toBe(401)
      await age(byCode.email, '9 minutes 50 seconds')
      expect((await verify(0, { code: byCode.code, email: byCode.email })).status).toBe(200)
      await age(byLink.email, '29 minutes 50 seconds')
      const {
        status,
        json: { token },
      } = await raw(`${urls[1]}/api/auth/verify/${byLink.token}`)
      expect(status).toBe(200)
      const [session] = await db.query(
        rowsAs<{
          exact: boolean
        }>`select abs(extract(epoch from expires_at - now() - interval '30 days')) < 60 as exact from sessions where person_id = ${byLink.person.id}`,
      )
      expect(session!.exact).toBe(true)
      expect((await raw(`${urls[0]}/api/me`, { headers: { Authorization: `Bearer ${token}` } })).status).toBe(200)
    } finally {
      vi.useRealTimers()
    }
  })
})

test('a gateway whose pool is closed answers 503, and signs nobody in', async () => {
  const closing = openServer({ url: db.url!, directUrl: db.url!, pooled: false })
  const url = await serve({ ...deps, db: closing })
  const { code, email } = await mailed()
  await closing.close()
  for (const answer of [
    await raw(`${url}/api/auth/verify`, json({ code, email })),
    await raw(`${url}/api/me`, { headers: { Authorization: `Bearer ${await district.key()}` } }),
    await raw(`${url}/readyz`),
  ]) {
    expect([answer.status, answer.text, answer.headers['retry-after']]).toEqual([
      503,
      '{"error":"The database does not answer. Try again in a moment."}',
      '1',
    ])
  }
  expect((await verify(0, { code, email })).status).toBe(200)
})
