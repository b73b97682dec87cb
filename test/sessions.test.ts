/** One's own sessions: seen, ended one by one or all but this, and moved between the districts of one's address. */
import sql from 'sql-template-tag'
import { describe, expect, test } from 'vitest'
import { createTestDistrict, type TestDistrict } from './support/fixtures.ts'
import { startGateway } from './support/gateway.ts'

const gateway = await startGateway({ config: { trustedProxyHops: 1 } })
const { db } = gateway
const district = await createTestDistrict(db)
const elsewhere = await createTestDistrict(db)

const ask = (token: string, query: string, variables: Record<string, unknown> = {}) => gateway.graphql(query, { token, variables })
const alive = async (token: string) => (await ask(token, '{ me { districtId } }')).status === 200
const sessionsOf = async (token: string) =>
  (await ask(token, '{ sessions { id districtId current createdAt lastSeenAt expiresAt userAgent location } }')).json.data.sessions as {
    id: string
    current: boolean
    location: string
  }[]
const idOf = async (token: string) => (await sessionsOf(token)).find(({ current }) => current)!.id
const revoke = (token: string, id: string) => ask(token, 'mutation ($id: ID!) { revokeSession(id: $id) { id } }', { id })
const switchTo = (token: string, districtId: string) =>
  ask(token, 'mutation ($id: ID!) { switchDistrict(districtId: $id) { ok token expiresAt person { id districtId } district { id } } }', {
    id: districtId,
  })

let networks = 0
/** Signs in by mail, from an address of its own. */
async function signIn(email: string, headers: Record<string, string> = {}): Promise<string> {
  const from = { 'X-Forwarded-For': `198.51.100.${++networks}`, ...headers }
  const before = gateway.mails.filter(({ to }) => to === email).length
  await gateway.rest('POST', '/api/auth/request', { body: { email }, headers: from })
  const { token } = await gateway.nextMail(email, before)
  return (await gateway.rest('GET', `/api/auth/verify/${token}`, { headers: from })).json.token
}
/** One address in both districts. */
async function ofBoth(first: TestDistrict = district, second: TestDistrict = elsewhere) {
  const here = await first.person({ roles: { '1a': 1 } })
  const there = await second.person({ email: here.email, roles: { '1c': 1 } })
  return { here, there, email: here.email }
}

describe('seeing', () => {
  test('lists one’s own with when, with what and roughly from where, and marks the one that asks', async () => {
    const { email } = await district.person()
    const token = await signIn(email, { 'X-Forwarded-For': '203.0.113.77', 'User-Agent': 'Test browser' })
    const other = await signIn(email, { 'X-Forwarded-For': '2001:db8:aaaa:bbbb:cccc::1' })
    const seen = await sessionsOf(token)
    expect(seen.map(({ current }) => current)).toEqual(expect.arrayContaining([false, true]))
    expect(seen).toHaveLength(2)
    expect(seen.find(({ current }) => current)).toMatchObject({
      districtId: district.id,
      userAgent: 'Test browser',
      location: '203.0.113.0/24',
    })
    expect(seen.find(({ current }) => !current)).toMatchObject({ location: '2001:db8:aaaa::/48' })
    expect(JSON.stringify(seen)).not.toMatch(/203\.0\.113\.77|bbbb/)
    expect(JSON.stringify(seen)).not.toContain(other)
  })

  test('shows nobody else’s, and none that has run out', async () => {
    const person = await district.person()
    const [token, expired] = [await person.token(), await person.token()]
    await (await district.person()).token()
    const expiredId = await idOf(expired)
    await db.query(sql`update sessions set expires_at = now() where id = ${expiredId}`)
    expect(await sessionsOf(token)).toHaveLength(1)
  })
})

describe('ending', () => {
  test('one of one’s own is refused from the next request on, and the others go on', async () => {
    const person = await district.person()
    const [token, lost, kept] = [await person.token(), await person.token(), await person.token()]
    const id = await idOf(lost)
    expect((await revoke(token, id)).json.data).toEqual({ revokeSession: { id } })
    expect([await alive(lost), await alive(token), await alive(kept)]).toEqual([false, true, true])
    expect((await revoke(token, id)).json.errors[0].extensions.code).toBe('NOT_FOUND')
  })

  test('somebody else’s answers byte for byte like one that is not there, and changes nothing', async () => {
    const token = await (await district.person()).token()
    for (const other of [await (await district.admin()).token(), await (await elsewhere.admin()).token()]) {
      expect((await revoke(token, await idOf(other))).text).toBe((await revoke(token, 'nosuchsession')).text)
      expect(await alive(other)).toBe(true)
    }
  })

  test('the one that asks signs out, also for the rest of the document', async () => {
    const token = await (await district.admin()).token()
    const id = await idOf(token)
    const { json } = await ask(
      token,
      'mutation ($id: ID!) { revokeSession(id: $id) { id } createApiKey(input: { name: "Back door", scopes: [READ_PEOPLE] }) { key } }',
      { id },
    )
    expect(json.data).toEqual({ revokeSession: { id }, createApiKey: null })
    expect(json.errors[0].extensions.code).toBe('UNAUTHENTICATED')
    expect(await alive(token)).toBe(false)
  })

  test('all others leaves the one that asks, and says how many there were', async () => {
    const { here, there } = await ofBoth()
    const [token, ...others] = [await here.token(), await here.token(), await here.token(), await there.token()]
    const stranger = await (await district.person()).token()
    const answer = await ask(token, 'mutation { revokeOtherSessions { revokedCount } }')
    expect(answer.json.data).toEqual({ revokeOtherSessions: { revokedCount: 3 } })
    expect(await Promise.all(others.map(alive))).toEqual([false, false, false])
    expect([await alive(token), await alive(stranger)]).toEqual([true, true])
  })
})

describe('moving to another district', () => {
  test('lists the districts of the address, and moves there with a new token; the old one ends', async () => {
    const { here, there, email } = await ofBoth()
    const token = await here.token()
    const { json } = await ask(token, '{ me { memberships { districtId personId current } } }')
    expect(json.data.me.memberships).toEqual(
      [
        { districtId: district.id, personId: here.id, current: true },
        { districtId: elsewhere.id, personId: there.id, current: false },
      ].sort((a, b) => (a.districtId < b.districtId ? -1 : 1)),
    )
    const moved = (await switchTo(token, elsewhere.id)).json.data.switchDistrict
    expect(moved).toMatchObject({ ok: true, person: { id: there.id, districtId: elsewhere.id }, district: { id: elsewhere.id } })
    expect(await alive(token)).toBe(false)
    const me = await ask(moved.token, '{ me { districtId person { id email } } }')
    expect(me.json.data.me).toEqual({ districtId: elsewhere.id, person: { id: there.id, email } })
  })

  test('makes no session longer: it ends when the sign-in it comes from would have', async () => {
    const { here } = await ofBoth()
    const token = await here.token()
    const sessionId = await idOf(token)
    const end = new Date(Date.now() + 3_600_000)
    await db.query(sql`update sessions set expires_at = ${end} where id = ${sessionId}`)
    const { json } = await switchTo(token, elsewhere.id)
    expect(json.data.switchDistrict.expiresAt).toBe(end.toISOString())
  })

  test('is the next sign-in’s choice too: the district last used', async () => {
    const { here, there, email } = await ofBoth()
    const first = await signIn(email)
    const elsewhereId = (await ask(first, '{ me { districtId } }')).json.data.me.districtId === district.id ? elsewhere.id : district.id
    await switchTo(first, elsewhereId)
    const again = await signIn(email)
    expect((await ask(again, '{ me { person { id } } }')).json.data.me.person.id).toBe(elsewhereId === elsewhere.id ? there.id : here.id)
  })

  test('is for the address that the session proved: no other district, none where one is archived, none that is not there', async () => {
    const { here, there } = await ofBoth()
    const token = await here.token()
    const third = await createTestDistrict(db)
    const answers = [third.id, 'nosuchdistrict', '../x'].map((id) => switchTo(token, id))
    const texts = (await Promise.all(answers)).map(({ text }) => text)
    expect(new Set(texts).size).toBe(1)
    expect(JSON.parse(texts[0]!).errors[0].extensions.code).toBe('NOT_FOUND')
    await db.query(sql`update people set archived = true where district_id = ${elsewhere.id} and id = ${there.id}`)
    expect((await switchTo(token, elsewhere.id)).text).toBe(texts[0])
    expect(await alive(token)).toBe(true)
  })

  test('an address written into a person by an administrator opens nothing: the session keeps the one it proved', async () => {
    const victim = await elsewhere.admin()
    const attacker = await district.admin()
    const helper = await district.admin()
    const token = await attacker.token()
    const changed = await ask(
      await helper.token(),
      'mutation ($id: ID!, $email: String!) { updatePerson(id: $id, input: { email: $email }) { id } }',
      {
        id: attacker.id,
        email: victim.email,
      },
    )
    expect(changed.json.errors).toBeUndefined()
    expect(await alive(token)).toBe(false)
    const own = await helper.token()
    await ask(own, 'mutation ($id: ID!, $email: String!) { updatePerson(id: $id, input: { email: $email }) { id } }', {
      id: helper.id,
      email: `x${victim.email}`,
    })
    expect(await alive(own)).toBe(false)
  })

  test('goes on in the district it went to, in the same document', async () => {
    const { here, there } = await ofBoth()
    const { json } = await ask(
      await here.token(),
      'mutation ($id: ID!) { switchDistrict(districtId: $id) { person { id } } createApiKey(input: { name: "x", scopes: [READ_PEOPLE] }) { key } }',
      { id: elsewhere.id },
    )
    // An administrator here, a candidate there.
    expect(json.data).toEqual({ switchDistrict: { person: { id: there.id } }, createApiKey: null })
  })
})
