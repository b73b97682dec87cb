/** A page: what answers GET and HEAD at one address, with headers that let nothing else in. */
import { readFileSync } from 'node:fs'
import { open } from 'node:fs/promises'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { pipeline } from 'node:stream/promises'

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

/** A document beside this module's source: the same one from src/console/ and from dist/console/. */
export const readDocument = (file: string): string => readFileSync(new URL(`../../src/console/${file}`, import.meta.url), 'utf8')

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
  const body = Buffer.from(readDocument(file))
  return reading((_req, res) => sendHtml(res, body))
}

export function sendHtml(res: ServerResponse, body: string | Buffer, headers: Readonly<Record<string, string>> = {}): void {
  res.writeHead(200, {
    ...pageHeaders,
    'Content-Type': 'text/html; charset=utf-8',
    'Cache-Control': 'no-store',
    'Content-Length': Buffer.byteLength(body),
    ...headers,
  })
  res.end(body)
}

/**
 * Answers with a file, piece by piece from the disk: no file is in memory as a whole. A client that goes away is no failure.
 * @throws what the disk says, before the answer has begun or while it is sent
 */
export async function sendFile(res: ServerResponse, file: URL, headers: Readonly<Record<string, string>>): Promise<void> {
  const handle = await open(file)
  try {
    res.writeHead(200, { ...headers, 'Content-Length': (await handle.stat()).size })
    if (res.req.method === 'HEAD') return void res.end()
    await pipeline(handle.createReadStream(), res)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ERR_STREAM_PREMATURE_CLOSE') throw error
  } finally {
    await handle.close()
  }
}
