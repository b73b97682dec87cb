/**
 * SECRET_KEY: a new key comes before the old one, and later takes its place alone, without signing anybody out or forgetting what was
 * counted; and whoever has the database without the key has nothing.
 */
import { createHash, createHmac, randomBytes } from 'node:crypto'
import { Writable } from 'node:stream'
import pino from 'pino'
import sql, { raw as verbatim } from 'sql-template-tag'
import { describe, expect, test, vi } from 'vitest'
import { readConfig } from '../src/config.ts'
import type { Deps } from '../src/deps.ts'
import { sealAll } from '../src/domain/audit-seal.ts'
import { verifyAuditTrail } from '../src/domain/audit-verify.ts'
import { failureLimits } from '../src/domain/guessing.ts'
import type { Message } from '../src/domain/mail.ts'
import { startMailer } from '../src/domain/mailer.ts'
import { codeMac, loginCode } from '../src/domain/tokens.ts'
import { testDatabase } from './support/database.ts'
import { createTestDistrict } from './support/fixtures.ts'
import { json, newAddress, raw, serve } from './support/http.ts'
import { overhear } from './support/leaks.ts'

const oldKey = 'the-old-secret-key-of-at-least-32-bytes'
const newKey = 'the-new-secret-key-of-at-least-32-bytes'

const db = await testDatabase()
const district = await createTestDistrict(db)
const mails: Message[] = []
const logLines: string[] = []
const basis: Omit<Deps, 'secrets'> = {
  db,
  mail: { send: async (message) => void mails.push(message) },
  clock: Date,
  random: randomBytes,
  log: pino({ level: 'debug' }, new Writable({ write: (line: Buffer, _encoding, done) => (logLines.push(line.toString()), done()) })),
  config: { ...readConfig({}), trustedProxyHops: 1 },
}

/** A gateway under these secret keys. */
async function under(...secrets: string[]) {
  const deps: Deps = { ...basis, secrets }
  const url = await serve(deps)
  return {
    deps,
    ask: async (email: string) => {
      expect((await raw(`${url}/api/auth/request`, json({ email }, fromElsewhere()))).status).toBe(200)
    },
    /** Sends what is waiting, and nothing while another gateway is meant to. */
    async sendMails() {
      const mailer = startMailer(deps, { untilNextLook: () => 10 })
      const waiting = () => db.query(sql`select id from login_requests where mail_due_at is not null`)
      await vi.waitUntil(async () => (await waiting()).length === 0, { timeout: 60_000, interval: 10 })
      await mailer.stop()
    },
    byCode: (code: string, email: string) => raw(`${url}/api/auth/verify`, json({ code, email }, fromElsewhere())),
    byLink: (token: string) => raw(`${url}/api/auth/verify/${token}`, { headers: fromElsewhere() }),
    districtOf: async (credential: string): Promise<string | undefined> =>
      (await raw(`${url}/api/me`, { headers: { Authorization: `Bearer ${credential}` } })).json.districtId,
    sealTrail: () => sealAll(deps),
    verifyTrail: async (districtId: string) => (await verifyAuditTrail(deps, { districtId })).chains[0]!,
  }
}
type Gateway = Awaited<ReturnType<typeof under>>
const [before, during, after] = [await under(oldKey), await under(newKey, oldKey), await under(newKey)]

const fromElsewhere = () => ({ 'X-Forwarded-For': newAddress() })

/** Somebody with a mail of this gateway. */
async function mailed(gateway: Gateway, email?: string) {
  const address = email ?? (await district.person()).email
  await gateway.ask(address)
  await gateway.sendMails()
  return { email: address, ...secretsIn(mails.findLast(({ to }) => to === address)!) }
}
const secretsIn = ({ text }: Message) => ({ code: /\d{6}/.exec(text)![0], token: /#([\w-]{43})$/m.exec(text)![1]! })
const wrong = (code: string) => String((Number(code) + 1) % 1_000_000).padStart(6, '0')

describe('when a new secret key is put before the old one, and the old one is taken away later', () => {
  test('sessions and API keys live on through all of it', async () => {
    const credentials = [await district.key()]
    for (const gateway of [before, during, after]) {
      const { email, code } = await mailed(gateway)
      credentials.push((await gateway.byCode(code, email)).json.token)
      for (const credential of credentials)
        for (const any of [before, during, after]) expect(await any.districtOf(credential)).toBe(district.id)
    }
    expect(credentials).toHaveLength(4)
  })

  test('a code and a link that were mailed under the old one work beside the new one, once', async () => {
    const [one, other] = [await mailed(before), await mailed(before)]
    expect((await during.byCode(one.code, one.email)).status).toBe(200)
    expect((await during.byCode(one.code, one.email)).status).toBe(401)
    expect((await during.byLink(one.token)).status).toBe(401)
    expect((await during.byLink(other.token)).status).toBe(200)
    expect((await during.byLink(other.token)).status).toBe(401)
    expect((await during.byCode(other.code, other.email)).status).toBe(401)
  })

  test('a mail that was asked for under the old one and not sent yet goes out, with a code that works', async () => {
    const { email } = await district.person()
    await before.ask(email)
    await during.sendMails()
    const { code } = secretsIn(mails.findLast(({ to }) => to === email)!)
    expect((await during.byCode(code, email)).status).toBe(200)
  })

  test('under the new one alone an old code is refused, and the link of the same mail still works', async () => {
    const { email, code, token } = await mailed(before)
    expect((await after.byCode(code, email)).status).toBe(401)
    expect((await after.byLink(token)).status).toBe(200)
    expect((await after.byLink(token)).status).toBe(401)
  })

  test('a code that was mailed under the new one means nothing to the old one alone', async () => {
    const { email, code } = await mailed(during)
    expect((await before.byCode(code, email)).status).toBe(401)
    expect((await during.byCode(code, email)).status).toBe(200)
  })

  test('a mail that was asked for under the new one is left by whoever knows the old one alone to those who know both', async () => {
    const [newer, older] = [await district.person(), await district.person()]
    await during.ask(newer.email)
    await before.ask(older.email)
    const behind = startMailer(before.deps, { untilNextLook: () => 10 })
    await vi.waitUntil(() => mails.some(({ to }) => to === older.email), { timeout: 60_000, interval: 10 })
    await behind.stop()
    expect(mails.filter(({ to }) => to === newer.email)).toEqual([])
    // Not taken and put back, which would make it late.
    expect(
      await db.query(sql`select mail_attempts as attempts, mail_error as error from login_requests where email_key = ${newer.email}`),
    ).toEqual([{ attempts: 0, error: null }])
    await during.sendMails()
    const { code } = secretsIn(mails.findLast(({ to }) => to === newer.email)!)
    expect((await during.byCode(code, newer.email)).status).toBe(200)
  })

  test("the tries of a code, and a person's fifty a day, are not given anew", async () => {
    const { email } = await district.person()
    const exhausted = await mailed(before)
    for (let n = 0; n < failureLimits.request; n++)
      expect((await (n < 3 ? before : during).byCode(wrong(exhausted.code), exhausted.email)).status).toBe(401)
    expect((await during.byCode(exhausted.code, exhausted.email)).status).toBe(401)

    for (let n = 0; n < failureLimits.personDay; n += failureLimits.request) {
      await db.query(sql`delete from request_buckets`) // time passes
      const { code } = await mailed(before, email)
      for (let tries = 0; tries < failureLimits.request; tries++) expect((await before.byCode(wrong(code), email)).status).toBe(401)
    }
    const [last, other] = [await mailed(during, email), await mailed(during)]
    expect((await during.byCode(last.code, email)).status).toBe(429)
    expect((await during.byCode(other.code, other.email)).status).toBe(200)
    expect((await during.byLink(last.token)).status).toBe(200)
  })

  test('the audit trail agrees across the change, and says which key is missing once the old one is gone', async () => {
    const elsewhere = await createTestDistrict(db) // where nobody has failed: such a row is open for a minute
    const { email } = await elsewhere.person()
    const signIn = async (gateway: Gateway) => {
      const { token } = await mailed(gateway, email)
      expect((await gateway.byLink(token)).status).toBe(200)
      await gateway.sealTrail()
    }
    await signIn(before)
    await signIn(during)
    expect(await during.verifyTrail(elsewhere.id)).toMatchObject({ fault: undefined, rows: 2, unsealed: 0 })
    const keys = await db.query(sql`select distinct secret_id from audit_events where district_id = ${elsewhere.id}`)
    expect(keys).toHaveLength(2)
    expect((await after.verifyTrail(elsewhere.id)).fault).toMatch(/key that is not in SECRET_KEY/)
  })
})

describe('a stolen database', () => {
  /** Every value of every row, as text. */
  async function dump(): Promise<string[]> {
    const tables = await db.query<{ name: string }>(sql`select tablename as name from pg_tables where schemaname = 'public'`)
    const rows = await Promise.all(
      tables.map(({ name }) => db.query<{ row: object }>(sql`select to_jsonb(t) as row from ${verbatim(`"${name}"`)} t`)),
    )
    return rows.flat().flatMap(({ row }) => Object.values(row).flatMap(textsIn))
  }
  const textsIn = (value: unknown): string[] =>
    value === null ? [] : typeof value === 'object' ? Object.values(value).flatMap(textsIn) : [String(value as string | number | boolean)]

  test('gives no code away, by whatever hash, salt or guessable key: there is nothing to try a million codes against', async () => {
    const waiting = [await mailed(before), await mailed(during)]
    const used = await mailed(during)
    expect((await during.byCode(wrong(used.code), used.email)).status).toBe(401)
    expect((await during.byCode(used.code, used.email)).status).toBe(200)
    const values = new Set(await dump())
    for (const { code, email } of [...waiting, used]) {
      const [row] = await db.query<{ row: Record<string, unknown> }>(
        sql`select to_jsonb(r) as row from login_requests r where r.email_key = ${email}`,
      )
      // Everything that stands beside the code's hash, and what is written where nobody chose a key.
      const guessable = [...textsIn(row!.row), '', 'secret', 'SECRET_KEY', 'changeme', 'login-code', 'login-code-at-rest', '0'.repeat(32)]
      expect(values.has(row!.row['code_mac'] as string)).toBe(true)
      for (const hashed of guessable.flatMap((guess) => hashesOf(code, guess))) expect(values).not.toContain(hashed)
      const draw = row!.row['code_draw'] as number
      for (const guess of guessable) {
        expect(codeMac(guess, code)).not.toBe(row!.row['code_mac'])
        expect(loginCode(guess, row!.row['id'] as string, draw)).not.toBe(code)
      }
      // And the same comes to the code with the key: what is tried above is what would work.
      const secret = [oldKey, newKey].find((key) => codeMac(key, code) === row!.row['code_mac'])
      expect(loginCode(secret!, row!.row['id'] as string, draw)).toBe(code)
    }
  })

  /** Whatever somebody might make of a code and a text beside it. */
  function hashesOf(code: string, guess: string): string[] {
    const algorithms = ['md5', 'sha1', 'sha256', 'sha512']
    const digests = algorithms.flatMap((algorithm) => [
      ...[code, `${guess}${code}`, `${code}${guess}`, `${guess}:${code}`, `${code}:${guess}`].map((text) =>
        createHash(algorithm).update(text).digest(),
      ),
      createHmac(algorithm, guess).update(code).digest(),
      createHmac(algorithm, code).update(guess).digest(),
    ])
    return [code, ...digests.flatMap((digest) => (['hex', 'base64', 'base64url'] as const).map((encoding) => digest.toString(encoding)))]
  }

  test('holds no code, link, token or key, nor does the log', async () => {
    const overheard = overhear()
    const { code, token, email } = await mailed(during)
    const session = (await during.byCode(code, email)).json.token as string
    const key = await district.key()
    for (const { text } of mails) overheard.mailed(text)
    for (const secret of [session, key]) overheard.given(secret)
    await overheard.demandNoLeaks({ db, logLines })
    expect(logLines.length).toBeGreaterThan(0)

    // What was looked for is found where there is something to find.
    for (const secret of [code, token, session, key]) {
      for (const text of [secret, `"${secret}"`, `/api/auth/verify/${secret}`, `Bearer ${secret}.`])
        await expect(overheard.demandNoLeaks({ logLines: [...logLines, text] })).rejects.toThrow(`the log holds the secret ${secret}`)
      await db.query(sql`update districts set name = ${JSON.stringify({ en: `The secret: ${secret}` })}::jsonb where id = ${district.id}`)
      await expect(overheard.demandNoLeaks({ db })).rejects.toThrow(`the table districts holds the secret ${secret}`)
    }
    for (const coincidence of [`1${code}`, `0.${code}`, `a${code}`, `${code}-`, `{"pid":${code},"level":30}`, token.slice(1)])
      await overheard.demandNoLeaks({ logLines: [coincidence] })
  })
})
