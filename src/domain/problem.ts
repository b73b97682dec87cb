/** Every refusal this product can give: reason → code, HTTP status, sentence, in one table for GraphQL and REST. */

/** `extensions.code` of a GraphQL error, with the HTTP status that REST answers. */
export const statusOf = {
  UNAUTHENTICATED: 401,
  FORBIDDEN: 403,
  BAD_USER_INPUT: 400,
  NOT_FOUND: 404,
  CONFLICT: 409,
  RATE_LIMITED: 429,
  PAYMENT_REQUIRED: 402,
  UNAVAILABLE: 503,
  PERSISTED_QUERY_NOT_SUPPORTED: 400,
  INTERNAL_SERVER_ERROR: 500,
} as const
export type ProblemCode = keyof typeof statusOf

interface Row {
  readonly code: ProblemCode
  /** Where it is another than the code's. */
  readonly status?: number
  readonly sentence: string
}

const reasons = {
  SIGN_IN_FIRST: { code: 'UNAUTHENTICATED', sentence: 'Sign in, or send an API key as a bearer token.' },
  INVALID_CREDENTIAL: { code: 'UNAUTHENTICATED', sentence: 'This token is not valid: it is unknown, expired or revoked.' },
  MALFORMED_CREDENTIAL: { code: 'UNAUTHENTICATED', sentence: 'The Authorization header must be one "Bearer" followed by a token.' },
  WRONG_CODE: { code: 'UNAUTHENTICATED', sentence: 'This code is wrong, used or expired. Ask for a new one.' },
  WRONG_LINK: { code: 'UNAUTHENTICATED', sentence: 'This link is wrong, used or expired. Ask for a new one.' },
  MISSING_SCOPE: { code: 'FORBIDDEN', sentence: 'This credential lacks a scope that this needs.' },
  SESSION_ONLY: { code: 'FORBIDDEN', sentence: 'This needs a signed-in session; an API key cannot do it.' },
  NOT_PERMITTED: { code: 'FORBIDDEN', sentence: 'Your roles do not permit this.' },
  ABOVE_YOURSELF: {
    code: 'FORBIDDEN',
    sentence: 'The e-mail, the roles and the archiving of a person are changed by those alone whose own powers include all of that person.',
  },
  INVALID_INPUT: { code: 'BAD_USER_INPUT', sentence: 'The input is not valid.' },
  PLAN_LAPSED: { code: 'PAYMENT_REQUIRED', sentence: 'The trial has expired or the subscription is inactive.' },
  NO_SUCH_RECORD: { code: 'NOT_FOUND', sentence: 'There is no such record.' },
  NO_SUCH_ROUTE: { code: 'NOT_FOUND', sentence: 'There is nothing at this address.' },
  EMAIL_TAKEN: { code: 'CONFLICT', sentence: 'Another person of this district has this e-mail address.' },
  IDEMPOTENCY_KEY_REUSED: {
    code: 'CONFLICT',
    sentence: 'This Idempotency-Key came with another body before. Send the same body, or another key.',
  },
  OTHER_VERSION: {
    code: 'CONFLICT',
    status: 412,
    sentence: 'This record is not the version that the request is meant for. Read it again, and send the change with its ETag.',
  },
  IMPORT_UNDER_WAY: { code: 'CONFLICT', sentence: 'Another import into this district is under way. Try again when it has ended.' },
  TOO_MANY_REQUESTS: { code: 'RATE_LIMITED', sentence: 'Too many sign-in mails were asked for from this address. Try again later.' },
  TOO_MANY_CODES: {
    code: 'RATE_LIMITED',
    sentence: 'Too many wrong codes were given. Use the link in the same mail, or try again later.',
  },
  // The message is the one by which clients know it.
  PERSISTED_QUERY_NOT_SUPPORTED: { code: 'PERSISTED_QUERY_NOT_SUPPORTED', sentence: 'PersistedQueryNotSupported' },
  TOO_MUCH_WAITING: {
    code: 'UNAVAILABLE',
    sentence: 'Too many answers wait here for clients that do not read them. Try again in a moment.',
  },
  UNAVAILABLE: { code: 'UNAVAILABLE', sentence: 'The database does not answer. Try again in a moment.' },
  UNEXPECTED: { code: 'INTERNAL_SERVER_ERROR', sentence: 'Something went wrong here. The request id finds it in the log.' },
} as const satisfies Record<string, Row>
export type Reason = keyof typeof reasons

/** What a problem may tell a client beside its code. */
export interface ProblemDetails {
  /** The member of the input that is wrong, as a dotted path. */
  field?: string
  /** Scopes, as REST spells them, that would have made it possible. */
  requiredScopes?: readonly string[]
  /** Seconds until a retry is worth while. */
  retryAfter?: number
  requestId?: string
  /** A sentence more exact than the reason's own. */
  sentence?: string
}

/** The only error that is shown to a client. Everything else is masked as UNEXPECTED. */
export class Problem extends Error {
  readonly reason: Reason
  readonly code: ProblemCode
  readonly status: number
  readonly details: Omit<ProblemDetails, 'sentence'>

  constructor(reason: Reason, { sentence, ...details }: ProblemDetails = {}, options?: ErrorOptions) {
    super(sentence ?? reasons[reason].sentence, options)
    this.name = 'Problem'
    this.reason = reason
    const { code, status }: Row = reasons[reason]
    this.code = code
    this.status = status ?? statusOf[code]
    this.details = details
  }
}

/** Makes an error whose stack nobody reads: to capture one, and to write it down, takes longer than all the rest of a refusal. */
export function withoutStack<Made extends Error>(make: () => Made): Made {
  const { stackTraceLimit } = Error
  Error.stackTraceLimit = 0
  try {
    return make()
  } finally {
    Error.stackTraceLimit = stackTraceLimit
  }
}

/** A refusal of one member of the input. */
export const invalid = (field: string, sentence: string): Problem => new Problem('INVALID_INPUT', { field, sentence })
