/** The web pages: what they answer, with which headers, and who may see development's mail. */
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { createServer, request, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { buffer, text } from 'node:stream/consumers'
import { brotliDecompressSync, gunzipSync } from 'node:zlib'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { devMailbox } from '../src/adapters/dev-mailbox.ts'
import { graphiqlPage } from '../src/console/graphiql.ts'
import { isLoopbackRequest } from '../src/console/loopback.ts'
import type { Page } from '../src/console/page.ts'
import { consolePages } from '../src/console/pages.ts'
import { loginMessage } from '../src/domain/mail.ts'
import { listening } from './support/http.ts'

const mailbox = devMailbox(() => {})
const notFound: Page = (_req, res) =>
  void res.writeHead(404, { 'Content-Type': 'application/json' }).end('{"error":"There is nothing at this address."}')
const graphiql = graphiqlPage()
const pages = consolePages({ devMailbox: mailbox, notFound })
let server: Server
let origin: string

beforeAll(async () => {
  server = createServer((req, res) => {
    const path = req.url!.split('?')[0]!
    void (path === '/graphql' ? graphiql : (pages.get(path) ?? notFound))(req, res)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
})
afterAll(() => server.close())

/** Sends headers that fetch would not, Host among them. */
async function ask(path: string, headers: Record<string, string> = {}, method = 'GET') {
  const sent = request(origin + path, { method, headers })
  sent.end()
  const [res] = await once(sent, 'response')
  const { date: _date, ...answered } = res.headers
  return { status: res.statusCode as number, headers: answered as Record<string, string>, body: await text(res) }
}

/** A body as it was sent, and as it is without its coding. */
async function bytes(path: string, headers: Record<string, string> = {}) {
  const sent = request(origin + path, { headers }).end()
  const [res] = await once(sent, 'response')
  const body = await buffer(res)
  const { 'content-encoding': coding, 'content-length': length, vary } = res.headers as Record<string, string | undefined>
  const content = coding === 'br' ? brotliDecompressSync(body) : coding === 'gzip' ? gunzipSync(body) : body
  return { sent: body, content, coding, length: Number(length), vary }
}

const assets = [...pages.keys()].filter((path) => path.startsWith('/assets/'))
const hashedName = /\.[0-9a-f]{16}\./

/** The Cache-Control that each address must have. */
function kept(path: string): string {
  if (path === '/graphql') return 'private, no-cache'
  if (!path.startsWith('/assets/')) return 'no-store'
  return hashedName.test(path) ? 'public, max-age=31536000, immutable' : 'no-cache'
}

describe('every page', () => {
  const documents = ['/', '/sign-in', '/dev/mail', '/graphql']

  test.each([...documents, ...assets])('%s lets nothing in from elsewhere', async (path) => {
    const { status, headers, body } = await ask(path)
    expect(status).toBe(200)
    const policy = headers['content-security-policy']!
    expect(policy).toMatch(/^default-src 'none'; script-src /)
    expect(policy).toContain("base-uri 'none'")
    expect(policy).toContain("frame-ancestors 'none'")
    expect(policy).not.toMatch(/https?:|\*|unsafe-eval|script-src[^;]*unsafe/)
    expect(headers['x-content-type-options']).toBe('nosniff')
    expect(headers['referrer-policy']).toBe('no-referrer')
    expect(headers['cache-control']).toBe(kept(path))
    if (!path.includes('/graphiql.')) expect(body).not.toMatch(/(src|href|action)="(https?:)?\/\//)
  })

  test.each(['/', '/sign-in', '/graphql'])('%s is small and has no script or style of its own', async (path) => {
    const { headers, body } = await ask(path)
    expect(headers['content-type']).toBe('text/html; charset=utf-8')
    expect(headers['content-security-policy']).toContain("script-src 'self';")
    if (path !== '/graphql') expect(headers['content-security-policy']).not.toContain('unsafe')
    expect(Number(headers['content-length'])).toBeLessThan(4_096)
    expect(body).not.toMatch(/<style|\sstyle=|\son[a-z]+=|<script(?![^>]*\ssrc=)/i)
    expect(body).toContain('<html lang="en">')
  })

  test.each([...documents, ...assets])('%s answers HEAD like GET without a body, and refuses everything else', async (path) => {
    const [get, head, post] = await Promise.all([ask(path), ask(path, {}, 'HEAD'), ask(path, {}, 'POST')])
    expect(head.body).toBe('')
    expect(head.headers).toEqual(get.headers)
    expect(get.headers['content-length']).toBe(String(Buffer.byteLength(get.body)))
    expect(post.status).toBe(405)
    expect(post.headers['allow']).toBe('GET, HEAD')
  })

  test.each([...assets, '/graphql'])('%s is not sent again to whoever has it', async (path) => {
    const { headers } = await ask(path)
    const again = await ask(path, { 'If-None-Match': headers['etag']! })
    expect(again).toMatchObject({ status: 304, body: '' })
  })
})

describe('an asset', () => {
  const named = (pattern: RegExp) => assets.find((path) => pattern.test(path))!
  /** Two that are kept for ever, and one that is asked for again. */
  const [script, style, ours] = [named(/graphiql\..*js$/), named(/graphiql\..*css$/), '/assets/console.css']

  test.each([script, style, ours])('%s comes in the coding that weighs most, of those that weigh alike in the smallest', async (path) => {
    const plain = await bytes(path)
    expect(plain.coding).toBeUndefined()
    for (const [accepted, coding] of [
      ['gzip, deflate, br, zstd', 'br'],
      ['gzip;q=1.0, br;q=0.5', 'gzip'],
      ['GZIP', 'gzip'],
      ['*', 'br'],
      ['br;q=0, *;q=0.1, identity;q=0', 'gzip'],
      ['identity, gzip;q=0.3', undefined],
      ['br;q=0, gzip;q=0', undefined],
      ['deflate', undefined],
      ['', undefined],
      ['*;q=0', undefined], // it refuses everything, and gets the file as it is
    ] as const) {
      const compressed = await bytes(path, { 'Accept-Encoding': accepted })
      expect([accepted, compressed.coding]).toEqual([accepted, coding])
      expect(compressed.content.equals(plain.content)).toBe(true)
      expect(compressed.length).toBe(compressed.sent.length)
      expect(compressed.vary).toBe('Accept-Encoding')
      if (coding !== undefined) expect(compressed.sent.length).toBeLessThan(plain.sent.length * 0.6)
    }
  })

  test.each([script, style, ours])('%s has another tag in each coding, and each is known again', async (path) => {
    const tags = new Set<string>()
    for (const coding of ['br', 'gzip', 'identity']) {
      const { headers } = await ask(path, { 'Accept-Encoding': coding })
      tags.add(headers['etag']!)
      const again = await ask(path, { 'Accept-Encoding': coding, 'If-None-Match': `"other", ${headers['etag']}` })
      expect(again).toMatchObject({ status: 304, body: '' })
      expect(again.headers).toMatchObject({ etag: headers['etag'], vary: 'Accept-Encoding', 'cache-control': kept(path) })
    }
    expect(tags.size).toBe(3)
  })

  test('of GraphiQL is named after its content, and the page names all of them', async () => {
    const { body, headers } = await ask('/graphql')
    expect(headers['vary']).toBe('Accept')
    const paths = [...body.matchAll(/"(\/assets\/[^"]+)"/g)].map(([, path]) => path!)
    expect(paths.toSorted()).toEqual(assets.filter((path) => path.includes('/graphiql')).toSorted())
    for (const path of paths.filter((asset) => asset !== '/assets/graphiql-page.js')) {
      const hash = createHash('sha256')
        .update((await bytes(path)).content)
        .digest('hex')
      expect(path.split('.')[1]).toBe(hash.slice(0, 16))
    }
  })

  test('that a client leaves half-way harms nobody', async () => {
    let answered: void | Promise<void> = undefined
    const url = await listening(createServer((req, res) => void (answered = pages.get(script)!(req, res))))
    const sent = request(url + script, { agent: false }).end()
    const [res] = await once(sent, 'response')
    res.destroy()
    await expect(answered).resolves.toBeUndefined()
  })
})

describe('/dev/mail', () => {
  test('shows the newest mail first, as text', async () => {
    const login = {
      to: 'ana@example.org',
      first: '<img src=x>',
      language: 'en',
      districtName: '<script>alert(1)</script>',
      accent: '#123',
      host: 'localhost',
    }
    await mailbox.send(loginMessage({ ...login, code: '111111', link: `${origin}/sign-in#first` }))
    await mailbox.send(loginMessage({ ...login, code: '222222', link: `${origin}/sign-in#second"onclick=x` }))
    const { body } = await ask('/dev/mail')
    expect(body.indexOf('222222')).toBeLessThan(body.indexOf('111111'))
    expect(body).toContain(`<a href="${origin}/sign-in#first" target="_blank" rel="noreferrer">`)
    expect(body).not.toMatch(/<img|<script|"onclick/)
    expect(body).toContain('&lt;script&gt;')
  })

  test('exists only where there is a mailbox', () => {
    expect(consolePages({ notFound }).has('/dev/mail')).toBe(false)
  })

  test.each(['localhost', 'LOCALHOST:4000', '127.0.0.1', '127.8.9.10:80', '[::1]', '[::1]:4000'])(
    'answers to the host %s',
    async (host) => {
      expect((await ask('/dev/mail', { Host: host })).status).toBe(200)
    },
  )

  test.each([
    { Host: 'evil.example' },
    { Host: 'localhost.evil.example' },
    { Host: '127.0.0.1.evil.example' },
    { Host: '127.evil.example' },
    { Host: 'evil.example:127' },
    { Host: '10.0.0.1' },
    { Host: '[::2]' },
    { Host: 'localhost@evil.example' },
    { Host: 'localhost', 'X-Forwarded-For': '203.0.113.5' },
    { Host: 'localhost', Forwarded: 'for=203.0.113.5' },
  ])('to %j it answers like an unknown address, whatever the method', async (headers) => {
    for (const method of ['GET', 'HEAD', 'POST'])
      expect(await ask('/dev/mail', headers, method)).toEqual(await ask('/nowhere', headers, method))
  })

  test.each([
    ['127.0.0.1', true],
    ['127.1.2.3', true],
    ['::1', true],
    ['::ffff:127.0.0.1', true],
    ['10.0.0.1', false],
    ['::ffff:10.0.0.1', false],
    ['::', false],
    ['1127.0.0.1', false],
    [undefined, false],
  ])('a peer at %s: %s', (remoteAddress, expected) => {
    const made = { headers: { host: 'localhost' }, socket: { remoteAddress } } as unknown as Parameters<typeof isLoopbackRequest>[0]
    expect(isLoopbackRequest(made)).toBe(expected)
    expect(isLoopbackRequest({ ...made, headers: { host: '' } })).toBe(false)
    expect(isLoopbackRequest({ ...made, headers: {} })).toBe(false)
  })
})
