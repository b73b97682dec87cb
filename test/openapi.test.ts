/** The OpenAPI description is valid, complete, and true: every example in it is sent, and answered as it says. */
import { Validator } from '@seriousme/openapi-schema-validator'
import sql from 'sql-template-tag'
import { describe, expect, test } from 'vitest'
import { otherwise } from './support/database.ts'
import { type Scope, scopes } from '../src/access/scopes.ts'
import { failureLimits } from '../src/domain/guessing.ts'
import { Problem } from '../src/domain/problem.ts'
import { hashToken } from '../src/domain/tokens.ts'
import { exampleNewApiKey } from '../src/rest/bodies/api-key.ts'
import { exampleWholeDistrict } from '../src/rest/bodies/district.ts'
import { exampleWholeInterview } from '../src/rest/bodies/interview.ts'
import { examplePerson } from '../src/rest/bodies/person.ts'
import { routes } from '../src/rest/routes.ts'
import { demandDocumented, description, schemaAt } from './support/documented.ts'
import { createTestDistrict } from './support/fixtures.ts'
import { startGateway } from './support/gateway.ts'
import { type Json, json, newAddress, raw, type RawRequest, serve } from './support/http.ts'
import type { RolePermissions } from '../src/access/viewer.ts'
import type { Interview } from '../src/domain/interviews.ts'

const gateway = await startGateway({ config: { trustedProxyHops: 1 } })
const { db, deps, url } = gateway

interface Operation {
  readonly path: string
  readonly method: string
  readonly operation: Json
}
const operations: Operation[] = Object.entries<Json>(description.paths).flatMap(([path, methods]) =>
  Object.entries<Json>(methods).map(([method, operation]) => ({ path, method, operation })),
)

describe('/api/openapi.json', () => {
  test('is open to everybody, even with a credential that is no good, and is revalidated by its ETag', async () => {
    for (const headers of [{}, { Authorization: 'Bearer nonsense' }]) {
      const answer = await raw(`${url}/api/openapi.json`, { headers })
      expect([answer.status, answer.headers['content-type'], answer.headers['cache-control']]).toEqual([
        200,
        'application/json; charset=utf-8',
        'no-cache',
      ])
      expect(answer.json).toEqual(description)
      const again = await raw(`${url}/api/openapi.json`, { headers: { ...headers, 'If-None-Match': answer.headers.etag! } })
      expect([again.status, again.text, again.headers.etag]).toEqual([304, '', answer.headers.etag])
    }
  })

  test('is valid OpenAPI 3.1', async () => {
    const validator = new Validator()
    expect(await validator.validate(structuredClone(description))).toEqual({ valid: true })
    expect(validator.version).toBe('3.1')
  })

  test('describes every route, and nothing else', () => {
    expect(operations.map(({ path, method }) => `${method.toUpperCase()} ${path}`)).toEqual(
      // One address after the other, in the order in which they first come.
      [...new Set(routes.map(({ path }) => path))].flatMap((path) =>
        routes.filter((route) => route.path === path).map(({ method }) => `${method} ${path.replaceAll(/:(\w+)/g, '{$1}')}`),
      ),
    )
    expect(operations.every(({ path }) => path.startsWith('/api/'))).toBe(true)
    expect(new Set(operations.map(({ operation }) => operation.operationId)).size).toBe(operations.length)
  })

  test('has an example of every answer with a body, and all of them fit their schemas', () => {
    for (const { path, method, operation } of operations) {
      for (const [status, { content }] of Object.entries<Json>(operation.responses)) {
        if (!content) continue
        const validate = schemaAt(['paths', path, method, 'responses', status, 'content', 'application/json', 'schema'])
        expect([`${method} ${path} ${status}`, validate(content['application/json'].examples[status].value), validate.errors]).toEqual([
          `${method} ${path} ${status}`,
          true,
          null,
        ])
      }
      const good = successOf(operation)
      const body = operation.requestBody?.content['application/json']
      if (!body) continue
      const validate = schemaAt(['paths', path, method, 'requestBody', 'content', 'application/json', 'schema'])
      expect([`${method} ${path}`, validate(body.examples[good].value), validate.errors]).toEqual([`${method} ${path}`, true, null])
    }
  })

  test('shows no request among the good ones that is refused, and describes every operation', () => {
    for (const { path, method, operation } of operations) {
      expect(operation.description?.length, `${method} ${path}`).toBeGreaterThan(20)
      for (const { examples = {} } of [...(operation.parameters ?? []), operation.requestBody?.content['application/json'] ?? {}] as Json[])
        expect([[], [successOf(operation)]]).toContainEqual(Object.keys(examples))
    }
  })

  test('names by each schema what can come, and nothing more', () => {
    const validate = schemaAt(['components', 'schemas', 'Person'])
    expect(validate({ ...examplePerson, shoe_size: 44 })).toBe(false)
    const { email: _email, ...without } = examplePerson
    expect(validate(without)).toBe(false)
    expect(validate({ ...examplePerson, archived: true })).toBe(false)
  })
})

test('an answer that is not described fails the test that meets it', () => {
  const person = { status: 200, json: examplePerson }
  expect(() => demandDocumented('GET', '/api/people/abc12?include=', person)).not.toThrow()
  expect(() => demandDocumented('GET', '/api/people/abc12', { ...person, status: 418 })).toThrow('GET /api/people/{id} answers 418')
  expect(() => demandDocumented('GET', '/api/people/abc12', { status: 200, json: { ...examplePerson, id: 5 } })).toThrow(
    'data/id must be string',
  )
  expect(() => demandDocumented('GET', '/api/people/abc12', { status: 304, json: {} })).toThrow('with a body')
  expect(() => demandDocumented('PUT', '/api/people/abc12', { status: 405, json: {} })).not.toThrow()
})

const successOf = (operation: Json): string => Object.keys(operation.responses).find((status) => status.startsWith('20'))!

/** The district of the examples: Jane, who is its administrator, her interview, and a key. */
async function createExampleDistrict() {
  const { id: districtId, name, settings, created_at: createdAt } = exampleWholeDistrict
  await db.query(sql`delete from interviews where district_id = ${districtId}`) // a board that has met somebody stays
  await db.query(sql`delete from districts where id = ${districtId}`)
  const district = await createTestDistrict(db, { id: districtId, name })
  await db.query(sql`update districts set created_at = ${new Date(createdAt)} where id = ${districtId}`)
  const where = { districtId }
  for (const table of [db.tables.role, db.tables.board, db.tables.form, db.tables.profile] as const)
    await (table as typeof db.tables.role).deleteMany({ where })
  for (const [id, { name: roleName, ...permissions }] of Object.entries(settings.roles))
    await db.tables.role.create({ data: { districtId, id, name: roleName, permissions: permissions as RolePermissions } })
  for (const [id, board] of Object.entries(settings.boards)) await db.tables.board.create({ data: { districtId, id, ...board } })
  for (const [id, profile] of Object.entries(settings.profiles)) await db.tables.profile.create({ data: { districtId, id, ...profile } })
  for (const [id, form] of Object.entries(settings.forms)) {
    const fields = Object.entries(form.fields).map(([fieldId, { p, options, ...field }], position) => ({
      id: fieldId,
      position,
      private: p === 1,
      ...field,
      ...(options ? { options } : {}),
    }))
    await db.tables.form.create({ data: { districtId, id, name: form.name, fields: { create: fields } } })
  }
  const { id, first, last, email, roles, tags } = examplePerson
  const jane = await district.person({ id, first, last, email, roles, tags, createdAt: new Date(examplePerson.created_at) })
  const { id: interviewId, date, responses, audio, created_at: added, updated_at: updated } = exampleWholeInterview
  await district.interview(id, {
    id: interviewId,
    date,
    responses,
    recordings: audio as Interview['recordings'],
    createdAt: new Date(added),
    updatedAt: new Date(updated),
  })
  const { key, created_at: keyCreatedAt, ...apiKey } = exampleNewApiKey
  await db.tables.apiKey.create({ data: { ...apiKey, districtId, keyHash: hashToken(key), createdAt: new Date(keyCreatedAt) } })
  return { ...district, jane }
}
type ExampleDistrict = Awaited<ReturnType<typeof createExampleDistrict>>

/** What an example's name says beside its request: how the district stands, who asks, and what else is wrong. */
async function circumstances(
  status: string,
  operation: Json,
  { jane, key, id, person }: ExampleDistrict,
): Promise<{ token?: string | undefined; base?: string; headers?: Record<string, string>; body?: string }> {
  const isOpen = operation.security.length === 0
  const token = isOpen ? undefined : await jane.token()
  switch (status) {
    case '401':
      return { token: isOpen && !isNamed(operation, '401') ? 'wrong' : undefined }
    case '402':
      await db.query(sql`update districts set billing_plan = 'inactive' where id = ${id}`)
      return { token }
    case '403': {
      const needed: Scope[] = operation.security[0].bearer
      return { token: await key(...scopes.map((scope) => scope.id).filter((scope) => !needed.includes(scope))) }
    }
    case '409':
      await person({ email: 'admin@example.com' })
      return { token }
    case '413':
      return { token, body: JSON.stringify({ pad: 'x'.repeat(100_000) }) }
    case '415':
      return { token, headers: { 'Content-Type': 'text/plain' } }
    case '429':
      return { token, headers: { 'X-Forwarded-For': await exhausted() } }
    case '500':
      return { token, base: await failing(new Error('boom')) }
    case '503':
      return { token, base: await failing(new Problem('UNAVAILABLE', { retryAfter: 1 })) }
    default:
      return { token }
  }
}
/** The address of a client that has asked for too many mails and given too many wrong codes. */
async function exhausted(): Promise<string> {
  const address = newAddress()
  await db.query(sql`insert into request_buckets (key, full_at) values (${`address:${address}`}, now() + interval '1 hour')`)
  for (let n = 0; n < failureLimits.addressHour; n++)
    await raw(`${url}/api/auth/verify`, json({ code: '000000', email: 'nobody@example.org' }, { 'X-Forwarded-For': address }))
  return address
}
const failing = (why: Error) => {
  const fail = () => Promise.reject(why)
  return serve({ ...deps, db: otherwise(db, { query: fail, transaction: fail }) })
}

/** What differs in the request that a refusal is an example of. */
const differing = (operation: Json, status: string): Json => operation.responses[status]['x-request'] ?? {}
const isNamed = (operation: Json, status: string): boolean => 'x-request' in operation.responses[status]

/** The request of an example: the good answer's, and what differs from it. */
function requestOf(
  { path, method, operation }: Operation,
  status: string,
  secrets: { code?: string; token?: string },
): { path: string; request: RawRequest } {
  const good = successOf(operation)
  const { params = {}, query: parameters = {}, headers: others = {}, body: otherBody } = differing(operation, status)
  const differently: Json = { ...params, ...parameters, ...others }
  let address = path
  const query = new URLSearchParams(parameters)
  const headers: Record<string, string> = {}
  for (const { name, in: place, examples } of operation.parameters ?? []) {
    const value = (status === good && name === 'token' ? secrets.token : differently[name]) ?? examples?.[good]?.value
    if (value === undefined) continue
    if (place === 'path') address = address.replace(`{${name}}`, value)
    if (place === 'query') query.set(name, value)
    if (place === 'header') headers[name] = value
  }
  const body = otherBody ?? operation.requestBody?.content['application/json'].examples[good].value
  const sent = body && status === good && 'code' in body ? { ...body, code: secrets.code } : body
  return {
    path: query.size === 0 ? address : `${address}?${query}`,
    request: { ...(sent === undefined ? { headers } : json(sent, headers)), method: method.toUpperCase() },
  }
}

/** Without what is drawn anew each time. */
const masked = (body: unknown, operation: Json): unknown =>
  ['createPerson', 'createInterview', 'createApiKey', 'verifyCode', 'verifyMagicLink'].includes(operation.operationId)
    ? JSON.parse(JSON.stringify(body), (name, value) =>
        ['id', 'key', 'hint', 'token', 'created_at', 'updated_at'].includes(name) ? 'drawn' : value,
      )
    : body

describe.each(operations.map((each) => ({ ...each, title: `${each.method.toUpperCase()} ${each.path}` })))('$title', (each) => {
  const { operation } = each
  const statuses = Object.keys(operation.responses).filter((status) => status !== '304')

  test.each(statuses)('answers the example %s as it says', async (status) => {
    const district = await createExampleDistrict()
    const mail = /verify/.test(operation.operationId) && status === '200' ? await mailed() : {}
    const { token, base = url, headers, body } = await circumstances(status, operation, district)
    const { path, request } = requestOf(each, status, mail)
    const send = (changes: RawRequest = {}) =>
      raw(base + path, {
        ...request,
        ...(body === undefined ? {} : { body }),
        ...changes,
        headers: {
          ...request.headers,
          ...(token === undefined ? {} : { Authorization: `Bearer ${token}` }),
          ...headers,
          ...changes.headers,
        },
      })
    // A key that came with another body is none that an example can show.
    const isReuse = status === '409' && !isNamed(operation, '409')
    if (isReuse) expect((await send({ headers: { 'Idempotency-Key': 'once' } })).status).toBe(201)
    const answer = await send(
      isReuse
        ? { headers: { 'Idempotency-Key': 'once' }, body: JSON.stringify({ ...JSON.parse(String(request.body)), published: 1 }) }
        : {},
    )

    expect([answer.status, answer.text]).toEqual([Number(status), expect.any(String)])
    demandDocumented(each.method.toUpperCase(), path, answer)
    const { examples } = operation.responses[status].content['application/json']
    if (operation.operationId === 'describe') expect(answer.json).toMatchObject(examples[status].value)
    else expect(masked(answer.json, operation)).toEqual(masked(examples[status].value, operation))
    for (const name of Object.keys(operation.responses[status].headers ?? {})) expect(answer.headers).toHaveProperty(name.toLowerCase())
  })
})

test.each(
  operations
    .filter(({ operation }) => '304' in operation.responses)
    .map((each) => ({ ...each, title: `${each.method.toUpperCase()} ${each.path}` })),
)('$title answers 304 to the ETag of its example', async (each) => {
  const { jane } = await createExampleDistrict()
  const { path, request } = requestOf(each, '200', {})
  const authorization: Record<string, string> =
    each.operation.security.length === 0 ? {} : { Authorization: `Bearer ${await jane.token()}` }
  const { headers } = await raw(url + path, { ...request, headers: authorization })
  const answer = await raw(url + path, { ...request, headers: { ...authorization, 'If-None-Match': headers.etag! } })
  expect([answer.status, answer.text]).toEqual([304, ''])
  demandDocumented('GET', path, answer)
})

async function mailed() {
  const since = gateway.mails.length
  await gateway.rest('POST', '/api/auth/request', { body: { email: examplePerson.email } })
  return gateway.nextMail(examplePerson.email, since)
}
