/** The audit trail: everything that must be remembered is, nothing that must not; and no row of it changes or goes unseen. */
import sql from 'sql-template-tag'
import { beforeAll, describe, expect, test } from 'vitest'
import { sealAll, startSealing } from '../src/domain/audit-seal.ts'
import type { auditActions } from '../src/domain/audit.ts'
import { verifyAuditTrail } from '../src/domain/audit-verify.ts'
import { createTestDistrict, type TestDistrict } from './support/fixtures.ts'
import { type RequestOptions, startGateway } from './support/gateway.ts'

const gateway = await startGateway({ config: { trustedProxyHops: 1 } })
const { db, deps } = gateway

interface Event {
  readonly id: string
  readonly at: string
  readonly action: keyof typeof auditActions
  readonly actorType: string
  readonly actorId: string | null
  readonly recordType: string | null
  readonly recordId: string | null
  readonly members: string[]
  readonly address: string | null
  readonly requestId: string | null
  readonly count: number
  readonly number: number | null
}
const members = 'id at action actorType actorId recordType recordId members address requestId count number'

/** A district with an administrator who reads its trail. */
async function watched() {
  const district = await createTestDistrict(db)
  const admin = await district.admin()
  const token = await admin.token()
  const events = async (args = ''): Promise<Event[]> => {
    const { json, text } = await gateway.graphql(`{ auditEvents${args} { nodes { ${members} } } }`, { token })
    expect(json.errors, text).toBeUndefined()
    return json.data.auditEvents.nodes
  }
  return { district, admin, token, events }
}
const from = (network: number): RequestOptions => ({ headers: { 'X-Forwarded-For': `198.51.100.${network}` } })
const stored = async (districtId: string) =>
  (
    await db.query<{ rows: string }>(
      sql`select coalesce(jsonb_agg(e), '[]')::text as rows from audit_events e where e.district_id = ${districtId}`,
    )
  )[0]!.rows

describe('what is remembered', () => {
  test('a write: who, what, which record and members, when, from where, in which request; and never a value', async () => {
    const { district, admin, token, events } = await watched()
    const secret = 'A secret that nobody else may read'
    const person = await gateway.graphql(
      'mutation { createPerson(input: { first: "Unusualfirst", last: "Unusuallast", email: "unusual@example.org", tags: ["unusualtag"] }) { id } }',
      { token, ...from(7) },
    )
    const { id } = person.json.data.createPerson
    await gateway.graphql('mutation ($id: ID!) { updatePerson(id: $id, input: { first: "Otherfirst", tags: [] }) { id } }', {
      token,
      variables: { id },
    })
    const interview = await gateway.graphql(
      'mutation ($id: ID!, $responses: JSON) { createInterview(input: { personId: $id, date: "2026-05-01", boardId: "1a", formId: "1a", profileId: "1a", responses: $responses }) { id } }',
      { token, variables: { id, responses: { '1d': { en: secret } } } },
    )
    const interviewId = interview.json.data.createInterview.id
    const key = await district.key('write:interviews')
    await gateway.graphql(
      'mutation ($id: ID!, $responses: JSON) { updateInterview(id: $id, input: { published: true, responses: $responses }) { id } }',
      { token: key, variables: { id: interviewId, responses: { '1d': { en: `${secret}!` }, '1a': 1 } } },
    )
    const [updatedInterview, createdInterview, updated, created] = await events()
    const byAdmin = { actorType: 'PERSON', actorId: admin.id, count: 1 }
    expect(created).toMatchObject({ ...byAdmin, action: 'PERSON_CREATE', recordType: 'PERSON', recordId: id, address: '198.51.100.7' })
    expect(created!.requestId).toBe(person.headers.get('x-request-id'))
    expect(Math.abs(Date.now() - Date.parse(created!.at))).toBeLessThan(60_000)
    expect(updated).toMatchObject({ ...byAdmin, action: 'PERSON_UPDATE', recordId: id, members: ['first', 'tags'] })
    expect(createdInterview).toMatchObject({ ...byAdmin, action: 'INTERVIEW_CREATE', recordType: 'INTERVIEW', recordId: interviewId })
    expect(updatedInterview).toMatchObject({ action: 'INTERVIEW_UPDATE', actorType: 'API_KEY', recordId: interviewId })
    expect(updatedInterview!.members.sort()).toEqual(['published', 'responses.1a', 'responses.1d'])
    expect(await stored(district.id)).not.toMatch(/nobody else|unusual|otherfirst/i)
  })

  test('a write that is refused, or changes nothing, is none', async () => {
    const { district, token, events } = await watched()
    const { id, email } = await district.person({ first: 'Ada' })
    for (const input of [`first: ""`, `first: "Ada"`, `email: "${email}"`, 'tags: []'])
      await gateway.graphql(`mutation { updatePerson(id: "${id}", input: { ${input} }) { id } }`, { token })
    await gateway.graphql('mutation { updatePerson(id: "nosuchperson", input: { first: "X" }) { id } }', { token })
    expect(await events()).toEqual([])
  })

  test('signing in, failing to, signing out: with the session, and the person where it is known whose it was', async () => {
    const { district, events } = await watched()
    const person = await district.person()
    await gateway.rest('POST', '/api/auth/request', { body: { email: person.email }, ...from(8) })
    const { code } = await gateway.nextMail(person.email)
    const wrong = String((Number(code) + 1) % 1_000_000).padStart(6, '0')
    for (let n = 0; n < 3; n++) await gateway.rest('POST', '/api/auth/verify', { body: { code: wrong }, ...from(8) })
    const { token } = (await gateway.rest('POST', '/api/auth/verify', { body: { code }, ...from(8) })).json
    await gateway.rest('POST', '/api/auth/logout', { token, ...from(8) })
    const [signedOut, signedIn, ...failed] = await events()
    const byPerson = { actorType: 'PERSON', actorId: person.id, recordType: 'SESSION', address: '198.51.100.8' }
    expect(signedOut).toMatchObject({ ...byPerson, action: 'SIGN_OUT' })
    expect(signedIn).toMatchObject({ ...byPerson, action: 'SIGN_IN', recordId: signedOut!.recordId })
    // One row a minute: two where the minute ended in between.
    expect(failed.length).toBeLessThanOrEqual(2)
    expect(failed.reduce((sum, { count }) => sum + count, 0)).toBe(3)
    for (const event of failed)
      expect(event).toMatchObject({
        action: 'SIGN_IN_FAILED',
        actorType: 'NOBODY',
        actorId: null,
        recordType: 'PERSON',
        recordId: person.id,
      })
    expect(await stored(district.id)).not.toMatch(new RegExp(`${token}|${code}|${wrong}`))
  })

  test('a failure that is nobody’s is in the trail that belongs to no district', async () => {
    const count = async () => {
      const [row] = await db.query<{ count: number }>(
        sql`select coalesce(sum(count), 0)::int as count from audit_events where district_id = '' and action = 'SIGN_IN_FAILED' and network = '198.51.100.9'`,
      )
      return row!.count
    }
    await gateway.rest('POST', '/api/auth/verify', { body: { code: '123456' }, ...from(9) })
    await gateway.rest('GET', `/api/auth/verify/${'A'.repeat(43)}`, from(9))
    expect(await count()).toBe(2)
  })

  test('keys: who created, rotated and revoked which', async () => {
    const { admin, token, events, district } = await watched()
    const run = async (query: string) => (await gateway.graphql(query, { token })).json.data
    const { createApiKey } = await run('mutation { createApiKey(input: { name: "Sync", scopes: [READ_PEOPLE] }) { key apiKey { id } } }')
    const { rotateApiKey } = await run(`mutation { rotateApiKey(id: "${createApiKey.apiKey.id}") { key apiKey { id } } }`)
    await run(`mutation { revokeApiKey(id: "${rotateApiKey.apiKey.id}") { apiKey { id } } }`)
    await run(`mutation { revokeApiKey(id: "${rotateApiKey.apiKey.id}") { apiKey { id } } }`)
    const told = (await events()).map(({ action, actorId, recordType, recordId }) => [action, actorId, recordType, recordId])
    const [old, next] = [createApiKey.apiKey.id, rotateApiKey.apiKey.id]
    expect(told[0]).toEqual(['API_KEY_REVOKE', admin.id, 'API_KEY', next])
    expect(told.slice(1, 3)).toEqual(
      expect.arrayContaining([
        ['API_KEY_ROTATE', admin.id, 'API_KEY', old],
        ['API_KEY_CREATE', admin.id, 'API_KEY', next],
      ]),
    )
    expect(told[3]).toEqual(['API_KEY_CREATE', admin.id, 'API_KEY', old])
    expect(await stored(district.id)).not.toContain('ck_')
  })

  test('sessions: each that was ended by another, and each that ended with its person', async () => {
    const { district, admin, token, events } = await watched()
    const person = await district.person()
    const [first] = [await person.token(), await person.token(), await person.token()]
    await gateway.graphql('mutation { revokeOtherSessions { revokedCount } }', { token: first })
    await gateway.graphql(`mutation { updatePerson(id: "${person.id}", input: { archived: true }) { id } }`, { token })
    const told = (await events()).map(({ action, actorId }) => [action, actorId])
    expect(told.filter(([action]) => action === 'SESSION_REVOKE')).toEqual([
      ['SESSION_REVOKE', admin.id],
      ['SESSION_REVOKE', person.id],
      ['SESSION_REVOKE', person.id],
    ])
  })

  test('moving to another district is in both trails, in each as who one is there', async () => {
    const [here, there] = [await watched(), await watched()]
    const person = await here.district.person()
    const other = await there.district.person({ email: person.email })
    await gateway.graphql(`mutation { switchDistrict(districtId: "${there.district.id}") { ok } }`, { token: await person.token() })
    expect(await here.events()).toMatchObject([{ action: 'DISTRICT_SWITCH', actorId: person.id }])
    expect(await there.events()).toMatchObject([{ action: 'DISTRICT_SWITCH', actorId: other.id }])
  })

  test('denials of one credential are one row a minute with a count, over both doors', async () => {
    const { district, events } = await watched()
    const key = await district.key('read:people')
    await gateway.graphql('{ apiKeys { id } sessions { id } me { districtId } }', { token: key })
    await gateway.graphql('mutation { createPerson(input: { first: "A", last: "B", email: "a@example.org" }) { id } }', { token: key })
    await gateway.rest('POST', '/api/auth/logout', { token: key })
    const denied = await events('(filter: { action: ACCESS_DENIED })')
    expect(denied.length).toBeLessThanOrEqual(2)
    expect(denied.reduce((sum, { count }) => sum + count, 0)).toBe(4)
    expect(denied.at(-1)).toMatchObject({ actorType: 'API_KEY', recordType: 'FIELD', recordId: 'apiKeys' })
  })

  test('reaching above oneself is a denial', async () => {
    const { district, admin, events } = await watched()
    const key = await district.key()
    await gateway.graphql(`mutation { updatePerson(id: "${admin.id}", input: { archived: true }) { id } }`, { token: key })
    expect(await events()).toMatchObject([{ action: 'ACCESS_DENIED', recordId: 'updatePerson', count: 1 }])
  })

  test('where it cannot be remembered, it is not done', async () => {
    const { district, token } = await watched()
    const { id } = await district.person({ first: 'Before' })
    await db.query(sql`create function fail() returns trigger language plpgsql as 'begin raise exception ''no trail''; end'`)
    await db.query(sql`create trigger fail before insert on audit_events for each row execute function fail()`)
    try {
      const { json } = await gateway.graphql(`mutation { updatePerson(id: "${id}", input: { first: "After" }) { id } }`, { token })
      expect(json.errors[0].extensions.code).toBe('INTERNAL_SERVER_ERROR')
    } finally {
      await db.query(sql`drop function fail cascade`)
    }
    const [row] = await db.query(sql`select first from people where district_id = ${district.id} and id = ${id}`)
    expect(row).toEqual({ first: 'Before' })
  })
})

describe('reading it', () => {
  test('is filtered by actor, action, record and time, the newest first, page by page', async () => {
    const { district, admin, token, events } = await watched()
    const key = await district.key()
    const ids: string[] = []
    for (let n = 0; n < 5; n++) {
      const { json } = await gateway.graphql(
        `mutation { createPerson(input: { first: "A", last: "B", email: "p${n}@example.org" }) { id } }`,
        { token: n % 2 === 0 ? key : token },
      )
      ids.push(json.data.createPerson.id)
    }
    await gateway.graphql(`mutation { updatePerson(id: "${ids[0]}", input: { first: "C" }) { id } }`, { token })
    const all = await events()
    expect(all.map(({ at }) => at)).toEqual(
      all
        .map(({ at }) => at)
        .sort()
        .toReversed(),
    )
    expect(all).toHaveLength(6)
    expect(await events(`(filter: { actorId: "${admin.id}" })`)).toHaveLength(3)
    expect(await events('(filter: { action: PERSON_UPDATE })')).toMatchObject([{ recordId: ids[0] }])
    expect((await events(`(filter: { recordId: "${ids[0]}" })`)).map(({ action }) => action)).toEqual(['PERSON_UPDATE', 'PERSON_CREATE'])
    expect(await events(`(filter: { since: "${all[2]!.at}" })`)).toEqual(all.filter(({ at }) => at >= all[2]!.at))
    expect(await events(`(filter: { until: "${all[2]!.at}" })`)).toEqual(all.filter(({ at }) => at <= all[2]!.at))
    expect(await events('(filter: { recordId: "nosuchrecord" })')).toEqual([])

    const paged: string[] = []
    let after: string | null = null
    do {
      const { json } = await gateway.graphql(
        'query ($after: String) { auditEvents(first: 2, after: $after) { totalCount nodes { id } pageInfo { hasNextPage endCursor } } }',
        { token, variables: { after } },
      )
      const page = json.data.auditEvents
      expect(page.totalCount).toBe(6)
      paged.push(...page.nodes.map(({ id }: { id: string }) => id))
      after = page.pageInfo.hasNextPage ? page.pageInfo.endCursor : null
    } while (after !== null)
    expect(paged).toEqual(all.map(({ id }) => id))
  })

  test('shows no other district’s, and not to those without Settings', async () => {
    const { district, events } = await watched()
    await gateway.graphql('mutation { createPerson(input: { first: "A", last: "B", email: "a@example.org" }) { id } }', {
      token: (await watched()).token,
    })
    expect(await events()).toEqual([])
    const { json } = await gateway.graphql('{ auditEvents { totalCount } }', {
      token: await (await district.person({ roles: { '1d': 1 } })).token(),
    })
    expect(json.data).toEqual({ auditEvents: null })
  })
})

describe('the chain', () => {
  let district: TestDistrict
  let token: string
  const verify = async (options: { head?: string } = {}) => {
    const { chains, headFound } = await verifyAuditTrail(deps, { districtId: district.id, ...options })
    return { ...chains[0], headFound }
  }
  const write = async (count: number) => {
    for (let n = 0; n < count; n++) {
      const email = `${Math.random().toString(36).slice(2)}@example.org`
      await gateway.graphql('mutation ($email: String!) { createPerson(input: { first: "A", last: "B", email: $email }) { id } }', {
        token,
        variables: { email },
      })
    }
  }
  /** Does this to the trail, looks, and puts everything back. */
  const tampered = async (...statements: ReturnType<typeof sql>[]) => {
    await db.query(sql`create table kept_events as select * from audit_events`)
    await db.query(sql`create table kept_chains as select * from audit_chains`)
    for (const statement of statements) await db.query(statement)
    const { fault, rows } = await verify()
    await db.query(sql`delete from audit_events`)
    await db.query(sql`insert into audit_events select * from kept_events`)
    await db.query(sql`delete from audit_chains`)
    await db.query(sql`insert into audit_chains select * from kept_chains`)
    await db.query(sql`drop table kept_events, kept_chains`)
    expect((await verify()).fault).toBeUndefined()
    return { fault, rows }
  }

  beforeAll(async () => {
    ;({ district, token } = await watched())
    await write(6)
    await sealAll(deps)
  })

  test('numbers the rows from 1 without a gap, in the order of their time, and verifies', async () => {
    const { json } = await gateway.graphql('{ auditEvents { nodes { number } } }', { token })
    expect(json.data.auditEvents.nodes.map(({ number }: { number: number }) => number)).toEqual([6, 5, 4, 3, 2, 1])
    expect(await verify()).toMatchObject({ rows: 6, unsealed: 0, fault: undefined })
    await write(2)
    expect(await verify()).toMatchObject({ rows: 6, unsealed: 2, fault: undefined })
    await sealAll(deps)
    expect(await verify()).toMatchObject({ rows: 8, unsealed: 0, fault: undefined })
  })

  test('shows a row that was edited, whichever member it was', async () => {
    const third = sql`where district_id = ${district.id} and number = 3`
    for (const edit of [
      sql`update audit_events set actor_id = 'somebodyelse' ${third}`,
      sql`update audit_events set actor_type = 'OPERATOR' ${third}`,
      sql`update audit_events set action = 'PERSON_UPDATE' ${third}`,
      sql`update audit_events set record_id = 'another' ${third}`,
      sql`update audit_events set record_type = 'INTERVIEW' ${third}`,
      sql`update audit_events set at = at - interval '1 millisecond' ${third}`,
      sql`update audit_events set network = null ${third}`,
      sql`update audit_events set request_id = 'another' ${third}`,
      sql`update audit_events set members = '{first}' ${third}`,
      sql`update audit_events set count = 2 ${third}`,
      sql`update audit_events set id = 'another' ${third}`,
      sql`update audit_events set mac = 'another' ${third}`,
    ])
      expect(await tampered(edit), edit.text).toEqual({ fault: 'Row 3 is not what was written.', rows: 2 })
  })

  test('shows a row that is missing, also where the numbers are closed up behind it', async () => {
    const remove = sql`delete from audit_events where district_id = ${district.id} and number = 3`
    expect((await tampered(remove)).fault).toBe('Row 3 is missing.')
    const closeUp = [4, 5, 6, 7, 8].map(
      (n) => sql`update audit_events set number = ${n - 1} where district_id = ${district.id} and number = ${n}`,
    )
    const shorten = sql`update audit_chains set number = number - 1 where district_id = ${district.id}`
    expect((await tampered(remove, ...closeUp, shorten)).fault).toBe('Row 3 is not what was written.')
    const exchange = sql`update audit_events set number = case number when 3 then -4 else -3 end where district_id = ${district.id} and number in (3, 4)`
    const exchanged = sql`update audit_events set number = -number where district_id = ${district.id} and number < 0`
    expect((await tampered(exchange, exchanged)).fault).toBe('Row 3 is not what was written.')
  })

  test('shows a tail that was cut, by its head; cut together with the head, by what the log has kept', async () => {
    const cut = sql`delete from audit_events where district_id = ${district.id} and number > 5`
    expect((await tampered(cut)).fault).toBe('The rows from 6 to 8 are missing.')
    const dropped = sql`delete from audit_chains where district_id = ${district.id}`
    expect((await tampered(dropped)).fault).toBe('The head of the chain is missing.')

    const { head } = await verify()
    expect((await verify({ head: head! })).headFound).toBe(true)
    await write(1)
    await sealAll(deps)
    expect((await verify({ head: head! })).headFound).toBe(true)
    const [fifth] = await db.query<{ mac: string }>(sql`select mac from audit_events where district_id = ${district.id} and number = 5`)
    await db.query(cut)
    await db.query(sql`update audit_chains set number = 5, mac = ${fifth!.mac} where district_id = ${district.id}`)
    expect(await verify({ head: head! })).toMatchObject({ fault: undefined, headFound: false })
  })

  test('goes on under a new secret key, and is verified with both; without the old one it says so', async () => {
    const { rows } = await verify()
    const secrets = ['a-newer-secret-key-for-tests-of-32-b', ...deps.secrets]
    await write(1)
    await sealAll({ ...deps, secrets })
    const { chains } = await verifyAuditTrail({ db, secrets }, { districtId: district.id })
    expect(chains[0]).toMatchObject({ rows: rows! + 1, fault: undefined })
    const forgotten = await verifyAuditTrail({ db, secrets: secrets.slice(0, 1) }, { districtId: district.id })
    expect(forgotten.chains[0]!.fault).toMatch(/^Row 1 was sealed under a key that is not in SECRET_KEY/)
  })

  test('a row that still counts is not sealed, and is when its minute is over', async () => {
    const own = await watched()
    const key = await own.district.key('read:people')
    const deny = () => gateway.graphql('{ apiKeys { id } }', { token: key })
    await deny()
    await sealAll(deps)
    await deny()
    const counted = await own.events()
    expect(counted.every(({ number }) => number === null)).toBe(true)
    expect(counted.reduce((sum, { count }) => sum + count, 0)).toBe(2)
    await db.query(sql`update audit_events set open_until = now() - interval '6 seconds' where district_id = ${own.district.id}`)
    await sealAll(deps)
    expect((await own.events()).every(({ number }) => number !== null)).toBe(true)
    await deny() // what is sealed is not counted on
    const { chains } = await verifyAuditTrail(deps, { districtId: own.district.id })
    expect(chains[0]!.fault).toBeUndefined()
  })

  test('is sealed by itself within moments, and its head is in the log, once an hour', async () => {
    const own = await watched()
    await gateway.graphql('mutation { createPerson(input: { first: "A", last: "B", email: "a@example.org" }) { id } }', {
      token: own.token,
    })
    const stop = startSealing(deps)
    await expect.poll(async () => (await own.events())[0]!.number, { timeout: 60_000 }).toBe(1)
    await stop()
    const heads = () =>
      gateway.logLines
        .map((line) => JSON.parse(line))
        .filter(({ msg, districtId }) => msg === 'head of the audit trail' && districtId === own.district.id)
    const { chains } = await verifyAuditTrail(deps, { districtId: own.district.id })
    expect(heads()).toMatchObject([{ number: 1, head: chains[0]!.head }])
    await gateway.graphql('mutation { createPerson(input: { first: "A", last: "B", email: "b@example.org" }) { id } }', {
      token: own.token,
    })
    await startSealing(deps)()
    expect(heads()).toHaveLength(1)
    await db.query(sql`update audit_chains set logged_at = now() - interval '1 hour' where district_id = ${own.district.id}`)
    await startSealing(deps)()
    expect(heads()).toMatchObject([{ number: 1 }, { number: 2 }])
  })
})
