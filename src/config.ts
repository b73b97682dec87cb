/** Configuration: the environment becomes one frozen Config, or every mistake in it is reported at once. */
import { z } from 'zod'

const logLevels = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'] as const
const onOff = z.enum(['on', 'off'], 'must be on or off')
const wholeNumber = (from: number, to: number) =>
  z
    .string()
    .regex(/^\d+$/, `must be a whole number from ${from} to ${to}`)
    .transform(Number)
    .refine((n) => n >= from && n <= to, `must be a whole number from ${from} to ${to}`)
const httpUrl = z.string().refine((value) => /^https?:\/\//i.test(value) && URL.canParse(value), 'must be an http:// or https:// address')
/** Whether the names and the password in an address can be read: an address as such may have any percent sign in it. */
const isDecodable = (value: string): boolean => {
  try {
    const { username, password, hostname, pathname } = new URL(value)
    for (const part of [username, password, hostname, pathname]) decodeURIComponent(part)
    return true
  } catch (error) {
    if (error instanceof URIError) return false
    throw error
  }
}
const postgresUrl = z
  .string()
  .refine((value) => /^postgres(ql)?:\/\//i.test(value) && URL.canParse(value), { error: 'must be a postgresql:// address', abort: true })
  .refine(isDecodable, 'must have %25 for a percent sign in a name or a password')

const environmentSchema = z.object({
  NODE_ENV: z.string().optional(),
  PORT: wholeNumber(1, 65535).default(4000),
  HOST: z.string().default('127.0.0.1'),
  DATABASE_URL: postgresUrl.optional(),
  DIRECT_DATABASE_URL: postgresUrl.optional(),
  DATABASE_POOL_SIZE: wholeNumber(1, 1_000).default(10),
  DATA_DIR: z.string().default('.data'),
  PUBLIC_URL: httpUrl.optional(),
  MAGIC_LINK_URL: httpUrl.refine((value) => value.includes('{token}'), 'must contain {token}, where the token of the link goes').optional(),
  SECRET_KEY: z
    .string()
    .transform((value) => value.split(',').map((key) => key.trim()))
    .refine((keys) => keys.every((key) => Buffer.byteLength(key) >= 32), 'must hold at least 32 bytes in each of its comma-separated keys')
    .optional(),
  POSTMARK_SERVER_TOKEN: z.string().optional(),
  POSTMARK_API_URL: httpUrl.optional(),
  DEV_MAIL: onOff.optional(),
  MAIL_FROM: z
    .string()
    .regex(/^[^\r\n]*@[^\r\n]*$/, 'must be an e-mail address')
    .optional(),
  POSTMARK_MESSAGE_STREAM: z.string().default('outbound'),
  TRUSTED_PROXY_HOPS: wholeNumber(0, 10).default(0),
  CORS_ORIGINS: z
    .string()
    .transform((value) => value.split(',').map((origin) => origin.trim()))
    .refine(
      (origins) => origins.every((origin) => URL.canParse(origin) && new URL(origin).origin === origin),
      'must be comma-separated origins such as https://app.example.org',
    )
    .default([]),
  SHUTDOWN_GRACE: wholeNumber(0, 300).optional(),
  INTROSPECTION: z.enum(['on', 'off', 'signed-in'], 'must be on, off or signed-in').optional(),
  LOG_LEVEL: z.enum(logLevels, `must be one of ${logLevels.join(', ')}`).default('info'),
})

/** What the environment says, checked; `SPEC` names and defaults, units in the names. */
export interface Config {
  readonly host: string
  readonly port: number
  readonly databaseUrl: string | undefined
  readonly directDatabaseUrl: string | undefined
  /** The first address is a transaction-mode pooler: no named statements, no LISTEN, no session locks on it. */
  readonly pooled: boolean
  /** Connections for requests; a few more are beside them. */
  readonly databasePoolSize: number
  readonly dataDir: string
  /** Base of every link, without a trailing slash. */
  readonly publicUrl: string
  readonly magicLinkUrl: string
  /** The first signs, all verify. `undefined`: made and kept in `dataDir`. */
  readonly secretKeys: readonly string[] | undefined
  readonly postmark:
    | { readonly token: string; readonly apiUrl: string | undefined; readonly stream: string; readonly from: string }
    | undefined
  readonly devMail: boolean
  readonly trustedProxyHops: number
  readonly corsOrigins: readonly string[]
  /** How long everything is still accepted after the signal to end, so that balancers find out first. */
  readonly shutdownGraceSeconds: number
  readonly introspection: 'on' | 'off' | 'signed-in'
  readonly production: boolean
  readonly logLevel: (typeof logLevels)[number]
}

/** One line a mistake, each beginning with the variable's name. */
export class ConfigError extends Error {
  readonly mistakes: readonly string[]
  constructor(mistakes: readonly string[]) {
    super(mistakes.join('\n'))
    this.mistakes = mistakes
  }
}

/**
 * Reads the configuration.
 * @param isTerminal whether a person is watching, who is not to wait for the end of the process
 * @throws ConfigError naming every variable that is wrong and what it must be
 */
export function readConfig(environment: Record<string, string | undefined>, { isTerminal = false } = {}): Config {
  // A variable set to nothing is a variable not set: that is how shells and compose files leave one out.
  const set = Object.fromEntries(Object.entries(environment).filter(([, value]) => value !== undefined && value.trim() !== ''))
  const parsed = environmentSchema.safeParse(set)
  const mistakes = parsed.success ? [] : parsed.error.issues.map(({ path, message }) => `${path.join('.')} ${message}`)
  mistakes.push(...contradictions(set))
  if (!parsed.success || mistakes.length > 0) throw new ConfigError(mistakes)

  const env = parsed.data
  const embedded = env.DATABASE_URL === undefined
  const production = env.NODE_ENV === 'production'
  const devMail = env.DEV_MAIL === undefined ? embedded && env.POSTMARK_SERVER_TOKEN === undefined && !production : env.DEV_MAIL === 'on'
  const hostInUrl = env.HOST.includes(':') ? `[${env.HOST}]` : env.HOST
  const publicUrl = (env.PUBLIC_URL ?? `http://${hostInUrl}:${env.PORT}`).replace(/\/+$/, '')
  return Object.freeze({
    host: env.HOST,
    port: env.PORT,
    databaseUrl: env.DATABASE_URL,
    directDatabaseUrl: env.DIRECT_DATABASE_URL ?? env.DATABASE_URL,
    pooled: env.DIRECT_DATABASE_URL !== undefined,
    databasePoolSize: env.DATABASE_POOL_SIZE,
    dataDir: env.DATA_DIR,
    publicUrl,
    magicLinkUrl: env.MAGIC_LINK_URL ?? `${publicUrl}/sign-in#{token}`,
    secretKeys: env.SECRET_KEY,
    // Development's mailbox, where it is asked for, takes all mail: none leaves by another way.
    postmark:
      env.POSTMARK_SERVER_TOKEN === undefined || devMail
        ? undefined
        : {
            token: env.POSTMARK_SERVER_TOKEN,
            apiUrl: env.POSTMARK_API_URL,
            stream: env.POSTMARK_MESSAGE_STREAM,
            from: env.MAIL_FROM!,
          },
    devMail,
    trustedProxyHops: env.TRUSTED_PROXY_HOPS,
    corsOrigins: env.CORS_ORIGINS,
    shutdownGraceSeconds: env.SHUTDOWN_GRACE ?? (isTerminal ? 0 : 5),
    introspection: env.INTROSPECTION ?? (production ? 'signed-in' : 'on'),
    production,
    logLevel: env.LOG_LEVEL,
  })
}

/** Mistakes that only show when two variables are looked at together. */
function contradictions(env: Record<string, string | undefined>): string[] {
  const mistakes: string[] = []
  const devMailOn = env['DEV_MAIL'] === 'on'
  const production = env['NODE_ENV'] === 'production'
  if (env['DATABASE_URL'] !== undefined) {
    if (env['SECRET_KEY'] === undefined)
      mistakes.push('SECRET_KEY is required with DATABASE_URL: at least 32 random bytes, the same for every instance')
    if (env['POSTMARK_SERVER_TOKEN'] === undefined && !devMailOn)
      mistakes.push('POSTMARK_SERVER_TOKEN is required with DATABASE_URL, unless DEV_MAIL=on')
  } else {
    if (env['DIRECT_DATABASE_URL'] !== undefined) mistakes.push('DIRECT_DATABASE_URL needs DATABASE_URL beside it')
    if (env['POSTMARK_SERVER_TOKEN'] === undefined) {
      if (production) mistakes.push('POSTMARK_SERVER_TOKEN is required with NODE_ENV=production')
      else if (env['DEV_MAIL'] === 'off') mistakes.push('POSTMARK_SERVER_TOKEN is required with DEV_MAIL=off: no mail could be sent')
    }
  }
  if (env['POSTMARK_SERVER_TOKEN'] !== undefined && env['MAIL_FROM'] === undefined)
    mistakes.push('MAIL_FROM is required with POSTMARK_SERVER_TOKEN: the address that mail is sent from')
  if (devMailOn && production)
    mistakes.push('DEV_MAIL must not be on with NODE_ENV=production: it shows sign-in mail to whoever is on this machine')
  return mistakes
}
