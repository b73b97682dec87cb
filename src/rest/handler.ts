/** The REST adapter: match → variables → execute → status and body. It adds no rule of its own. */
import type { IncomingMessage, ServerResponse } from 'node:http'
import {
  type DocumentNode,
  type ExecutionResult,
  type GraphQLError,
  type GraphQLSchema,
  Kind,
  OperationTypeNode,
  parse,
  validate,
} from 'graphql'
import { type ProblemCode, statusOf } from '../domain/problem.ts'
import type { Context } from '../graphql/context.ts'
import { finishResult, headersFor, problemIn } from '../graphql/errors.ts'
import { executeDocument } from '../graphql/execution.ts'
import { expectJson, HttpRefusal, readBody, sendJson } from '../http.ts'
import { type Route, routes } from './routes.ts'

/** SPEC: "Bodies up to 100 kB" */
const maxBodyBytes = 100_000

interface PreparedRoute extends Route {
  readonly pattern: RegExp
  readonly parsed: DocumentNode
  readonly isQuery: boolean
}

/**
 * Answers one request below /api. `contextOf` is asked only for a route that exists: it looks at the credential.
 * Errors of HTTP and of the credential are thrown: app.ts writes them in the one shape.
 */
export type RestHandler = (req: IncomingMessage, res: ServerResponse, path: string, contextOf: () => Promise<Context>) => Promise<void>

/** @throws Error at the start when a route's document does not fit the schema */
export function createRestHandler(schema: GraphQLSchema): RestHandler {
  const prepared = routes.map((route) => prepare(schema, route))
  return async (req, res, path, contextOf) => {
    const { route, params } = match(prepared, req.method ?? 'GET', path)
    const context = await contextOf()
    const variableValues = given(route.variables?.({ params, body: await jsonBody(req, route) }) ?? {})
    const executed = await executeDocument({ schema, document: route.parsed, contextValue: context, variableValues })
    const result = finishResult(executed, context, { query: route.isQuery, suggestions: false })
    const [error] = result.errors ?? []
    if (error) return refuse(res, error)
    sendJson(res, 200, route.body(dataOf(result)))
  }
}

const dataOf = ({ data }: ExecutionResult): never => data as never

function prepare(schema: GraphQLSchema, route: Route): PreparedRoute {
  const parsed = parse(route.document)
  const [mistake] = validate(schema, parsed)
  if (mistake) throw new Error(`The document of ${route.method} ${route.path} does not fit the schema: ${mistake.message}`)
  const [operation] = parsed.definitions
  return {
    ...route,
    parsed,
    isQuery: operation?.kind === Kind.OPERATION_DEFINITION && operation.operation === OperationTypeNode.QUERY,
    pattern: new RegExp(`^${route.path.replace(/:(\w+)/g, '(?<$1>[^/]+)')}$`),
  }
}

function match(prepared: readonly PreparedRoute[], method: string, path: string): { route: PreparedRoute; params: Record<string, string> } {
  const here = prepared.flatMap((route) => {
    const found = route.pattern.exec(path)
    return found ? [{ route, params: { ...found.groups } }] : []
  })
  if (here.length === 0) throw new HttpRefusal(404, 'There is nothing at this address.')
  const chosen = here.find(({ route }) => route.method === method)
  if (!chosen)
    throw new HttpRefusal(405, `This address does not take ${method}.`, { Allow: here.map(({ route }) => route.method).join(', ') })
  return chosen
}

/** A member that is not in the body is a variable that is not given. */
const given = (variables: Record<string, unknown>): Record<string, unknown> =>
  Object.fromEntries(Object.entries(variables).filter(([, value]) => value !== undefined))

/** The members of the body; a route that looks at none takes any body, or no body at all. */
async function jsonBody(req: IncomingMessage, { method, variables }: Route): Promise<Record<string, unknown>> {
  if (variables === undefined || method === 'GET' || method === 'DELETE') return {}
  expectJson(req)
  const text = await readBody(req, maxBodyBytes)
  let body: unknown
  try {
    body = JSON.parse(text)
  } catch {
    throw new HttpRefusal(400, 'The body is not valid JSON.')
  }
  if (typeof body !== 'object' || body === null || Array.isArray(body)) throw new HttpRefusal(400, 'The body must be a JSON object.')
  return body as Record<string, unknown>
}

function refuse(res: ServerResponse, error: GraphQLError): void {
  const code = error.extensions['code'] as ProblemCode
  const problem = problemIn(error)
  sendJson(res, statusOf[code], { error: sentence(error) }, headersFor(code, problem?.details ?? {}, false))
}

/** What graphql-js says of a variable, said of the member of the body. */
function sentence({ message, extensions }: GraphQLError): string {
  const field = extensions['field']
  if (typeof field !== 'string') return message
  const ofVariable = /^Variable "\$\w+" (?:of (?:required|non-null) type .*|got invalid value .*?; (?<why>.*))$/s.exec(message)
  if (!ofVariable) return message.startsWith(field) ? message : `${field}: ${message}`
  const why = ofVariable.groups?.['why']
  if (why === undefined) return `${field} is required.`
  // graphql-js repeats the value, in GraphQL's notation.
  return why.startsWith('String cannot represent') ? `${field} must be a string.` : `${field}: ${why}`
}
