/**
 * What signing in and creations cost where the database is far away: round trips, counted on the wire (each begin, commit, look at a
 * credential, row of the trail and read of the answer), and the time that they take when each answer is late.
 */
import { describe, expect, test } from 'vitest'
import { districtFields } from '../../src/rest/bodies/district.ts'
import { wholeInterviewFields } from '../../src/rest/bodies/interview.ts'
import { personFields, selfFields } from '../../src/rest/bodies/person.ts'
import { createTestDistrict } from '../support/fixtures.ts'
import { startGateway } from '../support/gateway.ts'
import { json, newAddress, raw, type RawAnswer, type RawRequest, serve } from '../support/http.ts'
import { openWire } from '../support/wire.ts'

const most = { signIn: 8, creation: 5 }

// The mails are sent by a gateway beside the wire: what its mailer asks is no part of a sign-in.
const gateway = await startGateway({ config: { trustedProxyHops: 1 } })
const wire = await openWire(gateway.db.url!)
const url = await serve({ ...gateway.deps, db: wire.db })
const district = await createTestDistrict(gateway.db)

/** Answers this request, which must succeed. @returns what it cost, and what came of it */
async function counted(path: string, request: RawRequest): Promise<{ trips: number; answer: RawAnswer }> {
  const before = wire.trips()
  const answer = await raw(url + path, request)
  const trips = wire.trips() - before
  expect([200, 201], answer.text).toContain(answer.status)
  expect(answer.json.errors, answer.text).toBeUndefined()
  return { trips, answer }
}
const expectAtMost = (limit: number, { trips }: { trips: number }): void => {
  expect(trips).toBeGreaterThan(0)
  expect(trips).toBeLessThanOrEqual(limit)
}

const page = { Origin: gateway.url, 'Sec-Fetch-Site': 'same-origin', 'X-Session': 'cookie' }
type Headers = Readonly<Record<string, string>>
const cookiesOf = ({ headers }: RawAnswer): string[] => (headers['set-cookie'] ?? []).map((cookie) => cookie.split(';')[0]!)

/** Somebody with a mail that they have not used yet, asked for by this client. */
async function mailed(headers: Headers, person?: { email: string }) {
  const { email } = person ?? (await district.admin())
  const since = gateway.mails.filter(({ to }) => to === email).length
  const asked = await raw(`${gateway.url}/api/auth/request`, json({ email }, headers))
  expect(asked.status).toBe(200)
  return { email, cookies: cookiesOf(asked), ...(await gateway.nextMail(email, since)) }
}
type Mailed = Awaited<ReturnType<typeof mailed>>

const fields = `ok token expiresAt person { ${selfFields} } district { ${districtFields} }`
const mutation = (field: string, headers: Headers) => json({ query: `mutation { ${field} { ${fields} } }` }, headers)
const doors: [name: string, ask: (mail: Mailed, headers: Headers) => [path: string, request: RawRequest]][] = [
  ['by a code over REST', ({ code }, headers) => ['/api/auth/verify', json({ code }, headers)]],
  ['by a code and the address over REST', ({ code, email }, headers) => ['/api/auth/verify', json({ code, email }, headers)]],
  ['by a link over REST', ({ token }, headers) => [`/api/auth/verify/${token}`, { headers }]],
  ['by a code over GraphQL', ({ code }, headers) => ['/graphql', mutation(`verifyCode(code: "${code}")`, headers)]],
  ['by a link over GraphQL', ({ token }, headers) => ['/graphql', mutation(`verifyMagicLink(token: "${token}")`, headers)]],
]

describe(`a sign-in takes at most ${most.signIn} round trips`, () => {
  test.each(doors)('%s, without cookies', async (_name, ask) => {
    const headers = { 'X-Forwarded-For': newAddress() }
    expectAtMost(most.signIn, await counted(...ask(await mailed(headers), headers)))
  })

  test.each(doors)('%s, in a browser that has signed in before and was wrong meanwhile', async (_name, ask) => {
    const home = { 'X-Forwarded-For': newAddress() }
    const first = await mailed({ ...home, ...page })
    const signedIn = await counted(
      '/graphql',
      mutation(`verifyCode(code: "${first.code}")`, { ...home, ...page, Cookie: first.cookies.join('; ') }),
    )
    const Cookie = [...first.cookies, ...cookiesOf(signedIn.answer)].join('; ')
    expect(Cookie).toMatch(/^browser=.+; (session=.+; device|device=.+; session)=.+$/)

    const again = await mailed({ ...home, Cookie }, first)
    const wrong = String((Number(again.code) + 1) % 1_000_000).padStart(6, '0')
    expect((await raw(`${url}/api/auth/verify`, json({ code: wrong }, { ...home, Cookie }))).status).toBe(401)
    // On a page of ours the old session is looked at, too, and found by another gateway than the one that has opened it.
    expectAtMost(most.signIn, await counted(...ask(again, { ...home, ...page, Cookie })))
  })

  test('and it is answered in under 3.5 s when each answer of the database is 300 ms late', async () => {
    const headers = { 'X-Forwarded-For': newAddress() }
    const { code } = await mailed(headers)
    wire.delay(300)
    try {
      const startedAt = performance.now()
      const answer = await raw(`${url}/api/auth/verify`, json({ code }, headers))
      expect(answer.status).toBe(200)
      expect(performance.now() - startedAt).toBeLessThan(3_500)
    } finally {
      wire.delay(0)
    }
  })
})

describe.each(['an API key', 'a session'])(`a creation with %s takes at most ${most.creation} round trips`, (credential) => {
  /** A new one each time: it is not remembered. */
  const authorised = async (once: boolean): Promise<Headers> => ({
    Authorization: `Bearer ${credential === 'a session' ? await (await district.admin()).token() : await district.key()}`,
    ...(once ? { 'Idempotency-Key': newAddress() } : {}),
  })
  const somebody = () => ({ first: 'Ruth', last: 'Okafor', email: `ruth-${newAddress()}@example.org`, tags: ['2026'] })
  const meeting = { date: '2026-03-14', published: true, responses: { '1a': 1, '1b': { en: 'Her calm' } } }
  const documented = { board_id: '1a', form_id: '1a', profile_id: '1a' }
  const named = { boardId: '1a', formId: '1a', profileId: '1a' }

  describe.each([
    ['under an Idempotency-Key', true],
    ['without one', false],
  ])('%s', (_name, once) => {
    test('of a person over REST', async () => {
      const created = await counted('/api/people', json({ ...somebody(), roles: { '1c': 1 } }, await authorised(once)))
      expect(created.answer.json).toMatchObject({ last: 'Okafor', roles: { '1c': 1 } })
      expectAtMost(most.creation, created)
    })

    test('of a person over GraphQL', async () => {
      const query = `mutation ($input: CreatePersonInput!) { createPerson(input: $input) { id person { ${personFields} updatedAt } } }`
      const input = { ...somebody(), roles: [{ roleId: '1c', rank: 'PRIMARY' }] }
      const created = await counted('/graphql', json({ query, variables: { input } }, await authorised(once)))
      expect(created.answer.json.data.createPerson.person.last).toBe('Okafor')
      expectAtMost(most.creation, created)
    })

    test('of an interview over REST', async () => {
      const { id } = await district.person()
      const created = await counted(`/api/interviews/${id}`, json({ ...meeting, ...documented }, await authorised(once)))
      expect(created.answer.json).toMatchObject({ person_id: id, date: meeting.date, responses: meeting.responses })
      expectAtMost(most.creation, created)
    })

    test('of an interview over GraphQL', async () => {
      const { id: personId } = await district.person()
      const query = `mutation ($input: CreateInterviewInput!) { createInterview(input: $input) { id interview { ${wholeInterviewFields} } } }`
      const input = { ...meeting, ...named, personId }
      const created = await counted('/graphql', json({ query, variables: { input } }, await authorised(once)))
      expect(created.answer.json.data.createInterview.interview.date).toBe(meeting.date)
      expectAtMost(most.creation, created)
    })
  })
})
