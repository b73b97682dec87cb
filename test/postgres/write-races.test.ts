/** Writing under contention, on a real server and through two gateways: nothing is lost, nothing is done twice, and nobody waits in a circle. */
import { randomBytes } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import sql from 'sql-template-tag'
import { afterAll, describe, expect, test } from 'vitest'
import { openServer } from '../../src/adapters/postgres-server.ts'
import type { Queryable } from '../../src/deps.ts'
import type { Message } from '../../src/domain/mail.ts'
import { hashToken, linkToken, makeId, secretId } from '../../src/domain/tokens.ts'
import { createTestDistrict } from '../support/fixtures.ts'
import { startGateway } from '../support/gateway.ts'
import { type Json, newAddress } from '../support/http.ts'
import { expectRefused, expectWritten, refusalsIn, type Written, writesThrough } from '../support/writes.ts'
import { rowsAs } from '../support/rows.ts'

const mails: Message[] = []
const mail = { send: async (message: Message) => void mails.push(message) }
// One proxy in front, so that mails are asked for, and codes given, from many addresses.
const gateway = await startGateway({ mail, config: { trustedProxyHops: 1 } })
const { db } = gateway
/** A second gateway: another pool on the same database, and another mailer. */
const otherDb = openServer({ url: db.url!, directUrl: db.url!, pooled: false })
afterAll(() => otherDb.close())
const second = await startGateway({ mail, config: { trustedProxyHops: 1 }, db: { ...db, ...otherDb } })
const gateways = [gateway, second] as const
/** Each second request goes to the second gateway. */
const through = (n: number) => gateways[n % 2]!
const doors = [writesThrough(gateway), writesThrough(second)] as const
const write = (n: number) => doors[n % 2]!

const district = await createTestDistrict(db)
const admin = await (await district.admin()).token()
const key = await district.key()

const times = <Result>(count: number, act: (n: number) => Promise<Result>): Promise<Result[]> =>
  Promise.all(Array.from({ length: count }, (_, n) => act(n)))
async function rowOf(table: 'people' | 'interviews', id: string): Promise<Json> {
  const [row] = await db.query<Json>(
    table === 'people' ? sql`select * from people where id = ${id}` : sql`select * from interviews where id = ${id}`,
  )
  return row
}
const trailOf = async (id: string) =>
  (await db.query(rowsAs`select id from audit_events where record_id = ${id} and action like '%_UPDATE'`)).length
const tally = (answers: readonly Written[]) =>
  answers.reduce<Record<string, number>>((sums, { id, refusals }) => {
    const outcome = id === undefined ? (refusals[0]?.code ?? 'nothing') : 'done'
    return { ...sums, [outcome]: (sums[outcome] ?? 0) + 1 }
  }, {})
/** Nothing went wrong that nobody foresaw, since it was asked last. */
function expectNoAlarm(): void {
  const lines = gateways.flatMap(({ logLines }, n) => logLines.slice(heard[n]))
  gateways.forEach(({ logLines }, n) => (heard[n] = logLines.length))
  expect(lines.filter((line) => JSON.parse(line).level >= 50 || /deadlock|40P01/.test(line))).toEqual([])
}
const heard = gateways.map(() => 0)
let made = 0
const somebody = (changes: object = {}) => ({ first: 'Grace', last: 'Hopper', email: `grace${++made}@example.org`, ...changes })

describe('changes at once', () => {
  test('of one person, each of another member, are all kept', async () => {
    for (let round = 0; round < 30; round++) {
      const { id } = await district.person()
      const before = (await rowOf('people', id)).updated_at.getTime() as number
      const email = `round${round}@example.org`
      const changes: object[] = [
        { first: 'New' },
        { last: 'Name' },
        { email },
        { language: 'es' },
        { tags: ['a', 'b'] },
        { roles: [{ roleId: '1c', rank: 'PRIMARY' }] },
        { archived: true },
      ]
      for (const change of await times(changes.length, (n) => write(n).updatePerson(admin, id, changes[n]!))) expectWritten(change)
      const row = await rowOf('people', id)
      expect(row).toMatchObject({
        first: 'New',
        last: 'Name',
        email,
        email_key: email,
        sort_name: 'NAME NEW',
        language: 'es',
        tags: ['a', 'b'],
        roles: { '1c': 1 },
        archived: true,
      })
      expect(row.terms.toSorted()).toEqual(
        ['w/NEW', 'w/NAME', `w/ROUND${round}`, 'w/EXAMPLE', 'w/ORG', 'r/1c', 't/a', 't/b']
          .map((term) => `${district.id}/${term}`)
          .toSorted(),
      )
      expect(row.updated_at.getTime() - before).toBeGreaterThanOrEqual(changes.length)
      expect(await trailOf(id)).toBe(changes.length)
    }
    expectNoAlarm()
  })

  test('of one member leave one of them, and as many steps of updatedAt as there were changes', async () => {
    const { id } = await district.person()
    await db.query(rowsAs`update people set updated_at = date_trunc('milliseconds', now()) + interval '1 hour' where id = ${id}`)
    const before = (await rowOf('people', id)).updated_at.getTime() as number
    const answers = await times(40, (n) => write(n).updatePerson(key, id, { first: `Name ${n}` }))
    expect(tally(answers)).toEqual({ done: 40 })
    const row = await rowOf('people', id)
    expect(row.first).toMatch(/^Name \d+$/)
    expect(row.sort_name).toBe(`LOVELACE ${row.first.toUpperCase()}`)
    expect(row.updated_at.getTime() - before).toBe(40)
  })

  test('to the version that all have read are one, through whichever gateway', async () => {
    const { id: personId } = await district.person({ roles: { '1c': 1 } })
    const interview = `/api/interviews/${personId}/${await district.interview(personId)}`
    for (const [path, change] of [
      [`/api/people/${personId}`, (n: number) => ({ first: `Name ${n}` })],
      [interview, (n: number) => ({ responses: { '1b': { en: `Text ${n}` } } })],
    ] as const)
      for (let round = 0; round < 5; round++) {
        const etag = (await gateway.rest('GET', path, { token: key })).headers.get('etag')!
        const answers = await times(20, (n) =>
          through(n).rest('PATCH', path, { token: key, body: change(100 * round + n), headers: { 'If-Match': etag } }),
        )
        const done = answers.filter(({ status }) => status === 200)
        expect([done.length, answers.filter(({ status }) => status === 412).length]).toEqual([1, 19])
        const { text, headers } = await gateway.rest('GET', path, { token: key })
        expect([text, headers.get('etag')]).toEqual([done[0]!.text, done[0]!.headers.get('etag')])
      }
    expectNoAlarm()
  })

  test('that are refused, for whatever reason, cost no connection to the database', async () => {
    const path = `/api/people/${(await district.person()).id}`
    const [blind, admins] = [await district.key('write:people'), `/api/people/${(await district.admin()).id}`]
    const connections = async () =>
      (
        await db.query(
          rowsAs<{
            pid: number
          }>`select pid from pg_stat_activity where application_name = 'credentials-gateway' and datname = current_database()`,
        )
      ).map(({ pid }) => pid)
    const met = new Set(await connections())
    const before = met.size
    for (let n = 0; n < 40; n++) {
      for (const [status, at, token] of [
        [403, path, blind],
        [412, path, key],
        [403, admins, key],
      ] as const) {
        const headers: Record<string, string> = at === path ? { 'If-Match': '"another"' } : {}
        const answer = await gateway.rest('PATCH', at, { token, body: { archived: true }, headers })
        expect(answer.status).toBe(status)
      }
      for (const pid of await connections()) met.add(pid)
    }
    // Each pool may open what it has not opened yet.
    expect(met.size - before).toBeLessThan(20)
  })

  test('of one interview, each of another member or response, are all kept', async () => {
    const { id: personId } = await district.person()
    for (let round = 0; round < 30; round++) {
      const id = await district.interview(personId, { published: false, responses: { '1b': { en: 'cleared' } } })
      const changes: object[] = [
        { date: '2027-01-01' },
        { boardId: '1b' },
        { profileId: '1b' },
        { published: true },
        { responses: { '1a': 2 } },
        { responses: { '1b': null } },
        { responses: { '1d': { en: 'note' } } },
        { responses: { '1f': true } },
      ]
      for (const change of await times(changes.length, (n) => write(n).updateInterview(key, id, changes[n]!))) expectWritten(change)
      expect(await rowOf('interviews', id)).toMatchObject({
        date: '2027-01-01',
        board_id: '1b',
        profile_id: '1b',
        published: true,
        responses: { '1a': 2, '1d': { en: 'note' }, '1f': 1 },
      })
      expect(await trailOf(id)).toBe(changes.length)
    }
    expectNoAlarm()
  })
})

describe('one address', () => {
  test('asked for by fifty creations at once, in many spellings, is one person’s; the others are told of the conflict', async () => {
    for (let round = 0; round < 3; round++) {
      const email = `sought${round}@example.org`
      const spellings = [email, email.toUpperCase(), ` ${email}`, email.replace('s', 'ｓ'), email.replace('@', '＠')]
      const answers = await times(50, (n) => write(n).createPerson(key, somebody({ email: spellings[n % 5] })))
      expect(tally(answers)).toEqual({ done: 1, CONFLICT: 49 })
      for (const answer of answers.filter(({ id }) => id === undefined)) expectRefused(answer, 'CONFLICT', 'input.email')
      expect(await db.query(rowsAs`select id from people where email_key = ${email}`)).toHaveLength(1)
    }
    expectNoAlarm()
  })

  test('asked for by twenty people at once, and by creations beside them, is one person’s', async () => {
    const people = await times(20, () => district.person())
    const answers = await times(40, (n) =>
      n % 2 === 0
        ? write(n / 2).updatePerson(key, people[n / 2]!.id, { email: 'moved-to@example.org', first: 'Moved' })
        : write((n + 1) / 2).createPerson(key, somebody({ email: 'Moved-To@example.org', first: 'Moved' })),
    )
    expect(tally(answers)).toEqual({ done: 1, CONFLICT: 39 })
    expect(await db.query(rowsAs`select id from people where email_key = 'moved-to@example.org'`)).toHaveLength(1)
    expect(await db.query(rowsAs`select id from people where district_id = ${district.id} and first = 'Moved'`)).toHaveLength(1)
    expectNoAlarm()
  })

  test('for another, between two people at once, is a conflict and no circle', async () => {
    for (let round = 0; round < 10; round++) {
      const people = await times(2, () => district.person())
      const answers = await times(2, (n) => write(n).updatePerson(key, people[n]!.id, { email: people[1 - n]!.email, first: 'Swapped' }))
      expect(Object.keys(tally(answers)).toSorted()).toEqual(['CONFLICT'])
      const rows = await db.query(rowsAs`select email from people where id = any(${people.map(({ id }) => id)}::text[]) order by email`)
      expect(rows).toEqual(people.map(({ email }) => ({ email })).toSorted((a, b) => (a.email < b.email ? -1 : 1)))
    }
    expectNoAlarm()
  })
})

describe('one Idempotency-Key', () => {
  test.each(['createPerson', 'createInterview'] as const)(
    'sent twenty times at once through two gateways: %s makes one record',
    async (name) => {
      const { id: personId } = await district.person()
      for (let round = 0; round < 5; round++) {
        const input = name === 'createPerson' ? somebody() : { personId, date: '2026-03-14', boardId: '1a', formId: '1a', profileId: '1a' }
        const answers = await times(20, (n) => write(n)[name](key, input, { idempotencyKey: `${name}-${round}` }))
        expect(tally(answers)).toEqual({ done: 20 })
        const ids = new Set(answers.map(({ id }) => id))
        expect(ids.size).toBe(1)
        expect(
          await db.query(rowsAs`select id from audit_events where record_id = ${[...ids][0]} and action like '%_CREATE'`),
        ).toHaveLength(1)
      }
      if (name === 'createInterview')
        expect(await db.query(rowsAs`select id from interviews where person_id = ${personId}`)).toHaveLength(5)
      expectNoAlarm()
    },
  )

  test('with two bodies at once is one of theirs, and a conflict for the other', async () => {
    for (let round = 0; round < 5; round++) {
      const bodies = [somebody(), somebody()]
      const answers = await times(20, (n) => write(n).createPerson(key, bodies[n % 2]!, { idempotencyKey: `two-${round}` }))
      expect(tally(answers)).toEqual({ done: 10, CONFLICT: 10 })
      expect(await db.query(rowsAs`select id from people where email_key = any(${bodies.map(({ email }) => email)}::text[])`)).toHaveLength(
        1,
      )
    }
    expectNoAlarm()
  })

  test.each([
    ['commit', { CONFLICT: 4 }, 0],
    ['rollback', { done: 4 }, 1],
  ] as const)(
    'of a creation that waits for somebody else is free again if it fails, and taken if it does not: %s',
    async (end, outcome, kept) => {
      const email = `contested-${end}@example.org`
      const input = somebody({ email })
      const answers = await whileHeld(
        (tx) =>
          tx.query(
            rowsAs`insert into people (district_id, id, first, last, email, email_key, language, sort_name)
              values (${district.id}, ${`holder-${end}`}, 'B', 'B', ${email}, ${email}, 'en', 'B B')`,
          ),
        () => times(4, (n) => write(n).createPerson(key, input, { idempotencyKey: `waiting-${end}` })),
        end,
      )
      expect(tally(answers)).toEqual(outcome)
      expect(await db.query(rowsAs`select id from people where email_key = ${email}`)).toHaveLength(1)
      expect(await db.query(rowsAs`select record_id from idempotency_keys where key_hash = ${hashToken(`waiting-${end}`)}`)).toHaveLength(
        kept,
      )
      expectNoAlarm()
    },
  )
})

/** Starts something while somebody else's transaction has done its work and not ended; ends that a moment later. */
async function whileHeld<Result>(
  hold: (tx: Queryable) => Promise<unknown>,
  start: () => Promise<Result>,
  end: 'commit' | 'rollback' = 'commit',
): Promise<Result> {
  let started: Promise<Result> | undefined
  const rolledBack = new Error('rolled back')
  await otherDb
    .transaction(async (tx) => {
      await hold(tx)
      started = start()
      // Long enough for it to come to the lock; were it not, it would come after the commit, which is no other answer.
      await sleep(300)
      if (end === 'rollback') throw rolledBack
    })
    .catch((error: unknown) => {
      if (error !== rolledBack) throw error
    })
  return started!
}

describe('what a change stands on is looked at when its turn has come', () => {
  test('somebody who is being made an administrator is above whoever was waiting to change them', async () => {
    for (const change of [{ email: 'evil@example.org' }, { archived: true }, { roles: null }]) {
      const { id } = await district.person({ roles: { '1c': 1 } })
      const answer = await whileHeld(
        (tx) => tx.query(rowsAs`update people set roles = '{"1a": 1}' where id = ${id}`),
        () => write(0).updatePerson(key, id, change),
      )
      expectRefused(answer, 'FORBIDDEN')
      expect(await rowOf('people', id)).toMatchObject({ roles: { '1a': 1 }, archived: false })
    }
  })

  test('a private answer that is being given is not left to another form by whoever was waiting to change it', async () => {
    await db.tables.form.create({
      data: { districtId: district.id, id: 'open', name: {}, fields: { create: [{ id: '1d', position: 1, name: {}, type: 'long_text' }] } },
    })
    const { id: personId } = await district.person()
    const id = await district.interview(personId)
    const answer = await whileHeld(
      (tx) => tx.query(rowsAs`update interviews set responses = '{"1d": {"en": "Between us"}}' where id = ${id}`),
      () => write(0).updateInterview(key, id, { formId: 'open' }),
    )
    expectRefused(answer, 'BAD_USER_INPUT', 'input.formId')
    expect(await rowOf('interviews', id)).toMatchObject({ form_id: '1a', responses: { '1d': { en: 'Between us' } } })
  })

  test('an address that is given up in the meantime is free', async () => {
    const holder = await district.person({ email: 'given-up@example.org' })
    const { id } = await district.person()
    const answer = await whileHeld(
      (tx) => tx.query(rowsAs`update people set email = 'other@example.org', email_key = 'other@example.org' where id = ${holder.id}`),
      () => write(0).updatePerson(key, id, { email: 'given-up@example.org' }),
    )
    expectWritten(answer)
  })
})

describe('signing in while one’s ground is taken away', () => {
  const secretsIn = ({ text }: Message) => ({ code: /\d{6}/.exec(text)![0], link: /#(\S+)$/m.exec(text)![1]! })
  async function mailed(email: string, since: number) {
    for (;;) {
      const message = mails.filter(({ to }) => to === email)[since]
      if (message) return secretsIn(message)
      await sleep(10)
    }
  }
  const request = (n: number, email: string) =>
    through(n).graphql('mutation ($email: String!) { requestLogin(email: $email) { ok } }', {
      variables: { email },
      headers: { 'X-Forwarded-For': newAddress() },
    })
  const useLink = (n: number, token: string) =>
    through(n).graphql('mutation ($token: String!) { verifyMagicLink(token: $token) { token } }', { variables: { token } })
  const useCode = (n: number, code: string, email: string) =>
    through(n).graphql('mutation ($code: String!, $email: String) { verifyCode(code: $code, email: $email) { token } }', {
      variables: { code, email },
      headers: { 'X-Forwarded-For': newAddress() },
    })
  const sessionsOf = async (id: string) => (await db.query(rowsAs`select id from sessions where person_id = ${id}`)).length

  test('a mail that is prepared at that moment is ended with those before it', async () => {
    const [secret] = gateway.deps.secrets as [string]
    for (const change of [{ archived: true }, { email: 'overtaken@example.org' }]) {
      const person = await district.person()
      const requestId = makeId(randomBytes)
      const answer = await whileHeld(
        // As the mailer does: the person is locked, and the request is theirs from the commit on.
        async (tx) => {
          await tx.query(rowsAs`select id from people where id = ${person.id} for update`)
          await tx.query(
            rowsAs`insert into login_requests (id, email_key, network, secret_id, link_hash, mail_due_at, district_id, person_id)
                values (${requestId}, ${person.email}, '127.0.0.1', ${secretId(secret)}, ${hashToken(linkToken(secret, requestId))},
                  now() + interval '1 hour', ${district.id}, ${person.id})`,
          )
        },
        () => write(0).updatePerson(admin, person.id, change),
      )
      expectWritten(answer)
      expectWritten(await write(1).updatePerson(admin, person.id, { archived: false, email: person.email }))
      expect(refusalsIn(await useLink(0, linkToken(secret, requestId))).map(({ code }) => code)).toEqual(['UNAUTHENTICATED'])
      expect(await sessionsOf(person.id)).toBe(0)
    }
  })

  test('whoever moves there from another district at that moment ends with no session either', async () => {
    const neighbour = await createTestDistrict(db)
    let moved = 0
    for (let round = 0; round < 40; round++) {
      const there = await neighbour.person()
      const { id } = await district.person({ email: there.email })
      const token = await there.token()
      const moving = through(round).graphql(`mutation { switchDistrict(districtId: "${district.id}") { token } }`, { token })
      await (round % 10 === 0 ? moving : sleep(Math.random() * 10))
      const taken = round % 2 === 0 ? { archived: true } : { email: `left${round}@example.org` }
      const [written, answer] = await Promise.all([write(round).updatePerson(admin, id, taken), moving])
      expectWritten(written)
      const codes = refusalsIn(answer).map(({ code }) => code)
      expect([[], ['NOT_FOUND']]).toContainEqual(codes)
      moved += codes.length === 0 ? 1 : 0
      expect(await sessionsOf(id)).toBe(0)
    }
    expect(moved).toBeGreaterThan(0)
    expectNoAlarm()
  })

  test.each([
    ['archived', (round: number) => (round % 2 === 0 ? { archived: true } : { archived: true, email: `gone${round}@example.org` })],
    ['given another address', (round: number) => ({ email: `other${round}@example.org` })],
  ])('whoever is %s at the same moment ends with no session, and no request with an error, in 100 rounds', async (_how, change) => {
    let signedIn = 0
    for (let round = 0; round < 100; round++) {
      const person = await district.person({ roles: { '1c': 1 } })
      const { email, id } = person
      await request(round, email)
      const first = await mailed(email, 0)
      await request(round + 1, email)
      const later = await mailed(email, 1)
      await person.token()
      const using = useLink(round, first.link)
      const [written, , ...verified] = await Promise.all([
        (round % 10 === 0 ? using : sleep(Math.random() * 15)).then(() => write(round + 1).updatePerson(admin, id, change(round))),
        write(round).updatePerson(admin, id, { first: 'Beside' }),
        using,
        useLink(round + 1, later.link),
        useCode(round, later.code, email),
        useLink(round, first.link),
        // The mailer is at it as well: a third mail is asked for, and used the moment it is there, if it comes to that.
        request(round, email).then(async (asked) => {
          for (let tries = 0; tries < 50; tries++) {
            const third = mails.filter(({ to }) => to === email)[2]
            if (third) return useLink(round, secretsIn(third).link)
            await sleep(1)
          }
          return { ...asked, json: { errors: [{ extensions: { code: 'UNAUTHENTICATED' } }] } }
        }),
      ])
      expectWritten(written)
      for (const answer of verified) {
        const codes = refusalsIn(answer).map(({ code }) => code)
        expect([[], ['UNAUTHENTICATED']]).toContainEqual(codes)
        signedIn += codes.length === 0 ? 1 : 0
      }
      expect(await sessionsOf(id)).toBe(0)
      for (const answer of [await useLink(0, first.link), await useLink(1, later.link), await useCode(0, later.code, email)])
        expect(refusalsIn(answer).map(({ code }) => code)).toEqual(['UNAUTHENTICATED'])
    }
    // Some were faster than the change: then it was the change that ended their session.
    expect(signedIn).toBeGreaterThan(0)
    expectNoAlarm()
  })
})
