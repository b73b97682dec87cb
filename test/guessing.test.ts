/** Guessing at codes: where each limit lies, and that the gateway counts, second by second, what a model of its rules counts. */
import { randomInt } from 'node:crypto'
import fc from 'fast-check'
import sql from 'sql-template-tag'
import { describe, expect, test } from 'vitest'
import type { Queryable } from '../src/deps.ts'
import { coarseNetwork, networkOf, siteOf } from '../src/domain/client.ts'
import {
  alertPercentOf,
  alertPercents,
  budget,
  type Candidate,
  failureLimits,
  type Failures,
  judge,
  networkFactors,
  type Standing,
  type Tally,
} from '../src/domain/guessing.ts'
import { addressMac, hashToken } from '../src/domain/tokens.ts'
import { otherwise, type TestDatabase, testDatabase } from './support/database.ts'
import { createTestDistrict } from './support/fixtures.ts'
import { startGateway } from './support/gateway.ts'
import { codeAlive, linkAlive } from '../src/domain/login-requests.ts'
import {
  type Asker,
  createGuessModel,
  dayMs,
  type Guess,
  type GuessModel,
  hourMs,
  minuteMs,
  type Requested,
  secondMs,
} from './support/guess-model.ts'
import { json, raw, type RawAnswer } from './support/http.ts'
import type { Statement } from '../src/sql/statement.ts'
import { rowsAs } from './support/rows.ts'

describe('a verdict', () => {
  const counted = (count: number, freesInSeconds = count === 0 ? 0 : 100): Tally => ({ count, freesInSeconds })
  const none = counted(0)
  const candidate = (changes: Partial<Candidate> = {}): Candidate => ({
    id: 'a',
    tries: 0,
    personDay: none,
    trustedDay: none,
    isTrusted: false,
    ...changes,
  })
  const failed = (hour: number, day: number, factor = 1): Failures => ({ hour: counted(hour, 50), day: counted(day, 5_000), factor })
  const verdict = (changes: Partial<Standing> = {}) =>
    judge({ own: false, candidates: [candidate()], failures: [failed(0, 0)], spent: none, spentByNetwork: none, ...changes })
  const held = (requests: string[], cost = requests.length) => ({ kind: 'compare', requests, cost, trusted: false })
  const trusted = (...requests: string[]) => ({ kind: 'compare', requests, cost: 0, trusted: true })
  const refused = (retryAfterSeconds: number) => ({ kind: 'refuse', retryAfterSeconds })
  const many = (count: number, changes: Partial<Candidate> = {}) =>
    Array.from({ length: count }, (_, n) => candidate({ id: `c${n}`, ...changes }))
  const idsOf = (candidates: readonly Candidate[]) => candidates.map(({ id }) => id)

  test.each<[string, Partial<Standing>, unknown]>([
    ['nothing to hold it against', { candidates: [] }, { kind: 'vain' }],
    ['one code', {}, held(['a'])],
    ['three codes: three units', { candidates: many(3) }, held(['c0', 'c1', 'c2'])],

    ['the fifth try of a code', { candidates: [candidate({ tries: 4 })] }, held(['a'])],
    ['the sixth', { candidates: [candidate({ tries: 5 })] }, { kind: 'vain' }],
    ['the sixth of one code and the first of another', { candidates: [candidate({ tries: 5 }), candidate({ id: 'b' })] }, held(['b'])],

    ["a person's 50th failure of the day", { candidates: [candidate({ personDay: counted(49) })] }, held(['a'])],
    ['the 51st', { candidates: [candidate({ personDay: counted(50, 70) })] }, refused(70)],
    [
      'the 51st of one person and the first of another',
      { candidates: [candidate({ personDay: counted(50) }), candidate({ id: 'b' })] },
      held(['b']),
    ],
    [
      'the 51st of two people: until the first of them is free',
      { candidates: [candidate({ personDay: counted(50, 70) }), candidate({ personDay: counted(50, 30) })] },
      refused(30),
    ],
    [
      'the 51st of a person whose code has no tries left',
      { candidates: [candidate({ tries: 5, personDay: counted(50) })] },
      { kind: 'vain' },
    ],

    ["an address's tenth failure of the hour", { failures: [failed(9, 9)] }, held(['a'])],
    ['the eleventh', { failures: [failed(10, 10)] }, refused(50)],
    ["an address's twentieth failure of the day", { failures: [failed(0, 19)] }, held(['a'])],
    ['the 21st', { failures: [failed(0, 20)] }, refused(5_000)],
    ['the 21st, ten of them within the hour', { failures: [failed(10, 20)] }, refused(5_000)],
    ['the 21st with nothing to hold it against', { failures: [failed(0, 20)], candidates: [] }, refused(5_000)],
    ["a /56's 40th of the hour", { failures: [failed(0, 0), failed(39, 39, 4)] }, held(['a'])],
    ['the 41st', { failures: [failed(0, 0), failed(40, 40, 4)] }, refused(50)],
    ["a /48's 320th of the day", { failures: [failed(0, 0), failed(0, 0, 4), failed(0, 319, 16)] }, held(['a'])],
    ['the 321st', { failures: [failed(0, 0), failed(0, 0, 4), failed(0, 320, 16)] }, refused(5_000)],
    ['the 21st of an address, with the cookie of its own request', { own: true, failures: [failed(10, 20)] }, held(['a'])],
    ['the sixth try, with the cookie of its own request', { own: true, candidates: [candidate({ tries: 5 })] }, { kind: 'vain' }],
    [
      'the 51st of a person, with the cookie of its own request',
      { own: true, candidates: [candidate({ personDay: counted(50, 70) })] },
      refused(70),
    ],

    ['the 500th unit of the day', { spent: counted(499) }, held(['a'])],
    ['the 501st', { spent: counted(500) }, refused(100)],
    ['the 499th and two more', { spent: counted(498), candidates: many(2) }, held(['c0', 'c1'])],
    ['the 500th and one more', { spent: counted(499), candidates: many(2) }, refused(100)],
    ["a network's twentieth unit of the day", { spentByNetwork: counted(19) }, held(['a'])],
    ['the 21st', { spentByNetwork: counted(20, 80) }, refused(80)],
    ['twenty codes at once', { candidates: many(20) }, held(idsOf(many(20)))],
    ['21 codes at once: until there are fewer', { candidates: many(21) }, refused(60)],
    ['both spent: until both are free', { spent: counted(500, 10), spentByNetwork: counted(20, 80) }, refused(80)],
    ['the 501st, with the cookie of its own request', { own: true, spent: counted(500) }, refused(100)],

    ['budget left, from a browser that has signed in before', { candidates: [candidate({ isTrusted: true })] }, held(['a'])],
    ['no budget left, from such a browser', { spent: counted(500), candidates: [candidate({ isTrusted: true })] }, trusted('a')],
    [
      'no budget of the network left, from such a browser',
      { spentByNetwork: counted(20), candidates: [candidate({ isTrusted: true })] },
      trusted('a'),
    ],
    [
      'no budget left, the fifth of the day from such a browser',
      { spent: counted(500), candidates: [candidate({ isTrusted: true, trustedDay: counted(4) })] },
      trusted('a'),
    ],
    [
      'no budget left, the sixth of the day from such a browser',
      { spent: counted(500), candidates: [candidate({ isTrusted: true, trustedDay: counted(5) })] },
      refused(100),
    ],
    [
      'no budget left, several people of whom one has signed in there before',
      { spent: counted(500), candidates: [candidate(), candidate({ id: 'b', isTrusted: true })] },
      trusted('b'),
    ],
    [
      'no budget left, from such a browser at an address that has failed too often',
      { spent: counted(500), failures: [failed(10, 10)], candidates: [candidate({ isTrusted: true })] },
      refused(50),
    ],
  ])('on a guess: %s', (_what, standing, expected) => {
    expect(verdict(standing)).toEqual(expected)
  })

  test('the log hears of each quarter of the budget that has been spent', () => {
    expect([0, 124, 125, 249, 250, 374, 375, 499, 500].map(alertPercentOf)).toEqual([0, 0, 25, 25, 50, 50, 75, 75, 100])
    expect(alertPercents).toEqual([25, 50, 75, 100])
  })
})

describe('the gateway counts as the model does, and answers alike, step by step', async () => {
  const seed = 20261125
  const scriptsEach = 4

  const real = await testDatabase()
  const { setClock, db } = await onTestClock(real)
  const gateway = await startGateway({ config: { trustedProxyHops: 1 }, db })
  const district = await createTestDistrict(real)
  const people = [await district.person(), await district.person(), await district.person()]
  const emails = [...people.map(({ email }) => email), 'nobody@example.org']
  const emailOfMac = new Map(emails.map((email) => [addressMac(gateway.deps.secrets[0]!, email), email]))

  /** Two IPv4 addresses of one network and one of another; two /64 of one /56, one more of its /48, and a stranger. */
  const addresses = [
    '203.0.113.7',
    '203.0.113.8',
    '198.51.100.9',
    '2001:db8:1:100::1',
    '2001:db8:1:101::1',
    '2001:db8:1:200::1',
    '2001:db8:2::1',
  ]
  const address = fc.constantFrom(...addresses)
  const browser = fc.constantFrom(undefined, 0, 1, 2)
  const step = fc.oneof(
    { weight: 4, arbitrary: fc.record({ kind: fc.constant('ask' as const), person: fc.nat(3), address, browser }) },
    // As a person does who has asked: from the same browser and address.
    { weight: 2, arbitrary: fc.record({ kind: fc.constant('mistype' as const), person: fc.nat(3) }) },
    { weight: 3, arbitrary: fc.record({ kind: fc.constant('type' as const), person: fc.nat(3) }) },
    {
      weight: 4,
      arbitrary: fc.record({
        kind: fc.constant('guess' as const),
        person: fc.constantFrom(undefined, 0, 1, 2, 3),
        times: fc.integer({ min: 1, max: 4 }),
        address,
        browser,
      }),
    },
    {
      weight: 2,
      arbitrary: fc.record({ kind: fc.constant('know' as const), person: fc.nat(2), withEmail: fc.boolean(), address, browser }),
    },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant('follow' as const), person: fc.nat(2), address, browser }) },
    {
      weight: 2,
      arbitrary: fc.record({
        kind: fc.constant('wait' as const),
        ms: fc.constantFrom(
          ...[8, 9, 10, 60].map((seconds) => seconds * secondMs),
          ...[10 * minuteMs, 30 * minuteMs, hourMs, dayMs].flatMap((ms) => [ms - 2 * secondMs, ms - secondMs, ms]),
        ),
      }),
    },
  )
  type Step = typeof step extends fc.Arbitrary<infer Each> ? Each : never
  const repeated = (count: number, each: Step): Step[] => Array.from({ length: count }, () => each)

  type Scene = (person: number, other: number, from: From) => Step[]
  /** At one place, with the cookie of the request and without one. */
  const guessedWithAndWithout: Scene = (person, _other, from) => [
    ask(person, from),
    ...repeated(3, { kind: 'mistype', person }),
    { kind: 'guess', person: undefined, times: 2, ...from, browser: undefined },
  ]
  /** What chance alone would seldom put together, about one person and another, at one place. */
  const scenes: Scene[] = [
    // Two people at one browser: one of them mistypes, and gets back what was theirs.
    (person, other, from) => [ask(other, from), ask(person, from), { kind: 'mistype', person }, { kind: 'type', person }],
    // All tries of a code.
    (person, _other, from) => [ask(person, from), ...repeated(6, { kind: 'mistype', person }), { kind: 'type', person }],
    // More mails than anybody gets.
    (person, _other, from) => repeated(7, ask(person, from)),
    // The last second of a code, and the first after it; then of a link. (Each step takes a second of its own.)
    (person, _other, from) => [ask(person, from), { kind: 'wait', ms: 10 * minuteMs - 3 * secondMs }, { kind: 'type', person }],
    (person, _other, from) => [ask(person, from), { kind: 'wait', ms: 10 * minuteMs - 2 * secondMs }, { kind: 'type', person }],
    (person, _other, from) => [ask(person, from), { kind: 'wait', ms: 30 * minuteMs - 3 * secondMs }, { kind: 'follow', person, ...from }],
    (person, _other, from) => [ask(person, from), { kind: 'wait', ms: 30 * minuteMs - 2 * secondMs }, { kind: 'follow', person, ...from }],
    guessedWithAndWithout,
  ]
  const ask = (person: number, from: From): Step => ({ kind: 'ask', person, ...from })
  const script = fc
    .array(
      fc.oneof(
        { weight: 8, arbitrary: step.map((each) => [each]) },
        {
          weight: 2,
          arbitrary: fc
            .tuple(fc.constantFrom(...scenes), fc.nat(2), fc.nat(3), fc.record({ address, browser }))
            .map(([scene, person, other, from]) => scene(person, other, from)),
        },
      ),
      { minLength: 14, maxLength: 22 },
    )
    .map((parts) => parts.flat())

  /** A guess of the time before a script, counted so that the script comes to the edge of a limit. */
  type Earlier = Pick<Guess, 'atMs' | 'block'> & Partial<Pick<Guess, 'network' | 'people' | 'cost' | 'trusted'>>
  const elsewhere = '192.0.2.0/24'
  const blockOf = (each: string) => coarseNetwork(networkOf(each))
  const failure = (atMs: number, from: string): Earlier => ({ atMs, network: networkOf(from), block: blockOf(from) })
  const spending = (atMs: number, cost: number): Earlier => ({ atMs, block: elsewhere, cost })
  const times = (count: number, guess: Earlier): Earlier[] => Array.from({ length: count }, () => guess)

  /** @param n how far from the edge, or where: 0 to 2 */
  const earlier: readonly [string, (n: number, ago: (ms: number) => number) => Earlier[]][] = [
    ['nothing', () => []],
    ['most of the budget is spent', (n, ago) => [spending(ago(dayMs - 20 * minuteMs), 100), spending(ago(hourMs), budget.units - 102 - n)]],
    ['all of the budget is spent', (_n, ago) => [spending(ago(2 * hourMs), budget.units)]],
    [
      'all of it is spent, and most tries of browsers that have signed in',
      (n, ago) => [
        spending(ago(2 * hourMs), budget.units),
        ...times(failureLimits.trustedDay, { atMs: ago(hourMs), block: elsewhere, people: [emails[n]!] }),
        ...times(failureLimits.trustedDay - 2, { atMs: ago(hourMs), block: elsewhere, people: [emails[n]!], trusted: true }),
      ],
    ],
    [
      "most of the networks' shares is spent",
      (n, ago) => [...new Set(addresses.map(blockOf))].map((block) => ({ atMs: ago(hourMs), block, cost: budget.networkUnits - 1 - n })),
    ],
    [
      'everybody has failed often',
      (n, ago) =>
        emails.flatMap((email) => times(failureLimits.personDay - 1 - n, { atMs: ago(hourMs), block: elsewhere, people: [email] })),
    ],
    [
      'the addresses have failed often within the hour',
      (n, ago) => addresses.flatMap((each) => times(failureLimits.addressHour - 1 - n, failure(ago(30 * minuteMs), each))),
    ],
    [
      'the addresses have failed often within the day',
      (n, ago) => addresses.flatMap((each) => times(failureLimits.addressDay - 1 - n, failure(ago(2 * hourMs), each))),
    ],
    [
      'a /56 has failed often',
      (n, ago) => times(failureLimits.addressHour * networkFactors.site - 1 - n, failure(ago(30 * minuteMs), '2001:db8:1:1ff::1')),
    ],
    [
      'a /48 has failed often',
      (n, ago) => times(failureLimits.addressDay * networkFactors.block - 1 - n, failure(ago(2 * hourMs), '2001:db8:1:ffff::1')),
    ],
  ]

  test.each(earlier)('where %s before', { timeout: 600_000 }, async (name, before) => {
    const met = new Set<string>()
    // What each is about happens: a browser signs in where codes are taken from no other, and somebody asks too often.
    const pastBudget = name.startsWith('all of')
    const opening = (person: number): Step[] => {
      const from = { address: addresses[0]!, browser: 0 } as const
      if (name === 'nothing') return repeated(34, ask(3, from))
      if (name.startsWith('a /')) return guessedWithAndWithout(person, 0, { address: addresses[3]!, browser: 0 })
      if (!pastBudget) return []
      return [
        ask(person, from),
        { kind: 'follow', person, ...from },
        ask(person, from),
        { kind: 'mistype', person },
        { kind: 'type', person },
      ]
    }
    await fc.assert(
      fc.asyncProperty(fc.nat(2), script, async (n, steps) => {
        await runScript(
          (ago) => before(n, ago),
          [...opening(n), ...steps],
          (what) => met.add(what),
        )
      }),
      { seed, numRuns: scriptsEach },
    )
    // What the scripts must have come upon, or they would show little.
    const expected = pastBudget
      ? ['trusted guess 200', 'trusted guess 401']
      : name === 'nothing'
        ? ['ask 429', 'guess 200']
        : ['guess 200', 'guess 429']
    expect([...met].toSorted()).toEqual(expect.arrayContaining(['ask 200', 'guess 401', ...expected]))
  })

  test('in each scene by itself, at IPv4 and IPv6, with and without cookies', { timeout: 600_000 }, async () => {
    const met = new Set<string>()
    const froms: From[] = [addresses[0]!, addresses[3]!].flatMap((each) => [
      { address: each, browser: undefined },
      { address: each, browser: 0 },
    ])
    for (const scene of scenes) {
      for (const from of froms)
        await runScript(
          () => [],
          scene(0, 1, from),
          (what) => met.add(what),
        )
    }
    expect([...met].toSorted()).toEqual(['ask 200', 'follow 200', 'follow 401', 'guess 200', 'guess 401'])
  })

  let clockMs = Date.parse('2026-01-01T00:00:00Z')

  /** Runs the same steps against the gateway and the model, and compares after each. */
  async function runScript(before: (ago: (ms: number) => number) => Earlier[], steps: readonly Step[], note: (what: string) => void) {
    for (const table of [sql`login_requests`, sql`code_guesses`, sql`request_buckets`, sql`trusted_devices`, sql`sessions`])
      await real.query(sql`delete from ${table}`)
    const model = createGuessModel({ startMs: clockMs, isSomebody: (email) => email !== emails[3] })
    for (const guess of before((ms) => clockMs - ms)) {
      const { atMs, block, network, people: whose = [], cost = 0, trusted = false } = guess
      model.recall({ ...guess, network })
      const macs = whose.map((email) => addressMac(gateway.deps.secrets[0]!, email))
      await real.query(
        sql`insert into code_guesses (id, at, network, site, block, requests, people, cost, trusted)
            values (gen_random_uuid()::text, to_timestamp(${atMs / secondMs}), ${network ?? null}, ${network === undefined ? null : (siteOf(network) ?? null)},
              ${block}, '{}', ${macs}::text[], ${cost}, ${trusted})`,
      )
    }
    const jars = [{}, {}, {}] as { browser?: Cookie; device?: Cookie }[]
    const names = new Map<string, string>()
    const lastAsked: (From | undefined)[] = []
    const lastMailed: ({ code: string; token: string; request: Requested } | undefined)[] = []
    const codes = new Set<string>()

    const askerOf = ({ address: from, browser: n }: From): Asker => {
      const jar = n === undefined ? {} : jars[n]!
      return { address: from, browser: jar.browser?.name, device: jar.device?.name }
    }
    const post = (path: string, body: unknown, { address: from, browser: n }: From): Promise<RawAnswer> => {
      const jar = n === undefined ? {} : jars[n]!
      const cookies = [...(jar.browser ? [`browser=${jar.browser.value}`] : []), ...(jar.device ? [`device=${jar.device.value}`] : [])]
      const headers = { 'X-Forwarded-For': from, ...(cookies.length > 0 ? { Cookie: cookies.join('; ') } : {}) }
      return raw(gateway.url + path, json(body, headers))
    }
    const keep = (kind: 'browser' | 'device', { browser: n }: From, { headers }: RawAnswer, name: string | undefined) => {
      const value = new RegExp(`^${kind}=([^;]+)`, 'm').exec((headers['set-cookie'] ?? []).join('\n'))?.[1]
      if (value === undefined || name === undefined) return value === name
      names.set(hashToken(value), name)
      if (n !== undefined) jars[n]![kind] = { value, name }
      return true
    }

    async function ask(person: number, from: From): Promise<void> {
      const email = emails[person]!
      const since = gateway.mails.filter(({ to }) => to === email).length
      const expected = model.request(askerOf(from), email)
      const answer = await post('/api/auth/request', { email }, from)
      note(`ask ${expected.status}`)
      // The mailer ends the codes before.
      await expect
        .poll(() => real.query(sql`select id from login_requests where mail_due_at is not null`), { interval: 2, timeout: 60_000 })
        .toEqual([])
      await agree(answer, expected)
      if (expected.status === 200) keep('browser', from, answer, expected.browser)
      lastAsked[person] = from
      if (!expected.request?.mailed) return
      const { code, token } = await gateway.nextMail(email, since)
      codes.add(code)
      lastMailed[person] = { code, token, request: expected.request }
    }

    async function guess(from: From, { email, code, of }: { email: string | undefined; code: string; of?: Requested | undefined }) {
      const expected = model.guess(askerOf(from), { email, of })
      const answer = await post('/api/auth/verify', { code, ...(email === undefined ? {} : { email }) }, from)
      const trusted = expected.verdict.kind === 'compare' && expected.verdict.trusted
      note(`${trusted ? 'trusted ' : ''}guess ${expected.status}`)
      await agree(answer, expected)
      expect(keep('device', from, answer, expected.device)).toBe(true)
    }

    const wrongCode = (): string => {
      const code = String(randomInt(1_000_000)).padStart(6, '0')
      return codes.has(code) ? wrongCode() : code
    }

    async function follow(person: number, from: From): Promise<void> {
      const mailed = lastMailed[person]
      if (!mailed) return
      const expected = model.follow(askerOf(from), mailed.request)
      const query = `mutation { verifyMagicLink(token: "${mailed.token}") { ok } }`
      const answer = await post('/graphql', { query }, from)
      note(`follow ${expected.status}`)
      await agree({ ...answer, status: answer.json.data.verifyMagicLink?.ok ? 200 : 401 }, expected)
      expect(keep('device', from, answer, expected.device)).toBe(true)
    }

    async function agree(answer: RawAnswer, expected: { status: number; retryAfterSeconds?: number | undefined }): Promise<void> {
      expect({
        status: answer.status,
        retryAfter: answer.headers['retry-after'],
        ...(await countedByGateway(names)),
      }).toEqual({ status: expected.status, retryAfter: expected.retryAfterSeconds?.toString(), ...countedBy(model) })
    }

    async function take(each: Step): Promise<void> {
      switch (each.kind) {
        case 'wait':
          return passTime(each.ms)
        case 'ask':
          return ask(each.person, each)
        case 'guess':
          for (let n = 0; n < each.times; n++) {
            await guess(each, { email: each.person === undefined ? undefined : emails[each.person]!, code: wrongCode() })
            await passTime(secondMs)
          }
          return
        case 'mistype': {
          const from = lastAsked[each.person]
          return from && guess(from, { email: undefined, code: wrongCode() })
        }
        case 'type':
        case 'know': {
          const mailed = lastMailed[each.person]
          const from = each.kind === 'know' ? each : lastAsked[each.person]
          if (!mailed || !from) return
          const email = each.kind === 'know' && each.withEmail ? emails[each.person]! : undefined
          return guess(from, { email, code: mailed.code, of: mailed.request })
        }
        case 'follow':
          return follow(each.person, each)
      }
    }

    async function passTime(ms: number): Promise<void> {
      clockMs += ms
      model.moveTo(clockMs)
      await setClock(clockMs)
    }

    for (const each of steps) {
      await passTime(secondMs)
      await take(each)
    }
  }

  /** Everything that is counted now, each row as one line. */
  async function countedByGateway(names: ReadonlyMap<string, string>) {
    const requests = await db.query<{ id: string; line: object }>(
      sql`select r.id, json_build_array(r.email_key, r.network, r.code_attempts, ${codeAlive}, ${linkAlive}) as line
          from login_requests r order by r.created_at`,
    )
    const numberOf = new Map(requests.map(({ id }, n) => [id, n]))
    const guesses = await db.query<GuessRow>(
      sql`select extract(epoch from at)::float8 * 1000 as "atMs", network, site, block, browser_hash as "browserHash", requests, people, cost, trusted
          from code_guesses where at > now() - interval '24 hours'`,
    )
    const buckets = await db.query<{ key: string; fullAtMs: number }>(
      sql`select key, extract(epoch from full_at)::float8 * 1000 as "fullAtMs" from request_buckets where full_at > now()`,
    )
    const devices = await db.query<{ personId: string; count: number }>(
      sql`select person_id as "personId", count(*)::int as count from trusted_devices group by person_id`,
    )
    return {
      requests: requests.map(({ line }) => JSON.stringify(line)),
      guesses: guesses
        .map(({ browserHash, requests: held, people: macs, ...row }) =>
          lineOf({
            ...row,
            browser: browserHash === null ? null : names.get(browserHash)!,
            requests: held.map((id) => numberOf.get(id)!),
            people: macs.map((mac) => emailOfMac.get(mac)!),
          }),
        )
        .toSorted(),
      buckets: buckets
        .map(({ key, fullAtMs }) => {
          const [kind, ...rest] = key.split(':')
          return JSON.stringify([kind === 'person' ? `person:${emailOfMac.get(rest.join(':'))}` : key, fullAtMs])
        })
        .toSorted(),
      devices: emails.map((email) => devices.find(({ personId }) => `${personId}@example.org` === email)?.count ?? 0),
    }
  }

  function countedBy(model: GuessModel): Awaited<ReturnType<typeof countedByGateway>> {
    const nowMs = model.now()
    const { requests, guesses } = model
    return {
      requests: requests.map((each) =>
        JSON.stringify([each.email, each.network, each.tries, model.codeAlive(each), model.linkAlive(each)]),
      ),
      guesses: guesses
        .filter(({ gone, atMs }) => !gone && atMs > nowMs - dayMs)
        .map(({ requests: held, ...row }) =>
          lineOf({
            ...row,
            network: row.network ?? null,
            site: row.site ?? null,
            browser: row.browser ?? null,
            requests: held.map((each) => requests.indexOf(each)),
          }),
        )
        .toSorted(),
      buckets: [...model.buckets()].map((each) => JSON.stringify(each)).toSorted(),
      devices: emails.map((email) => model.devicesOf(email).length),
    }
  }

  interface Line {
    readonly atMs: number
    readonly network: string | null
    readonly site: string | null
    readonly block: string
    readonly browser: string | null
    readonly requests: readonly number[]
    readonly people: readonly string[]
    readonly cost: number
    readonly trusted: boolean
  }
  type GuessRow = Omit<Line, 'browser' | 'requests'> & { readonly browserHash: string | null; readonly requests: readonly string[] }
  const lineOf = ({ atMs, network, site, block, browser: from, requests, people: whose, cost, trusted }: Line): string =>
    JSON.stringify([atMs, network, site, block, from, requests.toSorted((a, b) => a - b), whose.toSorted(), cost, trusted])
})

interface From {
  readonly address: string
  /** Which of the browsers; none, where no cookies are kept. */
  readonly browser: 0 | 1 | 2 | undefined
}
interface Cookie {
  readonly value: string
  /** What the model calls it. */
  readonly name: string
}

/** The database on a clock that a test sets: wherever a statement asks for the time, it gets that of the test. */
async function onTestClock(real: TestDatabase): Promise<{ db: TestDatabase; setClock: (ms: number) => Promise<void> }> {
  await real.query(sql`create table test_clock (at timestamptz(3) not null)`)
  await real.query(sql`insert into test_clock values (now())`)
  await real.query(sql`create function test_now() returns timestamptz language sql stable as 'select at from test_clock'`)
  await real.query(
    sql`alter table login_requests alter column created_at set default test_now(), alter column mail_due_at set default test_now()`,
  )
  await real.query(sql`alter table trusted_devices alter column signed_in_at set default test_now()`)
  const moved = <Row>({ strings, values }: Statement<Row>): Statement<Row> =>
    rowsAs<Row>(
      strings.map((text) => text.replaceAll(/\b(now|clock_timestamp)\(\)/g, 'test_now()')),
      ...values,
    )
  const queryable = (on: Queryable): Queryable => ({ tables: on.tables, query: (statement) => on.query(moved(statement)) })
  return {
    db: otherwise(real, { ...queryable(real), transaction: (work) => real.transaction((tx) => work(queryable(tx))) }),
    async setClock(ms) {
      await real.query(sql`update test_clock set at = to_timestamp(${ms / secondMs})`)
    },
  }
}
