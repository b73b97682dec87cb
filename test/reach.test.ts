/** Nobody reaches above themselves: what an attacker with a key, with an editor's session or with a district of their own tries, to its end. */
import { randomBytes } from 'node:crypto'
import sql from 'sql-template-tag'
import { describe, expect, test } from 'vitest'
import type { Scope } from '../src/access/scopes.ts'
import type { RolePermissions } from '../src/access/viewer.ts'
import { hashToken, linkToken, loginCode, makeId, secretId } from '../src/domain/tokens.ts'
import { createTestDistrict, type TestDistrict } from './support/fixtures.ts'
import { startGateway } from './support/gateway.ts'
import { json, newAddress, raw } from './support/http.ts'
import { expectNothingChanges, expectRefused, expectWritten, refusalsIn, writesThrough } from './support/writes.ts'

// One proxy in front, so that each mail is asked for, and used, from an address of its own.
const gateway = await startGateway({ config: { trustedProxyHops: 1 } })
const { db, deps } = gateway
const { createPerson, updatePerson } = writesThrough(gateway)

/** Every power that a role can give, one a role; and what a mentor and a candidate are, which is no power over others. */
const single: Record<string, RolePermissions> = {
  p1: { p: 1 },
  p2: { p: 2 },
  i1: { i: 1 },
  i2: { i: 2 },
  s: { s: 1 },
  r: { r: 1 },
  g: { g: 1 },
  B: { B: 1 },
  b1: { b: { '1a': 1 } },
  b2: { b: { '1b': 1 } },
  m: { m: 1 },
  c: { c: 1 },
}
async function settled(): Promise<TestDistrict> {
  const made = await createTestDistrict(db)
  for (const [id, permissions] of Object.entries(single))
    await db.tables.role.create({ data: { districtId: made.id, id, name: { en: id }, permissions: permissions as object } })
  return made
}
const district = await settled()
const holds = (...roles: string[]) => roles.map((roleId) => ({ roleId, rank: 'PRIMARY' }))
const byId = (...roles: string[]) => Object.fromEntries(roles.map((id) => [id, 1]))
let made = 0
/** A mailbox that its owner reads. */
const mailbox = (whose: string) => `${whose}${++made}@example.org`
const signedIn = async (token: string) => (await gateway.graphql('{ me { districtId } }', { token })).status === 200

/** What arrives when a mail for this address is asked for; nothing, when the queue is empty and none has come. */
async function mailFor(address: string) {
  const before = gateway.mails.length
  await gateway.graphql('mutation ($email: String!) { requestLogin(email: $email) { ok } }', {
    variables: { email: address },
    headers: { 'X-Forwarded-For': newAddress() },
  })
  await expect
    .poll(() => db.query(sql`select id from login_requests where mail_due_at <= now() + interval '1 minute'`), { timeout: 30_000 })
    .toEqual([])
  const [mail, ...more] = gateway.mails.slice(before)
  expect(more).toEqual([])
  if (!mail) return undefined
  return { to: mail.to, email: address, code: /\d{6}/.exec(mail.text)![0], link: /#(\S+)$/m.exec(mail.text)![1]! }
}
/** Tries a code and a link. @returns the session's token, or nothing where both are refused */
async function signInWith({ code, link, email }: { code: string; link: string; email: string }): Promise<string | undefined> {
  const byLink = await gateway.graphql('mutation ($token: String!) { verifyMagicLink(token: $token) { token } }', {
    variables: { token: link },
  })
  const byCode = await gateway.graphql('mutation ($code: String!, $email: String!) { verifyCode(code: $code, email: $email) { token } }', {
    variables: { code, email },
    headers: { 'X-Forwarded-For': newAddress() },
  })
  return byLink.json.data.verifyMagicLink?.token ?? byCode.json.data.verifyCode?.token
}
async function signIn(address: string): Promise<string | undefined> {
  const mail = await mailFor(address)
  return mail && signInWith(mail)
}

describe('whoever edits people', () => {
  const session =
    (...roles: string[]) =>
    async () =>
      (await district.person({ roles: byId(...roles) })).token()
  const key =
    (...scopes: Scope[]) =>
    () =>
      district.key(...scopes)
  /** Callers, and whose powers theirs include. */
  const callers: readonly (readonly [string, () => Promise<string>, string])[] = [
    ['a session with People = edit alone', session('p2'), 'p1 p2 m c'],
    ['one with a seat on a board', session('p2', 'b1'), 'p1 p2 b1 m c'],
    ['one that sees interviews', session('p2', 'i1'), 'p1 p2 i1 b1 b2 m c'],
    ['one that edits interviews', session('p2', 'i2'), 'p1 p2 i1 i2 b1 b2 m c'],
    ['one with Settings and Broadcasts', session('p2', 's', 'g'), 'p1 p2 s g m c'],
    ['one with Roles and Billing', session('p2', 'r', 'B'), 'p1 p2 r B m c'],
    ['one that is a mentor and a candidate', session('p2', 'm', 'c'), 'p1 p2 m c'],
    ['an administrator', session('1a'), 'p1 p2 i1 i2 s r g B b1 b2 m c 1a'],
    ['a key that writes people', key('write:people'), 'p1 p2 m c'],
    ['a key that writes people and reads interviews', key('write:people', 'read:interviews'), 'p1 p2 i1 b1 b2 m c'],
    ['a key that writes people and interviews', key('write:people', 'write:interviews'), 'p1 p2 i1 i2 b1 b2 m c'],
    ['a key with all scopes', key(), 'p1 p2 i1 i2 b1 b2 m c'],
  ]
  const powers = [...Object.keys(single), '1a']

  test.each(callers)(
    '%s changes who somebody is and what they may as far as its own powers go, and no further',
    async (_who, credential, list) => {
      const token = await credential()
      const within = new Set(list.split(' '))
      for (const power of powers) {
        const active = await district.person({ roles: byId(power) })
        const archived = await district.person({ roles: byId(power), archived: true })
        const nobody = await district.person()
        const candidate = await district.person({ roles: { c: 1 } })
        const attempts: readonly (readonly [string, () => ReturnType<typeof updatePerson>])[] = [
          ['takes the roles away', () => updatePerson(token, archived.id, { roles: null })],
          ['gives another role instead', () => updatePerson(token, active.id, { roles: holds('c') })],
          ['gives it back', () => updatePerson(token, active.id, { roles: holds(power) })],
          ['gives a further role', () => updatePerson(token, active.id, { roles: holds(...new Set([power, 'c'])) })],
          ['makes it a secondary one', () => updatePerson(token, active.id, { roles: [{ roleId: power, rank: 'SECONDARY' }] })],
          ['changes the e-mail', () => updatePerson(token, active.id, { email: mailbox('evil') })],
          ['changes the spelling of the e-mail', () => updatePerson(token, active.id, { email: active.email.toUpperCase() })],
          ['archives', () => updatePerson(token, active.id, { archived: true })],
          ['un-archives', () => updatePerson(token, active.id, { archived: false })],
          ['changes the e-mail of one who is archived', () => updatePerson(token, archived.id, { email: mailbox('evil') })],
          ['un-archives another', () => updatePerson(token, archived.id, { archived: false })],
          ['gives the role to nobody', () => updatePerson(token, nobody.id, { roles: holds(power) })],
          ['gives the role to one with another', () => updatePerson(token, candidate.id, { roles: holds(...new Set(['c', power])) })],
          ['gives the role and archives', () => updatePerson(token, nobody.id, { roles: holds(power), archived: true })],
          ['adds somebody with it', () => createPerson(token, { first: 'E', last: 'E', email: mailbox('evil'), roles: holds(power) })],
          [
            'adds somebody archived with it',
            () => createPerson(token, { first: 'E', last: 'E', email: mailbox('evil'), roles: holds(power), archived: true }),
          ],
        ]
        /** What came of each, but for the record beside it. */
        const outcomes = async () => {
          const all: Record<string, string | undefined> = {}
          for (const [what, attempt] of attempts) {
            const { id, refusals } = await attempt()
            const refused = refusals.find(({ at }) => !at?.includes('.'))
            all[what] = id === undefined ? [refused?.code, refused?.field, ...(refused?.requiredScopes ?? [])].join(' ').trim() : 'done'
          }
          return all
        }
        const everything = (outcome: string) => Object.fromEntries(attempts.map(([what]) => [what, outcome]))
        if (within.has(power)) expect({ power, ...(await outcomes()) }).toEqual({ power, ...everything('done') })
        else
          await expectNothingChanges(db, async () =>
            expect({ power, ...(await outcomes()) }).toEqual({
              power,
              ...everything('FORBIDDEN'),
              // There is nothing to change yet.
              'gives it back': 'done',
              'un-archives': 'done',
            }),
          )
      }
    },
  )

  test.each(callers)(
    '%s may change the name, the language and the tags of anybody, beside what stays as it is',
    async (_who, credential) => {
      const token = await credential()
      for (const power of powers) {
        const them = await district.person({ roles: { ...byId(power), '1c': 2 }, tags: ['old'] })
        const change = { first: 'New', last: 'Name', language: 'es', tags: ['new'] }
        const unchanged = {
          email: ` ${them.email}`,
          roles: [{ roleId: '1c', rank: 'SECONDARY' }, ...holds(power)],
          archived: false,
        }
        const { id } = await updatePerson(token, them.id, { ...change, ...unchanged })
        const [row] = await db.query(
          sql`select first, last, language, tags, email, roles, archived from people where district_id = ${district.id} and id = ${id}`,
        )
        expect(row).toEqual({ ...change, email: them.email, roles: them.roles, archived: false })
      }
    },
  )

  test('gets nothing of a change of which a part is too high', async () => {
    const chief = await district.admin()
    for (const token of [await district.key(), await session('p2')()]) {
      await expectNothingChanges(db, async () =>
        expectRefused(await updatePerson(token, chief.id, { first: 'Evil', tags: ['evil'], email: mailbox('evil') }), 'FORBIDDEN'),
      )
    }
  })

  test('gives itself no power, by itself, by another, or by one document', async () => {
    const self = await district.person({ roles: byId('p2') })
    const token = await self.token()
    for (const power of ['1a', '1d', 'i1', 'i2', 's', 'r', 'g', 'B', 'b1']) {
      const roles = `roles: [{ roleId: "p2", rank: PRIMARY }, { roleId: "${power}", rank: SECONDARY }]`
      await expectNothingChanges(db, async () => {
        const answer = await gateway.graphql(
          `mutation {
            a: updatePerson(id: "${self.id}", input: { ${roles} }) { id }
            b: createPerson(input: { first: "E", last: "E", email: "${mailbox('evil')}", ${roles} }) { id }
            c: updatePerson(id: "${self.id}", input: { ${roles} }) { id }
          }`,
          { token },
        )
        expect(answer.json.data).toEqual({ a: null, b: null, c: null })
        expect(refusalsIn(answer).map(({ code }) => code)).toEqual(['FORBIDDEN', 'FORBIDDEN', 'FORBIDDEN'])
      })
    }
    expect(
      (await gateway.graphql('mutation { createApiKey(input: { name: "x", scopes: [READ_PEOPLE] }) { key } }', { token })).json.data,
    ).toEqual({
      createApiKey: null,
    })
  })

  test('counts a role that the district has no more for nothing: whoever holds it can be changed, and nobody can be given it', async () => {
    const token = await district.key('write:people', 'read:people')
    const relic = await district.person({ roles: { gone: 1, c: 2 } })
    expectWritten(await updatePerson(token, relic.id, { email: mailbox('relic') }))
    expectRefused(await updatePerson(token, relic.id, { roles: holds('gone') }), 'BAD_USER_INPUT', 'input.roles.gone')
    expect(expectWritten(await updatePerson(token, relic.id, { roles: holds('c') })).record.roles).toEqual([
      { role: { id: 'c' }, rank: 'PRIMARY' },
    ])
  })
})

describe.each([
  ['a key with all scopes', () => district.key()],
  ['an editor of people', async () => (await district.person({ roles: byId('p2') })).token()],
])('%s takes no administrator over', (_who, credential) => {
  async function attack() {
    const chief = await district.person({ roles: { '1a': 1 }, email: mailbox('chief') })
    return { chief, session: await chief.token(), evil: mailbox('evil'), token: await credential() }
  }

  test('by mail: not by giving them an address of its own, nor by any spelling of theirs', async () => {
    const { chief, session, evil, token } = await attack()
    const old = (await mailFor(chief.email))!
    for (const email of [evil, chief.email.toUpperCase(), chief.email.replace('c', 'ｃ').replace('h', 'H')])
      expectRefused(await updatePerson(token, chief.id, { email }), 'FORBIDDEN')
    expect(await mailFor(evil)).toBeUndefined()
    expect(await signedIn(session)).toBe(true)
    // The mail that they had asked for still works, and so does the next.
    expect(await signInWith(old)).toBeDefined()
    expect((await mailFor(chief.email))!.to).toBe(chief.email)
  })

  test('by adding somebody at their address, or moving somebody there', async () => {
    const { chief, evil, token } = await attack()
    const puppet = expectWritten(await createPerson(token, { first: 'P', last: 'P', email: evil }))
    for (const email of [chief.email, chief.email.toUpperCase(), ` ${chief.email.replace('@', '＠')} `]) {
      expectRefused(await createPerson(token, { first: 'P', last: 'P', email }), 'CONFLICT', 'input.email')
      expectRefused(await updatePerson(token, puppet.id, { email }), 'CONFLICT', 'input.email')
    }
    const mine = (await signIn(evil))!
    expect((await gateway.graphql('{ me { memberships { personId } } apiKeys { id } }', { token: mine })).json.data).toEqual({
      me: { memberships: [{ personId: puppet.id }] },
      apiKeys: null,
    })
  })

  test('by archiving them, or by bringing one back who was archived', async () => {
    const { chief, session, token } = await attack()
    expectRefused(await updatePerson(token, chief.id, { archived: true }), 'FORBIDDEN')
    expect(await signedIn(session)).toBe(true)
    const gone = await district.person({ roles: { '1a': 1 }, email: mailbox('gone'), archived: true })
    expectRefused(await updatePerson(token, gone.id, { archived: false }), 'FORBIDDEN')
    expect(await mailFor(gone.email)).toBeUndefined()
  })

  test('by becoming one: nobody whom it adds or changes signs in with more than it has', async () => {
    const { evil, token } = await attack()
    expectRefused(await createPerson(token, { first: 'E', last: 'E', email: evil, roles: holds('1a') }), 'FORBIDDEN')
    expect(await mailFor(evil)).toBeUndefined()
    const { id } = expectWritten(await createPerson(token, { first: 'E', last: 'E', email: evil }))
    expectRefused(await updatePerson(token, id, { roles: holds('1a') }), 'FORBIDDEN')
    const mine = (await signIn(evil))!
    expectRefused(await updatePerson(mine, id, { roles: holds('1a') }), 'FORBIDDEN')
    expect(
      (await gateway.graphql('mutation { createApiKey(input: { name: "x", scopes: [READ_PEOPLE] }) { key } }', { token: mine })).json.data,
    ).toEqual({
      createApiKey: null,
    })
  })

  test('by taking their roles away', async () => {
    const { chief, session, token } = await attack()
    for (const roles of [null, [], holds('1c'), holds('1a', '1c'), [{ roleId: '1a', rank: 'SECONDARY' }]])
      expectRefused(await updatePerson(token, chief.id, { roles }), 'FORBIDDEN')
    expect((await gateway.graphql('{ apiKeys { id } }', { token: session })).json.data.apiKeys).not.toBeNull()
  })
})

describe('a person whose address is changed', () => {
  async function known() {
    const admin = await (await district.admin()).token()
    const person = await district.person({ email: mailbox('known') })
    const mailed = (await mailFor(person.email))!
    return { admin, person, mailed, sessions: [await person.token(), await person.token()], next: mailbox('next') }
  }

  test('has no session any more, and no code or link that was mailed before, also when the address is changed back', async () => {
    const { admin, person, mailed, sessions, next } = await known()
    expectWritten(await updatePerson(admin, person.id, { email: next }))
    for (const session of sessions) expect(await signedIn(session)).toBe(false)
    expect(await signInWith(mailed)).toBeUndefined()
    expect(await mailFor(person.email)).toBeUndefined()
    const atNext = (await mailFor(next))!
    expect(atNext.to).toBe(next)

    expectWritten(await updatePerson(admin, person.id, { email: person.email }))
    for (const session of sessions) expect(await signedIn(session)).toBe(false)
    for (const mail of [mailed, { ...mailed, email: next }, atNext, { ...atNext, email: person.email }])
      expect(await signInWith(mail)).toBeUndefined()
    expect(await signIn(person.email)).toBeDefined()
  })

  test('gets no mail that was prepared and is not out yet', async () => {
    const { admin, person, mailed, next } = await known()
    // As after a provider's refusal: it is due again.
    await db.query(
      sql`update login_requests set mail_due_at = now() + interval '1 hour', mail_sent_at = null where email_key = ${person.email}`,
    )
    expectWritten(await updatePerson(admin, person.id, { email: next }))
    expectWritten(await updatePerson(admin, person.id, { email: person.email }))
    expect(await db.query(sql`select mail_due_at from login_requests where email_key = ${person.email}`)).toEqual([{ mail_due_at: null }])
    expect(await signInWith(mailed)).toBeUndefined()
  })

  test('gets no mail that nobody had looked at yet, and its code and link are good for nobody', async () => {
    const { admin, person, next } = await known()
    const [secret] = deps.secrets as [string]
    const id = makeId(randomBytes)
    await db.query(
      sql`insert into login_requests (id, email_key, network, secret_id, link_hash, mail_due_at)
          values (${id}, ${person.email}, '127.0.0.1', ${secretId(secret)}, ${hashToken(linkToken(secret, id))}, now() + interval '1 hour')`,
    )
    expectWritten(await updatePerson(admin, person.id, { email: next }))
    const before = gateway.mails.length
    await db.query(sql`update login_requests set mail_due_at = now() where id = ${id}`)
    await expect
      .poll(() => db.query(sql`select mail_error from login_requests where id = ${id} and mail_due_at is null`), { timeout: 30_000 })
      .toEqual([{ mail_error: 'nobody has this address' }])
    expectWritten(await updatePerson(admin, person.id, { email: person.email }))
    for (const draw of [0, 1, 2])
      expect(await signInWith({ code: loginCode(secret, id, draw), link: linkToken(secret, id), email: person.email })).toBeUndefined()
    expect(gateway.mails.slice(before)).toEqual([])
  })

  test('keeps everything when the address is given again as it is', async () => {
    const { admin, person, mailed, sessions } = await known()
    expectWritten(await updatePerson(admin, person.id, { email: ` ${person.email}`, first: 'New', roles: holds('1c'), tags: ['x'] }))
    for (const session of sessions) expect(await signedIn(session)).toBe(true)
    expect(await signInWith(mailed)).toBeDefined()
  })

  test('by themselves is signed out by it, in a cookie too, and the rest of the document is a stranger’s', async () => {
    const self = await district.person({ roles: { '1a': 1 }, email: mailbox('self') })
    const token = await self.token()
    const { headers, json: answer } = await raw(
      `${gateway.url}/graphql`,
      json(
        { query: `mutation { updatePerson(id: "${self.id}", input: { email: "${mailbox('moved')}" }) { id person { email } } }` },
        { Cookie: `session=${token}`, Origin: gateway.url, 'Sec-Fetch-Site': 'same-origin', 'X-Session': 'cookie' },
      ),
    )
    expect(answer.data).toEqual({ updatePerson: { id: self.id, person: null } })
    expect(answer.errors[0]).toMatchObject({ path: ['updatePerson', 'person'], extensions: { code: 'UNAUTHENTICATED' } })
    expect(headers['set-cookie']!.find((cookie) => cookie.startsWith('session='))).toMatch(/^session=; .*Max-Age=0/)
    expect(await signedIn(token)).toBe(false)
  })
})

describe('a person who is archived', () => {
  test('is signed out at once, cannot use what was mailed before, and cannot ask for more; nor is any of it good again later', async () => {
    const admin = await (await district.admin()).token()
    const person = await district.person({ email: mailbox('leaver') })
    const mailed = (await mailFor(person.email))!
    const session = await person.token()
    expectWritten(await updatePerson(admin, person.id, { archived: true }))
    expect(await signedIn(session)).toBe(false)
    expect(await signInWith(mailed)).toBeUndefined()
    expect(await mailFor(person.email)).toBeUndefined()
    expectWritten(await updatePerson(admin, person.id, { archived: false }))
    expect(await signedIn(session)).toBe(false)
    expect(await signInWith(mailed)).toBeUndefined()
    expect(await signIn(person.email)).toBeDefined()
  })

  test('does not come back by archiving and un-archiving in one document', async () => {
    const admin = await (await district.admin()).token()
    const person = await district.person({ email: mailbox('blink') })
    const mailed = (await mailFor(person.email))!
    const session = await person.token()
    const { json: answer } = await gateway.graphql(
      `mutation { a: updatePerson(id: "${person.id}", input: { archived: true }) { id } b: updatePerson(id: "${person.id}", input: { archived: false }) { id } }`,
      { token: admin },
    )
    expect(answer.errors).toBeUndefined()
    expect(await signedIn(session)).toBe(false)
    expect(await signInWith(mailed)).toBeUndefined()
  })
})

describe('an administrator of another district', () => {
  async function neighbours() {
    const [mine, theirs] = [await settled(), await settled()]
    const eve = await mine.person({ roles: { '1a': 1 }, email: mailbox('eve') })
    const bob = await theirs.person({ roles: { '1a': 1 }, email: mailbox('bob') })
    return { mine, theirs, eve, bob }
  }
  const reachable = async (token: string) => {
    const { status, json: answer } = await gateway.graphql('{ me { memberships { districtId } } }', { token })
    return status === 200 ? answer.data.me.memberships.map(({ districtId }: { districtId: string }) => districtId) : []
  }
  const switchTo = (districtId: string) => `switchDistrict(districtId: "${districtId}") { token }`

  test('who takes the address of one is out of their own, and gets nowhere', async () => {
    const { theirs, eve, bob } = await neighbours()
    const unused = (await mailFor(eve.email))!
    const sessions = [await eve.token(), await eve.token()] as const
    const { json: answer } = await gateway.graphql(
      `mutation { updatePerson(id: "${eve.id}", input: { email: "${bob.email.toUpperCase()}" }) { id } ${switchTo(theirs.id)} }`,
      { token: sessions[0] },
    )
    expect(answer.data).toEqual({ updatePerson: { id: eve.id }, switchDistrict: null })
    expect(answer.errors.map(({ extensions }: { extensions: { code: string } }) => extensions.code)).toEqual(['UNAUTHENTICATED'])
    for (const token of sessions) {
      expect(await reachable(token)).toEqual([])
      expect((await gateway.graphql(`mutation { ${switchTo(theirs.id)} }`, { token })).status).toBe(401)
    }
    // Neither what was mailed to them before, nor a mail for the address that is theirs by name, signs them in.
    for (const mail of [unused, { ...unused, email: bob.email }]) expect(await signInWith(mail)).toBeUndefined()
    expect(await mailFor(eve.email)).toBeUndefined()
    expect((await mailFor(bob.email))!.to.toLowerCase()).toBe(bob.email)
  })

  test('who gives it to a puppet reaches no further, with sessions in other districts neither', async () => {
    const { mine, theirs, eve, bob } = await neighbours()
    const third = await settled()
    const address = mailbox('puppet')
    const puppet = await mine.person({ email: address })
    await third.person({ email: address })
    const [here, there] = [await puppet.token(), await (await third.person({ email: mailbox('x') })).token()]
    // A session that proved the puppet's address, in the third district.
    await db.query(sql`update sessions set email_key = ${address} where token_hash = ${hashToken(there)}`)
    expect(await reachable(there)).toEqual([mine.id, third.id].toSorted())
    expectWritten(await updatePerson(await eve.token(), puppet.id, { email: bob.email }))
    expect(await reachable(here)).toEqual([])
    expect(await reachable(there)).toEqual([third.id])
    for (const districtId of [mine.id, theirs.id]) {
      const answer = await gateway.graphql(`mutation { ${switchTo(districtId)} }`, { token: there })
      expect(refusalsIn(answer)).toEqual([{ code: 'NOT_FOUND', at: 'switchDistrict' }])
    }
    expect(await signedIn(there)).toBe(true)
  })

  test('who shares it takes nothing from its owner: their session, their mail, their district', async () => {
    const { mine, theirs, eve, bob } = await neighbours()
    const session = await bob.token()
    const mailed = (await mailFor(bob.email))!
    expectWritten(await createPerson(await eve.token(), { first: 'P', last: 'P', email: bob.email }))
    expect(await signedIn(session)).toBe(true)
    const token = (await signInWith(mailed))!
    expect((await gateway.graphql('{ me { districtId person { id } } }', { token })).json.data.me).toEqual({
      districtId: theirs.id,
      person: { id: bob.id },
    })
    // Signing in anew leads to where they were last.
    const again = (await signIn(bob.email))!
    expect((await gateway.graphql('{ me { districtId } }', { token: again })).json.data.me.districtId).toBe(theirs.id)
    expect(await reachable(again)).toEqual([mine.id, theirs.id].toSorted())
    // What Eve does to hers ends nothing in theirs.
    const [{ id: puppetId } = { id: '' }] = await db.query<{ id: string }>(
      sql`select id from people where district_id = ${mine.id} and email_key = ${bob.email}`,
    )
    expectWritten(await updatePerson(await eve.token(), puppetId, { archived: true }))
    for (const alive of [session, token, again]) expect(await reachable(alive)).toEqual([theirs.id])
  })

  test('who was there first cannot keep an owner out who has never signed in', async () => {
    const { mine, theirs, eve } = await neighbours()
    const address = mailbox('newcomer')
    expectWritten(await createPerson(await eve.token(), { first: 'P', last: 'P', email: address }))
    const owner = await theirs.person({ roles: { '1a': 1 }, email: address })
    const token = (await signIn(address))!
    expect(await reachable(token)).toEqual([mine.id, theirs.id].toSorted())
    const { json: answer } = await gateway.graphql(
      `mutation { switchDistrict(districtId: "${theirs.id}") { person { id } district { id } } }`,
      { token },
    )
    expect(answer).toEqual({ data: { switchDistrict: { person: { id: owner.id }, district: { id: theirs.id } } } })
  })

  test('writes nothing there by moving within one document', async () => {
    const { mine, theirs, eve, bob } = await neighbours()
    const puppet = await theirs.person({ email: eve.email })
    await expectNothingChangesIn(theirs.id, async () => {
      const answer = await gateway.graphql(
        `mutation {
          switchDistrict(districtId: "${theirs.id}") { district { id } }
          a: updatePerson(id: "${bob.id}", input: { first: "Evil" }) { id }
          b: updatePerson(id: "${puppet.id}", input: { roles: [{ roleId: "1a", rank: PRIMARY }] }) { id }
          c: updatePerson(id: "${eve.id}", input: { first: "Gone" }) { id }
        }`,
        { token: await eve.token() },
      )
      expect(answer.json.data).toEqual({ switchDistrict: { district: { id: theirs.id } }, a: null, b: null, c: null })
      expect(refusalsIn(answer).map(({ code }) => code)).toEqual(['FORBIDDEN', 'FORBIDDEN', 'FORBIDDEN'])
    })
    expect(await db.query(sql`select first from people where district_id = ${mine.id} and id = ${eve.id}`)).toEqual([{ first: 'Ada' }])
  })
  async function expectNothingChangesIn(districtId: string, work: () => Promise<void>) {
    const people = () =>
      db.query(sql`select id, first, email, roles, archived, updated_at from people where district_id = ${districtId} order by id`)
    const before = await people()
    await work()
    expect(await people()).toEqual(before)
  }
})

describe('whoever lowers themselves within a document', () => {
  const createKey = 'createApiKey(input: { name: "After", scopes: [READ_PEOPLE] }) { key }'
  const keys = () => db.query(sql`select id from api_keys where district_id = ${district.id} and name = 'After'`)

  test.each([
    ['gives its roles away', '{ roles: [] }', 'FORBIDDEN'],
    ['sets its roles to null', '{ roles: null }', 'FORBIDDEN'],
    ['keeps People = edit alone', '{ roles: [{ roleId: "p2", rank: PRIMARY }] }', 'FORBIDDEN'],
    ['archives itself', '{ archived: true }', 'UNAUTHENTICATED'],
    ['changes its address', `{ email: "${mailbox('elsewhere')}" }`, 'UNAUTHENTICATED'],
  ])('and %s has no power left for its next field', async (_how, input, code) => {
    const self = await district.admin()
    const chief = await district.admin()
    const answer = await gateway.graphql(
      `mutation {
        updatePerson(id: "${self.id}", input: ${input}) { id }
        ${createKey}
        back: updatePerson(id: "${self.id}", input: { roles: [{ roleId: "1a", rank: PRIMARY }], archived: false }) { id }
        other: updatePerson(id: "${chief.id}", input: { archived: true }) { id }
        add: createPerson(input: { first: "E", last: "E", email: "${mailbox('evil')}", roles: [{ roleId: "1a", rank: PRIMARY }] }) { id }
      }`,
      { token: await self.token() },
    )
    expect(answer.json.data).toEqual({ updatePerson: { id: self.id }, createApiKey: null, back: null, other: null, add: null })
    expect(refusalsIn(answer).map((refusal) => refusal.code)).toEqual([code, code, code, code])
    expect(await keys()).toEqual([])
    expect(await db.query(sql`select archived from people where district_id = ${district.id} and id = ${chief.id}`)).toEqual([
      { archived: false },
    ])
  })

  test('sees no more than is left to it', async () => {
    const self = await district.admin()
    const other = await district.person()
    const { json: answer } = await gateway.graphql(
      `mutation {
        a: updatePerson(id: "${self.id}", input: { roles: [{ roleId: "p2", rank: PRIMARY }] }) { person { id } }
        b: updatePerson(id: "${other.id}", input: { first: "Seen" }) { person { first interviews { totalCount } } }
        c: updatePerson(id: "${self.id}", input: { roles: null }) { person { roles { rank } } }
      }`,
      { token: await self.token() },
    )
    expect(answer).toEqual({
      data: {
        a: { person: { id: self.id } },
        b: { person: { first: 'Seen', interviews: { totalCount: 0 } } },
        c: { person: { roles: [] } },
      },
    })
  })

  test('keeps what it has when it lowers somebody else', async () => {
    const [self, other] = [await district.admin(), await district.admin()]
    const { json: answer } = await gateway.graphql(
      `mutation { updatePerson(id: "${other.id}", input: { roles: [] }) { id } createApiKey(input: { name: "Kept", scopes: [READ_PEOPLE] }) { apiKey { name } } }`,
      { token: await self.token() },
    )
    expect(answer.data.createApiKey).toEqual({ apiKey: { name: 'Kept' } })
  })
})
