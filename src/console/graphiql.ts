/** GraphiQL, whole from this server: a small document, and a policy that lets it reach no other. */
import { clientHas, etagOf } from '../http/conditional.ts'
import { withAssetNames } from './assets.ts'
import { contentSecurityPolicy, type Page, pageHeaders, readDocument, reading, sendHtml } from './page.ts'

const policy = contentSecurityPolicy({
  'style-src': "'self' 'unsafe-inline'", // the editor sets styles as it goes
  'font-src': 'data:', // they are in its style sheet
  'worker-src': "'self'", // the editor's language services
})

/** For GET requests to /graphql that accept text/html. */
export function graphiqlPage(): Page {
  const body = Buffer.from(withAssetNames(readDocument('graphiql.html')))
  const headers = {
    'Content-Security-Policy': policy,
    Vary: 'Accept', // the same address answers clients of the API
    // Nothing in it is anybody's: a browser may keep it, and asks whether it still holds.
    'Cache-Control': 'private, no-cache',
    ETag: etagOf(body),
  }
  return reading((req, res) => {
    if (clientHas(req, headers.ETag)) return void res.writeHead(304, { ...pageHeaders, ...headers }).end()
    sendHtml(res, body, headers)
  })
}
