/** Connections: how long a client may take for its request, what is read of a body that nobody asks for, and what is answered to what is no request. */
import { connect } from 'node:net'
import { text } from 'node:stream/consumers'
import { describe, expect, test } from 'vitest'
import { createHttpServer } from '../src/http/server.ts'
import { createTestDistrict } from './support/fixtures.ts'
import { startGateway } from './support/gateway.ts'
import { raw } from './support/http.ts'

const gateway = await startGateway({ server: { headersTimeout: 1_000, requestTimeout: 2_000 } })
const district = await createTestDistrict(gateway.db)
const key = await district.key()
const Authorization = `Authorization: Bearer ${key}`

interface Met {
  readonly status: number
  readonly head: string
  readonly body: string
  /** Everything, where more than one answer came. */
  readonly all: string
  readonly closed: boolean
}

/** Sends bytes, piece after piece, and reads until the connection ends or nothing more comes for a while. */
async function meet(pieces: readonly (string | Buffer)[], { url = gateway.url, quietMs = 600 } = {}): Promise<Met> {
  const socket = connect(Number(new URL(url).port), '127.0.0.1')
  socket.on('error', () => {})
  let all = ''
  let closed = false
  const ended = new Promise<void>((resolve) => {
    let timer = setTimeout(resolve, 20_000)
    socket.on('data', (chunk: Buffer) => {
      all += chunk.toString('latin1')
      clearTimeout(timer)
      timer = setTimeout(resolve, quietMs)
    })
    socket.on('close', () => {
      closed = true
      clearTimeout(timer)
      resolve()
    })
  })
  for (const piece of pieces)
    if (!socket.destroyed && !socket.write(piece)) await new Promise((resolve) => socket.once('drain', resolve).once('close', resolve))
  await ended
  socket.destroy()
  const [head = '', body = ''] = all.split('\r\n\r\n')
  return { status: Number(head.split(' ')[1]), head, body, all, closed }
}

const request = (line: string, headers: readonly string[] = [], body = '') =>
  [`${line} HTTP/1.1`, 'Host: x', ...headers].join('\r\n') + `\r\n\r\n${body}`
const chunk = (length: number) => `${length.toString(16)}\r\n${'x'.repeat(length)}\r\n`
const isRestRefusal = (body: string) => expect(JSON.parse(body)).toEqual({ error: expect.any(String) })
const isGraphqlRefusal = (body: string) =>
  expect(JSON.parse(body)).toEqual({ errors: [{ message: expect.any(String), extensions: { code: 'BAD_USER_INPUT' } }] })

describe('a request that does not come to its end is answered with 408 and cut', () => {
  test.each([
    ['headers', 'GET /api/me HTTP/1.1\r\nHost: x\r\nX-Slow: '],
    ['a line', 'GET /ap'],
    ['a body', request('POST /api/auth/request', ['Content-Type: application/json', 'Content-Length: 20'], '{"email"')],
  ])('in its %s', async (_what, bytes) => {
    const { status, head, body, closed } = await meet([bytes], { quietMs: 5_000 })
    expect([status, closed]).toEqual([408, true])
    expect(head).toMatch(/X-Request-Id: [\da-f-]{36}/)
    isRestRefusal(body)
  })

  test('within 12 s, as a server is in production', () => {
    const server = createHttpServer({ answer: () => {}, refusal: () => ({ status: 400, headers: {}, body: '' }), broken: () => {} })
    expect([server.headersTimeout, server.requestTimeout, server.maxConnections]).toEqual([10_000, 30_000, 10_000])
  })
})

describe('what Node’s parser refuses is answered in the shape of its address', () => {
  test.each([
    ['no HTTP', 'nonsense\r\n\r\n', 400],
    ['TLS', Buffer.from([0x16, 0x03, 0x01, 0x00, 0x05, 0x01, 0x00, 0x00, 0x01, 0x03]), 400],
    ['a malformed header', 'GET /api/me HTTP/1.1\r\nHost: x\r\nA B: c\r\n\r\n', 400],
    ['headers of 100 kB', `GET /api/me HTTP/1.1\r\nHost: x\r\nA: ${'x'.repeat(100_000)}\r\n\r\n`, 431],
    ['two lengths', request('POST /api/auth/request', ['Content-Length: 1', 'Content-Length: 2'], 'x'), 400],
    [
      'a chunk that is none',
      request('POST /api/auth/request', ['Content-Type: application/json', 'Transfer-Encoding: chunked'], 'zz\r\n'),
      400,
    ],
    [
      'extensions of a chunk of 100 kB',
      request('POST /api/auth/request', ['Content-Type: application/json', 'Transfer-Encoding: chunked'], `1;${'x'.repeat(100_000)}\r\n`),
      413,
    ],
  ])('%s', async (_what, bytes, expected) => {
    const { status, head, body, closed } = await meet([bytes])
    expect([status, closed], head).toEqual([expected, true])
    expect(head).toMatch(/X-Request-Id: [\da-f-]{36}/)
    expect(head).toContain('X-Content-Type-Options: nosniff')
    isRestRefusal(body)
  })

  test.each([
    ['a malformed header', 'POST /graphql HTTP/1.1\r\nHost: x\r\nA B: c\r\n\r\n', 400],
    ['a malformed header, with parameters', 'GET /graphql?query={__typename} HTTP/1.1\r\nHost: x\r\nA B: c\r\n\r\n', 400],
    ['a chunk that is none', request('POST /graphql', ['Content-Type: application/json', 'Transfer-Encoding: chunked'], 'zz\r\n'), 400],
    ['an expectation', request('POST /graphql', ['Expect: a-miracle', 'Content-Length: 0']), 417],
  ])('GraphQL: %s', async (_what, bytes, expected) => {
    const { status, head, body } = await meet([bytes])
    expect(status).toBe(expected)
    expect(head).toMatch(/X-Request-Id: [\da-f-]{36}/)
    isGraphqlRefusal(body)
  })

  test('other clients notice nothing', async () => {
    expect((await raw(`${gateway.url}/livez`)).status).toBe(200)
  })
})

describe('a body that nobody asks for', () => {
  const addresses = [
    ['GET /livez', 200],
    ['GET /', 200],
    ['GET /api/me', 200],
    ['GET /api/openapi.json', 200],
    ['GET /nothing', 404],
    ['PUT /api/people', 405],
    ['POST /livez', 405],
    ['POST /api/auth/logout', 403],
    ['DELETE /api/keys/x', 403],
  ] as const

  test.each(addresses)('is passed over, and the next request on the connection answered: %s', async (line, status) => {
    const body = 'GET /smuggled HTTP/1.1\r\nHost: x\r\n\r\n'.padEnd(50_000)
    const { all } = await meet([request(line, [Authorization, `Content-Length: ${body.length}`], body), request('GET /readyz')])
    expect(all.match(/HTTP\/1\.1 \d{3}/g)).toEqual([`HTTP/1.1 ${status}`, 'HTTP/1.1 200'])
    const inChunks = await meet([
      request(line, [Authorization, 'Transfer-Encoding: chunked'], `${chunk(40_000)}0\r\n\r\n`),
      request('GET /readyz'),
    ])
    expect(inChunks.all.match(/HTTP\/1\.1 \d{3}/g)).toEqual([`HTTP/1.1 ${status}`, 'HTTP/1.1 200'])
  })

  test.each(addresses)('is not read beyond the limit, and the connection closed: %s', async (line) => {
    const sized = await meet([
      request(line, [Authorization, 'Content-Length: 10000000']),
      ...Array.from({ length: 100 }, () => 'x'.repeat(100_000)),
    ])
    expect(sized.closed).toBe(true)
    expect([413, 403, 404, 405], sized.head).toContain(sized.status)
    const chunks = Array.from({ length: 100 }, () => chunk(100_000))
    const inChunks = await meet([request(line, [Authorization, 'Transfer-Encoding: chunked']), ...chunks])
    expect(inChunks.closed).toBe(true)
  })

  test('of an answered GET is 413 beyond the limit', async () => {
    for (const line of ['GET /livez', 'GET /api/me', 'GET /api/openapi.json', 'GET /sign-in']) {
      const { status, body } = await meet([request(line, [Authorization, 'Content-Length: 100001'])])
      expect(status, line).toBe(413)
      isRestRefusal(body)
    }
    const { status, body } = await meet([request('GET /graphql?query={__typename}', ['Content-Length: 1000001'])])
    expect(status).toBe(413)
    isGraphqlRefusal(body)
  })
})

describe('a client that waits to be told to send its body', () => {
  const waiting = (line: string, length: number, more: readonly string[] = []) =>
    request(line, ['Content-Type: application/json', 'Expect: 100-continue', `Content-Length: ${length}`, ...more])

  test('is told so where it is read', async () => {
    const query = '{"query":"{ __typename }"}'
    const { all } = await meet([waiting('POST /graphql', query.length), query])
    expect(all.match(/HTTP\/1\.1 \d{3}/g)).toEqual(['HTTP/1.1 100', 'HTTP/1.1 200'])
    expect(all).toContain('{"data":{"__typename":"Query"}}')
  })

  test.each([
    ['too large', waiting('POST /graphql', 1_000_001), 413],
    ['too large for a route', waiting('POST /api/auth/request', 100_001), 413],
    ['of somebody who may not send it', waiting('POST /api/people', 10), 401],
    ['for an address that reads none', waiting('GET /livez', 10), 200],
    ['for none', waiting('POST /nothing', 10), 404],
  ])('is told nothing where it is %s', async (_what, bytes, expected) => {
    const { all, status, closed } = await meet([bytes])
    expect([status, closed]).toEqual([expected, true])
    expect(all).not.toContain(' 100 ')
  })
})

test.each(['/livez', '/readyz'])('%s is read, and nothing else', async (path) => {
  for (const method of ['POST', 'PUT', 'DELETE', 'OPTIONS']) {
    const { status, headers } = await raw(gateway.url + path, { method })
    expect([status, headers['allow']]).toEqual([405, 'GET, HEAD'])
  }
  expect((await raw(gateway.url + path, { method: 'HEAD' })).status).toBe(200)
})

test('a connection with nothing to say does not hold the server', async () => {
  const socket = connect(Number(new URL(gateway.url).port), '127.0.0.1')
  expect(await text(socket)).toMatch(/^HTTP\/1\.1 408 |^$/)
})
