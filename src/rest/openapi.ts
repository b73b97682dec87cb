/**
 * The OpenAPI 3.1 description of the routes, made of the routes themselves.
 *
 * The examples of parameters and body together are a request that is answered as the good answer's example says. What a request must have
 * otherwise to be refused stands beside the refusal's example, as `x-request`: a tool takes what stands among a request's examples for good.
 */
import { z } from 'zod'
import { isScope } from '../access/scopes.ts'
import { isVersioned, refusalsOf } from './refusals.ts'
import { type Parameter, type Refusal, type Route, tags } from './route.ts'

type Json = Readonly<Record<string, unknown>>

const errorSchema = z
  .object({ error: z.string().meta({ description: 'A sentence for a human.' }) })
  .meta({ id: 'Error', description: 'What every refusal answers.' })

export function describeRoutes(routes: readonly Route[]): Json {
  const paths: Record<string, Record<string, Json>> = {}
  for (const route of routes) (paths[route.path.replaceAll(/:(\w+)/g, '{$1}')] ??= {})[route.method.toLowerCase()] = operation(route)
  return {
    openapi: '3.1.1',
    info: {
      title: 'Credentials Gateway',
      version: '1.0.0',
      description:
        'People and their credentialing interviews, district by district. Everything is confined to the district of the credential. Times that come out are Unix milliseconds. Every answer has a header X-Request-Id.',
    },
    servers: [{ url: '/' }],
    tags: Object.entries(tags).map(([name, description]) => ({ name, description })),
    paths,
    components: {
      schemas: componentSchemas(routes),
      headers,
      securitySchemes: {
        bearer: {
          type: 'http',
          scheme: 'bearer',
          description: 'The token of a session, or an API key (`ck_` and 32 characters). What is required besides is the scope of a key.',
        },
      },
    },
  }
}

function operation(route: Route): Json {
  const { name, docs } = route
  const { tag, summary, description, access, params, query, headers: headerParams, body } = docs
  const success = String(statusOf(route))
  const refusals = Object.entries(refusalsOf(route)) as [string, Refusal][]
  const parameters = [
    ...parametersIn('path', params, success),
    ...parametersIn('query', query, success),
    ...parametersIn('header', headerParams, success),
    ...(isRevalidated(route) ? parametersIn('header', { 'If-None-Match': ifNoneMatch }, success) : []),
    ...(isVersioned(route) ? parametersIn('header', { 'If-Match': ifMatch }, success) : []),
  ]
  return {
    operationId: name,
    tags: [tag],
    summary,
    description,
    security: access === 'anybody' ? [] : [{ bearer: isScope(access) ? [access] : [] }],
    ...(parameters.length === 0 ? {} : { parameters }),
    ...(body && {
      requestBody: {
        required: true,
        content: json(reference(body.schema), { [success]: { value: body.example } }),
      },
    }),
    responses: {
      [success]: goodAnswer(route, success),
      ...(isRevalidated(route) ? { 304: { description: 'What the client has still stands.', headers: headersNamed('ETag') } } : {}),
      ...Object.fromEntries(refusals.map(([status, refusal]) => [status, refusalAnswer(status, refusal)])),
    },
  }
}

function goodAnswer(route: Route, status: string): Json {
  const { description, schema, example } = route.docs.answer
  const isList = route.kind === 'list'
  return {
    description,
    ...(isRevalidated(route) || isVersioned(route) ? { headers: headersNamed('ETag') } : {}),
    content: json(isList ? { type: 'array', items: reference(schema) } : reference(schema), {
      [status]: { value: isList ? [example] : example },
    }),
  }
}

/** What comes with a status, whatever the reason. */
const headerOf: Readonly<Record<string, keyof typeof headers>> = { 401: 'WWW-Authenticate', 429: 'Retry-After', 503: 'Retry-After' }

function refusalAnswer(status: string, { description, example, header: own, request }: Refusal): Json {
  const header = own ?? headerOf[status]
  return {
    description,
    ...(header === undefined ? {} : { headers: headersNamed(header) }),
    content: json(reference(errorSchema), { [status]: { value: { error: example } } }),
    ...(request === undefined ? {} : { 'x-request': request }),
  }
}

const statusOf = (route: Route): number => (route.kind === 'record' ? (route.status ?? 200) : 200)
const isRevalidated = (route: Route): boolean => route.kind === 'description' || (route.kind === 'record' && route.revalidated === true)
const json = (schema: Json, examples: Json): Json => ({ 'application/json': { schema, examples } })

function parametersIn(place: 'path' | 'query' | 'header', parameters: Readonly<Record<string, Parameter>> = {}, success: string): Json[] {
  return Object.entries(parameters).map(([name, { description, schema, example }]) => ({
    name,
    in: place,
    required: place === 'path',
    description,
    schema: inline(schema),
    ...(example === undefined ? {} : { examples: { [success]: { value: example } } }),
  }))
}

const ifMatch: Parameter = {
  description:
    'The ETag of the version that the change is meant for, or several, or `*` for any. A record that has become another is left as it is. An ETag needs the scope to read.',
  schema: z.string(),
}
const ifNoneMatch: Parameter = {
  description: 'ETags of what the client has, or `*`. While one of them stands, the answer is 304 without a body.',
  schema: z.string(),
}

const headers = {
  ETag: { description: 'Changes with the body, to the byte.', schema: { type: 'string' } },
  'Retry-After': { description: 'Seconds after which to try again.', schema: { type: 'integer' } },
  'WWW-Authenticate': { description: 'What credential is asked for, and which scope it lacks.', schema: { type: 'string' } },
}
const headersNamed = (name: keyof typeof headers): Json => ({ [name]: { $ref: `#/components/headers/${name}` } })

const reference = (schema: z.ZodType): Json => ({ $ref: uriOf(schema.meta()!.id!) })
const uriOf = (id: string): string => `#/components/schemas/${id}`

/** Every schema that has a name. What comes in may have members that are ignored; what goes out has those alone that are described. */
function componentSchemas(routes: readonly Route[]): Json {
  const incoming = new Set(routes.flatMap(({ docs: { body } }) => (body ? [body.schema.meta()!.id!] : [])))
  const [input, output] = (['input', 'output'] as const).map((io) => z.toJSONSchema(z.globalRegistry, { io, uri: uriOf }).schemas)
  return Object.fromEntries(Object.keys(output!).map((id) => [id, bare((incoming.has(id) ? input! : output!)[id]!)]))
}

const inline = (schema: z.ZodType): Json => bare(z.toJSONSchema(schema, { io: 'input' }))

/** Without what says of a document alone which dialect it is in, and where it lies. */
const bare = ({ $schema: _schema, $id: _id, id: _name, ...rest }: Json): Json => rest
