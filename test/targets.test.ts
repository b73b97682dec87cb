/** One resource, however its address is written; and one address, whoever looks at it. */
import { connect } from 'node:net'
import { text } from 'node:stream/consumers'
import { describe, expect, test } from 'vitest'
import { createTestDistrict } from './support/fixtures.ts'
import { startGateway } from './support/gateway.ts'
import { raw } from './support/http.ts'

const gateway = await startGateway({ config: { corsOrigins: ['https://app.example.org'] } })
const district = await createTestDistrict(gateway.db)
const key = await district.key()
const person = await district.person()
const { host, hostname, port } = new URL(gateway.url)

/** An answer to these bytes. Lines end as HTTP's do. */
async function answerTo(head: readonly string[], body = ''): Promise<{ status: number; head: string; body: string }> {
  const socket = connect(Number(port), hostname)
  socket.on('error', () => {})
  socket.write(`${[...head, 'Connection: close', `Content-Length: ${body.length}`].join('\r\n')}\r\n\r\n${body}`)
  const [answerHead, answerBody = ''] = (await text(socket)).split('\r\n\r\n') as [string, string?]
  return { status: Number(answerHead.split(' ')[1]), head: answerHead, body: answerBody }
}

const get = (target: string, ...headers: string[]) =>
  answerTo([`GET ${target} HTTP/1.1`, `Host: ${host}`, `Authorization: Bearer ${key}`, ...headers])
const encoded = (text: string) =>
  text
    .split('')
    .map((character) => `%${character.charCodeAt(0).toString(16)}`)
    .join('')

describe('is the same resource', () => {
  test.each([
    ['in absolute form', `${gateway.url}/api/people/${person.id}`],
    ['in absolute form, of another scheme', `HTTPS://${host}/api/people/${person.id}`],
    ['with its first letter encoded', `/api/people/%${person.id.charCodeAt(0).toString(16)}${person.id.slice(1)}`],
    ['with all its letters encoded', `/${encoded('api')}/${encoded('people')}/${encoded(person.id)}`],
    ['encoded in capitals', `/api/people/${encoded(person.id).toUpperCase()}`],
    ['with a slash at its end', `/api/people/${person.id}/`],
    ['with a slash before its query', `/api/people/${person.id}/?include=tags`],
  ])('a record %s', async (_how, target) => {
    const { status, body } = await get(target)
    expect([status, (JSON.parse(body) as { id: string }).id]).toEqual([200, person.id])
  })

  test.each(['/graphql', '/graphql/', '/%67raphql', `${gateway.url}/graphql`, `http://${host}/graphql/?`])(
    'GraphQL as %s',
    async (target) => {
      const body = '{"query":"{ me { districtId } }"}'
      const head = [`POST ${target} HTTP/1.1`, `Host: ${host}`, 'Content-Type: application/json', `Authorization: Bearer ${key}`]
      expect((await answerTo(head, body)).body).toBe(JSON.stringify({ data: { me: { districtId: district.id } } }))
    },
  )

  test.each(['/livez/', '/%6civez', '/sign-in/', '/assets/console%2Ecss', gateway.url])('%s', async (target) => {
    expect((await get(target)).status).toBe(200)
  })
})

describe('is another resource, or none', () => {
  test.each([
    '/api%2Fpeople',
    `/api/people%2f${person.id}`,
    '//api/people',
    '/api//people',
    '/api/people//',
    '/api/./people',
    '/api/x/../people',
    '/api/%2e%2e/api/people',
    '/api/people%',
    '/api/people%zz',
    '/api/people%20',
    '/api/people;a=b',
    '/API/people',
  ])('%s', async (target) => {
    expect((await get(target)).status).toBe(404)
  })
})

describe('the host', () => {
  const refused = async (head: readonly string[]) => {
    const { status, body } = await answerTo(head)
    expect(status, body).toBe(400)
    return body
  }

  test.each([
    ['two of them', ['Host: a.example', 'Host: b.example']],
    ['the same one twice', ['Host: a.example', 'host: a.example']],
    ['a path', ['Host: a.example/x']],
    ['a user', ['Host: a@b.example']],
    ['a space', ['Host: a b']],
    ['two in one', ['Host: a.example, b.example']],
    ['a port that is none', ['Host: a.example:port']],
    ['a port too high', ['Host: a:99999']],
    ['half a bracket', ['Host: [']],
    ['half an address', ['Host: [::1']],
    ['a percent sign', ['Host: %']],
  ])('is refused with 400: %s', async (_what, hosts) => {
    expect(await refused(['GET /livez HTTP/1.1', ...hosts])).toContain('"error"')
    expect(await refused(['GET /graphql?query={__typename} HTTP/1.1', ...hosts])).toContain('"errors"')
  })

  test('is refused in an absolute target as in the header', async () => {
    await refused(['GET http://a@b.example/livez HTTP/1.1', `Host: ${host}`])
    await refused(['GET http:///livez HTTP/1.1', `Host: ${host}`])
  })

  test('may be missing in HTTP/1.0 alone', async () => {
    expect((await answerTo(['GET /livez HTTP/1.0'])).status).toBe(200)
    expect((await answerTo(['GET /livez HTTP/1.1'])).status).toBe(400)
  })

  test('of an absolute target is the one that counts: neither the mailbox nor the cookie is fooled by the header', async () => {
    const local = await startGateway({ db: gateway.db })
    const { port: localPort, host: localHost } = new URL(local.url)
    expect(localPort).not.toBe(port)
    const mail = (target: string, hostHeader: string) =>
      new Promise<number>((resolve) => {
        const socket = connect(Number(localPort), '127.0.0.1')
        socket.write(`GET ${target} HTTP/1.1\r\nHost: ${hostHeader}\r\nConnection: close\r\n\r\n`)
        socket.once('data', (data) => resolve(Number(data.toString().split(' ')[1])))
      })
    expect(await mail('http://rebound.example/dev/mail', localHost)).toBe(404)
    expect(await mail('/dev/mail/', 'rebound.example')).toBe(404)
  })
})

test('a host that is none is refused before it is compared with an origin', async () => {
  const headers = {
    Host: '[',
    Origin: 'http://[',
    'X-Session': 'cookie',
    'Sec-Fetch-Site': 'same-origin',
    'Content-Type': 'application/json',
  }
  for (const path of ['/graphql', '/graphql?'])
    expect((await raw(gateway.url + path, { method: 'POST', headers, body: '{"query":"{ __typename }"}' })).status).toBe(400)
  expect(gateway.logLines.filter((line) => (JSON.parse(line) as { level: number }).level >= 40)).toEqual([])
})

test('cross-origin rules hold for every way to write the address', async () => {
  const Origin = 'https://app.example.org'
  for (const path of ['/graphql/', '/%67raphql', '/api/me/', '/%61pi/me'])
    expect((await raw(gateway.url + path, { headers: { Origin } })).headers['access-control-allow-origin']).toBe(Origin)
})
