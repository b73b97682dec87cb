/** Lists of any length: whole or visibly broken, in step with their reader, under the credential and the plan of every moment. */
import { once } from 'node:events'
import { type IncomingHttpHeaders, request } from 'node:http'
import { connect, type Socket } from 'node:net'
import sql from 'sql-template-tag'
import { afterEach, describe, expect, test } from 'vitest'
import { contextOf } from '../src/context-of.ts'
import { rememberedCredentials } from '../src/domain/credentials.ts'
import { insertInterviews, insertPeople, type NewPerson } from '../src/domain/bulk-insert.ts'
import { Problem } from '../src/domain/problem.ts'
import { buildSchema } from '../src/graphql/schema.ts'
import { sendingLimits } from '../src/http/guarded-response.ts'
import { type App, createHttpServer } from '../src/http/server.ts'
import { Pipeline } from '../src/graphql/pipeline.ts'
import { createRestHandler } from '../src/rest/handler.ts'
import { otherwise, testDatabase } from './support/database.ts'
import { createTestDistrict } from './support/fixtures.ts'
import { startGateway } from './support/gateway.ts'
import { listening, raw } from './support/http.ts'

const untampered = await testDatabase()
/** What happens before a statement; it may wait, change things, or throw. */
let before: (statement: string) => unknown = () => {}
const db = otherwise(untampered, {
  async query<Row>(statement: Parameters<typeof untampered.query>[0]) {
    await before(statement.text)
    return untampered.query<Row>(statement)
  },
  transaction: () => Promise.reject(new Error('a list takes no transaction')),
})
afterEach(() => {
  before = () => {}
})
const gateway = await startGateway({ db })

/** Before each page that is read, with its number from 1. The mailer looks for people, too. */
const beforePages = (act: (page: number) => unknown): void => {
  let pages = 0
  before = (text) => (/ from (people p|interviews i) .* limit /s.test(text) && !text.includes('login_requests') ? act(++pages) : undefined)
}

const people = (districtId: string, count: number): NewPerson[] =>
  Array.from({ length: count }, (_, n) => ({
    districtId,
    // Added in threes at the same moment, in an order that is not that of their ids.
    id: `p${String((n * 7_919) % count).padStart(5, '0')}`,
    first: `First ${n}`,
    last: `“Last” ${n}`,
    email: `p${n}@example.org`,
    language: 'en',
    roles: { '1c': 1 },
    tags: ['a', 'b'],
    archived: n % 5 === 0,
    createdAt: new Date(Date.UTC(2026, 0, 1) + Math.floor(n / 3) * 1_000),
  }))
const inOrder = (rows: readonly { id: string; createdAt?: Date }[]) =>
  rows.toSorted((a, b) => Number(a.createdAt) - Number(b.createdAt) || (a.id < b.id ? -1 : 1)).map(({ id }) => id)

/** 3,333 people: 17 pages, the last of them not full. */
const district = await createTestDistrict(untampered)
const everybody = people(district.id, 3_333)
await insertPeople(untampered, everybody)
const key = await district.key()

interface List {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly text: string
  /** Whether HTTP says that this is all of it. */
  readonly complete: boolean
}

/** Reads a list until it ends, well or not. */
async function list(path: string, token: string | undefined = key, base = gateway.url): Promise<List> {
  const sent = request(base + path, { headers: { Authorization: `Bearer ${token}` }, agent: false })
  sent.end()
  const [res] = await once(sent, 'response')
  let text = ''
  res.setEncoding('utf8')
  res.on('data', (chunk: string) => (text += chunk))
  res.on('error', () => {}) // a connection that breaks: `complete` says so
  await new Promise((resolve) => res.on('close', resolve))
  return { status: res.statusCode, headers: res.headers, text, complete: res.complete }
}
const idsOf = ({ text }: List) => JSON.parse(text).map(({ id }: { id: string }) => id)

/** Ended in the middle: some pages came, and nobody takes what came for a list. */
function expectBroken({ status, complete, text }: List, pages: number): void {
  expect({ status, complete }).toEqual({ status: 200, complete: false })
  expect(() => JSON.parse(text)).toThrow(SyntaxError)
  const items = text.match(/"id":/g) ?? []
  expect(items.length).toBeGreaterThan(0)
  expect(items.length).toBeLessThanOrEqual(200 * pages)
}
const brokenOff = () => gateway.logLines.filter((line) => line.includes('an answer was broken off'))

describe('a list', () => {
  test('of thousands is complete, valid and in order, in chunks of no announced length', async () => {
    const active = await list('/api/people')
    expect(active.complete).toBe(true)
    expect(active.headers['transfer-encoding']).toBe('chunked')
    expect(active.headers).not.toHaveProperty('content-length')
    expect(active.headers['content-type']).toBe('application/json; charset=utf-8')
    expect(active.headers['cache-control']).toBe('no-store')
    expect(idsOf(active)).toEqual(inOrder(everybody.filter(({ archived }) => archived === false)))
    expect(idsOf(await list('/api/people?archived=true'))).toEqual(inOrder(everybody))
  })

  test('is written as one value would be', async () => {
    const { text } = await list('/api/people')
    expect(text).toBe(JSON.stringify(JSON.parse(text)))
  })

  test('of interviews is complete too, of the district and of one person', async () => {
    const ids = await createTestDistrict(untampered)
    await insertPeople(untampered, people(ids.id, 2))
    const interviews = Array.from({ length: 1_000 }, (_, n) => ({
      districtId: ids.id,
      id: `i${String((n * 7) % 1_000).padStart(4, '0')}`,
      personId: n % 2 === 0 ? 'p00000' : 'p00001',
      date: '2026-03-14',
      boardId: '1a',
      formId: '1a',
      profileId: '1a',
      published: true,
      responses: {},
      recordings: {},
      createdAt: new Date(Date.UTC(2026, 0, 1) + Math.floor(n / 4) * 1_000),
      updatedAt: new Date(),
    }))
    await insertInterviews(untampered, interviews)
    const token = await ids.key()
    expect(idsOf(await list('/api/interviews', token))).toEqual(inOrder(interviews))
    expect(idsOf(await list('/api/interviews/p00001', token))).toEqual(inOrder(interviews.filter(({ personId }) => personId === 'p00001')))
  })

  test('of exactly one page, or of two, has no page more', async () => {
    for (const count of [200, 400]) {
      const full = await createTestDistrict(untampered)
      await insertPeople(
        untampered,
        people(full.id, count).map((each) => ({ ...each, archived: false })),
      )
      let pages = 0
      beforePages((page) => (pages = page))
      expect(idsOf(await list('/api/people', await full.key()))).toHaveLength(count)
      expect(pages).toBe(count / 200)
    }
  })

  test('misses nobody and repeats nobody while people come and go', async () => {
    const moving = await createTestDistrict(untampered)
    const rows = people(moving.id, 1_000).map((each) => ({ ...each, archived: false }))
    await insertPeople(untampered, rows)
    const [first, , , , last] = inOrder(rows).filter((_, n) => n % 249 === 0)
    beforePages(async (page) => {
      if (page !== 3) return
      await untampered.query(sql`delete from people where district_id = ${moving.id} and id = any(${[first, last]}::text[])`)
      await untampered.query(sql`update people set updated_at = now(), sort_name = 'x' where district_id = ${moving.id}`)
      await insertPeople(untampered, [{ ...rows[0]!, id: 'new', email: 'new@example.org', createdAt: new Date() }])
    })
    expect(idsOf(await list('/api/people', await moving.key()))).toEqual([...inOrder(rows).filter((id) => id !== last), 'new'])
  })

  test('costs two statements a page beside a look at the credential: its rows, and the settings of the district', async () => {
    const statements: string[] = []
    before = (text) => /login_requests|from api_keys k/.test(text) || statements.push(text)
    expect(idsOf(await list('/api/people?archived=true'))).toHaveLength(3_333)
    expect(statements).toHaveLength(2 * 17)
  })
})

/** What ends while its list is read. */
const mid = await createTestDistrict(untampered)
await insertPeople(untampered, people(mid.id, 1_500))
const midKey = await mid.key()
const admin = await mid.person({ roles: { '1a': 1 } })

describe('a list ends at its next page', () => {
  const ends: [string, () => Promise<string>, ReturnType<typeof sql>, ReturnType<typeof sql>][] = [
    [
      'when the key is revoked',
      async () => midKey,
      sql`update api_keys set revoked_at = now() where district_id = ${mid.id}`,
      sql`update api_keys set revoked_at = null where district_id = ${mid.id}`,
    ],
    [
      'when the key expires',
      async () => midKey,
      sql`update api_keys set expires_at = now() where district_id = ${mid.id}`,
      sql`update api_keys set expires_at = null where district_id = ${mid.id}`,
    ],
    [
      'when the key loses its scope',
      async () => midKey,
      sql`update api_keys set scopes = '{write:people}' where district_id = ${mid.id}`,
      sql`update api_keys set scopes = '{read:people}' where district_id = ${mid.id}`,
    ],
    [
      'when the plan lapses',
      async () => midKey,
      sql`update districts set billing_plan = 'trial', trial_ends_at = now() where id = ${mid.id}`,
      sql`update districts set billing_plan = 'pro', trial_ends_at = null where id = ${mid.id}`,
    ],
    ['when the session ends', admin.token, sql`delete from sessions where district_id = ${mid.id}`, sql`select 1`],
    [
      'when its person is archived',
      admin.token,
      sql`update people set archived = true where district_id = ${mid.id} and id = ${admin.id}`,
      sql`update people set archived = false where district_id = ${mid.id} and id = ${admin.id}`,
    ],
  ]
  test.each(ends)('%s, as a broken connection that the log tells of', async (_when, token, change, undo) => {
    const [credential, logged] = [await token(), brokenOff().length]
    beforePages(async (page) => {
      if (page !== 3) return
      await untampered.query(change)
      await expect.poll(async () => (await gateway.rest('GET', '/api/people/none', { token: credential })).status).not.toBe(404)
    })
    const answer = await list('/api/people?archived=true', credential)
    await untampered.query(undo)
    // The third page was under way when it happened.
    expectBroken(answer, 3)
    await expect.poll(() => brokenOff().length).toBe(logged + 1)
  })
})

describe('a list that cannot go on', () => {
  test.each([
    ['an error', new Error('boom'), /"msg":"unexpected error"/],
    ['a database that does not answer', new Problem('UNAVAILABLE', { retryAfter: 1 }), /"msg":"the database does not answer"/],
  ])('because of %s is a broken connection, and the log tells why', async (_what, error, line) => {
    const logged = gateway.logLines.length
    beforePages((page) => {
      if (page === 4) throw error
    })
    expectBroken(await list('/api/people?archived=true'), 3)
    await expect.poll(brokenOff).not.toEqual([])
    expect(gateway.logLines.slice(logged).join('')).toMatch(line)
  })

  test('because the database does not answer for the credential is a broken connection, too', async () => {
    let pages = 0
    before = async (text) => {
      if (/ from people p .* limit /s.test(text) && !text.includes('login_requests') && ++pages === 3) await forget(district.id)
      if (pages >= 3 && text.includes('from api_keys k')) throw new Problem('UNAVAILABLE', { retryAfter: 1 })
    }
    expectBroken(await list('/api/people?archived=true'), 16)
  })

  test('from the first page on has its status', async () => {
    beforePages(() => {
      throw new Problem('UNAVAILABLE', { retryAfter: 1 })
    })
    const { status, headers, complete } = await list('/api/people')
    expect([status, headers['retry-after'], complete]).toEqual([503, '1', true])
    beforePages(() => {
      throw new Error('boom')
    })
    expect((await list('/api/people')).status).toBe(500)
  })
})

/** A REST handler of its own on a server whose sockets can be looked at. */
async function serveRest(stallMs: number) {
  const rest = createRestHandler(new Pipeline(gateway.deps, buildSchema()))
  const door = { deps: gateway.deps, credentials: rememberedCredentials(gateway.deps) }
  const ended: (Error | undefined)[] = []
  const broken: string[] = []
  const sockets: Socket[] = []
  const app: App = {
    answer: (req, res) =>
      void rest(req, res, req.url!.split('?')[0]!, () => contextOf(door, req, res, 'id')).then(
        () => ended.push(undefined),
        (error: Error) => ended.push(error),
      ),
    refusal: () => ({ status: 400, headers: {}, body: '' }),
    broken: (error) => void broken.push(error.message),
  }
  const server = createHttpServer(app, { limits: { ...sendingLimits, stallMs } }).on('connection', (socket: Socket) => sockets.push(socket))
  return { url: await listening(server), ended, broken, sockets }
}

/** Makes every gateway forget who holds a key of the district, so that it is looked up anew. */
const forget = (districtId: string) => untampered.query(sql`update roles set name = name where district_id = ${districtId}`)

/** Asks for a list on a connection of its own, and reads nothing of it. */
async function ask(url: string, token: string): Promise<Socket> {
  const socket = connect(Number(new URL(url).port), '127.0.0.1')
  await once(socket, 'connect')
  socket.pause()
  socket.on('error', () => {})
  socket.write(`GET /api/people HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${token}\r\n\r\n`)
  return socket
}

/** 40 MB: far more than the buffers of two sockets hold. */
const heavy = await createTestDistrict(untampered)
const heavyKey = await heavy.key()
await untampered.query(
  sql`insert into people (district_id, id, first, last, email, email_key, language, tags, sort_name, terms)
      select ${heavy.id}, 'h' || n, 'First', 'Last', n || '@example.org', n || '@example.org', 'en', array[repeat('x', 20000)], 'last', '{}'
      from generate_series(1, 2000) n`,
)

describe('a reader', () => {
  test.each([
    ['a page is read', / from people p .* limit /s, 3],
    ['the credential is looked at', /from api_keys k/, 2],
  ])('who goes away while %s is read for no longer', async (_while, statement, time) => {
    const { url, ended, sockets } = await serveRest(30_000)
    let [times, pages, afterwards, isGone] = [0, 0, 0, false]
    before = async (text) => {
      if (text.includes('login_requests')) return // the mailer's
      if (isGone && !/set last_used_at/.test(text)) afterwards++
      if (/ from people p .* limit /s.test(text) && ++pages === 2) await forget(district.id)
      if (!statement.test(text) || ++times !== time) return
      socket.resetAndDestroy()
      await new Promise((resolve) => sockets[0]!.once('close', resolve))
      isGone = true
    }
    const socket = await ask(url, key)
    socket.resume()
    await expect.poll(() => ended, { timeout: 60_000 }).toEqual([undefined])
    expect(pages).toBeLessThan(14)
    // The settings that the page under way was to be told with.
    expect(afterwards).toBeLessThanOrEqual(1)
  })

  test('who takes nothing is cut off, and is read for no longer than the buffers hold', async () => {
    const { url, ended, broken } = await serveRest(500)
    let pages = 0
    beforePages((page) => (pages = page))
    const socket = await ask(url, heavyKey)
    await expect.poll(() => ended, { timeout: 60_000 }).toEqual([undefined])
    expect(broken).toEqual(['The client has taken nothing for 500 ms.'])
    expect(pages).toBeLessThan(10)
    let text = ''
    socket
      .setEncoding('latin1')
      .on('data', (chunk: string) => (text += chunk))
      .resume()
    await once(socket, 'close')
    expect(text).toMatch(/^HTTP\/1\.1 200 OK\r\n/)
    expect(text.endsWith('0\r\n\r\n')).toBe(false)
  })

  test('who takes nothing of the end is cut off as well', async () => {
    const { url, ended, broken } = await serveRest(500)
    const small = await createTestDistrict(untampered)
    // All of it in one page and one write: only the end is left to wait for.
    await untampered.query(
      sql`insert into people (district_id, id, first, last, email, email_key, language, tags, sort_name, terms)
          values (${small.id}, 'h', 'First', 'Last', 'e', 'e', 'en', array[repeat('x', 20000000)], 'last', '{}')`,
    )
    await ask(url, await small.key())
    await expect.poll(() => ended, { timeout: 60_000 }).toEqual([undefined])
    expect(broken).toEqual(['The client has taken nothing for 500 ms.'])
  })

  test('who is slow, but reads, gets all of it, though it takes longer than a pause may', async () => {
    const { url, ended } = await serveRest(3_000)
    const socket = await ask(url, heavyKey)
    const startedAt = performance.now()
    let [bytes, rested, end] = [0, 0, '']
    for await (const chunk of socket) {
      bytes += (chunk as Buffer).length
      end = (end + (chunk as Buffer).toString('latin1')).slice(-5)
      if (end === '0\r\n\r\n') break
      if (bytes < rested + 1_000_000) continue
      rested = bytes
      await new Promise((resolve) => setTimeout(resolve, 100))
    }
    expect(bytes).toBeGreaterThan(40_000_000)
    expect(performance.now() - startedAt).toBeGreaterThan(3_000)
    await expect.poll(() => ended, { timeout: 60_000 }).toEqual([undefined])
  })
})

test('others are answered while a list is read', async () => {
  let [pages, answeredAt] = [0, Number.POSITIVE_INFINITY]
  let other: Promise<void> | undefined
  beforePages((page) => {
    pages = page
    if (page === 3)
      other = raw(`${gateway.url}/api/me`, { headers: { Authorization: `Bearer ${key}` } }).then(({ status }) => {
        expect(status).toBe(200)
        answeredAt = pages
      })
  })
  expect(idsOf(await list('/api/people?archived=true'))).toHaveLength(3_333)
  await other
  expect(pages).toBe(17)
  expect(answeredAt).toBeLessThan(17)
})
