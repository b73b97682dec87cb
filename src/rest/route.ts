/** What a REST route is: data, by which the handler answers it and the OpenAPI description shows it. */
import { z } from 'zod'
import type { Scope } from '../access/scopes.ts'
import type { PageResult } from './page.ts'

export type Route = RecordRoute | ListRoute | DescriptionRoute
/** A route that executes a GraphQL document. */
export type DataRoute = RecordRoute | ListRoute

interface Address {
  /** What a program calls it. */
  readonly name: string
  readonly method: 'GET' | 'POST' | 'PATCH' | 'DELETE'
  /** `:name` stands for one segment. */
  readonly path: `/api/${string}`
  readonly docs: Docs
}

interface Executed extends Address {
  readonly document: string
  /**
   * From the request to the document's variables; none when left out, and then the request may have any body or none.
   * @throws Problem INVALID_INPUT for what cannot be said in GraphQL
   */
  readonly variables?: (request: RouteRequest) => Record<string, unknown>
}

/** Answers one JSON value, whole. */
export interface RecordRoute extends Executed {
  readonly kind: 'record'
  /** 200 when left out. */
  readonly status?: 201
  /** From the document's data to the documented body, or nothing where there is no such record. */
  readonly body: (...pages: never[]) => unknown
  /** Where the data goes on: the document is executed again with this cursor as `$after`, and the body is made of all of it. */
  readonly next?: (data: never) => string | null
  /** Carries an ETag, by which a client asks whether what it has still stands. */
  readonly revalidated?: true
  /** A GET that uses something up: a browser that only fetches ahead is refused. */
  readonly once?: true
  /** A write whose answer shows the record to those alone who may read it; to others its id. */
  readonly idAlone?: true
  /** A change that may be bound to a version (If-Match): one that a GET of the same path answers with its ETag. */
  readonly versioned?: true
}

/** Answers a JSON array of any length, page by page: the document takes the cursor of the page before as `$after`. */
export interface ListRoute extends Executed {
  readonly kind: 'list'
  readonly page: (data: never) => PageResult
  /** From a node to an item of the array. */
  readonly item: (node: never) => unknown
}

/** Answers what all routes are. */
export interface DescriptionRoute extends Address {
  readonly kind: 'description'
}

export interface RouteRequest {
  readonly params: Readonly<Record<string, string>>
  readonly query: URLSearchParams
  readonly body: Readonly<Record<string, unknown>>
}

/** What a reader is told of a route. Examples fit together: the request of an example gives its answer. */
export interface Docs {
  readonly tag: Tag
  readonly summary: string
  readonly description: string
  /** What the credential must be good for; `anybody` needs none. */
  readonly access: 'anybody' | 'any credential' | 'session' | Scope
  readonly params?: Readonly<Record<string, Parameter>>
  readonly query?: Readonly<Record<string, Parameter>>
  readonly headers?: Readonly<Record<string, Parameter>>
  readonly body?: Body
  /** Of a list: of one item. */
  readonly answer: Body & { readonly description: string }
  /** By status, beside those that any route may give. */
  readonly refusals?: Readonly<Partial<Record<RefusalStatus, Refusal>>>
}

export const tags = {
  'Signing in': 'Without a password: by the code or the link of a mail.',
  People: 'The members of a district.',
  Interviews: 'Meetings of candidates with a board.',
  'API keys': 'Long-lived credentials for integrations.',
  District: 'The district and its settings.',
  Description: 'These routes.',
} as const
export type Tag = keyof typeof tags

export interface Parameter {
  readonly description: string
  readonly schema: z.ZodType
  readonly example?: string
}

/** Creations take it; the context carries it to them. */
export const idempotencyKey: Readonly<Record<string, Parameter>> = {
  'Idempotency-Key': {
    description:
      'Any text of the client’s. The same request with the same key within 24 hours creates nothing more, and answers what there is.',
    schema: z.string(),
  },
}

export interface Body {
  readonly schema: z.ZodType
  readonly example: unknown
}

export type RefusalStatus = 400 | 401 | 402 | 403 | 404 | 409 | 412 | 413 | 415 | 429 | 500 | 503

export interface Refusal {
  readonly description: string
  /** The sentence. */
  readonly example: string
  /** That comes with it, beside what comes with its status in any case. */
  readonly header?: 'WWW-Authenticate'
  /** What differs in the request of the example: it is as the route's otherwise. */
  readonly request?: {
    readonly params?: Readonly<Record<string, string>>
    readonly query?: Readonly<Record<string, string>>
    readonly headers?: Readonly<Record<string, string>>
    readonly body?: unknown
  }
}

/** A route whose body is held to the schema that documents it. */
export const record = <Data, Schema extends z.ZodType>(
  route: Omit<RecordRoute, 'kind' | 'body' | 'docs' | 'next'> & {
    readonly body: (...pages: Data[]) => z.output<Schema> | null
    readonly next?: (data: Data) => string | null
    readonly docs: Docs & { readonly answer: { readonly schema: Schema; readonly example: z.output<Schema> } }
  },
): RecordRoute => ({ kind: 'record', ...route })

/** The same of a list, whose schema is that of one item. */
export const list = <Node, Schema extends z.ZodType>(
  route: Omit<ListRoute, 'kind' | 'page' | 'item' | 'docs'> & {
    readonly page: (data: never) => PageResult<Node>
    readonly item: (node: Node) => z.output<Schema>
    readonly docs: Docs & { readonly answer: { readonly schema: Schema; readonly example: z.output<Schema> } }
  },
): ListRoute => ({ kind: 'list', ...route })
