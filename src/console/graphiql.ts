/** GraphiQL, whole from this server: one document, and a policy that lets it reach no other. */
import { createHash } from 'node:crypto'
import { promisify } from 'node:util'
import { createGunzip, gzip } from 'node:zlib'
import type { GraphiQLOptions } from 'graphql-yoga'
import { clientHas } from '../http/conditional.ts'
import { contentSecurityPolicy, type Page, pageHeaders, reading } from './page.ts'

const title = 'Credentials Gateway'

const firstQuery = `# The first five people, and the latest
# interviews of each. Run it: Ctrl-Enter.
#
# Signed in by mail in this browser?
# Then it works as it is.
#
# With an API key (the first start of the
# gateway prints one), put this into the
# headers below:
# {"Authorization": "Bearer ck_…"}

query FirstPeople {
  people(first: 5) {
    totalCount
    nodes {
      id
      first
      last
      email
      interviews(first: 3) {
        nodes {
          id
          date
          published
        }
      }
    }
  }
}
`

/** A key pasted into the headers is forgotten with the tab: whoever sits here next must not find it. */
const options = {
  title,
  logo: '',
  favicon: 'data:,',
  defaultQuery: firstQuery,
  headers: JSON.stringify({ 'X-Session': 'cookie' }, null, 2),
  shouldPersistHeaders: false,
  defaultEditorToolsVisibility: 'headers',
  credentials: 'same-origin',
} as const

/** Left to itself GraphiQL writes every edit into the address, where loading the page again makes it a GET of its answer. */
const keepAddress = '"onEditQuery":()=>{}'

/**
 * GraphiQL keeps the last query under this key and takes it up again. A default query is no last one: the next visit would
 * open an empty tab beside it.
 */
const firstVisit = `<script>
try {
  localStorage.getItem('graphiql:query') || localStorage.setItem('graphiql:query', ${JSON.stringify(firstQuery)})
} catch {} // no storage: GraphiQL does without it, too
</script>`

interface Rendered {
  readonly gzipped: Buffer
  readonly headers: Readonly<Record<string, string>>
}

/** Made at the first visit: the document is 9 MB, and most starts of the gateway never need it. */
async function render(): Promise<Rendered> {
  const { renderGraphiQL } = await import('@graphql-yoga/render-graphiql')
  const rendering = renderGraphiQL({ ...options, onEditQuery: '' } as GraphiQLOptions)
  const document = rendering
    .trimStart()
    .replace('<div id="root">', () => `${firstVisit}<div id="root">`)
    .replace('"onEditQuery":""', () => keepAddress) // functions do not come through the options, which are JSON
  const gzipped = await promisify(gzip)(document)
  return {
    gzipped,
    headers: {
      ...pageHeaders,
      'Content-Security-Policy': contentSecurityPolicy({
        'script-src': inlineScripts(document)
          .map((script) => `'sha256-${createHash('sha256').update(script).digest('base64')}'`)
          .join(' '),
        'style-src': "'self' 'unsafe-inline'", // the editor sets styles as it goes
        'font-src': 'data:',
        'worker-src': 'blob:', // the editor's language services
      }),
      'Content-Type': 'text/html; charset=utf-8',
      // The same address answers clients of the API, by what they accept.
      Vary: 'Accept, Accept-Encoding',
      // Nothing in it is anybody's: a browser may keep it, and asks whether it still holds.
      'Cache-Control': 'private, no-cache',
      ETag: `W/"${createHash('sha256').update(gzipped).digest('base64url')}"`,
    },
  }
}

/** The text of each inline script, as a browser hashes it. */
const inlineScripts = (document: string): string[] => [...document.matchAll(/<script>([\s\S]*?)<\/script>/g)].map(([, script]) => script!)

/** For GET requests to /graphql that accept text/html. */
export function graphiqlPage(): Page {
  let rendered: Promise<Rendered> | undefined
  return reading(async (req, res) => {
    rendered ??= render()
    const { gzipped, headers } = await rendered.catch((error: unknown) => {
      rendered = undefined // the next visit tries again
      throw error
    })
    if (clientHas(req, headers['ETag']!)) return void res.writeHead(304, headers).end()
    if (/\bgzip\b/.test(req.headers['accept-encoding'] ?? '')) {
      res.writeHead(200, { ...headers, 'Content-Encoding': 'gzip', 'Content-Length': gzipped.length })
      return void res.end(gzipped)
    }
    res.writeHead(200, headers)
    if (req.method === 'HEAD') return void res.end()
    const plain = createGunzip()
    plain.pipe(res)
    plain.end(gzipped)
  })
}
