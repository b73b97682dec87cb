/**
 * The mailer beside the requests: when it looks, what it holds while a mail is under way, and how long it waits when the provider or the
 * database does not do as it should. Requests come through the HTTP door of a gateway that sends nothing by itself.
 */
import { randomBytes } from 'node:crypto'
import { Writable } from 'node:stream'
import { setTimeout as sleep } from 'node:timers/promises'
import pino from 'pino'
import sql from 'sql-template-tag'
import { afterAll, describe, expect, test, type TestContext, vi } from 'vitest'
import { postmarkMail } from '../src/adapters/postmark.ts'
import { readConfig } from '../src/config.ts'
import type { Transactions, Deps } from '../src/deps.ts'
import type { Mail } from '../src/domain/mail.ts'
import { startMailer } from '../src/domain/mailer.ts'
import { Problem } from '../src/domain/problem.ts'
import { secretId } from '../src/domain/tokens.ts'
import { otherwise, testDatabase } from './support/database.ts'
import { startFakePostmark } from './support/fake-postmark.ts'
import { createTestDistrict } from './support/fixtures.ts'
import { json, newAddress, raw, serve } from './support/http.ts'

const db = await testDatabase()
const district = await createTestDistrict(db)
const postmark = await startFakePostmark()
afterAll(() => postmark.close())

const often = { untilNextLook: () => 10 }
const patience = { timeout: 60_000, interval: 10 }
const away = () => Promise.reject(new Problem('UNAVAILABLE', { retryAfter: 1 }))

/** A gateway with a secret key of its own, so that its mails are left to the mailers of one test, which end with it. */
async function quietGateway({ onTestFinished }: Pick<TestContext, 'onTestFinished'>) {
  const logLines: string[] = []
  const sent: string[] = []
  const deps: Deps = {
    db,
    mail: { send: async ({ to }) => void sent.push(to) },
    clock: Date,
    random: randomBytes,
    log: pino({ level: 'debug' }, new Writable({ write: (line: Buffer, _encoding, done) => (logLines.push(line.toString()), done()) })),
    config: { ...readConfig({}), trustedProxyHops: 1 },
    secrets: [randomBytes(32).toString('base64url')],
  }
  const url = await serve(deps)
  return {
    deps,
    sent,
    said: (line: string) => logLines.some((each) => each.includes(line)),
    /** Somebody new asks for a mail; @returns their address. */
    async asked(): Promise<string> {
      const { email } = await district.person()
      expect((await raw(`${url}/api/auth/request`, json({ email }, { 'X-Forwarded-For': newAddress() }))).status).toBe(200)
      return email
    },
    /** It hands everything to `mail`, and what it asks of the database passes `through` first. */
    mailer(mail: Mail['send'], through: Partial<Transactions> = {}, schedule: Parameters<typeof startMailer>[1] = often) {
      const mailer = startMailer({ ...deps, db: otherwise(db, through), mail: { send: mail } }, schedule)
      onTestFinished(() => mailer.stop())
      return mailer
    },
  }
}
/** What the database is asked passes here first, where it begins like this. */
const meeting = (part: string, meet: () => Promise<unknown>): Pick<Transactions, 'query'> => ({
  async query(statement) {
    if (statement.text.includes(part)) await meet()
    return db.query(statement)
  },
})
const rowOf = async (email: string) => {
  const [row] = await db.query<{ dueInSeconds: number | null; sent: Date | null; attempts: number }>(
    sql`select extract(epoch from mail_due_at - now())::float8 as "dueInSeconds", mail_sent_at as sent, mail_attempts as attempts
        from login_requests where email_key = ${email}`,
  )
  return row!
}
const isSent = async (email: string) => (await rowOf(email)).sent !== null
const statements = {
  look: 'nobodys as materialized',
  lease: 'mail_attempts = r.mail_attempts + 1',
  renewal: 'greatest(r.mail_due_at',
  sent: 'mail_sent_at = now()',
}

describe.concurrent('the wait before a retry', () => {
  const now = 'Tue, 24 Nov 2026 12:00:00 GMT'
  test.for([
    ['0'],
    ['-5'],
    ['1'],
    ['soon'],
    ['Tue, 24 Nov 2026 11:00:00 GMT'],
    ['Thu, 01 Jan 1970 00:00:00 GMT'],
    ['Tue, 24 Nov 2026 12:00:00 GMT'],
  ] as const)('is the own one where the provider asks for Retry-After: %s', async ([value], context) => {
    const gateway = await quietGateway(context)
    const email = await gateway.asked()
    postmark.scriptFor(email, ...Array.from({ length: 10_000 }, () => ({ status: 429, headers: { 'Retry-After': value, Date: now } })))
    const provider = postmarkMail({ token: 'token', apiUrl: postmark.url, stream: 'outbound', from: 'gateway@example.org' })
    gateway.mailer((message) => provider.send(message))
    const tries = () => postmark.received.filter(({ email: { To } }) => To === email).map(({ atMs }) => atMs)
    await vi.waitUntil(() => tries().length === 3, patience)
    const [first, second, third] = tries() as [number, number, number]
    expect(second - first).toBeGreaterThan(950)
    expect(third - second).toBeGreaterThan(1_950)
  })

  test.for([
    ['a day', '86400'],
    ['a number without an end', '9'.repeat(400)],
    ['the end of time', 'Fri, 31 Dec 9999 23:59:59 GMT'],
  ] as const)("is no longer than a code's life where the provider asks to wait for %s", async ([, value], context) => {
    const gateway = await quietGateway(context)
    const email = await gateway.asked()
    postmark.scriptFor(email, { status: 503, headers: { 'Retry-After': value, Date: now } })
    const provider = postmarkMail({ token: 'token', apiUrl: postmark.url, stream: 'outbound', from: 'gateway@example.org' })
    gateway.mailer((message) => provider.send(message))
    await vi.waitUntil(async () => ((await rowOf(email)).dueInSeconds ?? 0) > 100, patience)
    expect((await rowOf(email)).dueInSeconds).toBeLessThanOrEqual(600)
  })
})

describe.concurrent('a mail under way', () => {
  test('is sent once, by one, though the provider takes longer than any lease', async (context) => {
    const gateway = await quietGateway(context)
    const email = await gateway.asked()
    let tries = 0
    for (let n = 0; n < 3; n++) gateway.mailer(() => (tries++, sleep(8_000)))
    await vi.waitUntil(() => isSent(email), patience)
    expect({ tries, attempts: (await rowOf(email)).attempts }).toEqual({ tries: 1, attempts: 1 })
  })

  test('is sent once by a mailer that cannot renew its lease, which the log says', async (context) => {
    const gateway = await quietGateway(context)
    const email = await gateway.asked()
    let tries = 0
    gateway.mailer(() => (tries++, sleep(4_000)), meeting(statements.renewal, away))
    await vi.waitUntil(() => isSent(email), patience)
    expect(tries).toBe(1)
    expect(gateway.said('could not be renewed')).toBe(true)
  })

  test('is sent once where the database is away when the provider has taken it', async (context) => {
    const gateway = await quietGateway(context)
    const email = await gateway.asked()
    let [tries, failures] = [0, 0]
    gateway.mailer(
      async () => void tries++,
      meeting(statements.sent, () => (++failures <= 3 ? away() : Promise.resolve())),
    )
    await vi.waitUntil(() => isSent(email), patience)
    expect({ tries, failures }).toEqual({ tries: 1, failures: 4 })
    expect(gateway.said('sent, which could not be written down yet')).toBe(true)
  })

  test('is left to whoever has leased it since, by a mailer that was held up for longer than its lease', async (context) => {
    const gateway = await quietGateway(context)
    const email = await gateway.asked()
    const senders: string[] = []
    let goOn = () => {}
    const held = new Promise<void>((resolve) => (goOn = resolve))
    let hasIt = false
    const slow = { ...meeting(statements.renewal, () => held) }
    gateway.mailer(async () => void senders.push('held up'), {
      ...slow,
      async transaction(work) {
        hasIt = true
        await held
        return db.transaction(work)
      },
    })
    await vi.waitUntil(() => hasIt, patience)
    gateway.mailer(() => (senders.push('other'), goOn(), sleep(2_000)))
    await vi.waitUntil(() => isSent(email), patience)
    await vi.waitUntil(() => gateway.said('left to whoever has leased it since'), patience)
    expect(senders).toEqual(['other'])
  })
})

describe('a look', () => {
  test('is begun neither by a request nor by the end of a mail, and takes what was due when it began', async (context) => {
    const gateway = await quietGateway(context)
    const first = await gateway.asked()
    let goOn = () => {}
    const held = new Promise<void>((resolve) => (goOn = resolve))
    const begun: string[] = []
    gateway.mailer(({ to }) => (begun.push(to), held), {}, { untilNextLook: () => 3_600_000 })
    await vi.waitUntil(() => begun.length === 1, patience)
    for (let n = 0; n < 3; n++) await gateway.asked()
    goOn()
    await vi.waitUntil(() => isSent(first), patience)
    await gateway.asked()
    await sleep(1_500)
    expect(begun).toEqual([first])
  })

  test('comes at times of its own', async (context) => {
    const gateway = await quietGateway(context)
    const waits: number[] = []
    const looks: number[] = []
    const untilNextLook = () => waits[waits.push(200 + Math.random() * 200) - 1]!
    gateway.mailer(
      () => sleep(20),
      meeting(statements.look, async () => void looks.push(performance.now())),
      { untilNextLook },
    )
    while (looks.length < 10) await gateway.asked()
    for (const [n, at] of looks.slice(1).entries())
      expect(at - looks[0]!).toBeGreaterThan(waits.slice(0, n + 1).reduce((a, b) => a + b) - 60)
  })

  test('comes half a second to two after the one before, by chance', async (context) => {
    const gateway = await quietGateway(context)
    const waits: number[] = []
    const timers = vi.spyOn(globalThis, 'setTimeout').mockImplementation(((_act: () => void, ms: number) => waits.push(ms)) as never)
    try {
      for (let n = 0; n < 300; n++) await startMailer({ ...gateway.deps, db: otherwise(db, { query: away }) }).stop()
    } finally {
      timers.mockRestore()
    }
    expect(waits).toHaveLength(300)
    expect(Math.min(...waits)).toBeGreaterThanOrEqual(500)
    expect(Math.max(...waits)).toBeLessThan(2_000)
    // As many in each third: fewer than 50 of 300 come once in many million runs.
    for (const third of [0, 1, 2]) expect(waits.filter((ms) => Math.floor((ms - 500) / 500) === third).length).toBeGreaterThan(50)
  })

  test('works off a backlog alone, no more than 32 mails at once', async (context) => {
    const gateway = await quietGateway(context)
    const backlog = 200
    await db.query(
      sql`insert into people (district_id, id, first, last, email, email_key, language, tags, sort_name, terms)
          select ${district.id}, 'late-' || n, 'First', 'Last', 'late-' || n || '@example.org', 'late-' || n || '@example.org', 'en', '{}', 'last', '{}'
          from generate_series(1, ${backlog}) n`,
    )
    await db.query(
      sql`insert into login_requests (id, email_key, network, secret_id)
          select 'late-' || n, 'late-' || n || '@example.org', '127.0.0.1', ${secretId(gateway.deps.secrets[0]!)} from generate_series(1, ${backlog}) n`,
    )
    const sent = new Set<string>()
    let [now, most] = [0, 0]
    gateway.mailer(
      async ({ to }) => {
        most = Math.max(most, ++now)
        await sleep(100)
        now--
        sent.add(to)
      },
      {},
      { untilNextLook: () => 3_600_000 },
    )
    await vi.waitUntil(() => sent.size === backlog, patience)
    expect(most).toBeLessThanOrEqual(32)
    expect(most).toBeGreaterThan(16)
  })

  test('ends a flood of requests for addresses that nobody has together, even if they come while mails are taken', async (context) => {
    const gateway = await quietGateway(context)
    const flood = 2_500
    let coming = true
    gateway.mailer(
      async ({ to }) => void gateway.sent.push(to),
      meeting(statements.lease, async () => {
        if (!coming) return
        coming = false
        await db.query(
          sql`insert into login_requests (id, email_key, network, secret_id)
              select 'flood-' || n, 'nobody-' || n || '@example.org', '127.0.0.1', ${secretId(gateway.deps.secrets[0]!)}
              from generate_series(1, ${flood}) n`,
        )
      }),
    )
    await vi.waitUntil(() => !coming, patience)
    const email = await gateway.asked()
    await vi.waitUntil(() => gateway.sent.includes(email), patience)
    const ofFlood = () =>
      db.query<{ leased: boolean; due: boolean; error: string | null }>(
        sql`select mail_attempts > 0 as leased, mail_due_at is not null as due, mail_error as error from login_requests where id like 'flood-%'`,
      )
    await vi.waitUntil(async () => !(await ofFlood()).some(({ due }) => due), patience)
    const nobodys = await ofFlood()
    expect(nobodys.length).toBe(flood)
    expect(nobodys.filter(({ error }) => error !== 'nobody has this address')).toEqual([])
    expect(nobodys.filter(({ leased }) => leased).length).toBeLessThanOrEqual(32) // no more than are sent at once
  })
})
