/**
 * Sign-in mails of gateways that are killed (SIGKILL) or share a queue: what was answered is sent, by whoever is left; once, and twice
 * only where the crash fell between the provider's taking it and the row that says so.
 */
import sql from 'sql-template-tag'
import { afterAll, expect, test, vi } from 'vitest'
import { testDatabase } from '../support/database.ts'
import { startFakePostmark } from '../support/fake-postmark.ts'
import { createTestDistrict } from '../support/fixtures.ts'
import { json, newAddress, raw } from '../support/http.ts'
import { type GatewayProcess, processesOn } from '../support/process.ts'

// A lease has to run out, and a start takes as long as the machine is slow.
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

const sendersOf = (email: string) =>
  postmark.received.filter(({ email: { To } }) => To === email).map(({ headers }) => headers['x-postmark-server-token'])
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

const survivor = await start()

test('killed right after it answered, a gateway leaves its mails to the others, and none is lost', async () => {
  const kills = 12
  const next = [start(), start()]
  const asked: { email: string; victim: Sender }[] = []
  for (let n = 0; n < kills; n++) {
    const victim = (await next.shift())!
    if (n < kills - 2) next.push(start())
    const emails = await Promise.all([newEmail(), newEmail(), newEmail()])
    await ask(victim, await newEmail()) // a first time takes longer than any other
    await Promise.all(emails.map((email) => ask(victim, email)))
    if (n % 2 === 1) await new Promise((resolve) => setTimeout(resolve, n)) // while it sends them
    await victim.kill()
    asked.push(...emails.map((email) => ({ email, victim })))
  }
  await settled(asked.map(({ email }) => email))
  for (const { email, victim } of asked) {
    const [first, ...more] = textsFor(email)
    expect(first).toBeDefined()
    // Twice is right where the dead one's mail was taken, and it could not say so any more: then it is the same mail.
    expect(more.length).toBeLessThanOrEqual(1)
    if (more.length === 1) {
      expect(more).toEqual([first])
      const [one, other] = sendersOf(email)
      expect(one).toBe(victim.name)
      expect(other).not.toBe(victim.name)
    }
    expect((await rowOf(email)).sent).not.toBeNull()
    expect(await verify(survivor, email, first!)).toBe(200)
  }
  expect(asked.filter(({ email, victim }) => sendersOf(email).at(-1) !== victim.name).length).toBeGreaterThan(0)
})

test('a mail that was under way at the crash is sent once where the provider had not taken it, and else again with the same code', async () => {
  const [lost, taken] = [await newEmail(), await newEmail()]
  postmark.scriptFor(lost, 'hang')
  postmark.scriptFor(taken, 'swallow')
  for (const email of [lost, taken]) {
    const victim = await start()
    await ask(victim, email)
    await until(() => sendersOf(email).length === 1)
    await victim.kill() // now and then the other one was quicker to take the mail: it sends again when it has waited long enough
  }
  await settled([lost, taken])
  expect(textsFor(lost)).toHaveLength(1)
  const [first, second, ...more] = textsFor(taken)
  expect([second, more]).toEqual([first, []])
  for (const email of [lost, taken]) {
    expect(sendersOf(email).at(-1)).toBe(survivor.name)
    expect(await verify(survivor, email, textsFor(email)[0]!)).toBe(200)
    expect(await verify(survivor, email, textsFor(email)[0]!)).toBe(401)
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
  // Beside it and not after it: what hangs is given up after eight seconds, and has not been yet.
  expect(await rowOf(hanging)).toMatchObject({ due: expect.any(Date), error: null })
})

test('three gateways on one queue send each mail once, those too that the provider is slow to take', async () => {
  const gateways = [survivor, await start(), await start()]
  const emails = await Promise.all(Array.from({ length: 45 }, newEmail))
  // Longer than the others take to look again.
  for (const email of emails.slice(0, 15)) postmark.scriptFor(email, { status: 200, afterMs: 3_000 })
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
  for (const email of [delayed, inactive]) {
    await ask(hearing, email)
    await vi.waitUntil(async () => (await rowOf(email)).error !== null, patience)
  }
  await hearing.kill()
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
