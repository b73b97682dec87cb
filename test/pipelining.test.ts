/** Several requests on one connection, sent without a wait for the answers: each has its own answer, in its turn. */
import { once } from 'node:events'
import sql from 'sql-template-tag'
import { describe, expect, test } from 'vitest'
import { otherwise, testDatabase } from './support/database.ts'
import { createTestDistrict } from './support/fixtures.ts'
import { startGateway } from './support/gateway.ts'
import { raw, sendUnread } from './support/http.ts'

const untampered = await testDatabase()
const district = await createTestDistrict(untampered)
const key = await district.key()
const megabytes = 20
// One person, whose tags fill an answer that no socket's buffers hold.
await untampered.query(
  sql`insert into people (district_id, id, first, last, email, email_key, language, tags, sort_name, terms)
      values (${district.id}, 'heavy', 'First', 'Last', 'e', 'e', 'en', array[repeat('x', ${megabytes * 1_000_000})], 'last', '{}')`,
)
/** How many reads of people have begun, and the most that were under way at once. */
const reads = { begun: 0, most: 0, now: 0 }
const db = otherwise(untampered, {
  async query<Row>(statement: Parameters<typeof untampered.query>[0]) {
    // The mailer looks for people, too.
    if (!/ from people p /.test(statement.text) || statement.text.includes('login_requests')) return untampered.query<Row>(statement)
    reads.begun++
    reads.most = Math.max(reads.most, ++reads.now)
    await new Promise((resolve) => setTimeout(resolve, 20))
    return untampered.query<Row>(statement).finally(() => reads.now--)
  },
})
const gateway = await startGateway({ db })

const head = (requestLine: string, ...more: string[]) =>
  [`${requestLine} HTTP/1.1`, 'Host: x', `Authorization: Bearer ${key}`, ...more].join('\r\n') + '\r\n\r\n'
const posted = (target: string, query: string) => {
  const body = JSON.stringify({ query })
  return head(`POST ${target}`, 'Content-Type: application/json', `Content-Length: ${body.length}`) + body
}
const last = head('GET /livez', 'Connection: close')
const oneRead = '{ person(id: "nobody") { id } }'
const requests: Record<string, string> = {
  'GraphQL by the gateway’s door': posted('/graphql', oneRead),
  'GraphQL by Yoga’s door': posted('/graphql?', oneRead),
  'a record by REST': head('GET /api/people/nobody'),
}

/** Everything that comes until the connection ends. */
async function answersTo(bytes: string): Promise<string> {
  const socket = await sendUnread(gateway.url, bytes)
  let all = ''
  socket.on('data', (chunk: Buffer) => (all += chunk.toString('latin1'))).resume()
  await once(socket, 'close')
  return all
}
const statuses = (answers: string) => [...answers.matchAll(/HTTP\/1\.1 (\d{3})/g)].map(([, status]) => Number(status))

describe.each(Object.entries(requests))('%s', (_what, request) => {
  test('is worked on when the one before has been answered', async () => {
    Object.assign(reads, { begun: 0, most: 0 })
    expect(statuses(await answersTo(request.repeat(10) + last))).toHaveLength(11)
    expect(reads).toEqual({ begun: 10, most: 1, now: 0 })
  })

  test.each([
    ['bytes that are no request', 'what is this\r\n\r\n', 400],
    ['headers that are too many', head('GET /graphql', `X-Much: ${'x'.repeat(20_000)}`), 431],
  ])('has its own answer before that to %s', async (_broken, bytes, status) => {
    const [own] = statuses(await answersTo(request + last))
    const answers = await answersTo(request + bytes)
    expect(statuses(answers)).toEqual([own, status])
  })
})

describe('a client that reads nothing', () => {
  test('has one of its requests worked on, however many it sends', async () => {
    const stalling = await startGateway({ db, server: { limits: { stallMs: 500, maxWaitingBytes: 64_000_000 } } })
    reads.begun = 0
    const socket = await sendUnread(stalling.url, head('GET /api/people/heavy').repeat(50))
    await expect.poll(() => stalling.logLines.join(), { timeout: 60_000 }).toContain('The client has taken nothing for 500 ms.')
    socket.destroy()
    expect((await raw(`${stalling.url}/livez`)).status).toBe(200)
    expect(reads.begun).toBe(1)
  })

  test('is cut off when it goes on sending', async () => {
    const socket = await sendUnread(gateway.url, requests['a record by REST']!.repeat(102))
    socket.resume()
    await once(socket, 'close')
    await expect.poll(() => gateway.logLines.join()).toContain('More than 100 requests wait for their turn.')
    expect((await raw(`${gateway.url}/livez`)).status).toBe(200)
  })
})

test('who is slow, but reads, gets the small answer behind the large one, too', async () => {
  const stalling = await startGateway({ db, server: { limits: { stallMs: 1_500, maxWaitingBytes: 64_000_000 } } })
  const socket = await sendUnread(stalling.url, head('GET /api/people/heavy') + last)
  const startedAt = performance.now()
  let [bytes, rested, end] = [0, 0, '']
  for await (const chunk of socket) {
    bytes += (chunk as Buffer).length
    end = (end + (chunk as Buffer).toString('latin1')).slice(-11)
    if (bytes < rested + 1_000_000) continue
    rested = bytes
    await new Promise((resolve) => setTimeout(resolve, 150))
  }
  expect(performance.now() - startedAt).toBeGreaterThan(1_500)
  expect(end).toBe('{"ok":true}')
})
