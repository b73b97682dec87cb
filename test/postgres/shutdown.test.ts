/** A gateway that is told to end, under load, as a process of its own: nothing is lost of what it had taken, and it ends in time. */
import { once } from 'node:events'
import { Agent } from 'node:http'
import { connect, type Socket } from 'node:net'
import { text } from 'node:stream/consumers'
import { afterAll, expect, onTestFinished, test, vi } from 'vitest'
import { testDatabase } from '../support/database.ts'
import { startFakePostmark } from '../support/fake-postmark.ts'
import { createTestDistrict } from '../support/fixtures.ts'
import { json, raw } from '../support/http.ts'
import { ask, type Asked, type LoadOptions, startLoad } from '../support/load.ts'
import { startNginx } from '../support/nginx.ts'
import { freePort } from '../support/ports.ts'
import { type GatewayProcess, startProcess } from '../support/process.ts'
import { rowsAs } from '../support/rows.ts'

/** Beyond the grace: what is still under way then is cut off. */
const endMs = 5_000
const patience = { timeout: 60_000, interval: 10 }
const wait = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms))

const db = await testDatabase()
const district = await createTestDistrict(db)
const [key, { id }] = [await district.key(), await district.person()]
const Authorization = `Bearer ${key}`
const postmark = await startFakePostmark()
afterAll(() => postmark.close())

const start = (env: Readonly<Record<string, string>> = {}, port?: number): Promise<GatewayProcess> =>
  startProcess(db.url!, { env, ...(port === undefined ? {} : { port }), atEnd: onTestFinished })

const query = { query: '{ people(first: 20) { totalCount nodes { id first } } }' }
/** Every kind of door. */
const requests: readonly Asked[] = [
  { path: '/graphql', ...json(query, { Authorization }) },
  { path: `/graphql?query=${encodeURIComponent(query.query)}`, headers: { Authorization } },
  { path: '/api/people', headers: { Authorization } },
  { path: `/api/people/${id}`, headers: { Authorization } },
  { path: `/api/people/${id}`, ...json({ first: 'Grace' }, { Authorization }), method: 'PATCH' },
  { path: '/sign-in' },
]
const underLoad = (options: Pick<LoadOptions, 'url' | 'mayConnect'> & Partial<LoadOptions>) =>
  startLoad({ clients: 24, requests, keepAlive: true, ...options })
const isUnderWay = ({ answers }: ReturnType<typeof startLoad>) => vi.waitUntil(() => answers.length > 200, patience)

const request = (line: string, body = '', ...headers: readonly string[]) =>
  [
    `${line} HTTP/1.1`,
    'Host: x',
    `Authorization: ${Authorization}`,
    'Content-Type: application/json',
    `Content-Length: ${Buffer.byteLength(body)}`,
    ...headers,
    '',
    body,
  ].join('\r\n')

/** A connection that the gateway has taken. */
async function taken({ url }: GatewayProcess): Promise<Socket> {
  const socket = connect(Number(new URL(url).port), '127.0.0.1').on('error', () => {})
  onTestFinished(() => void socket.destroy())
  await once(socket, 'connect')
  await raw(`${url}/livez`) // connections are taken in their order
  return socket
}

const refusesConnections = ({ url }: GatewayProcess): Promise<boolean> =>
  raw(`${url}/livez`).then(
    () => false,
    ({ code }) => code === 'ECONNREFUSED',
  )

/** Resolves, as a balancer finds out, when a gateway says that it is not ready. */
async function notReady({ url }: GatewayProcess): Promise<void> {
  const said = await vi.waitUntil(async () => {
    const answer = await raw(`${url}/readyz`)
    return answer.status !== 200 && answer
  }, patience)
  expect([said.status, said.json]).toEqual([503, { error: 'The gateway is shutting down.' }])
}

test.each([
  ['keep their connections', true],
  ['open a connection for each request', false],
])('24 clients that %s until /readyz is 503 lose no request', async (_what, keepAlive) => {
  const gateway = await start()
  let isReady = true
  const load = underLoad({ url: gateway.url, keepAlive, mayConnect: () => isReady })
  await isUnderWay(load)
  const ended = gateway.end('SIGTERM')
  await notReady(gateway)
  isReady = false
  await load.done
  expect(load.failures).toEqual([])
  const { code, ms } = await ended
  expect(code).toBe(0)
  expect(ms).toBeGreaterThan(5_000)
  expect(ms).toBeLessThan(5_000 + endMs)
})

test.each([true, false])(
  'for SHUTDOWN_GRACE seconds it works as before, and every answer ends its connection (keepAlive: %s)',
  async (keepAlive) => {
    const gateway = await start({ SHUTDOWN_GRACE: '6', ...postmark.environment() })
    let goesOn = true
    const load = underLoad({ url: gateway.url, keepAlive, mayConnect: () => goesOn })
    await isUnderWay(load)
    const ended = gateway.end('SIGTERM')
    await notReady(gateway)
    const toldAtMs = performance.now()
    const { email } = await district.person()
    expect((await raw(`${gateway.url}/api/auth/request`, json({ email }))).status).toBe(200)
    await vi.waitUntil(() => postmark.delivered.some(({ To }) => To === email), patience)
    expect((await raw(`${gateway.url}/livez`)).status).toBe(200)
    await wait(2_000)
    goesOn = false
    await load.done
    expect(load.failures).toEqual([])
    const later = load.answers.filter(({ askedAtMs }) => askedAtMs >= toldAtMs)
    expect(later.length).toBeGreaterThan(24)
    expect(later.filter(({ headers }) => headers.connection !== 'close')).toEqual([])
    expect(await ended).toMatchObject({ code: 0 })
  },
)

test('with SHUTDOWN_GRACE=0 clients that keep their connections lose no request either', async () => {
  const gateway = await start({ SHUTDOWN_GRACE: '0' })
  let told = false
  const load = underLoad({ url: gateway.url, mayConnect: () => !told })
  await isUnderWay(load)
  told = true
  const { code, ms } = await gateway.end('SIGTERM')
  await load.done
  expect(load.failures).toEqual([])
  expect(code).toBe(0)
  expect(ms).toBeLessThan(endMs)
})

test('behind a balancer that looks at /readyz, three gateways restart in turn and no request is lost', async () => {
  const grace = 8
  const ports = [await freePort(), await freePort(), await freePort()]
  const begin = (port: number) => start({ SHUTDOWN_GRACE: String(grace) }, port)
  const gateways = await Promise.all(ports.map(begin))
  const urls = gateways.map(({ url }) => url)
  const balancer = await startNginx(urls)
  let goesOn = true
  const load = underLoad({ url: balancer.url, keepAlive: false, mayConnect: () => goesOn })
  await isUnderWay(load)
  for (const [at, gateway] of gateways.entries()) {
    const ended = gateway.end('SIGTERM')
    await notReady(gateway)
    await balancer.use(urls.toSpliced(at, 1))
    const { code, ms } = await ended
    expect(code).toBe(0)
    expect(ms).toBeLessThan(grace * 1_000 + endMs)
    await begin(ports[at]!)
    await balancer.use(urls)
  }
  const restarted = load.answers.length
  await vi.waitUntil(() => load.answers.length > restarted + 200, patience)
  goesOn = false
  await load.done
  expect(load.failures).toEqual([])
})

// Again, where the machine was too busy to release the lock within the 3 s for which one is waited.
test('a request that waits on a lock when the grace is over is answered', { retry: 2 }, async () => {
  const gateway = await start({ SHUTDOWN_GRACE: '0' })
  const agent = new Agent({ keepAlive: true })
  const { answer, ended } = await db.transaction(async (tx) => {
    await tx.query(rowsAs`select from people where district_id = ${district.id} and id = ${id} for update`)
    const answer = ask(gateway.url, { path: `/api/people/${id}`, ...json({ first: 'Ada' }, { Authorization }), method: 'PATCH' }, agent)
    await vi.waitUntil(async () => {
      const waiting = await db.query(
        rowsAs`select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock' and application_name = 'credentials-gateway'`,
      )
      return waiting.length > 0
    }, patience)
    const ended = gateway.end('SIGTERM')
    await vi.waitUntil(() => refusesConnections(gateway), patience)
    return { answer, ended }
  })
  const { status, headers, json: person } = await answer
  expect([status, headers.connection, person.first]).toEqual([200, 'close', 'Ada'])
  expect(await ended).toMatchObject({ code: 0 })
})

// Again, where the machine was too busy to send the request within the second that there is for it.
test('a connection that was taken and is silent when the grace is over may still ask', { retry: 2 }, async () => {
  const gateway = await start({ SHUTDOWN_GRACE: '0' })
  const socket = await taken(gateway)
  const ended = gateway.end('SIGTERM')
  await vi.waitUntil(() => refusesConnections(gateway), patience)
  socket.write(request('GET /api/me'))
  expect(await text(socket)).toMatch(/^HTTP\/1.1 200 [^]*\r\nConnection: close\r\n/)
  expect(await ended).toMatchObject({ code: 0 })
})

// Again, where the machine was too busy to end the process for half a second.
test('it ends in time and with 0 whatever hangs: a client that sends or takes no more, the mail', { retry: 2 }, async () => {
  const large = await createTestDistrict(db)
  const largeKey = await large.key()
  await db.query(
    rowsAs`insert into people (district_id, id, first, last, email, email_key, language, roles, tags, sort_name, terms)
        select ${large.id}, 'p' || n, repeat('x', 4000), 'Last', n || '@example.org', n || '@example.org', 'en', '{"1c": 1}', '{}', 'last', '{}'
        from generate_series(1, 4000) n`,
  )
  const gateway = await start({ SHUTDOWN_GRACE: '0', ...postmark.environment() })
  const { email } = await district.person()
  postmark.scriptFor(email, 'hang')
  expect((await raw(`${gateway.url}/api/auth/request`, json({ email }))).status).toBe(200)
  await vi.waitUntil(() => postmark.received.some(({ email: { To } }) => To === email), patience)
  const [half, taking] = [await taken(gateway), await taken(gateway)]
  half.write(request('POST /graphql', JSON.stringify(query)).slice(0, -10))
  taking.write(request('GET /api/people').replace(key, largeKey))
  const [first] = (await once(taking, 'data')) as [Buffer]
  taking.pause()

  const { code, ms } = await gateway.end('SIGTERM')
  expect(code).toBe(0)
  expect(ms).toBeLessThan(endMs)
  expect(first.toString()).toMatch(/^HTTP\/1.1 200 [^]*Transfer-Encoding: chunked/)
  expect(await text(taking).catch(() => 'reset')).not.toMatch(/\r\n0\r\n\r\n$/) // the end of a whole list
  expect(await text(half)).toBe('')
})

test('SIGTERM that comes again, as npm sends it, cuts nothing short', async () => {
  const gateway = await start({ SHUTDOWN_GRACE: '1' })
  const socket = await taken(gateway)
  const whole = request('POST /graphql', JSON.stringify(query))
  socket.write(whole.slice(0, -10))
  const ended = gateway.end('SIGTERM')
  await vi.waitUntil(() => gateway.output().includes('draining'), patience)
  gateway.child.kill('SIGTERM')
  await vi.waitUntil(() => refusesConnections(gateway), patience)
  socket.write(whole.slice(-10))
  expect(await text(socket)).toMatch(/^HTTP\/1.1 200 [^]*\r\nConnection: close\r\n/)
  expect(await ended).toMatchObject({ code: 0 })
})

test('SIGINT drains, the one that npm passes on too, and a second one ends it at once', async () => {
  const gateway = await start({ SHUTDOWN_GRACE: '300' })
  const ended = gateway.end('SIGINT')
  gateway.child.kill('SIGINT')
  await notReady(gateway)
  await wait(500)
  await notReady(gateway)
  gateway.child.kill('SIGINT')
  expect(await ended).toMatchObject({ code: 130 })
})

/** A module that is loaded before the gateway is. */
const withModule = (source: string) => ({ NODE_OPTIONS: `--import data:text/javascript,${encodeURIComponent(source)}` })
/** Lines of the log at level fatal, by their errors' messages. */
const fatal = (gateway: GatewayProcess): string[] =>
  gateway
    .output()
    .split('\n')
    .filter((line) => line.includes('"level":60'))
    .map((line) => JSON.parse(line).err.message as string)

test('an exception that nobody caught drains as a signal does, says why in one line, and ends with 1', async () => {
  const gateway = await start(withModule(`process.on('SIGUSR2', () => { throw new Error('nobody catches this') })`))
  let isReady = true
  const load = underLoad({ url: gateway.url, mayConnect: () => isReady })
  await isUnderWay(load)
  const ended = gateway.end('SIGUSR2')
  await notReady(gateway)
  isReady = false
  await load.done
  expect(load.failures).toEqual([])
  const { code, ms } = await ended
  expect(code).toBe(1)
  expect(ms).toBeGreaterThan(5_000)
  expect(ms).toBeLessThan(5_000 + endMs)
  expect(fatal(gateway)).toEqual(['nobody catches this'])
})

test('where draining itself fails it says so and ends with 1', async () => {
  const source = `import { Server } from 'node:net'; Server.prototype.close = () => { throw new Error('it does not close') }`
  const gateway = await start({ SHUTDOWN_GRACE: '0', ...withModule(source) })
  const { code, ms } = await gateway.end('SIGTERM')
  expect(code).toBe(1)
  expect(ms).toBeLessThan(endMs)
  expect(fatal(gateway)).toEqual(['it does not close'])
})
