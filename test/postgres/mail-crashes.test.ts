/**
 * Sign-in mails of gateways that are killed (SIGKILL) or share a queue: what was answered is sent within 5 s, by whoever is left; once, and
 * twice only where the crash fell between the provider's taking it and the row that says so.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import sql from 'sql-template-tag'
import { afterAll, expect, test, vi } from 'vitest'
import { testDatabase } from '../support/database.ts'
import { startFakePostmark } from '../support/fake-postmark.ts'
import { createTestDistrict } from '../support/fixtures.ts'
import { json, newAddress, raw } from '../support/http.ts'
import { type GatewayProcess, processesOn } from '../support/process.ts'

// A start takes as long as the machine is slow.
vi.setConfig({ testTimeout: 600_000 })

const db = await testDatabase()
const district = await createTestDistrict(db)
const postmark = await startFakePostmark()
afterAll(() => postmark.close())
const startProcess = processesOn(db.url!)

/** A gateway whose mails can be told from the others' at the provider, by its token there. */
interface Sender extends GatewayProcess {
  readonly name: string
}
let started = 0
async function start(): Promise<Sender> {
  const name = `gateway-${++started}`
  const gateway = await startProcess({
    ...postmark.environment(name),
    PUBLIC_URL: 'https://gateway.example.org',
    TRUSTED_PROXY_HOPS: '1',
  })
  return { ...gateway, name }
}

const fromElsewhere = () => ({ 'X-Forwarded-For': newAddress() })
const newEmail = async () => (await district.person()).email
async function ask({ url }: GatewayProcess, email: string): Promise<void> {
  expect((await raw(`${url}/api/auth/request`, json({ email }, fromElsewhere()))).status).toBe(200)
}
const verify = async ({ url }: GatewayProcess, email: string, text: string) =>
  (await raw(`${url}/api/auth/verify`, json({ code: /\d{6}/.exec(text)![0], email }, fromElsewhere()))).status

const triesOf = (email: string) => postmark.received.filter(({ email: { To } }) => To === email)
const sendersOf = (email: string) => triesOf(email).map(({ headers }) => headers['x-postmark-server-token'])
const textsFor = (email: string) => postmark.delivered.filter(({ To }) => To === email).map(({ TextBody }) => TextBody)
const rowOf = async (email: string) => {
  const [row] = await db.query<{ due: Date | null; sent: Date | null; error: string | null }>(
    sql`select mail_due_at as due, mail_sent_at as sent, mail_error as error from login_requests where email_key = ${email}`,
  )
  return row!
}
const patience = { timeout: 300_000, interval: 25 }
const until = (condition: () => boolean) => vi.waitUntil(condition, patience)
const settled = (emails: readonly string[]) =>
  vi.waitUntil(async () => {
    const waiting = await db.query(sql`select id from login_requests where email_key = any(${[...emails]}) and mail_due_at is not null`)
    return waiting.length === 0
  }, patience)

let survivor = await start()
/** While the survivor is paused, the others have the queue for themselves. */
async function withoutSurvivor(work: () => Promise<void>): Promise<void> {
  survivor.child.kill('SIGSTOP')
  try {
    await work()
  } finally {
    survivor.child.kill('SIGCONT')
  }
}
/** @returns 5 s, and what the machine is late by: the longest that the survivor took to answer meanwhile, in ms */
async function fiveSecondsDuring(work: Promise<unknown>): Promise<number> {
  let [slowestMs, isDone] = [0, false]
  const done = work.finally(() => (isDone = true))
  while (!isDone) {
    const askedAtMs = performance.now()
    await raw(`${survivor.url}/readyz`)
    slowestMs = Math.max(slowestMs, performance.now() - askedAtMs)
    await sleep(20)
  }
  await done
  return 5_000 + slowestMs
}

test('killed right after it answered, a gateway leaves its mails to the others, and none is lost', async () => {
  const kills = 12
  const next = [start(), start()]
  const asked: { email: string; victim: Sender }[] = []
  for (let n = 0; n < kills; n++) {
    const victim = (await next.shift())!
    if (n < kills - 2) next.push(start())
    const emails = await Promise.all(Array.from({ length: 6 }, newEmail))
    await Promise.all(emails.map((email) => ask(victim, email)))
    if (n % 2 === 1) await until(() => emails.some((email) => triesOf(email).length > 0)) // while they are sent
    await victim.kill()
    asked.push(...emails.map((email) => ({ email, victim })))
  }
  const emails = asked.map(({ email }) => email)
  await settled(emails)
  const killed = new Set(asked.map(({ victim }) => victim.name))
  for (const email of emails) {
    const [first, ...more] = textsFor(email)
    expect(first).toBeDefined()
    // Twice is right where the dead one's mail was taken, and it could not say so any more: then it is the same mail.
    expect(more.length).toBeLessThanOrEqual(1)
    if (more.length === 1) {
      expect(more).toEqual([first])
      const [one, other] = sendersOf(email)
      expect(killed).toContain(one)
      expect(other).not.toBe(one)
    }
    expect((await rowOf(email)).sent).not.toBeNull()
    expect(await verify(survivor, email, first!)).toBe(200)
  }
  expect(asked.filter(({ email, victim }) => sendersOf(email).at(-1) !== victim.name).length).toBeGreaterThan(0)
})

test('mails that were leased at the crash and not handed over yet are sent within 5 s of it', async () => {
  const victim = await start()
  const emails = await Promise.all(Array.from({ length: 32 }, newEmail))
  const leased = () => db.query(sql`select id from login_requests where email_key = any(${emails}) and mail_attempts > 0`)
  const handedOver = () => emails.filter((email) => triesOf(email).length > 0)
  await withoutSurvivor(async () => {
    await Promise.all(emails.map((email) => ask(victim, email)))
    await vi.waitUntil(async () => (await leased()).length > handedOver().length + 4, { ...patience, interval: 1 })
    await victim.kill()
  })
  const killedAtMs = performance.now()
  expect(handedOver().length).toBeLessThan(emails.length)
  const soonMs = await fiveSecondsDuring(settled(emails))
  for (const email of emails) {
    expect(triesOf(email).at(-1)!.atMs - killedAtMs).toBeLessThan(soonMs)
    const [first, ...more] = textsFor(email)
    expect([[], [first]]).toContainEqual(more)
  }
})

test('mails that were under way at the crash are tried again within 5 s of it, with the same code, and where the provider had taken none they are sent once', async () => {
  const victim = await start()
  const [lost, taken] = await Promise.all([0, 1].map(() => Promise.all(Array.from({ length: 6 }, newEmail))))
  for (const email of lost!) postmark.scriptFor(email, 'hang')
  for (const email of taken!) postmark.scriptFor(email, 'swallow')
  const emails = [...lost!, ...taken!]
  await withoutSurvivor(async () => {
    await Promise.all(emails.map((email) => ask(victim, email)))
    await until(() => emails.every((email) => triesOf(email).length === 1))
    await sleep(3_000) // longer than a lease that nobody renews
    await victim.kill()
  })
  const killedAtMs = performance.now()
  const soonMs = await fiveSecondsDuring(settled(emails))
  for (const email of emails) {
    expect(sendersOf(email)).toEqual([victim.name, survivor.name])
    expect(triesOf(email)[1]!.atMs - killedAtMs).toBeLessThan(soonMs)
    const [text] = textsFor(email)
    expect(textsFor(email)).toEqual(taken!.includes(email) ? [text, text] : [text])
    expect(await verify(survivor, email, text!)).toBe(200)
    expect(await verify(survivor, email, text!)).toBe(401)
  }
})

test('a recipient whose mails hang at the provider holds up neither the mails of others nor requests', async () => {
  const hanging = await newEmail()
  postmark.scriptFor(hanging, ...Array.from({ length: 100 }, () => 'hang' as const))
  await ask(survivor, hanging)
  await until(() => sendersOf(hanging).length === 1)
  const others = await Promise.all(Array.from({ length: 5 }, newEmail))
  await Promise.all(others.map((email) => ask(survivor, email)))
  await settled(others)
  for (const email of others) expect(textsFor(email)).toHaveLength(1)
  // Beside it and not after it: what hangs is given up after ten seconds, and has not been yet.
  expect(await rowOf(hanging)).toMatchObject({ due: expect.any(Date), error: null })
})

test('three gateways on one queue send each mail once, though the provider takes 8 s for it', async () => {
  const gateways = [survivor, await start(), await start()]
  const emails = await Promise.all(Array.from({ length: 3 * 32 }, newEmail)) // as many as they can have under way
  for (const email of emails) postmark.scriptFor(email, { status: 200, afterMs: 8_000 })
  await Promise.all(emails.map((email, n) => ask(gateways[n % gateways.length]!, email)))
  await settled(emails)
  for (const email of emails) expect(sendersOf(email)).toHaveLength(1)
  expect(new Set(emails.flatMap(sendersOf)).size).toBe(gateways.length)
  await Promise.all(gateways.slice(1).map((gateway) => gateway.kill()))
})

test("the provider's wish to wait, and its refusal for good, hold for whoever comes after the one that heard them", async () => {
  const [delayed, inactive] = [await newEmail(), await newEmail()]
  postmark.scriptFor(delayed, { status: 429, headers: { 'Retry-After': '7' } })
  postmark.scriptFor(inactive, 'inactive')
  const hearing = await start()
  await withoutSurvivor(async () => {
    for (const email of [delayed, inactive]) {
      await ask(hearing, email)
      await vi.waitUntil(async () => (await rowOf(email)).error !== null, patience)
    }
    await hearing.kill()
  })
  const after = await start()
  await settled([delayed])
  const [first, second, ...more] = postmark.received.filter(({ email: { To } }) => To === delayed)
  expect(more).toEqual([])
  expect(second!.atMs - first!.atMs).toBeGreaterThan(6_950)
  expect(textsFor(delayed)).toHaveLength(1)
  expect(sendersOf(inactive)).toHaveLength(1)
  expect(await rowOf(inactive)).toEqual({ due: null, sent: null, error: 'Postmark answered 422, error code 406' })
  await after.kill()
})

test('a mail that was under way when the only gateway died is tried again within 5 s by the same one, started again', async () => {
  await survivor.kill()
  const victim = await start()
  const email = await newEmail()
  postmark.scriptFor(email, 'hang')
  await ask(victim, email)
  await until(() => triesOf(email).length === 1)
  await victim.kill()
  const killedAtMs = performance.now()
  survivor = await start()
  const startedAfterMs = performance.now() - killedAtMs
  const soonMs = await fiveSecondsDuring(settled([email]))
  const [, second] = triesOf(email)
  // Where the start takes longer than the lease, it is the start that is waited for.
  expect(second!.atMs - killedAtMs).toBeLessThan(Math.max(soonMs, startedAfterMs + soonMs - 4_500))
  expect(textsFor(email)).toHaveLength(1)
})
