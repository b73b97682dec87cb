/** The environment becomes one frozen Config, or every mistake in it is reported at once, each by its variable's name. */
import { describe, expect, test } from 'vitest'
import { ConfigError, readConfig } from '../src/config.ts'

const server = {
  DATABASE_URL: 'postgresql://gateway@db.example.org/gateway',
  SECRET_KEY: 'a'.repeat(32),
  POSTMARK_SERVER_TOKEN: 'token',
  MAIL_FROM: 'no-reply@example.org',
}

/** The mistakes in an environment, a line each; empty when there is none. */
function mistakesIn(environment: Record<string, string | undefined>): readonly string[] {
  try {
    readConfig(environment)
    return []
  } catch (error) {
    if (error instanceof ConfigError) return error.mistakes
    throw error
  }
}

test('nothing set is a laptop: embedded, on loopback, with mail shown instead of sent', () => {
  expect(readConfig({})).toEqual({
    host: '127.0.0.1',
    port: 4000,
    databaseUrl: undefined,
    directDatabaseUrl: undefined,
    pooled: false,
    databasePoolSize: 10,
    dataDir: '.data',
    publicUrl: 'http://127.0.0.1:4000',
    magicLinkUrl: 'http://127.0.0.1:4000/sign-in#{token}',
    secretKeys: undefined,
    postmark: undefined,
    devMail: true,
    trustedProxyHops: 0,
    corsOrigins: [],
    shutdownGraceSeconds: 5,
    introspection: 'on',
    production: false,
    logLevel: 'info',
  })
})

test('everything set is what was said', () => {
  const config = readConfig({
    ...server,
    NODE_ENV: 'production',
    PORT: '8080',
    HOST: '::1',
    DIRECT_DATABASE_URL: 'postgres://gateway@primary.example.org:5433/gateway',
    DATA_DIR: '/srv/gateway',
    PUBLIC_URL: 'https://credentials.example.org/',
    MAGIC_LINK_URL: 'https://portal.example.org/enter?token={token}',
    SECRET_KEY: `${'n'.repeat(32)}, ${'o'.repeat(40)}`,
    POSTMARK_API_URL: 'https://mail.example.org',
    POSTMARK_MESSAGE_STREAM: 'logins',
    TRUSTED_PROXY_HOPS: '2',
    CORS_ORIGINS: 'https://app.example.org, http://localhost:5173',
    SHUTDOWN_GRACE: '30',
    INTROSPECTION: 'off',
    LOG_LEVEL: 'debug',
  })
  expect(config).toMatchObject({
    host: '::1',
    port: 8080,
    databaseUrl: server.DATABASE_URL,
    directDatabaseUrl: 'postgres://gateway@primary.example.org:5433/gateway',
    pooled: true,
    dataDir: '/srv/gateway',
    publicUrl: 'https://credentials.example.org',
    magicLinkUrl: 'https://portal.example.org/enter?token={token}',
    secretKeys: ['n'.repeat(32), 'o'.repeat(40)],
    postmark: { token: 'token', apiUrl: 'https://mail.example.org', stream: 'logins', from: 'no-reply@example.org' },
    devMail: false,
    trustedProxyHops: 2,
    corsOrigins: ['https://app.example.org', 'http://localhost:5173'],
    shutdownGraceSeconds: 30,
    introspection: 'off',
    production: true,
    logLevel: 'debug',
  })
})

test('nobody changes it afterwards', () => {
  expect(readConfig({})).toSatisfy(Object.isFrozen)
})

test('all mistakes come at once, each beginning with its variable', () => {
  const mistakes = mistakesIn({
    PORT: '70000',
    DATABASE_URL: 'mysql://db',
    DIRECT_DATABASE_URL: 'nowhere',
    PUBLIC_URL: 'credentials.example.org',
    MAGIC_LINK_URL: 'https://portal.example.org/enter',
    SECRET_KEY: 'short',
    POSTMARK_SERVER_TOKEN: 'token',
    POSTMARK_API_URL: 'ftp://mail',
    DEV_MAIL: 'yes',
    TRUSTED_PROXY_HOPS: '-1',
    CORS_ORIGINS: 'https://app.example.org/path',
    SHUTDOWN_GRACE: '1h',
    INTROSPECTION: 'maybe',
    LOG_LEVEL: 'loud',
  })
  expect(mistakes.map((line) => line.slice(0, line.indexOf(' '))).toSorted()).toEqual([
    'CORS_ORIGINS',
    'DATABASE_URL',
    'DEV_MAIL',
    'DIRECT_DATABASE_URL',
    'INTROSPECTION',
    'LOG_LEVEL',
    'MAGIC_LINK_URL',
    'MAIL_FROM',
    'PORT',
    'POSTMARK_API_URL',
    'PUBLIC_URL',
    'SECRET_KEY',
    'SHUTDOWN_GRACE',
    'TRUSTED_PROXY_HOPS',
  ])
  expect(() => readConfig({ PORT: 'x', LOG_LEVEL: 'loud' })).toThrow(/^PORT must be .*\nLOG_LEVEL must be /)
})

test('a secret is never part of a message', () => {
  const secret = 'hunter2-hunter2'
  const said = mistakesIn({ DATABASE_URL: `mysql://gateway:${secret}@db`, SECRET_KEY: secret, POSTMARK_SERVER_TOKEN: secret }).join('\n')
  expect(said).toMatch(/^DATABASE_URL must be/m)
  expect(said).not.toContain(secret)
})

test('a variable set to nothing is a variable not set', () => {
  expect(readConfig({ PORT: '', DATABASE_URL: ' ', SECRET_KEY: undefined })).toEqual(readConfig({}))
})

describe.each([
  ['PORT', ['1', '65535'], ['0', '65536', '-1', '80.5', 'http', '0x50']],
  ['DATABASE_URL', ['postgres://db/x', 'postgresql://u:p@db:6432/x?sslmode=require'], ['db', 'http://db', 'postgresql://db:port/x']],
  ['PUBLIC_URL', ['http://localhost:4000', 'https://x.example.org/gateway'], ['localhost:4000', '/gateway', 'https://']],
  ['MAGIC_LINK_URL', ['https://x.example.org/#{token}'], ['https://x.example.org/', '{token}']],
  ['SECRET_KEY', ['k'.repeat(32), 'é'.repeat(16)], ['k'.repeat(31), `${'k'.repeat(32)},`, `${'k'.repeat(32)},short`]],
  ['MAIL_FROM', ['Gateway <no-reply@example.org>'], ['nobody', 'a@example.org\r\nBcc: b@example.org']],
  ['DEV_MAIL', ['on', 'off'], ['true', '1', 'ON']],
  ['TRUSTED_PROXY_HOPS', ['0', '10'], ['11', '1.5', 'all']],
  [
    'CORS_ORIGINS',
    ['https://a.example.org', 'https://a.example.org,http://localhost:3000'],
    ['*', 'a.example.org', 'https://a.example.org/'],
  ],
  ['SHUTDOWN_GRACE', ['0', '300'], ['301', '-1', '2.5', '5s']],
  ['INTROSPECTION', ['on', 'off', 'signed-in'], ['true', 'signed in']],
  ['LOG_LEVEL', ['trace', 'silent'], ['verbose', 'INFO']],
] as const)('%s', (variable, good, bad) => {
  test.each(good)('may be %j', (value) => {
    expect(mistakesIn({ ...server, [variable]: value })).toEqual([])
  })

  test.each(bad)('may not be %j', (value) => {
    expect(mistakesIn({ ...server, [variable]: value })).toEqual([expect.stringMatching(new RegExp(`^${variable} must `))])
  })
})

test('nobody waits at a terminal for balancers to find out, unless that is asked for', () => {
  expect(readConfig({}, { isTerminal: true })).toEqual({ ...readConfig({}), shutdownGraceSeconds: 0 })
  expect(readConfig({ SHUTDOWN_GRACE: '3' }, { isTerminal: true })).toMatchObject({ shutdownGraceSeconds: 3 })
})

describe('with a database server', () => {
  test('a secret key and a way to send mail are required', () => {
    expect(mistakesIn({ DATABASE_URL: server.DATABASE_URL })).toEqual([
      expect.stringMatching(/^SECRET_KEY is required with DATABASE_URL/),
      expect.stringMatching(/^POSTMARK_SERVER_TOKEN is required with DATABASE_URL/),
    ])
  })

  test('mail may be shown instead of sent, when that is asked for', () => {
    const config = readConfig({ DATABASE_URL: server.DATABASE_URL, SECRET_KEY: server.SECRET_KEY, DEV_MAIL: 'on' })
    expect(config).toMatchObject({ devMail: true, postmark: undefined })
  })

  test('the direct connection is the same one, unless another is named', () => {
    expect(readConfig(server)).toMatchObject({ directDatabaseUrl: server.DATABASE_URL, pooled: false })
    expect(mistakesIn({ DIRECT_DATABASE_URL: server.DATABASE_URL })).toEqual([
      expect.stringMatching(/^DIRECT_DATABASE_URL needs DATABASE_URL/),
    ])
  })
})

describe('mail', () => {
  test('Postmark needs a sender, and has a message stream', () => {
    expect(mistakesIn({ POSTMARK_SERVER_TOKEN: 'token' })).toEqual([
      expect.stringMatching(/^MAIL_FROM is required with POSTMARK_SERVER_TOKEN/),
    ])
    expect(readConfig(server).postmark).toEqual({ token: 'token', apiUrl: undefined, stream: 'outbound', from: 'no-reply@example.org' })
  })

  test('a Postmark token turns the development mailbox off, and asking for it turns it on', () => {
    const postmark = { POSTMARK_SERVER_TOKEN: 'token', MAIL_FROM: 'no-reply@example.org' }
    expect(readConfig(postmark).devMail).toBe(false)
    expect(readConfig({ ...postmark, DEV_MAIL: 'on' }).devMail).toBe(true)
    expect(readConfig({ ...postmark, DEV_MAIL: 'on' }).postmark).toBeUndefined()
    expect(readConfig({ ...postmark, DEV_MAIL: 'off' }).devMail).toBe(false)
  })
})

test('a gateway that could send no mail at all is refused', () => {
  expect(mistakesIn({ DEV_MAIL: 'off' })).toEqual([expect.stringMatching(/^POSTMARK_SERVER_TOKEN is required with DEV_MAIL=off/)])
})

describe('in production', () => {
  test('sign-in mail is never shown on the machine', () => {
    expect(mistakesIn({ ...server, NODE_ENV: 'production', DEV_MAIL: 'on' })).toEqual([expect.stringMatching(/^DEV_MAIL must not be on/)])
    expect(mistakesIn({ NODE_ENV: 'production' })).toEqual([
      expect.stringMatching(/^POSTMARK_SERVER_TOKEN is required with NODE_ENV=production/),
    ])
  })

  test('the schema is shown to those who are signed in, unless said otherwise', () => {
    expect(readConfig({ ...server, NODE_ENV: 'production' }).introspection).toBe('signed-in')
    expect(readConfig({ ...server, NODE_ENV: 'production', INTROSPECTION: 'on' }).introspection).toBe('on')
  })
})

test.each([
  [{ HOST: '0.0.0.0', PORT: '80' }, 'http://0.0.0.0:80'],
  [{ HOST: '::1' }, 'http://[::1]:4000'],
  [{ PUBLIC_URL: 'https://x.example.org//' }, 'https://x.example.org'],
])('links begin with the public address: %j', (environment, publicUrl) => {
  expect(readConfig(environment)).toMatchObject({ publicUrl, magicLinkUrl: `${publicUrl}/sign-in#{token}` })
})
