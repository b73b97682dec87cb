/**
 * Whoever asks for a mail and then asks for something else, at once or over the seconds in which the mail goes out, is not answered later
 * after an address that somebody has than after one that nobody has: a gateway and a mailer as they run in production.
 */
import { randomBytes } from 'node:crypto'
import { Agent, request } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, expect, test } from 'vitest'
import { testDatabase } from '../support/database.ts'
import { startFakePostmark } from '../support/fake-postmark.ts'
import { createTestDistrict } from '../support/fixtures.ts'
import { newAddress } from '../support/http.ts'
import { startProcess } from '../support/process.ts'
import { shareLarger, shuffled } from '../support/ranks.ts'

const each = 1_000
/** So many spies side by side: one after the other they would take hours. */
const spies = 50
const paths = ['/livez', '/readyz'] as const
/** Milliseconds after the answer to the request: one after the other at first, where a mailer that was woken would be at it. */
const moments = [0, 2, 4, 6, 8, 10, 15, 20, 40, 100, 300, 700, 1_200, 1_800, 2_400, 3_000] as const
/** Of the pairs of one known and one unknown address: where nothing tells them apart, 1,000 of each leave it once in 300,000 times. */
const alike = [0.44, 0.56] as const

const db = await testDatabase()
const district = await createTestDistrict(db)
const postmark = await startFakePostmark()
afterAll(() => postmark.close())
const { url } = await startProcess(db.url!, { env: { ...postmark.environment(), TRUSTED_PROXY_HOPS: '1', LOG_LEVEL: 'warn' } })

type Kind = 'known' | 'unknown'
interface Spied {
  readonly kind: Kind
  readonly email: string
  readonly askedAtMs: number
  /** Milliseconds that each probe took, by its name. */
  readonly probes: ReadonlyMap<string, number>
}

/** Asks over a connection that stays open. @returns milliseconds until the whole answer, which must be a 200 */
async function timed(agent: Agent, path: string, email?: string): Promise<number> {
  const startedAt = performance.now()
  await new Promise<void>((resolve, reject) => {
    const headers = email === undefined ? {} : { 'Content-Type': 'application/json', 'X-Forwarded-For': newAddress() }
    const sent = request(url + path, { agent, method: email === undefined ? 'GET' : 'POST', headers }, (res) => {
      res.on('end', () => (res.statusCode === 200 ? resolve() : reject(new Error(`${path} answered ${res.statusCode}`)))).resume()
    })
    sent.on('error', reject).end(email === undefined ? undefined : JSON.stringify({ email }))
  })
  return performance.now() - startedAt
}

async function spyOn(agent: Agent, { kind, email }: Pick<Spied, 'kind' | 'email'>): Promise<Spied> {
  const askedAtMs = performance.now()
  await timed(agent, '/api/auth/request', email)
  const answeredAtMs = performance.now()
  const probes = new Map<string, number>()
  for (const moment of moments) {
    const early = answeredAtMs + moment - performance.now()
    if (early > 0) await sleep(early)
    await Promise.all(paths.map(async (path) => void probes.set(`${path} after ${moment} ms`, await timed(agent, path))))
  }
  return { kind, email, askedAtMs, probes }
}

test('a request for a mail makes what follows no slower for a known address than for an unknown one', { timeout: 1_800_000 }, async () => {
  const newEmail = () => `${randomBytes(8).toString('hex')}@example.org`
  const known = Array.from({ length: each }, newEmail)
  for (const email of known) await district.person({ email })
  const addresses = shuffled([
    ...known.map((email) => ({ kind: 'known' as const, email })),
    ...Array.from({ length: each }, () => ({ kind: 'unknown' as const, email: newEmail() })),
  ])
  const spied: Spied[] = []
  const spy = async (number: number): Promise<void> => {
    await sleep((number * 3_000) / spies) // no crowd at any moment
    const agent = new Agent({ keepAlive: true, maxSockets: paths.length })
    for (let next = addresses.pop(); next; next = addresses.pop()) spied.push(await spyOn(agent, next))
    agent.destroy()
  }
  await Promise.all(Array.from({ length: spies }, (_, number) => spy(number)))

  const took = (kind: Kind, name: string) => spied.filter((each) => each.kind === kind).map(({ probes }) => probes.get(name)!)
  const names = [...spied[0]!.probes.keys()]
  const shares = names.map((name) => [name, shareLarger(took('known', name), took('unknown', name))] as const)
  const all = (kind: Kind) => names.flatMap((name) => took(kind, name))
  const sums = (kind: Kind) => spied.filter((each) => each.kind === kind).map(({ probes }) => [...probes.values()].reduce((a, b) => a + b))
  const told = [
    ...shares,
    ['all', shareLarger(all('known'), all('unknown'))],
    ['the sum', shareLarger(sums('known'), sums('unknown'))],
  ] as const
  expect(told.filter(([, share]) => share < alike[0] || share > alike[1])).toEqual([])

  // And the mails are out by then: each within 5 s, and what the machine is late by.
  const lateMs = Math.max(...all('known'), ...all('unknown'))
  const waits = spied.flatMap(({ email, askedAtMs }) =>
    postmark.received.filter(({ email: { To } }) => To === email).map(({ atMs }) => atMs - askedAtMs),
  )
  expect(waits).toHaveLength(each)
  expect(Math.max(...waits)).toBeLessThan(5_000 + lateMs)
})
