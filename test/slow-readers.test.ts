/** A client that does not read costs neither memory nor time: it is cut off, and what waits for all of them has a limit. */
import { once } from 'node:events'
import type { Socket } from 'node:net'
import sql from 'sql-template-tag'
import { describe, expect, test, vi } from 'vitest'
import { testDatabase } from './support/database.ts'
import { createTestDistrict } from './support/fixtures.ts'
import { startGateway } from './support/gateway.ts'
import { json, raw, sendUnread } from './support/http.ts'

const db = await testDatabase()
const district = await createTestDistrict(db)
const key = await district.key()
const megabytes = 20
// One person, whose tags fill an answer that no socket's buffers hold.
await db.query(
  sql`insert into people (district_id, id, first, last, email, email_key, language, tags, sort_name, terms)
      values (${district.id}, 'heavy', 'First', 'Last', 'e', 'e', 'en', array[repeat('x', ${megabytes * 1_000_000})], 'last', '{}')`,
)
const query = '{ person(id: "heavy") { tags } }'
const body = JSON.stringify({ query })
const head = (requestLine: string, more: string[] = []) =>
  [`${requestLine} HTTP/1.1`, 'Host: x', `Authorization: Bearer ${key}`, ...more].join('\r\n') + '\r\n\r\n'
const posted = (target: string) => head(`POST ${target}`, ['Content-Type: application/json', `Content-Length: ${body.length}`]) + body

const large: Record<string, string> = {
  'GraphQL by the gateway’s door': posted('/graphql'),
  'GraphQL by Yoga’s door': posted('/graphql?'),
  'a GraphQL query by GET': head(`GET /graphql?query=${encodeURIComponent(query)}`),
  'a record by REST': head('GET /api/people/heavy'),
  'a list by REST': head('GET /api/people'),
}

/** What comes until the connection ends. */
async function readAll(socket: Socket): Promise<{ head: string; bytes: number }> {
  let [text, bytes] = ['', 0]
  socket.on('data', (chunk: Buffer) => {
    bytes += chunk.length
    if (text.length < 2_000) text += chunk.toString('latin1')
  })
  socket.resume()
  await once(socket, 'close')
  return { head: text.split('\r\n\r\n', 1)[0]!, bytes }
}

describe('who takes nothing is cut off', () => {
  test.each(Object.entries(large))('from %s', async (_what, request) => {
    const gateway = await startGateway({ db, server: { limits: { stallMs: 300, maxWaitingBytes: 64_000_000 } } })
    const socket = await sendUnread(gateway.url, request)
    await expect.poll(() => gateway.logLines.join(), { timeout: 60_000 }).toContain('The client has taken nothing for 300 ms.')
    const { head: answered, bytes } = await readAll(socket)
    expect(answered).toMatch(/^HTTP\/1\.1 200 OK/)
    expect(bytes).toBeLessThan(megabytes * 1_000_000)
    expect((await raw(`${gateway.url}/livez`)).status).toBe(200)
  })

  test('with many requests on one connection, too', async () => {
    const gateway = await startGateway({ db, server: { limits: { stallMs: 300, maxWaitingBytes: 64_000_000 } } })
    const socket = await sendUnread(gateway.url, head('GET /api/people/heavy').repeat(100))
    await expect.poll(() => gateway.logLines.join(), { timeout: 60_000 }).toContain('The client has taken nothing for 300 ms.')
    await readAll(socket)
    expect((await raw(`${gateway.url}/api/me`, { headers: { Authorization: `Bearer ${key}` } })).status).toBe(200)
  })
})

test.each(Object.entries(large))('who is slow, but reads, gets all of %s', async (_what, request) => {
  const gateway = await startGateway({ db, server: { limits: { stallMs: 2_000, maxWaitingBytes: 64_000_000 } } })
  const socket = await sendUnread(gateway.url, request.replace('Host: x', 'Host: x\r\nConnection: close'))
  const startedAt = performance.now()
  let [bytes, rested] = [0, 0]
  for await (const chunk of socket) {
    bytes += (chunk as Buffer).length
    if (bytes < rested + 1_000_000) continue
    rested = bytes
    await new Promise((resolve) => setTimeout(resolve, 150))
  }
  expect(bytes).toBeGreaterThan(megabytes * 1_000_000)
  expect(performance.now() - startedAt).toBeGreaterThan(2_000)
})

test('what waits in all sockets together has a limit, beyond which large answers are 503 until it is taken', async () => {
  const gateway = await startGateway({ db, server: { limits: { stallMs: 60_000, maxWaitingBytes: 50_000_000 } } })
  const requests = { '/graphql': json({ query }), '/graphql?': json({ query }), '/api/people/heavy': { headers: {} } } as const
  const send = (path: keyof typeof requests) =>
    raw(gateway.url + path, { ...requests[path], headers: { ...requests[path].headers, Authorization: `Bearer ${key}` } })
  const waiting: Socket[] = []
  /** As many wait as it takes: how much of an answer the sockets' own buffers hold is the kernel's affair. */
  const refused = (path: keyof typeof requests) =>
    vi.waitUntil(
      async () => {
        const answer = await send(path)
        if (answer.status === 503) return answer
        waiting.push(await sendUnread(gateway.url, waiting.length % 2 ? posted('/graphql') : large['a record by REST']!))
        return false
      },
      { timeout: 60_000, interval: 100 },
    )
  for (const path of Object.keys(requests) as (keyof typeof requests)[]) {
    const { headers, json: refusal } = await refused(path)
    expect(headers['retry-after']).toBe('1')
    const sentence = 'Too many answers wait here for clients that do not read them. Try again in a moment.'
    if (path.startsWith('/api')) expect(refusal).toEqual({ error: sentence })
    else expect(refusal.errors).toMatchObject([{ message: sentence, extensions: { code: 'UNAVAILABLE' } }])
    // What is small goes on.
    expect((await raw(`${gateway.url}/graphql`, json({ query: '{ __typename }' }))).status).toBe(200)
  }
  expect(waiting.length).toBeGreaterThan(1) // one alone is not too much
  for (const socket of waiting) socket.destroy()
  for (const path of Object.keys(requests) as (keyof typeof requests)[])
    await expect.poll(async () => (await send(path)).status, { timeout: 60_000 }).toBe(200)
})
