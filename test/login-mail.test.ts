/** The mail of a sign-in: sent after the answer, once, whatever becomes of the provider or of the process that sends it. */
import { randomBytes } from 'node:crypto'
import { afterAll, describe, expect, test, vi } from 'vitest'
import { otherwise } from './support/database.ts'
import { postmarkMail } from '../src/adapters/postmark.ts'
import { type Mail, MailDelayed, MailRefused, type Message } from '../src/domain/mail.ts'
import { secretId } from '../src/domain/tokens.ts'
import { type FakePostmark, startFakePostmark } from './support/fake-postmark.ts'
import { createTestDistrict, type PersonOptions } from './support/fixtures.ts'
import { startGateway } from './support/gateway.ts'
import { json, raw, serve } from './support/http.ts'
import { rowsAs } from './support/rows.ts'
import type { Statement } from '../src/sql/statement.ts'

/** What the provider does with the n-th mail to an address, from 1. It takes what nobody scripted. */
type Script = (attempt: number, message: Message) => Promise<void>
const scripts = new Map<string, Script>()
const tried: { message: Message; atMs: number }[] = []
const taken: Message[] = []
const provider: Mail = {
  async send(message) {
    tried.push({ message, atMs: performance.now() })
    await scripts.get(message.to)?.(triesTo(message.to).length, message)
    taken.push(message)
  },
}
const triesTo = (to: string) => tried.filter(({ message }) => message.to === to)
const takenFor = (to: string) => taken.filter((message) => message.to === to)

const postmark: FakePostmark = await startFakePostmark()
const gateway = await startGateway({ mail: provider, config: { magicLinkUrl: 'https://app.example.org/enter?t={token}' } })
const { db, deps } = gateway
const district = await createTestDistrict(db, { name: { en: 'North District', es: 'Distrito Norte' } })
afterAll(() => postmark.close())

async function person(script?: Script, options: PersonOptions = {}): Promise<string> {
  const { email } = await district.person({ email: `${randomBytes(8).toString('hex')}@example.org`, ...options })
  if (script) scripts.set(email, script)
  return email
}
const ask = (email: string, url = gateway.url) => raw(`${url}/api/auth/request`, json({ email }))
const rowsOf = (email: string) =>
  db.query(
    rowsAs<{
      id: string
      due: Date | null
      sent: Date | null
      error: string | null
      attempts: number
    }>`select id, mail_due_at as due, mail_sent_at as sent, mail_error as error, mail_attempts as attempts from login_requests where email_key = ${email} order by created_at`,
  )
const patience = { timeout: 20_000, interval: 25 }
const settled = (email: string) => vi.waitUntil(async () => (await rowsOf(email)).every(({ due }) => due === null), patience)
const until = (condition: () => boolean) => vi.waitUntil(condition, patience)
const linkOf = ({ text }: Message) => /^https?:\/\/\S+$/m.exec(text)![0]
const codeOf = ({ text }: Message) => /\d{6}/.exec(text)![0]
const fails = (message = 'the provider is down') => Promise.reject(new Error(message))

describe.concurrent('the mailer', () => {
  test("answers before the mail is sent: a provider that hangs delays neither the answer nor another's mail", async () => {
    const releases: (() => void)[] = []
    const hanging = await person(() => new Promise((resolve) => void releases.push(resolve)))
    const other = await person()
    expect((await ask(hanging)).text).toBe('{"ok":true,"message":"Check your email"}')
    await until(() => releases.length === 1)
    expect((await ask(hanging)).status).toBe(200)
    expect((await ask(other)).status).toBe(200)
    await until(() => takenFor(other).length === 1)
    await until(() => releases.length === 2)
    expect(takenFor(hanging)).toEqual([])
    for (const release of releases) release()
    await until(() => takenFor(hanging).length === 2)
  })

  test('tries again within 5 s of a failure, with the same code and the same link, until it is taken', async () => {
    const email = await person((attempt) => (attempt <= 2 ? fails() : Promise.resolve()))
    await ask(email)
    await until(() => takenFor(email).length === 1)
    const [first, second, third] = triesTo(email)
    expect(second!.atMs - first!.atMs).toBeLessThan(5_000)
    expect(second!.atMs - first!.atMs).toBeGreaterThan(900)
    expect(third!.atMs - second!.atMs).toBeGreaterThan(second!.atMs - first!.atMs > 2_000 ? 0 : 1_500)
    expect(second!.message).toEqual(first!.message)
    expect(third!.message).toEqual(first!.message)
    await settled(email)
    expect(await rowsOf(email)).toMatchObject([{ error: null, attempts: 3, sent: expect.any(Date) }])
    const { status } = await raw(`${gateway.url}/api/auth/verify`, json({ code: codeOf(third!.message), email }))
    expect(status).toBe(200)
  })

  test('never tries again what the provider refuses for good, and keeps why', async () => {
    const email = await person(() => Promise.reject(new MailRefused('Postmark answered 422, error code 406')))
    await ask(email)
    await settled(email)
    await new Promise((resolve) => setTimeout(resolve, 3_000))
    expect(triesTo(email)).toHaveLength(1)
    expect(await rowsOf(email)).toMatchObject([{ due: null, sent: null, attempts: 1, error: 'Postmark answered 422, error code 406' }])
    expect(gateway.logLines.some((line) => line.includes('sign-in mail refused for good'))).toBe(true)
  })

  test('waits as long as the provider asks', async () => {
    const email = await person((attempt) => (attempt === 1 ? Promise.reject(new MailDelayed('try again in 3 s', 3)) : Promise.resolve()))
    await ask(email)
    await until(() => takenFor(email).length === 1)
    const [first, second] = triesTo(email)
    expect(second!.atMs - first!.atMs).toBeGreaterThanOrEqual(2_950)
    expect(second!.atMs - first!.atMs).toBeLessThan(8_000)
  })

  test('sends what a process took and never sent, once its lease has run out', async () => {
    const email = await person()
    // The row as it stands after a crash between lease and send.
    const crashing = otherwise(db, {
      query: <Row>(statement: Statement<Row>) =>
        db.transaction(async (tx) => {
          const rows = await tx.query(statement)
          await tx.query(
            rowsAs`update login_requests set mail_attempts = 1, mail_due_at = now() + interval '2 seconds' where email_key = ${email}`,
          )
          return rows
        }),
    })
    const askedAtMs = performance.now()
    await ask(email, await serve({ ...deps, db: crashing }))
    await until(() => takenFor(email).length === 1)
    expect(triesTo(email)[0]!.atMs - askedAtMs).toBeGreaterThan(1_900)
    await settled(email)
    expect(triesTo(email)).toHaveLength(1)
    const { status } = await raw(`${gateway.url}/api/auth/verify`, json({ code: codeOf(takenFor(email)[0]!), email }))
    expect(status).toBe(200)
  })

  test('sends nothing any more when the code has expired', async () => {
    const email = await person((attempt) => (attempt === 1 ? fails() : Promise.resolve()))
    await ask(email)
    await until(() => triesTo(email).length === 1)
    await db.query(rowsAs`update login_requests set created_at = created_at - interval '10 minutes' where email_key = ${email}`)
    await settled(email)
    expect(triesTo(email)).toHaveLength(1)
    expect(await rowsOf(email)).toMatchObject([{ due: null, sent: null, error: expect.stringContaining('expired') }])
  })

  test('sends nothing any more when a newer request replaces the code', async () => {
    const email = await person((attempt) => (attempt === 1 ? fails() : Promise.resolve()))
    await ask(email)
    await until(() => triesTo(email).length === 1)
    await ask(email)
    await settled(email)
    expect(takenFor(email)).toHaveLength(1)
    expect(codeOf(takenFor(email)[0]!)).not.toBe(codeOf(triesTo(email)[0]!.message))
    expect(await rowsOf(email)).toMatchObject([{ sent: null }, { sent: expect.any(Date), error: null }])
  })

  test('sends nothing when a newer request is waiting already, whose mail would end this code at once', async () => {
    const email = await person()
    await db.query(
      rowsAs`insert into login_requests (id, email_key, network, secret_id, created_at, mail_due_at)
          values (${randomBytes(6).toString('hex')}, ${email}, '127.0.0.1', ${secretId(deps.secrets[0]!)}, now() - interval '1 second', now()),
                 (${randomBytes(6).toString('hex')}, ${email}, '127.0.0.1', ${secretId(deps.secrets[0]!)}, now(), now() + interval '4 seconds')`,
    )
    await settled(email)
    expect(takenFor(email)).toHaveLength(1)
    expect(await rowsOf(email)).toMatchObject([
      { sent: null, error: 'a newer mail replaces it' },
      { sent: expect.any(Date), error: null },
    ])
  })

  test('sends nothing any more when the person has been archived', async () => {
    const email = await person((attempt) => (attempt === 1 ? fails() : Promise.resolve()))
    await ask(email)
    await until(() => triesTo(email).length === 1)
    await db.query(rowsAs`update people set archived = true where email_key = ${email}`)
    await settled(email)
    expect(triesTo(email)).toHaveLength(1)
  })

  test('never sends after a sign-in: a mail still due is forgotten', async () => {
    const email = await person((attempt) => (attempt === 2 ? fails() : Promise.resolve()))
    await ask(email)
    await until(() => takenFor(email).length === 1)
    await settled(email)
    // As if the provider had taken it and this process had not learned of it.
    await db.query(rowsAs`update login_requests set mail_due_at = now(), mail_sent_at = null where email_key = ${email}`)
    await until(() => triesTo(email).length === 2)
    expect((await raw(`${gateway.url}/api/auth/verify`, json({ code: codeOf(takenFor(email)[0]!), email }))).status).toBe(200)
    await settled(email)
    await new Promise((resolve) => setTimeout(resolve, 4_000))
    expect(triesTo(email)).toHaveLength(2)
  })

  test("writes in the person's language, with the district's name in it, to the configured page", async () => {
    const email = await person(undefined, { language: 'es-MX', first: 'Inés' })
    await ask(email)
    await until(() => takenFor(email).length === 1)
    const [message] = takenFor(email)
    expect(message).toMatchObject({ to: email, tag: 'login' })
    expect(message!.subject).toContain('Distrito Norte')
    expect(message!.text).toContain('Inés')
    expect(linkOf(message!)).toMatch(/^https:\/\/app\.example\.org\/enter\?t=[A-Za-z0-9_-]{43}$/)
    expect(message!.html).toContain('lang="es"')
    expect(message!.html).toContain('#6e5dec')
    const { status } = await raw(`${gateway.url}/api/auth/verify/${linkOf(message!).split('t=')[1]}`)
    expect(status).toBe(200)
  })

  test('sends through Postmark as scripted: an error, a wait, and then the mail', async () => {
    const real = postmarkMail({ token: 'postmark-token', apiUrl: postmark.url, stream: 'outbound', from: 'gateway@example.org' })
    postmark.script({ status: 500, message: 'echo' }, { status: 429, headers: { 'Retry-After': '1' } })
    const email = await person((_attempt, message) => real.send(message))
    await ask(email)
    await until(() => takenFor(email).length === 1)
    expect(triesTo(email)).toHaveLength(3)
    expect(postmark.delivered).toMatchObject([
      { To: email, Tag: 'login', TrackOpens: false, TrackLinks: 'None', TextBody: takenFor(email)[0]!.text },
    ])
  })
})

test('the log tells of every mail by its request, and holds no code, link, token or address', () => {
  const log = gateway.logLines.join('')
  expect(log).toContain('sign-in mail sent')
  expect(log).toContain('sign-in mail not sent yet')
  expect(tried.length).toBeGreaterThan(10)
  for (const { message } of tried) {
    expect(log).not.toMatch(new RegExp(`(?<!\\d)${codeOf(message)}(?!\\d)`))
    expect(log).not.toContain(linkOf(message))
    expect(log).not.toContain(linkOf(message).split('t=')[1])
    expect(log).not.toContain(message.to)
  }
})
