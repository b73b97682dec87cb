/** Scripts and style sheets, from the disk as `npm run build` left them in dist/assets/: plain, as Brotli and as gzip. */
import { readdirSync, readFileSync } from 'node:fs'
import type { IncomingMessage } from 'node:http'
import Negotiator from 'negotiator'
import { clientHas, etagOf } from '../http/conditional.ts'
import { type Page, pageHeaders, reading, sendFile } from './page.ts'

/** The same folder from src/console/ and from dist/console/. */
const folder = new URL('../../dist/assets/', import.meta.url)

const types: Readonly<Record<string, string>> = {
  css: 'text/css; charset=utf-8',
  js: 'text/javascript; charset=utf-8',
}

/** Content codings (RFC 9110, 8.4.1), the smallest first, and how the names of their files end. */
const suffixes = { br: '.br', gzip: '.gz', identity: '' } as const
const codings = Object.keys(suffixes) as (keyof typeof suffixes)[]

/** `graphiql.49d5da0a2f78b554.js`: what has this name will always have this content. */
const hashed = /^(.+)\.([0-9a-f]{16})(\.\w+)$/

const files = (): string[] => readdirSync(folder).filter((file) => /\.(css|js)$/.test(file))

/** Every asset by its pathname. */
export const assetPages = (): [path: string, page: Page][] => files().map((file) => [`/assets/${file}`, asset(file)])

/**
 * A document with its assets' names as they are under /assets/: where a file has a hash in its name, `/assets/graphiql.js` stands for
 * `/assets/graphiql.49d5da0a2f78b554.js`.
 */
export function withAssetNames(document: string): string {
  const names = new Map(files().map((file) => [file.replace(hashed, '$1$3'), file]))
  return document.replace(/(?<="\/assets\/)[^"]+/g, (name) => names.get(name) ?? name)
}

/** A file with a hash in its name is kept by the browser for a year and never asked for again, the others only as long as they stand. */
function asset(file: string): Page {
  const hash = hashed.exec(file)?.[2]
  const version = hash === undefined ? etagOf(readFileSync(new URL(file, folder))).slice(1, -1) : hash
  const headers = {
    ...pageHeaders,
    'Content-Type': types[file.split('.').at(-1)!]!,
    'Cache-Control': hash === undefined ? 'no-cache' : 'public, max-age=31536000, immutable',
    Vary: 'Accept-Encoding',
  }
  return reading((req, res) => {
    const coding = codingFor(req)
    const etag = `"${version}-${coding}"` // other bytes, another strong tag (RFC 9110, 8.8.3.3)
    if (clientHas(req, etag)) return void res.writeHead(304, { ...headers, ETag: etag }).end()
    return sendFile(res, new URL(file + suffixes[coding], folder), {
      ...headers,
      ETag: etag,
      ...(coding === 'identity' ? {} : { 'Content-Encoding': coding }),
    })
  })
}

/** The library has it, its types not yet: which coding comes first where a client weighs several alike. */
interface Preferring {
  encoding(available: readonly string[], options: { readonly preferred: readonly string[] }): string | undefined
}

/** Accept-Encoding (RFC 9110, 12.5.3), by its weights. Where the client takes none of them, it gets the file as it is. */
function codingFor(req: IncomingMessage): keyof typeof suffixes {
  const negotiator: Preferring = new Negotiator(req)
  const chosen = negotiator.encoding(codings, { preferred: codings })
  return codings.find((coding) => coding === chosen) ?? 'identity'
}
