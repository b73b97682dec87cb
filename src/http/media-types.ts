/** Media types (RFC 9110, 8.3 and 12.5): what a body is sent as, and what an answer is wanted as. Parsed by libraries, never matched. */
import type { IncomingMessage } from 'node:http'
import { parse } from 'content-type'
import Negotiator from 'negotiator'
import { HttpRefusal } from './messages.ts'

const json = 'application/json'
/** Names of UTF-8, and of the encoding that is a part of it. */
const charsets: ReadonlySet<string> = new Set(['utf-8', 'utf8', 'us-ascii'])

/** @throws HttpRefusal 415 unless the body is JSON in UTF-8, uncompressed; it names what is accepted */
export function expectJson({ headers, method }: IncomingMessage): void {
  if (headers['content-type'] === json && headers['content-encoding'] === undefined) return // what nearly all clients send
  const { type, parameters } = parse(headers['content-type'] ?? '')
  if (type !== json || !charsets.has((parameters['charset'] ?? 'utf-8').toLowerCase()))
    throw new HttpRefusal(415, 'Send the body as Content-Type: application/json, in UTF-8.', {
      Accept: json,
      ...(method === 'POST' || method === 'PATCH' ? { [`Accept-${method === 'POST' ? 'Post' : 'Patch'}`]: json } : {}),
    })
  if ((headers['content-encoding'] ?? 'identity').trim().toLowerCase() !== 'identity')
    throw new HttpRefusal(415, 'Send the body without Content-Encoding.', { 'Accept-Encoding': 'identity' })
}

const [asJson, asGraphqlJson] = [`${json}; charset=utf-8`, 'application/graphql-response+json; charset=utf-8']
const graphqlTypes = [asJson, asGraphqlJson]

/** What common clients of GraphQL accept, without parsing it each time. */
const common: ReadonlyMap<string | undefined, string> = new Map([
  [undefined, asJson],
  ['*/*', asJson],
  [json, asJson],
  ['application/json, */*', asJson],
  ['application/json, text/plain, */*', asJson],
  ['application/graphql-response+json', asGraphqlJson],
  ['application/graphql-response+json, application/json', asGraphqlJson],
  ['application/graphql-response+json,application/json;q=0.9', asGraphqlJson],
])

/** In which media type GraphQL answers a client. Where it accepts none of them, in JSON: what is done is done, and never 406 afterwards. */
export const graphqlTypeFor = ({ headers }: Pick<IncomingMessage, 'headers'>): string =>
  common.get(headers.accept) ?? new Negotiator({ headers }).mediaType(graphqlTypes) ?? asJson

/** Whether a browser opens the address: it likes HTML better than what GraphQL answers. A client of GraphQL never accepts HTML first. */
export const wantsPage = ({ headers }: Pick<IncomingMessage, 'headers'>): boolean =>
  headers.accept !== undefined && new Negotiator({ headers }).mediaType([...graphqlTypes, 'text/html']) === 'text/html'
