/** The way out of a server, as its clients see it: told on every door, and nothing lost that was taken. */
import { once } from 'node:events'
import type { AddressInfo, Socket } from 'node:net'
import { connect } from 'node:net'
import { text } from 'node:stream/consumers'
import { beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { Draining } from '../src/http/draining.ts'
import { type App, createHttpServer } from '../src/http/server.ts'
import { createTestDistrict } from './support/fixtures.ts'
import { startGateway } from './support/gateway.ts'

const head = (line: string, ...headers: readonly string[]) => [`${line} HTTP/1.1`, 'Host: x', ...headers, '', ''].join('\r\n')
const withBody = (line: string, body: string, ...headers: readonly string[]) =>
  head(line, 'Content-Type: application/json', `Content-Length: ${body.length}`, ...headers) + body

function open(url: string): Socket {
  const socket = connect(Number(new URL(url).port), '127.0.0.1').on('error', () => {})
  onTestFinished(() => void socket.destroy())
  return socket
}

/** The first answer's head. */
async function headOf(socket: Socket): Promise<string> {
  let all = ''
  for await (const chunk of socket.iterator({ destroyOnReturn: false })) {
    all += String(chunk)
    if (all.includes('\r\n\r\n')) break
  }
  return all.split('\r\n\r\n', 1)[0]!
}

describe('while a gateway drains', async () => {
  const origin = 'https://app.example.org'
  const draining = new Draining()
  const gateway = await startGateway({ server: { draining }, config: { corsOrigins: [origin] } })
  const district = await createTestDistrict(gateway.db)
  const { id } = await district.person()
  const key = `Authorization: Bearer ${await district.key()}`
  const query = '{"query":"{ people { nodes { id } } }"}'

  type Door = [door: string, status: number, request: string]
  const doors: Door[] = [
    ['GraphQL', 200, withBody('POST /graphql', query, key)],
    ['GraphQL by Yoga', 200, head('GET /graphql?query={__typename}')],
    ['GraphQL to be negotiated', 200, withBody('POST /graphql?', query, key)],
    ['a document that is refused', 400, withBody('POST /graphql', '{"query":"{"}', key)],
    ['a key that is none', 401, withBody('POST /graphql', query, 'Authorization: Bearer ck_0')],
    ['a route', 200, head('GET /api/me', key)],
    ['a stream', 200, head('GET /api/people', key)],
    ['a record', 200, head(`GET /api/people/${id}`, key)],
    ['a record that the client has', 304, head('GET /assets/home.js', 'If-None-Match: *')],
    ['a change', 200, withBody(`PATCH /api/people/${id}`, '{"first":"Grace"}', key)],
    ['a refused route', 401, head('GET /api/me')],
    ['a wrong method', 405, head('DELETE /api/me')],
    ['nothing', 404, head('GET /nothing')],
    ['a page', 200, head('GET /')],
    ['GraphiQL', 200, head('GET /graphql', 'Accept: text/html')],
    ['an asset', 200, head('GET /assets/home.js')],
    ['a preflight', 204, head('OPTIONS /graphql', `Origin: ${origin}`, 'Access-Control-Request-Method: POST')],
    ['HEAD', 200, head('HEAD /livez')],
  ]
  /** Where the connection ends with the answer at any time. */
  const lastDoors: Door[] = [
    ['a client that waits with its body', 200, withBody('POST /graphql', query, key, 'Expect: 100-continue')],
    ['an expectation', 417, head('GET /livez', 'Expect: a-miracle')],
    ['a body that is too large', 413, head('POST /graphql', key, 'Content-Type: application/json', 'Content-Length: 10000000')],
    ['no host', 400, 'GET /livez HTTP/1.1\r\n\r\n'],
    ['a malformed header', 400, 'GET /livez HTTP/1.1\r\nHost: x\r\nA B: c\r\n\r\n'],
    ['no HTTP', 400, 'nonsense\r\n\r\n'],
  ]

  /** What a client reads that goes on after 100 Continue. */
  const final = (all: string): string => all.replace(/^HTTP\/1\.1 100 Continue\r\n\r\n/, '')

  test.each(doors)('until then the connection is kept after an answer: %s', async (_door, status, request) => {
    const socket = open(gateway.url)
    socket.write(request)
    expect(await headOf(socket)).toMatch(new RegExp(`^HTTP/1.1 ${status} [^]*\r\nConnection: keep-alive`))
  })

  describe('(begun)', () => {
    let unfinished: Socket
    beforeAll(async () => {
      unfinished = connect(Number(new URL(gateway.url).port), '127.0.0.1')
      const request = withBody('POST /graphql', query, key)
      unfinished.write(request.slice(0, -10))
      await once(unfinished, 'connect')
      expect((await fetch(`${gateway.url}/readyz`)).status).toBe(200)
      draining.begun = true
      unfinished.write(request.slice(-10))
    })

    test('the answer to a request that was under way says that it is the last, and ends the connection', async () => {
      expect(await text(unfinished)).toMatch(/^HTTP\/1.1 200 [^]*\r\nConnection: close\r\n/)
    })

    test.each([...doors, ...lastDoors])('so does every answer: %s', async (_door, status, request) => {
      const socket = open(gateway.url)
      socket.write(request)
      const all = final(await text(socket))
      expect(all).toMatch(new RegExp(`^HTTP/1.1 ${status} [^]*\r\nConnection: close\r\n`))
      expect(all.split('\r\n\r\n', 1)[0]).not.toMatch(/keep-alive/i)
    })

    test('of requests that were sent at once all are answered, and the last answer ends the connection', async () => {
      const socket = open(gateway.url)
      socket.write(head('GET /livez') + withBody('POST /graphql', query, key) + head('GET /api/me', key))
      const all = await text(socket)
      expect(all.match(/(?<=HTTP\/1\.1 )\d{3}|(?<=\r\nConnection: )[\w-]+/g)?.join(' ')).toBe('200 keep-alive 200 keep-alive 200 close')
    })

    test('it is alive and not ready, and says why and when to come again', async () => {
      expect((await fetch(`${gateway.url}/livez`)).status).toBe(200)
      const readiness = await fetch(`${gateway.url}/readyz`)
      expect([readiness.status, readiness.headers.get('retry-after')]).toEqual([503, '1'])
      expect(await readiness.json()).toEqual({ error: 'The gateway is shutting down.' })
    })
  })
})

describe('at its end a server', () => {
  /** One that answers a GET at once, and nothing else ever. */
  async function serve() {
    const draining = new Draining()
    const app: App = {
      answer: (req, res) => void (req.method === 'GET' && res.end('here')),
      refusal: () => ({ status: 400, headers: {}, body: '' }),
      broken: () => {},
    }
    const server = createHttpServer(app, { draining }).listen(0, '127.0.0.1')
    await once(server, 'listening')
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
    /** A connection that the server has taken. */
    const taken = async (): Promise<Socket> => {
      const took = once(server, 'connection')
      const socket = open(url)
      await took
      return socket
    }
    return { url, taken, end: (mostMs = 60_000) => draining.end(server, mostMs) }
  }
  const wait = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms))
  const refusesConnections = async (url: string) => {
    expect(await once(open(url), 'error')).toEqual([expect.objectContaining({ code: 'ECONNREFUSED' })])
  }

  test('answers a client that was taken and has not asked yet', async () => {
    const { url, taken, end } = await serve()
    const socket = await taken()
    const ended = end()
    await wait(200)
    await refusesConnections(url)
    socket.write(head('GET /'))
    expect(await text(socket)).toMatch(/^HTTP\/1.1 200 [^]*\r\nConnection: close\r\n[^]*here/)
    expect(await ended).toBe(0)
  })

  test('answers a client that is between two requests', async () => {
    const { url, taken, end } = await serve()
    const socket = await taken()
    socket.write(head('GET /'))
    expect(await headOf(socket)).toContain('Connection: keep-alive')
    const ended = end()
    await wait(200)
    await refusesConnections(url)
    socket.write(head('GET /'))
    expect(await text(socket)).toMatch(/HTTP\/1.1 200 [^]*\r\nConnection: close\r\n[^]*here/)
    expect(await ended).toBe(0)
  })

  test('waits longer for the rest of a request, whoever else is silent', async () => {
    const { taken, end } = await serve()
    const [silent, socket] = [await taken(), await taken()]
    socket.write('GET / HT')
    const ended = end()
    await once(silent.resume(), 'close')
    await wait(300)
    socket.write('TP/1.1\r\nHost: x\r\n\r\n')
    expect(await text(socket)).toMatch(/^HTTP\/1.1 200 [^]*\r\nConnection: close\r\n[^]*here/)
    expect(await ended).toBe(0)
  })

  test('closes connections that have nothing to say, and is done', async () => {
    const { taken, end } = await serve()
    const [silent, kept] = [await taken(), await taken()]
    kept.write(head('GET /'))
    await headOf(kept)
    expect(await end()).toBe(0)
    expect((await Promise.all([text(silent), text(kept)])).join('')).not.toContain('HTTP/1.1 ')
  })

  test('cuts off what takes too long', async () => {
    const { taken, end } = await serve()
    const [hanging, half] = [await taken(), await taken()]
    hanging.write(head('POST /'))
    half.write('GET / HT')
    const ends = Promise.all([once(hanging.resume(), 'close'), once(half.resume(), 'close')])
    expect(await end(1_500)).toBe(2)
    await ends
  })
})
