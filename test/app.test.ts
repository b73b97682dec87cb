/** What answers which path, with which headers, and what happens to requests that are not quite requests. */
import { connect } from 'node:net'
import { describe, expect, test } from 'vitest'
import { otherwise } from './support/database.ts'
import { Problem } from '../src/domain/problem.ts'
import { createTestDistrict } from './support/fixtures.ts'
import { startGateway } from './support/gateway.ts'
import { json, raw, serve } from './support/http.ts'

const gateway = await startGateway()
const { db, deps, url } = gateway
const key = await (await createTestDistrict(db)).key()
const bearer = { Authorization: `Bearer ${key}` }
const configured = (changes: Partial<typeof deps.config>) => serve({ ...deps, config: { ...deps.config, ...changes } })

describe('the probes', () => {
  test('/livez and /readyz are fine while everything is', async () => {
    for (const path of ['/livez', '/readyz']) expect(await raw(url + path)).toMatchObject({ status: 200, text: '{"ok":true}' })
  })

  test('without a database the process is alive and not ready', async () => {
    const away = otherwise(db, { query: () => Promise.reject(new Problem('UNAVAILABLE', { retryAfter: 1 })) })
    const down = await serve({ ...deps, db: away })
    expect((await raw(`${down}/livez`)).status).toBe(200)
    const { status, text, headers } = await raw(`${down}/readyz`)
    expect([status, text, headers['retry-after']]).toEqual([503, '{"error":"The database does not answer. Try again in a moment."}', '1'])
  })
})

describe('an unknown address', () => {
  test.each([
    '/nothing',
    '/graphql//',
    '/graphql/x',
    '//graphql',
    '/GRAPHQL',
    '/api',
    '/apix',
    '/livez//',
    '/.env',
    '/.git/config',
    '/dev/mail',
    '/assets/',
    '/assets/../package.json',
    '/assets/%2e%2e/package.json',
    '/assets/nothing.js',
    '/%',
    '/%00',
    '/%E0%A4%A',
    '/__proto__',
    '/constructor',
    '/toString',
  ])('%s is 404 in one shape', async (path) => {
    const { status, text, headers } = await rawPath(path)
    expect([status, text]).toEqual([404, '{"error":"There is nothing at this address."}'])
    expect(headers).toMatch(/content-type: application\/json; charset=utf-8/i)
  })

  test('is so for every method', async () => {
    for (const method of ['POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'PROPFIND'])
      expect((await raw(`${url}/nothing`, { method })).status).toBe(404)
  })
})

/** A path exactly as it is written; URL would tidy it up. */
async function rawPath(path: string): Promise<{ status: number; headers: string; text: string }> {
  const socket = connect(Number(new URL(url).port), '127.0.0.1')
  socket.write(`GET ${path} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n`)
  let answer = ''
  for await (const chunk of socket) answer += String(chunk)
  const [head = '', text = ''] = answer.split('\r\n\r\n')
  return { status: Number(head.split(' ')[1]), headers: head, text }
}

describe('every answer', () => {
  const requests: readonly (readonly [string, string, Parameters<typeof raw>[1]])[] = [
    ['a probe', '/livez', {}],
    ['an unknown address', '/nothing', {}],
    ['REST', '/api/me', { headers: bearer }],
    ['a refusal of REST', '/api/me', {}],
    ['GraphQL', '/graphql', json({ query: '{ __typename }' })],
    ['a refusal of GraphQL', '/graphql', json({ query: '{' })],
    ['a wrong credential', '/graphql', json({ query: '{ __typename }' }, { Authorization: 'Bearer x' })],
    ['a page', '/', {}],
    ['the sign-in page', '/sign-in', {}],
    ['GraphiQL', '/graphql', { headers: { Accept: 'text/html' } }],
    ['a link', `/api/auth/verify/${'A'.repeat(43)}`, {}],
  ]
  test.each(requests)('%s has an id of its own, and headers that let nothing out', async (_what, path, options) => {
    const [one, two] = [
      await raw(url + path, options),
      await raw(url + path, { ...options, headers: { ...options?.headers, 'X-Request-Id': 'chosen-by-the-client' } }),
    ]
    for (const { headers } of [one, two]) {
      expect(headers['x-request-id']).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/)
      expect(headers['x-content-type-options']).toBe('nosniff')
      expect(headers['referrer-policy']).toBe('no-referrer')
      expect(headers['cache-control']).toMatch(/no-store|no-cache/)
      expect(headers).not.toHaveProperty('x-powered-by')
      expect(headers).not.toHaveProperty('server')
      expect(headers).not.toHaveProperty('strict-transport-security')
      expect(headers).not.toHaveProperty('access-control-allow-origin')
    }
    expect(one.headers['x-request-id']).not.toBe(two.headers['x-request-id'])
  })

  test.each(requests)('%s asks for TLS under an https address, and only there', async (_what, path, options) => {
    const { headers } = await raw((await configured({ publicUrl: 'https://gateway.example.org' })) + path, options)
    expect(headers['strict-transport-security']).toMatch(/^max-age=(\d{8,}); includeSubDomains$/)
  })
})

describe('cross-origin requests', () => {
  const friend = 'https://app.example.org'
  const open = configured({ corsOrigins: [friend, 'https://other.example.org'] })
  const preflight = { 'Access-Control-Request-Method': 'POST', 'Access-Control-Request-Headers': 'authorization, content-type' }
  const api: readonly (readonly [string, Parameters<typeof raw>[1]])[] = [
    ['/graphql', json({ query: '{ __typename }' }, bearer)],
    ['/api/me', { headers: bearer }],
  ]

  test.each(api)('of a configured origin may call %s and read the answer, refusals included', async (path, options) => {
    for (const headers of [
      { ...options?.headers, Origin: friend },
      { ...options?.headers, Origin: friend, Authorization: 'Bearer wrong' },
    ]) {
      const answer = await raw((await open) + path, { ...options, headers })
      expect(answer.headers['access-control-allow-origin']).toBe(friend)
      expect(answer.headers['access-control-expose-headers']).toMatch(/WWW-Authenticate/)
      expect(answer.headers['vary']).toMatch(/\bOrigin\b/)
      expect(answer.headers).not.toHaveProperty('access-control-allow-credentials')
    }
  })

  test.each(api)('of a configured origin may send what headers they like to %s, but never ask for the cookie', async (path) => {
    const wanted = async (names: string) => {
      const headers = { Origin: friend, ...preflight, 'Access-Control-Request-Headers': names }
      const answer = await raw((await open) + path, { method: 'OPTIONS', headers })
      expect([answer.status, answer.headers['vary']]).toEqual([204, expect.stringContaining('Access-Control-Request-Headers')])
      return answer.headers['access-control-allow-headers']
    }
    expect(await wanted('apollographql-client-name,apollographql-client-version')).toBe(
      'apollographql-client-name, apollographql-client-version',
    )
    expect(await wanted('traceparent, tracestate,if-match')).toBe('traceparent, tracestate, if-match')
    expect(await wanted('authorization, x-session')).toBe('authorization')
    expect(await wanted('X-Session, a b, "c", d/e,,')).toBeUndefined()
    expect(await wanted('')).toBeUndefined()
  })

  test.each(api)('of a configured origin may ask first about %s', async (path) => {
    const answer = await raw((await open) + path, { method: 'OPTIONS', headers: { Origin: friend, ...preflight } })
    expect(answer).toMatchObject({ status: 204, text: '' })
    expect(answer.headers['access-control-allow-origin']).toBe(friend)
    expect(answer.headers['access-control-allow-methods']).toMatch(/\bPOST\b/)
    expect(answer.headers['access-control-allow-headers']).toBe('authorization, content-type')
    expect(answer.headers['access-control-allow-headers']).not.toMatch(/X-Session|\*/i)
    expect(Number(answer.headers['access-control-max-age'])).toBeGreaterThan(0)
    expect(answer.headers).not.toHaveProperty('access-control-allow-credentials')
  })

  test.each([
    'https://evil.example',
    'https://app.example.org.evil.example',
    'http://app.example.org',
    'https://app.example.org:8443',
    'https://APP.example.org',
    'null',
    `${friend}/`,
    '*',
    '',
  ])('of "%s" are told nothing', async (Origin) => {
    for (const [path, options] of api) {
      const answer = await raw((await open) + path, { ...options, headers: { ...options?.headers, Origin } })
      const asked = await raw((await open) + path, { method: 'OPTIONS', headers: { Origin, ...preflight } })
      expect(asked.status).toBe(405)
      for (const { headers } of [answer, asked]) {
        expect(Object.keys(headers).filter((name) => name.startsWith('access-control-'))).toEqual([])
        expect(headers['vary']).toMatch(/\bOrigin\b/)
      }
    }
  })

  test('are told nothing by default, nor by a page', async () => {
    for (const base of [url, await open]) {
      const { headers } = await raw(base === url ? `${base}/api/me` : `${base}/`, { headers: { Origin: friend } })
      expect(Object.keys(headers).filter((name) => name.startsWith('access-control-'))).toEqual([])
    }
  })
})

describe('GraphiQL', () => {
  const browser = 'text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8'
  test('opens for a browser', async () => {
    const answer = await raw(`${url}/graphql`, { headers: { Accept: browser } })
    expect([answer.status, answer.headers['content-type']]).toEqual([200, 'text/html; charset=utf-8'])
  })

  test.each([undefined, '*/*', 'application/json', 'application/graphql-response+json'])(
    'is not what a client gets that accepts %s',
    async (Accept) => {
      const answer = await raw(`${url}/graphql`, { headers: Accept === undefined ? {} : { Accept } })
      expect(answer.status).toBe(400)
      expect(answer.json.errors[0].extensions.code).toBe('BAD_USER_INPUT')
    },
  )

  test('is not in the way of a query in the address, nor of a POST', async () => {
    expect((await raw(`${url}/graphql?query=%7B__typename%7D`, { headers: { Accept: browser } })).json).toEqual({
      data: { __typename: 'Query' },
    })
    expect((await raw(`${url}/graphql`, json({ query: '{ __typename }' }, { Accept: browser }))).json).toEqual({
      data: { __typename: 'Query' },
    })
  })
})

test('a proxy that the configuration does not know of is told of in the log, once', async () => {
  const told = () => gateway.logLines.filter((line) => line.includes('TRUSTED_PROXY_HOPS')).length
  await raw(`${url}/livez`)
  expect(told()).toBe(0)
  for (let n = 0; n < 3; n++) await raw(`${url}/livez`, { headers: { 'X-Forwarded-For': '198.51.100.7' } })
  expect(told()).toBe(1)
  const knowing = await configured({ trustedProxyHops: 1 })
  await raw(`${knowing}/livez`, { headers: { 'X-Forwarded-For': '198.51.100.7' } })
  expect(told()).toBe(1)
})

describe('a client that breaks off', () => {
  test('in the middle of a body leaves the others alone, and no alarm in the log', async () => {
    for (const path of ['/graphql', '/api/auth/request']) {
      const socket = connect(Number(new URL(url).port), '127.0.0.1')
      socket.write(`POST ${path} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n{"email":`)
      await new Promise((resolve) => setTimeout(resolve, 50))
      socket.resetAndDestroy()
    }
    expect((await raw(`${url}/livez`)).status).toBe(200)
    expect(gateway.logLines.filter((line) => JSON.parse(line).level >= 50)).toEqual([])
  })

  test('before the answer has its request carried out all the same', async () => {
    const person = await (await createTestDistrict(db)).person()
    const body = JSON.stringify({ email: person.email })
    const socket = connect(Number(new URL(url).port), '127.0.0.1')
    socket.end(
      `POST /api/auth/request HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
    )
    expect((await gateway.nextMail(person.email)).to).toBe(person.email)
  })

  test('keeps nobody from asking again on a connection that is kept open', async () => {
    const socket = connect(Number(new URL(url).port), '127.0.0.1')
    const request = 'GET /livez HTTP/1.1\r\nHost: x\r\n\r\n'
    socket.write(request + request.replace('livez', 'nothing') + request.replace('x\r\n\r\n', 'x\r\nConnection: close\r\n\r\n'))
    let answer = ''
    for await (const chunk of socket) answer += String(chunk)
    expect(answer.match(/HTTP\/1\.1 \d+/g)).toEqual(['HTTP/1.1 200', 'HTTP/1.1 404', 'HTTP/1.1 200'])
  })
})
