/** GraphQL over HTTP: which status, which body, which media type, and what a client never gets to see. */
import sql from 'sql-template-tag'
import { randomBytes } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { otherwise } from './support/database.ts'
import type { Database } from '../src/deps.ts'
import { Problem, statusOf } from '../src/domain/problem.ts'
import { onceASecond } from '../src/repeated-log.ts'
import { createTestDistrict } from './support/fixtures.ts'
import { startGateway } from './support/gateway.ts'
import { json, raw, type RawAnswer, serve } from './support/http.ts'

const gateway = await startGateway()
const { deps, db } = gateway
const url = `${gateway.url}/graphql`
const district = await createTestDistrict(db)
const key = await district.key()
const bearer = { Authorization: `Bearer ${key}` }

const post = (body: unknown, headers: Record<string, string> = {}, to = url) => raw(to, json(body, headers))
const get = (parameters: Record<string, string>, headers: Record<string, string> = {}) =>
  raw(`${url}?${new URLSearchParams(parameters)}`, { headers })

/** Refused before anything was executed: no `data`, and codes of SPEC's list alone. */
function expectRefused(answer: RawAnswer, status: number, code: string): void {
  expect({ status: answer.status, text: answer.text }).toMatchObject({ status })
  expect(Object.keys(answer.json)).toEqual(['errors'])
  expect(answer.headers['content-type']).toMatch(/^application\/(graphql-response\+)?json; charset=utf-8$/)
  for (const error of answer.json.errors) {
    expect(Object.keys(statusOf)).toContain(error.extensions.code)
    expect(error.extensions.code).toBe(code)
    expect(error.extensions).not.toHaveProperty('http')
    expect(error.message.length).toBeGreaterThan(0)
  }
}

describe('a document that is refused is 4xx without data', () => {
  test.each([
    ['no GraphQL', { query: '{' }],
    ['empty', { query: '' }],
    ['a comment alone', { query: '# nothing' }],
    ['an unknown field', { query: '{ nope }' }],
    ['an unknown argument', { query: '{ person(id: "a", nope: 1) { id } }' }],
    ['a missing argument', { query: '{ person { id } }' }],
    ['no selection', { query: '{ me }' }],
    ['a fragment that spreads itself', { query: '{ me { ...A } } fragment A on Me { ...A }' }],
    ['an unknown fragment', { query: '{ ...A }' }],
    ['an unused variable', { query: 'query ($a: Int) { __typename }' }],
    ['a subscription', { query: 'subscription { nope }' }],
    ['a missing variable', { query: 'query ($id: ID!) { person(id: $id) { id } }' }],
    ['a variable of another type', { query: 'query ($n: Int) { people(first: $n) { nodes { id } } }', variables: { n: 'many' } }],
    ['an unknown operation', { query: 'query A { __typename }', operationName: 'B' }],
    ['two operations and no name', { query: 'query A { __typename } query B { __typename }' }],
    ['no query', {}],
    ['a query that is no string', { query: 1 }],
    ['a query that is a list', { query: ['{ __typename }'] }],
    ['variables that are a list', { query: '{ __typename }', variables: [] }],
    ['variables that are a string', { query: '{ __typename }', variables: '{}' }],
    ['extensions that are a number', { query: '{ __typename }', extensions: 1 }],
    ['JSON that is a string', '"{ __typename }"'],
    ['JSON that is null', 'null'],
    ['no JSON', '{'],
    ['nothing at all', ''],
    ['a batch', [{ query: '{ __typename }' }]],
    ['a batch of two', [{ query: '{ __typename }' }, { query: '{ __typename }' }]],
    ['an empty batch', []],
  ])('%s', async (_what, body) => {
    expectRefused(await post(body, bearer), 400, 'BAD_USER_INPUT')
  })

  test('bytes that are not UTF-8', async () => {
    const body = Buffer.concat([Buffer.from('{"query":"{ __typename } #'), Buffer.from([0xff, 0xfe]), Buffer.from('"}')])
    expectRefused(await raw(url, { method: 'POST', headers: { 'Content-Type': 'application/json' }, body }), 400, 'BAD_USER_INPUT')
  })

  test('a variable that is wrong is named', async () => {
    const { json: body } = await post(
      { query: 'query ($f: PersonFilter) { people(filter: $f) { nodes { id } } }', variables: { f: { tag: 1 } } },
      bearer,
    )
    expect(body.errors[0].extensions.field).toBe('f.tag')
  })

  test('a body past 1 MB, and not a byte earlier', async () => {
    const sized = (bytes: number) => `{"query":"{ __typename }"${' '.repeat(bytes - 25 - 1)}}`
    expect(sized(1_000_000)).toHaveLength(1_000_000)
    expect((await post(sized(1_000_000))).json).toEqual({ data: { __typename: 'Query' } })
    expectRefused(await post(sized(1_000_001)), 413, 'BAD_USER_INPUT')
    expectRefused(
      await raw(url, {
        method: 'POST',
        headers: { 'Content-Type': 'application/json', 'Transfer-Encoding': 'chunked' },
        body: sized(4_000_000),
      }),
      413,
      'BAD_USER_INPUT',
    )
  })

  test.each([
    'application/x-www-form-urlencoded',
    'multipart/form-data; boundary=x',
    'text/plain',
    'application/graphql',
    'application/json, text/plain',
    'application/json; charset=utf-16',
    '',
  ])('a body of the type "%s"', async (type) => {
    for (const body of ['query=%7B__typename%7D', '{"query":"{ __typename }"}', '{ __typename }']) {
      expectRefused(await raw(url, { method: 'POST', headers: { 'Content-Type': type }, body }), 415, 'BAD_USER_INPUT')
    }
  })

  test('and says what is taken', async () => {
    const { status, headers } = await raw(url, { method: 'POST', headers: { 'Content-Type': 'text/plain' }, body: '{}' })
    expect([status, headers['accept'], headers['accept-post']]).toEqual([415, 'application/json', 'application/json'])
    const patch = { method: 'PATCH', headers: { ...bearer, 'Content-Type': 'text/plain' }, body: '{}' }
    const { headers: ofPatch } = await raw(`${gateway.url}/api/people/nope0`, patch)
    expect([ofPatch['accept'], ofPatch['accept-patch']]).toEqual(['application/json', 'application/json'])
  })

  test('a body without a type, and one that is compressed', async () => {
    expectRefused(await raw(url, { method: 'POST', body: '{"query":"{ __typename }"}' }), 415, 'BAD_USER_INPUT')
    expectRefused(await post({ query: '{ __typename }' }, { 'Content-Encoding': 'gzip' }), 415, 'BAD_USER_INPUT')
  })
})

describe.each([url, `${url}?`])('what a client may say otherwise: %s', (to) => {
  const answered = { data: { __typename: 'Query' } }

  test.each([
    'application/json',
    'application/json;',
    'application/json; version=1',
    'application/json\t;\tcharset=utf-8',
    'application/json ; charset="UTF-8"',
    'APPLICATION/JSON;charset=utf8',
    'application/json; charset=us-ascii',
    'application/json;;charset=UTF-8',
  ])('a body is JSON as "%s"', async (type) => {
    const answer = await raw(to, { method: 'POST', headers: { 'Content-Type': type }, body: '{"query":"{ __typename }"}' })
    expect([answer.status, answer.json]).toEqual([200, answered])
  })

  test('a body is not compressed as "identity"', async () => {
    for (const encoding of ['identity', 'Identity'])
      expect((await post({ query: '{ __typename }' }, { 'Content-Encoding': encoding }, to)).json).toEqual(answered)
  })

  test('other members of a request are ignored, and an empty name is none', async () => {
    const members = { query: '{ __typename }', operationName: '', more: 1, id: null, queries: ['{ nope }'], extensions: { a: { b: 1 } } }
    expect((await post(members, {}, to)).json).toEqual(answered)
    const parameters = new URLSearchParams({ query: '{ __typename }', operationName: '', more: '1' })
    expect((await raw(`${url}?${String(parameters)}`)).json).toEqual(answered)
  })

  const modern = 'application/graphql-response+json'
  test.each([
    [`${modern};q=0, application/json`, 'application/json'],
    [`application/json;q=0, */*`, modern],
    [`application/json;q=0.5, ${modern};q=0.6`, modern],
    [`application/json;q=0.6, ${modern};q=0.5`, 'application/json'],
    [`${modern}; charset=utf-8, application/json; charset=utf-8`, modern],
    [`APPLICATION/GRAPHQL-RESPONSE+JSON`, modern],
    [`application/xml, ${modern};q=0.1`, modern],
    ['application/json;q=0', 'application/json'],
    ['*/*;q=0', 'application/json'],
    ['text/html;q=0, application/*;q=0.1', 'application/json'],
  ])('Accept: %s is weighed', async (Accept, type) => {
    for (const [body, status] of [
      [{ query: '{ __typename }' }, 200],
      [{ query: '{' }, 400],
      ['{', 400],
    ] as const) {
      const answer = await post(body, { Accept }, to)
      expect([answer.status, answer.headers['content-type']]).toEqual([status, `${type}; charset=utf-8`])
    }
  })

  test('the hash of a document in its place is answered as clients expect it', async () => {
    const extensions = { persistedQuery: { version: 1, sha256Hash: 'a'.repeat(64) } }
    const parameters = new URLSearchParams({ operationName: 'A', variables: '{}', extensions: JSON.stringify(extensions) })
    for (const answer of [
      await post({ operationName: 'A', variables: {}, extensions }, {}, to),
      await post({ query: null, extensions }, bearer, to),
      await raw(`${url}?${String(parameters)}`, { headers: { Accept: 'text/html' } }),
    ]) {
      expectRefused(answer, 400, 'PERSISTED_QUERY_NOT_SUPPORTED')
      expect(answer.json.errors[0].message).toBe('PersistedQueryNotSupported')
    }
    // With the document beside it nothing is missing.
    expect((await post({ query: '{ __typename }', extensions }, {}, to)).json).toEqual(answered)
  })
})

describe('a document that is executed is 200, with errors beside what stands', () => {
  test('a refusal costs its own field alone', async () => {
    const { status, json: body } = await post(
      { query: '{ me { districtId memberships { personId } } interviews { totalCount } }' },
      { Authorization: `Bearer ${await district.key('read:people')}` },
    )
    expect(status).toBe(200)
    expect(body.data).toEqual({ me: { districtId: district.id, memberships: null }, interviews: null })
    expect(body.errors.map(({ path, extensions }: { path: string[]; extensions: object }) => [path, extensions])).toEqual([
      [['me', 'memberships'], { code: 'FORBIDDEN' }],
      [['interviews'], { code: 'FORBIDDEN', requiredScopes: ['read:interviews'] }],
    ])
  })

  test('nobody in particular gets nulls and is told to sign in', async () => {
    const { status, json: body } = await post({ query: '{ me { districtId } people { totalCount } }' })
    expect([status, body.data]).toEqual([200, { me: null, people: null }])
    expect(body.errors.map(({ extensions }: { extensions: { code: string } }) => extensions.code)).toEqual([
      'UNAUTHENTICATED',
      'UNAUTHENTICATED',
    ])
  })

  test('a mutation that fails is 200 as well', async () => {
    const { status, json: body } = await post({ query: 'mutation { verifyCode(code: "000000", email: "nobody@example.org") { token } }' })
    expect([status, body.data, body.errors[0].extensions]).toEqual([200, { verifyCode: null }, { code: 'UNAUTHENTICATED' }])
  })
})

describe('GET', () => {
  test('answers a query, with its variables and its operation', async () => {
    const answer = await get(
      {
        query: 'query A($n: Int) { people(first: $n) { totalCount } } query B { me { districtId } }',
        operationName: 'B',
        variables: '{"n":1}',
      },
      bearer,
    )
    expect([answer.status, answer.json]).toEqual([200, { data: { me: { districtId: district.id } } }])
    expect(answer.headers['cache-control']).toBe('no-store')
  })

  test('executes no mutation', async () => {
    const person = await district.admin()
    const token = await person.token()
    for (const query of ['mutation { logout { ok } }', 'query A { __typename } mutation B { logout { ok } }']) {
      const answer = await get({ query, operationName: query.startsWith('query') ? 'B' : '' }, { Authorization: `Bearer ${token}` })
      expectRefused(answer, 405, 'BAD_USER_INPUT')
      expect(answer.headers['allow']).toBe('POST')
    }
    expect((await gateway.rest('GET', '/api/me', { token })).status).toBe(200)
  })

  test('executes nothing of its body', async () => {
    expectRefused(await raw(url, { ...json({ query: '{ __typename }' }), method: 'GET' }), 400, 'BAD_USER_INPUT')
  })

  test.each([
    {},
    { query: '' },
    { query: '{' },
    { query: '{ __typename }', variables: '{' },
    { query: '{ __typename }', variables: '[]' },
    { query: '{ __typename }', extensions: 'x' },
  ])('is refused with %j', async (parameters) => {
    expectRefused(await get(parameters as Record<string, string>), 400, 'BAD_USER_INPUT')
  })

  test.each(['PUT', 'DELETE', 'PATCH', 'OPTIONS'])('and POST are all there is: %s is 405', async (method) => {
    const answer = await raw(url, { method })
    expectRefused(answer, 405, 'BAD_USER_INPUT')
    expect(answer.headers['allow']).toBe('GET, POST')
  })

  test('the address of a POST adds nothing to its body', async () => {
    const token = await (await district.admin()).token()
    const answer = await post(
      { query: '{ __typename }' },
      { Authorization: `Bearer ${token}` },
      `${url}?query=${encodeURIComponent('mutation { logout { ok } }')}`,
    )
    expect(answer.json).toEqual({ data: { __typename: 'Query' } })
    expect((await gateway.rest('GET', '/api/me', { token })).status).toBe(200)
  })
})

describe('a credential that is wrong is 401 before execution', () => {
  test.each([['Bearer nope'], [`Bearer ck_${'a'.repeat(32)}`], ['Basic YTpi'], ['']])('"%s"', async (Authorization) => {
    for (const query of ['{ __typename }', '{', 'mutation { requestLogin(email: "nobody@example.org") { ok } }']) {
      const answer = await post({ query }, { Authorization })
      expectRefused(answer, 401, 'UNAUTHENTICATED')
      expect(answer.headers['www-authenticate']).toBe('Bearer error="invalid_token"')
    }
    expectRefused(await get({ query: '{ __typename }' }, { Authorization }), 401, 'UNAUTHENTICATED')
  })
})

describe('the media type', () => {
  const modern = 'application/graphql-response+json'
  test.each([
    [modern, modern],
    [`${modern}, application/json;q=0.9`, modern],
    ['application/json', 'application/json'],
    ['*/*', 'application/json'],
    ['application/*', 'application/json'],
  ])('for Accept: %s is %s', async (Accept, type) => {
    expect((await post({ query: '{ __typename }' }, { Accept })).headers['content-type']).toBe(`${type}; charset=utf-8`)
    expect((await post({ query: '{ nope }' }, { Accept })).headers['content-type']).toBe(`${type}; charset=utf-8`)
  })

  test.each([
    ['a wrong credential', { Authorization: 'Bearer nope' }, 401],
    ['a body of another type', { 'Content-Type': 'text/plain' }, 415],
  ])('is kept for %s', async (_what, headers, status) => {
    const answer = await post({ query: '{ __typename }' }, { Accept: modern, ...headers })
    expect([answer.status, answer.headers['content-type']]).toEqual([status, `${modern}; charset=utf-8`])
  })

  test.each(['text/html', 'image/png', 'text/event-stream', 'multipart/mixed', 'nonsense', ''])(
    'for a client that says it reads "%s" is JSON all the same: what was done must be told',
    async (Accept) => {
      const token = await (await district.admin()).token()
      const answer = await post({ query: 'mutation { logout { ok } }' }, { Accept, Authorization: `Bearer ${token}` })
      expect([answer.status, answer.headers['content-type'], answer.text]).toEqual([
        200,
        'application/json; charset=utf-8',
        '{"data":{"logout":{"ok":true}}}',
      ])
      expectRefused(await post({ query: '{ nope }' }, { Accept }), 400, 'BAD_USER_INPUT')
    },
  )

  test('no answer may be kept by anybody in between', async () => {
    for (const answer of [
      await post({ query: '{ __typename }' }),
      await post({ query: '{' }),
      await get({ query: '{ __typename }' }),
      await post({ query: '{ __typename }' }, { Authorization: 'Bearer x' }),
    ]) {
      expect(answer.headers['cache-control']).toBe('no-store')
    }
  })
})

describe('an unexpected error', () => {
  /** The gateway's database, until the statement contains this text. */
  const breaking = (text: string, error: () => Error): Database =>
    otherwise(db, { query: (statement) => (statement.text.includes(text) ? Promise.reject(error()) : db.query(statement)) })
  /** The lines of the log in which the id of this answer's request is. */
  const loggedOf = ({ headers }: RawAnswer): string[] => {
    onceASecond(deps.log).flush()
    return gateway.logLines.filter((line) => line.includes(headers['x-request-id'] as string))
  }
  const detail = `detail-${randomBytes(4).toString('hex')}`
  const secretive = () => new Error(`${detail}: relation "people" at postgres://user:password@10.0.0.1/db`)

  test('is masked, and its request id finds the detail in the log, and only there', async () => {
    const broken = await serve({ ...deps, db: breaking('from people', secretive) })
    const answers = [
      await post({ query: '{ me { districtId } person(id: "abc") { id } }' }, bearer, `${broken}/graphql`),
      await raw(`${broken}/graphql?query=${encodeURIComponent('{ me { districtId } person(id: "abc") { id } }')}`, { headers: bearer }),
    ]
    for (const answer of answers) {
      const { status, text, json: body, headers } = answer
      expect(status).toBe(200)
      expect(body.data).toEqual({ me: { districtId: district.id }, person: null })
      expect(body.errors).toEqual([
        {
          message: 'Something went wrong here. The request id finds it in the log.',
          locations: [expect.anything()],
          path: ['person'],
          extensions: { code: 'INTERNAL_SERVER_ERROR', requestId: headers['x-request-id'] },
        },
      ])
      expect(text + JSON.stringify(headers)).not.toContain(detail)
      const logged = loggedOf(answer)
      expect(logged).toHaveLength(1)
      expect(logged[0]).toContain(detail)
      expect(JSON.parse(logged[0]!).level).toBe(50)
    }
  })

  test('is masked over REST as well', async () => {
    const broken = await serve({ ...deps, db: breaking('insert into login_requests', secretive) })
    const answer = await raw(`${broken}/api/auth/request`, json({ email: 'a@example.org' }))
    expect([answer.status, answer.text]).toEqual([500, '{"error":"Something went wrong here. The request id finds it in the log."}'])
    expect(loggedOf(answer)).toEqual([expect.stringContaining(detail)])
  })

  test('while the credential is looked up lets nobody in', async () => {
    const broken = await serve({ ...deps, db: breaking('from api_keys', secretive) })
    const answer = await post({ query: '{ __typename }' }, bearer, `${broken}/graphql`)
    expectRefused(answer, 500, 'INTERNAL_SERVER_ERROR')
    expect(answer.json.errors[0].extensions.requestId).toBe(answer.headers['x-request-id'])
    expect(answer.text).not.toContain(detail)
    const overRest = await raw(`${broken}/api/me`, { headers: bearer })
    expect([overRest.status, overRest.text]).toEqual([500, '{"error":"Something went wrong here. The request id finds it in the log."}'])
  })

  test('about data of ours that its type does not take is no fault of the client, and its value stays here', async () => {
    await db.query(sql`update form_fields set type = 'secret-type' where district_id = ${district.id} and form_id = '1a' and id = '1f'`)
    const answer = await post({ query: '{ district { forms { fields { type } } } }' }, bearer)
    expect(answer.json.errors[0].extensions.code).toBe('INTERNAL_SERVER_ERROR')
    expect(answer.text).not.toContain('secret-type')
    expect(loggedOf(answer)).toHaveLength(1)
  })

  test('that is no Error at all is masked, too', async () => {
    const broken = await serve({
      ...deps,
      db: breaking('from people', () => ({ message: detail, extensions: { code: detail } }) as unknown as Error),
    })
    const { text, json: body } = await post({ query: '{ person(id: "abc") { id } }' }, bearer, `${broken}/graphql`)
    expect(body.errors[0].extensions.code).toBe('INTERNAL_SERVER_ERROR')
    expect(text).not.toContain(detail)
  })

  test('of a document that is no JSON is none: nothing reaches the log', async () => {
    onceASecond(deps.log).flush()
    const before = gateway.logLines.length
    await get({ query: '{ __typename }', variables: '{' })
    onceASecond(deps.log).flush()
    expect(gateway.logLines.length).toBe(before)
  })
})

describe('where the database does not answer', () => {
  const unavailable = () => new Problem('UNAVAILABLE', { retryAfter: 1 }, { cause: new Error('connect ECONNREFUSED 10.0.0.1:5432') })
  const away = (text: string): Database =>
    otherwise(db, {
      query: (statement) => (statement.text.includes(text) ? Promise.reject(unavailable()) : db.query(statement)),
      transaction: (work) =>
        db.transaction((tx) =>
          work({
            tables: tx.tables,
            query: (statement) => (statement.text.includes(text) ? Promise.reject(unavailable()) : tx.query(statement)),
          }),
        ),
    })

  test('a query is refused as a whole: 503 with Retry-After, and not one field of data', async () => {
    const url503 = await serve({ ...deps, db: away('from people') })
    const answer = await post({ query: '{ me { districtId } person(id: "abc") { id } }' }, bearer, `${url503}/graphql`)
    expectRefused(answer, 503, 'UNAVAILABLE')
    expect(answer.headers['retry-after']).toBe('1')
    expect(answer.json.errors[0].extensions).toEqual({ code: 'UNAVAILABLE', retryAfter: 1 })
    expect(answer.text).not.toContain('ECONNREFUSED')
  })

  test('no credential is believed', async () => {
    const url503 = await serve({ ...deps, db: away('') })
    const answer = await post({ query: '{ __typename }' }, bearer, `${url503}/graphql`)
    expectRefused(answer, 503, 'UNAVAILABLE')
    expect(answer.headers['retry-after']).toBe('1')
    const overRest = await raw(`${url503}/api/me`, { headers: bearer })
    expect([overRest.status, overRest.text, overRest.headers['retry-after']]).toEqual([
      503,
      '{"error":"The database does not answer. Try again in a moment."}',
      '1',
    ])
  })

  test('signing in is 503 over both doors, and signing in later works', async () => {
    const url503 = await serve({ ...deps, db: away('login_requests') })
    for (const [path, body] of [
      ['/api/auth/request', { email: 'a@example.org' }],
      ['/api/auth/verify', { code: '123456' }],
    ] as const) {
      const answer = await raw(url503 + path, json(body))
      expect([answer.status, answer.text, answer.headers['retry-after']]).toEqual([
        503,
        '{"error":"The database does not answer. Try again in a moment."}',
        '1',
      ])
    }
    expectRefused(
      await post({ query: 'mutation { requestLogin(email: "a@example.org") { ok } }' }, {}, `${url503}/graphql`),
      503,
      'UNAVAILABLE',
    )
  })

  test('a mutation keeps what it has done, and says what it has not', async () => {
    const token = await (await district.admin()).token()
    const url503 = await serve({ ...deps, db: away('insert into login_requests') })
    const answer = await post(
      { query: 'mutation { logout { ok } requestLogin(email: "a@example.org") { ok } }' },
      { Authorization: `Bearer ${token}` },
      `${url503}/graphql`,
    )
    expect([answer.status, answer.json.data]).toEqual([200, { logout: { ok: true }, requestLogin: null }])
    expect(answer.json.errors[0].extensions).toEqual({ code: 'UNAVAILABLE', retryAfter: 1 })
  })
})

describe('introspection and "did you mean" follow one switch', () => {
  const served = (introspection: 'on' | 'off' | 'signed-in') => serve({ ...deps, config: { ...deps.config, introspection } })
  const looks = async (to: string, headers: Record<string, string>) => {
    const [schema, type, hint, argument] = await Promise.all(
      [
        '{ __schema { queryType { name } } }',
        '{ __type(name: "Person") { name } }',
        '{ peple { totalCount } }',
        '{ people(frst: 1) { totalCount } }',
      ].map((query) => post({ query }, headers, `${to}/graphql`)),
    )
    return {
      schema: schema!.status,
      type: type!.status,
      hint: /Did you mean/.test(hint!.text),
      argument: /Did you mean/.test(argument!.text),
    }
  }
  const open = { schema: 200, type: 200, hint: true, argument: true }
  const closed = { schema: 400, type: 400, hint: false, argument: false }

  test.each([
    ['on', {}, open],
    ['on', bearer, open],
    ['off', {}, closed],
    ['off', bearer, closed],
    ['signed-in', {}, closed],
    ['signed-in', bearer, open],
  ] as const)('%s, for %j', async (introspection, headers, expected) => {
    expect(await looks(await served(introspection), { ...headers })).toEqual(expected)
  })

  test('what one caller was shown is not remembered for the next', async () => {
    const to = await served('signed-in')
    for (let n = 0; n < 2; n++) {
      expect(await looks(to, bearer)).toEqual(open)
      expect(await looks(to, {})).toEqual(closed)
    }
  })

  test('values and enums are no way around it', async () => {
    const to = `${await served('off')}/graphql`
    for (const body of [
      { query: '{ people(orderBy: NAME_AS) { totalCount } }' },
      { query: '{ people(filter: { serch: "a" }) { totalCount } }' },
      { query: 'query ($o: PersonOrder!) { people(orderBy: $o) { totalCount } }', variables: { o: 'NAME_AS' } },
      { query: 'query ($f: PersonFilter) { people(filter: $f) { totalCount } }', variables: { f: { serch: 'a' } } },
      { query: '{ people { nodes { ... on Persn { id } } } }' },
      { query: 'query ($f: PersonFiltr) { people { totalCount } }' },
    ]) {
      const answer = await post(body, bearer, to)
      expectRefused(answer, 400, 'BAD_USER_INPUT')
      expect(answer.text).not.toMatch(/did you mean/i)
    }
    expect((await post({ query: '{ __typename }' }, {}, to)).json).toEqual({ data: { __typename: 'Query' } })
  })
})
