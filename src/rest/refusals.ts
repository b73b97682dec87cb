/** How a route may refuse, as the OpenAPI description shows it: the statuses that follow from what the route is. */
import { isScope, type Scope } from '../access/scopes.ts'
import { Problem } from '../domain/problem.ts'
import type { Refusal, RefusalStatus, Route } from './route.ts'

/** SPEC: "Bodies up to 100 kB" */
export const maxBodyBytes = 100_000

/** All refusals of a route: its own, and those of every route that is like it. */
export function refusalsOf(route: Route): Partial<Record<RefusalStatus, Refusal>> {
  if (route.kind === 'description') return {}
  const { access, body, query, refusals } = route.docs
  const [parameter] = Object.keys(query ?? {})
  return {
    401: access === 'anybody' ? wrongCredential : noCredential,
    ...(isScope(access) ? { 402: planLapsed, 403: missingScope(access) } : {}),
    ...(access === 'session' ? { 403: sessionOnly } : {}),
    ...(body === undefined ? {} : { 413: tooLarge, 415: noJson }),
    ...(parameter === undefined ? {} : { 400: inBrackets(parameter) }),
    ...(isVersioned(route) ? { 412: otherVersion } : {}),
    ...refusals,
    500: unexpected,
    503: unavailable,
  }
}

export const isVersioned = (route: Route): boolean => route.kind === 'record' && route.versioned === true

const inBrackets = (parameter: string): Refusal => ({
  description: 'A parameter is written with brackets, which would be ignored.',
  example: writtenPlain(parameter),
  request: { query: { [`${parameter}[]`]: 'x' } },
})
export const writtenPlain = (parameter: string): string => `${parameter} is written without brackets: ${parameter}=….`

const otherVersion: Refusal = {
  description: 'The record is another version than If-Match names, by now.',
  example: new Problem('OTHER_VERSION').message,
  request: { headers: { 'If-Match': '"47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU"' } },
}
const noCredential: Refusal = {
  description: 'There is no credential, or it is unknown, expired or revoked.',
  example: new Problem('SIGN_IN_FIRST').message,
}
const wrongCredential: Refusal = {
  description: 'A credential was sent along that is unknown, expired or revoked.',
  example: new Problem('INVALID_CREDENTIAL').message,
}
export const planLapsed: Refusal = {
  description: 'The trial has expired, or the subscription is inactive.',
  example: new Problem('PLAN_LAPSED').message,
}
const missingScope = (scope: Scope): Refusal => ({
  description: `The key lacks \`${scope}\`, or the roles of the person do not permit it.`,
  example: new Problem('MISSING_SCOPE').message,
  header: 'WWW-Authenticate',
})
const sessionOnly: Refusal = {
  description: 'An API key cannot do it, or the roles of the person do not permit it.',
  example: new Problem('SESSION_ONLY').message,
}
const tooLarge: Refusal = {
  description: `The body is larger than ${maxBodyBytes} bytes.`,
  example: `The body is larger than ${maxBodyBytes} bytes.`,
}
const noJson: Refusal = {
  description: 'The body is not sent as JSON in UTF-8.',
  example: 'Send the body as Content-Type: application/json, in UTF-8.',
}
const unexpected: Refusal = {
  description: 'Something went wrong here. The header X-Request-Id finds it in the log.',
  example: new Problem('UNEXPECTED').message,
}
const unavailable: Refusal = {
  description: 'The database does not answer. Retry-After says when to try again.',
  example: new Problem('UNAVAILABLE').message,
}
export const noSuchRecord = (params: Record<string, string>): Refusal => ({
  description: 'There is no such record, or none that the caller sees.',
  example: new Problem('NO_SUCH_RECORD').message,
  request: { params },
})

export const idempotencyKeyReused: Refusal = {
  description: 'The Idempotency-Key came with another body before.',
  example: new Problem('IDEMPOTENCY_KEY_REUSED').message,
}
