/** A page: what answers GET and HEAD at one address, with headers that let nothing else in. */
import { readFileSync } from 'node:fs'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { clientHas, etagOf } from '../http/conditional.ts'

export type Page = (req: IncomingMessage, res: ServerResponse) => void | Promise<void>

/** From this server, from files, and nothing else; `data:` images are the icon's. */
const strictPolicy = {
  'default-src': "'none'",
  'script-src': "'self'",
  'style-src': "'self'",
  'connect-src': "'self'",
  'img-src': "'self' data:",
  'form-action': "'self'",
  'base-uri': "'none'",
  'frame-ancestors': "'none'",
}

/** The Content-Security-Policy of a page: the strict one, with the directives it must have otherwise. */
export const contentSecurityPolicy = (otherwise: Readonly<Record<string, string>> = {}): string =>
  Object.entries({ ...strictPolicy, ...otherwise })
    .map(([name, sources]) => `${name} ${sources}`)
    .join('; ')

export const pageHeaders = {
  'Content-Security-Policy': contentSecurityPolicy(),
  'Cross-Origin-Opener-Policy': 'same-origin',
  'Referrer-Policy': 'no-referrer',
  'X-Content-Type-Options': 'nosniff',
} as const

const html = 'text/html; charset=utf-8'
const types: Readonly<Record<string, string>> = {
  html,
  css: 'text/css; charset=utf-8',
  js: 'text/javascript; charset=utf-8',
}

/** The file beside this module's source: the same one from src/console/ and from dist/console/. */
const readAsset = (file: string): Buffer => readFileSync(new URL(`../../src/console/${file}`, import.meta.url))

/** Answers GET and HEAD by `answer`, everything else with 405. */
export const reading =
  (answer: Page): Page =>
  (req, res) => {
    if (req.method === 'GET' || req.method === 'HEAD') return answer(req, res)
    res.writeHead(405, { ...pageHeaders, Allow: 'GET, HEAD', 'Content-Type': 'text/plain; charset=utf-8' })
    res.end('This address answers GET and HEAD only.\n')
  }

/** A document that is the same for everybody and never kept: it takes part in signing in. */
export const staticPage = (file: string): Page => {
  const body = readAsset(file)
  return reading((_req, res) => sendHtml(res, body))
}

/** A script or a style sheet: kept by the browser, asked for again by its tag. */
export const asset = (file: string): Page => {
  const body = readAsset(file)
  const etag = etagOf(body)
  const headers = { ...pageHeaders, 'Content-Type': types[file.split('.').at(-1)!]!, 'Cache-Control': 'no-cache', ETag: etag }
  return reading((req, res) => {
    if (clientHas(req, etag)) return void res.writeHead(304, headers).end()
    res.writeHead(200, { ...headers, 'Content-Length': body.length })
    res.end(body) // to HEAD, node:http sends the headers alone
  })
}

export function sendHtml(res: ServerResponse, body: string | Buffer, headers: Readonly<Record<string, string>> = {}): void {
  res.writeHead(200, {
    ...pageHeaders,
    'Content-Type': html,
    'Cache-Control': 'no-store',
    'Content-Length': Buffer.byteLength(body),
    ...headers,
  })
  res.end(body)
}
