/**
 * Gateways killed in the middle of sign-ins (SIGKILL, as a crash is): whenever it comes, a code or a link is used if and only if its
 * session exists, what was paid for a guess stays paid, and there is nothing to repair.
 */
import { randomInt } from 'node:crypto'
import sql from 'sql-template-tag'
import { afterAll, expect, test, vi } from 'vitest'
import { budget } from '../../src/domain/guessing.ts'
import { testDatabase } from '../support/database.ts'
import { startFakePostmark } from '../support/fake-postmark.ts'
import { createTestDistrict } from '../support/fixtures.ts'
import { json, newAddress, raw, type RawAnswer } from '../support/http.ts'
import { overhear } from '../support/leaks.ts'
import { type GatewayProcess, processesOn } from '../support/process.ts'

const kills = 200
/** A start takes most of a second: so many are on their way while the others are used and killed. */
const spares = 3

const db = await testDatabase()
const district = await createTestDistrict(db)
const postmark = await startFakePostmark()
afterAll(() => postmark.close())
const startProcess = processesOn(db.url!)
/** A gateway with an `application_name` of its own, by which pg_stat_activity shows its connections. */
interface Victim extends GatewayProcess {
  readonly name: string
}
const gateways: Victim[] = []
let started = 0
async function start(): Promise<Victim> {
  const name = `gateway-${++started}`
  const url = new URL(db.url!)
  url.searchParams.set('application_name', name)
  const gateway = await startProcess({ ...postmark.environment(), DATABASE_URL: url.href, TRUSTED_PROXY_HOPS: '1' })
  expect(await connectionsOf({ name })).not.toHaveLength(0)
  gateways.push({ ...gateway, name })
  return gateways.at(-1)!
}
const connectionsOf = ({ name }: Pick<Victim, 'name'>) => db.query(sql`select pid from pg_stat_activity where application_name = ${name}`)
/** Kills it, and waits until the server is through with what the dead one had already sent. */
async function killed(victim: Victim): Promise<void> {
  await victim.kill()
  await vi.waitUntil(async () => (await connectionsOf(victim)).length === 0, { timeout: 300_000, interval: 5 })
}

/** Each request from a network of its own: no limit of an address or a network is what is tested here. */
const fromElsewhere = () => ({ 'X-Forwarded-For': newAddress() })

interface Asked {
  readonly personId: string
  readonly email: string
  readonly code: string
  readonly token: string
}

/** So many ask for their mails at once: the mailer looks every second or two, and a code lives ten minutes. */
const askedAtOnce = 60
const waiting: Asked[] = []
/** Somebody new who asked for a mail, and has it. @param gateway is asked where nobody is left of those who asked before */
async function asked(gateway: GatewayProcess): Promise<Asked> {
  if (waiting.length === 0) waiting.push(...(await Promise.all(Array.from({ length: askedAtOnce }, () => mailed(gateway)))))
  return waiting.pop()!
}
async function mailed(gateway: GatewayProcess): Promise<Asked> {
  const { id, email } = await district.person()
  expect((await raw(`${gateway.url}/api/auth/request`, json({ email }, fromElsewhere()))).status).toBe(200)
  const { TextBody: text } = await vi.waitUntil(() => postmark.delivered.find(({ To }) => To === email), { timeout: 300_000, interval: 20 })
  return { personId: id, email, code: /\d{6}/.exec(text)![0], token: /#([\w-]{43})$/m.exec(text)![1]! }
}
const byCode = ({ url }: GatewayProcess, { code, email }: Asked) => raw(`${url}/api/auth/verify`, json({ code, email }, fromElsewhere()))
const byLink = ({ url }: GatewayProcess, { token }: Asked) => raw(`${url}/api/auth/verify/${token}`, { headers: fromElsewhere() })
const overheard = overhear()
const nobody = { personId: '', email: 'nobody@example.org', code: '000000', token: 'A'.repeat(43) }
/** Nothing where the connection ended before the answer did. */
const orNothing = (answer: Promise<RawAnswer>): Promise<RawAnswer | undefined> => answer.catch(() => undefined)

/** What one statement sees of a login request and of what hangs on it. */
interface State {
  readonly codeUsed: boolean
  readonly linkUsed: boolean
  readonly sessions: number
  readonly remembered: number
  readonly tries: number
  readonly paid: number
}
const states = (email?: string): Promise<State[]> =>
  db.query<State>(
    sql`select r.code_ended_at is not null as "codeUsed", r.link_ended_at is not null as "linkUsed",
          (select count(*)::int from sessions s where s.person_id = r.person_id) as sessions,
          (select count(*)::int from audit_events e join sessions s on e.record_id = s.id
            where e.action = 'SIGN_IN' and s.person_id = r.person_id) as remembered,
          r.code_attempts as tries, (select coalesce(sum(g.cost), 0)::int from code_guesses g where r.id = any(g.requests)) as paid
        from login_requests r where ${email ?? null}::text is null or r.email_key = ${email ?? null}`,
  )
/** All or nothing: used with its session and the trail's row, or not used; and each try that counts is paid for. */
function expectWhole({ codeUsed, linkUsed, sessions, remembered, tries, paid }: State): void {
  const used = sessions > 0
  expect({ sessions, codeUsed, linkUsed, remembered }).toEqual({
    sessions: used ? 1 : 0,
    codeUsed: used,
    linkUsed: used,
    remembered: sessions,
  })
  expect(paid).toBe(tries)
}
async function stateOf({ email }: Asked): Promise<State> {
  const [state] = await states(email)
  expectWhole(state!)
  return state!
}

test(
  `killed ${kills} times in the middle of sign-ins, a code or a link is used if and only if its session exists`,
  { timeout: 1_200_000 },
  async () => {
    const starting = Array.from({ length: 2 + spares }, start)
    const next = async (): Promise<Victim> => (await starting.shift())!
    let [victim, survivor] = [await next(), await next()]
    /** The moment of the kill is any within this span, which finds its own length: about as many come before the first answer as after the last. */
    let spanMs = 30
    const found = { answered: 0, signedInUnanswered: 0, paidInVain: 0, untouched: 0 }

    for (let kill = 0; kill < kills; kill++) {
      const [one, two, both] = [await asked(survivor), await asked(survivor), await asked(survivor)]
      for (let n = 0; n < 2; n++) await Promise.all([byLink(victim, nobody), byCode(victim, nobody)]) // a first time takes longer than any other
      const toVictim = [byCode(victim, one), byLink(victim, two), byCode(victim, both)].map(orNothing)
      const beside = byLink(survivor, both) // the link of the third, while its code is under way on the other gateway
      await new Promise((resolve) => setTimeout(resolve, randomInt(Math.ceil(spanMs * 1_000)) / 1_000))
      await killed(victim)
      const answers = await Promise.all(toVictim)
      const answeredBeside = await beside
      const answeredCount = answers.filter((answer) => answer !== undefined).length
      spanMs *= answeredCount === 0 ? 1.1 : answeredCount === answers.length ? 0.9 : 1

      for (const [n, each] of [one, two, both].entries()) {
        const seen = [answers[n], ...(each === both ? [answeredBeside] : [])].filter((answer) => answer !== undefined)
        await demandAllOrNothing(each, seen)
      }
      if (kill < kills - spares - 1) starting.push(start())
      ;[victim, survivor] = randomInt(2) === 0 ? [await next(), survivor] : [survivor, await next()]
    }
    await Promise.all(starting)

    // Since then 200 gateways have started, and none had anything to repair.
    const all = await states()
    expect(all).toHaveLength(3 * kills)
    for (const state of all) {
      expectWhole(state)
      expect(state.sessions).toBe(1)
    }
    const [{ spent } = { spent: NaN }] = await db.query<{ spent: number }>(
      sql`select coalesce(sum(cost), 0)::int as spent from code_guesses`,
    )
    expect(spent).toBe(all.reduce((sum, { paid }) => sum + paid, 0))
    expect(spent).toBeLessThanOrEqual(budget.units)
    // The kills came at every stage, or this test has shown nothing.
    for (const [stage, times] of Object.entries(found)) expect(times, stage).toBeGreaterThan(0)
    // What dies in the middle leaves no secret behind either.
    for (const { TextBody } of postmark.delivered) overheard.mailed(TextBody)
    await overheard.demandNoLeaks({ db, logLines: gateways.flatMap(({ output }) => output().split('\n')) })

    /** What is true after the kill, and that whoever was not signed in can be, on the gateway that is left. */
    async function demandAllOrNothing(each: Asked, answers: readonly RawAnswer[]): Promise<void> {
      const signedIn = answers.filter(({ status }) => status === 200)
      for (const { status } of answers) expect([200, 401]).toContain(status)
      expect(signedIn.length).toBeLessThanOrEqual(1)
      for (const answer of signedIn) await demandAlive(each, answer)
      const after = await stateOf(each)
      if (signedIn.length === 1) expect(after.sessions).toBe(1)

      if (after.sessions === 1) {
        found[signedIn.length === 1 ? 'answered' : 'signedInUnanswered']++
        for (const again of [await byCode(survivor, each), await byLink(survivor, each)]) expect(again.status).toBe(401)
        expect(await stateOf(each)).toEqual(after)
        return
      }
      found[after.paid > 0 ? 'paidInVain' : 'untouched']++
      const again = await byCode(survivor, each)
      expect(again.status).toBe(200)
      await demandAlive(each, again)
      const last = await stateOf(each)
      expect(last.sessions).toBe(1)
      expect(last.paid).toBe(after.paid)
    }
    async function demandAlive({ personId }: Asked, { json: { token } }: RawAnswer): Promise<void> {
      const me = await raw(`${survivor.url}/api/me`, { headers: { Authorization: `Bearer ${token}` } })
      expect([me.status, me.json.person?.id]).toEqual([200, personId])
      overheard.given(token)
    }
  },
)
