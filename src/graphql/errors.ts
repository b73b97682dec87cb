/** Errors as clients see them: a Problem keeps its code and sentence, GraphQL's own are bad input, the rest is masked. */
import { type ExecutionResult, GraphQLError } from 'graphql'
import { Problem, type ProblemCode, statusOf } from '../domain/problem.ts'
import type { Context } from './context.ts'
import { InputMistake } from './input/mistake.ts'

/** HTTP's part of an error, in its `extensions.http` until the answer is finished. Yoga's own errors have it there, too. */
interface HttpPart {
  readonly status: number
  readonly headers: Record<string, string>
}

/** A result that is fit for a client's eyes, and HTTP's part of it. */
export interface Answer extends HttpPart {
  readonly result: ExecutionResult
}

/** The one mapper: whatever was thrown, in the form in which a client may see it. */
export function clientError(thrown: unknown): GraphQLError {
  const problem = problemIn(thrown)
  if (problem) return withProblem(problem, thrown)
  if (thrown instanceof GraphQLError && isOfGraphql(thrown)) return badDocument(thrown)
  return withProblem(new Problem('UNEXPECTED', {}, { cause: thrown }), thrown)
}

/**
 * The last step of every execution: logs what was masked, and refuses a query as a whole where the database does not answer.
 * With data beside the errors the HTTP status is 200.
 */
export function finishResult(
  result: ExecutionResult,
  { client: { requestId }, deps }: Pick<Context, 'client' | 'deps'>,
  { isQuery }: { isQuery: boolean },
): Answer {
  if (!result.errors?.length) return { status: 200, headers: {}, result }
  const errors = result.errors.map(clientError).map((error) => {
    const { code } = error.extensions
    if (code === 'INTERNAL_SERVER_ERROR')
      deps.log.error({ err: error.originalError ?? error, path: error.path, requestId }, 'unexpected error')
    if (code === 'UNAVAILABLE') deps.log.warn({ err: error.originalError?.cause, requestId }, 'the database does not answer')
    const extensions = code === 'INTERNAL_SERVER_ERROR' ? { ...error.extensions, requestId } : error.extensions
    return rebuilt(error, error.message, extensions)
  })
  const unavailable = errors.find(({ extensions }) => extensions['code'] === 'UNAVAILABLE')
  const nothingStands = result.data == null || Object.values(result.data).every((value) => value === null)
  if (unavailable && (isQuery || nothingStands)) return refusal([unavailable])
  if (!('data' in result)) return refusal(errors)
  return { status: 200, headers: {}, result: { ...result, errors: errors.map(withoutHttp) } }
}

/** Nothing was executed: the worst of the errors says the status. */
function refusal(errors: readonly GraphQLError[]): Answer {
  const parts = errors.map(({ extensions }) => extensions['http'] as HttpPart)
  return {
    status: Math.max(...parts.map(({ status }) => status)),
    headers: Object.assign({}, ...parts.map(({ headers }) => headers)) as HttpPart['headers'],
    result: { errors: errors.map(withoutHttp) },
  }
}

/** The Problem behind an error, however often it was wrapped on its way. */
export function problemIn(error: unknown): Problem | undefined {
  if (error instanceof Problem) return error
  return error instanceof GraphQLError && error.originalError ? problemIn(error.originalError) : undefined
}

/** HTTP's headers for a refusal (RFC 6750, RFC 9110). `tokenSent`: a credential came with the request. */
export function headersFor(
  code: ProblemCode,
  { retryAfter, requiredScopes }: Problem['details'],
  tokenSent: boolean,
): Record<string, string> {
  if (code === 'UNAUTHENTICATED') return { 'WWW-Authenticate': tokenSent ? 'Bearer error="invalid_token"' : 'Bearer' }
  if (code === 'FORBIDDEN' && requiredScopes?.length)
    return { 'WWW-Authenticate': `Bearer error="insufficient_scope", scope="${requiredScopes.join(' ')}"` }
  return retryAfter === undefined ? {} : { 'Retry-After': String(Math.ceil(retryAfter)) }
}

/**
 * Thrown by graphql-js itself about the request (syntax, validation, coercion of what was sent), or by Yoga; not by a resolver,
 * and not about a value of ours that its type does not take: graphql-js points to no place in the document for that.
 */
function isOfGraphql({ originalError, path }: GraphQLError): boolean {
  if (!originalError) return true
  return originalError instanceof GraphQLError && isOfGraphql(originalError) && (path === undefined || originalError.nodes !== undefined)
}

function withProblem(problem: Problem, thrown: unknown): GraphQLError {
  const tokenSent = problem.reason === 'INVALID_CREDENTIAL' || problem.reason === 'MALFORMED_CREDENTIAL'
  const http: HttpPart = { status: problem.status, headers: headersFor(problem.code, problem.details, tokenSent) }
  const at = thrown instanceof GraphQLError ? thrown : undefined
  return new GraphQLError(problem.message, {
    nodes: at?.nodes ?? null,
    path: at?.path ?? null,
    originalError: thrown instanceof Error ? thrown : problem,
    extensions: { code: problem.code, ...problem.details, http },
  })
}

/** A request that GraphQL refuses: 400, or the status that Yoga chose (405, 415 and the like). */
function badDocument(error: GraphQLError): GraphQLError {
  const http = error.extensions['http'] as Partial<HttpPart> | undefined
  const field = mistakeIn(error)?.field
  return rebuilt(error, error.message, {
    code: 'BAD_USER_INPUT',
    ...(field === undefined ? {} : { field }),
    http: { status: http?.status && http.status >= 400 ? http.status : statusOf.BAD_USER_INPUT, headers: http?.headers ?? {} },
  })
}

/** What is wrong with a value that the client sent, if that is what the error is about. */
export const mistakeIn = ({ originalError }: GraphQLError): InputMistake | undefined =>
  originalError instanceof InputMistake ? originalError : originalError instanceof GraphQLError ? mistakeIn(originalError) : undefined

function withoutHttp(error: GraphQLError): GraphQLError {
  const { http: _http, ...extensions } = error.extensions
  return rebuilt(error, error.message, extensions)
}

function rebuilt(error: GraphQLError, message: string, extensions: Record<string, unknown>): GraphQLError {
  return new GraphQLError(message, {
    nodes: error.nodes ?? null,
    source: error.source ?? null,
    positions: error.positions ?? null,
    path: error.path ?? null,
    originalError: error.originalError ?? null,
    extensions,
  })
}
