/** Errors as clients see them: a Problem keeps its code and sentence, GraphQL's own are bad input, the rest is masked. */
import { type ExecutionResult, GraphQLError } from 'graphql'
import { Problem, type ProblemCode, statusOf, withoutStack } from '../domain/problem.ts'
import { onceASecond } from '../repeated-log.ts'
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

/** What a client is told of an error. */
interface Told {
  readonly message: string
  readonly extensions: Readonly<Record<string, unknown>> & { readonly code: ProblemCode }
  readonly http: HttpPart
  readonly originalError: Error | undefined
}

/** The one mapper: what of whatever was thrown a client may be told. */
function tell(thrown: unknown): Told {
  const problem = problemIn(thrown)
  if (problem) return ofProblem(problem, thrown)
  if (thrown instanceof GraphQLError && isOfGraphql(thrown)) return ofDocument(thrown)
  return ofProblem(new Problem('UNEXPECTED', {}, { cause: thrown }), thrown)
}

/** Whatever was thrown, as Yoga takes it: with HTTP's part in its extensions. */
export function clientError(thrown: unknown): GraphQLError {
  const { http, ...told } = tell(thrown)
  return asError({ ...told, extensions: { ...told.extensions, http } }, thrown)
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
  const told = result.errors.map((thrown) => {
    const { http, extensions, ...rest } = tell(thrown)
    const { code } = extensions
    const isUnexpected = code === 'INTERNAL_SERVER_ERROR'
    const error = asError({ ...rest, extensions: isUnexpected ? { ...extensions, requestId } : extensions }, thrown)
    if (isUnexpected) onceASecond(deps.log).error({ err: error.originalError, path: error.path, requestId }, 'unexpected error')
    if (code === 'UNAVAILABLE')
      onceASecond(deps.log).warn({ err: problemIn(error)?.cause ?? error, requestId }, 'the database does not answer')
    return { code, http, error }
  })
  const unavailable = told.find(({ code }) => code === 'UNAVAILABLE')
  const nothingStands = result.data == null || Object.values(result.data).every((value) => value === null)
  if (unavailable && (isQuery || nothingStands)) return refusal([unavailable])
  if (!('data' in result)) return refusal(told)
  return { status: 200, headers: {}, result: { ...result, errors: told.map(({ error }) => error) } }
}

/** Nothing was executed: the worst of the errors says the status. */
function refusal(told: readonly { readonly http: HttpPart; readonly error: GraphQLError }[]): Answer {
  return {
    status: Math.max(...told.map(({ http }) => http.status)),
    headers: Object.assign({}, ...told.map(({ http }) => http.headers)) as HttpPart['headers'],
    result: { errors: told.map(({ error }) => error) },
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

function ofProblem(problem: Problem, thrown: unknown): Told {
  const tokenSent = problem.reason === 'INVALID_CREDENTIAL' || problem.reason === 'MALFORMED_CREDENTIAL'
  return {
    message: problem.message,
    extensions: { code: problem.code, ...problem.details },
    http: { status: problem.status, headers: headersFor(problem.code, problem.details, tokenSent) },
    originalError: thrown instanceof Error ? thrown : problem,
  }
}

/** A request that GraphQL refuses: 400, or the status that Yoga chose (405, 415 and the like). */
function ofDocument(error: GraphQLError): Told {
  const http = error.extensions['http'] as Partial<HttpPart> | undefined
  const field = mistakeIn(error)?.field
  return {
    message: error.message,
    extensions: { code: 'BAD_USER_INPUT', ...(field === undefined ? {} : { field }) },
    http: { status: http?.status && http.status >= 400 ? http.status : statusOf.BAD_USER_INPUT, headers: http?.headers ?? {} },
    originalError: error.originalError,
  }
}

/** What is wrong with a value that the client sent, if that is what the error is about. */
export const mistakeIn = ({ originalError }: GraphQLError): InputMistake | undefined =>
  originalError instanceof InputMistake ? originalError : originalError instanceof GraphQLError ? mistakeIn(originalError) : undefined

/** In the place of what was thrown, which keeps its own stack for the log. */
function asError({ message, extensions, originalError }: Omit<Told, 'http'>, thrown: unknown): GraphQLError {
  const at = thrown instanceof GraphQLError ? thrown : undefined
  return withoutStack(
    () =>
      new GraphQLError(message, {
        nodes: at?.nodes ?? null,
        source: at?.source ?? null,
        positions: at?.positions ?? null,
        path: at?.path ?? null,
        originalError: originalError ?? null,
        extensions,
      }),
  )
}
