/** The whole gateway on a free port, as a client meets it; only mail, clock and randomness may be doubled. */
import { randomBytes } from 'node:crypto'
import type { AddressInfo } from 'node:net'
import { Writable } from 'node:stream'
import pino from 'pino'
import { afterAll } from 'vitest'
import { createApp } from '../../src/app.ts'
import { type Config, readConfig } from '../../src/config.ts'
import type { Deps } from '../../src/deps.ts'
import type { Mail, Message } from '../../src/domain/mail.ts'
import { startMailer } from '../../src/domain/mailer.ts'
import { type App, createHttpServer } from '../../src/http/server.ts'
import { type TestDatabase, testDatabase } from './database.ts'
import { doorOf, type Json, parsed } from './http.ts'
import { overhear } from './leaks.ts'

export interface Gateway {
  readonly url: string
  readonly db: TestDatabase
  readonly deps: Deps
  /** Every mail sent so far, oldest first. */
  readonly mails: readonly Message[]
  /** Every line of the log so far. */
  readonly logLines: readonly string[]
  /** Waits for the next mail to this address after `since` others, and reads code and link out of it. */
  nextMail(to: string, since?: number): Promise<Message & { code: string; link: string; token: string }>
  graphql(query: string, options?: RequestOptions & { variables?: Record<string, unknown> }): Promise<Answer>
  /** The answer is one that openapi.json tells of, or the test fails. */
  rest(method: string, path: string, options?: RequestOptions & { body?: unknown }): Promise<Answer>
}

export interface RequestOptions {
  readonly token?: string | undefined
  readonly headers?: Record<string, string>
}

export interface Answer {
  readonly status: number
  readonly headers: Headers
  readonly text: string
  /** The parsed JSON, or `undefined` for something else. */
  readonly json: Json
}

/** Starts a gateway for this test file; it ends after the last test. */
export async function startGateway({
  config: changes = {},
  mail,
  secrets = ['a-secret-key-for-tests-of-32-bytes!'],
  db: given,
  server: serverSettings = {},
}: {
  config?: Partial<Config>
  mail?: Mail
  secrets?: string[]
  db?: TestDatabase
  /** Other limits of the server than production's. */
  server?: Parameters<typeof createHttpServer>[1]
} = {}): Promise<Gateway> {
  const db = given ?? (await testDatabase())
  const mails: Message[] = []
  const logLines: string[] = []
  const overheard = overhear()
  const log = pino({ level: 'debug' }, new Writable({ write: (line: Buffer, _encoding, done) => (logLines.push(line.toString()), done()) }))
  // No connection is closed while a client may be about to use it again.
  const late: { app?: App } = {} // it needs the address, which the server has first
  const server = createHttpServer(
    {
      answer: (req, res) => late.app!.answer(req, res),
      refusal: (...args) => late.app!.refusal(...args),
      broken: (error) => late.app!.broken(error),
    },
    { keepAliveTimeout: 600_000, ...serverSettings },
  )
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const config: Config = { ...readConfig({ PUBLIC_URL: url }), ...changes }
  const deps: Deps = {
    db,
    mail: overheard.mail(mail ?? { send: async (message) => void mails.push(message) }),
    clock: Date,
    random: randomBytes,
    log,
    config,
    secrets,
  }
  const created = createApp(deps, undefined, serverSettings.draining)
  late.app = { ...created, answer: overheard.listener(created.answer) }
  const mailer = startMailer(deps, { untilNextLook: () => 10 })
  afterAll(async () => {
    await mailer.stop()
    await new Promise((resolve) => (server.close(resolve), server.closeAllConnections()))
    await overheard.demandNoLeaks({ db, logLines })
  })

  const send = async (path: string, init: RequestInit, { token, headers = {} }: RequestOptions): Promise<Answer> => {
    const response = await fetch(doorOf(url + path), {
      redirect: 'manual',
      ...init,
      headers: {
        ...(token === undefined ? {} : { Authorization: `Bearer ${token}` }),
        ...(init.headers as Record<string, string>),
        ...headers,
      },
    })
    const text = await response.text()
    return { status: response.status, headers: response.headers, text, json: parsed(text) }
  }
  return {
    url,
    db,
    deps,
    mails,
    logLines,
    async nextMail(to, since = 0) {
      for (let waited = 0; waited < 30_000; waited += 20) {
        const message = mails.filter((each) => each.to === to)[since]
        if (message) return { ...message, ...secretsIn(message) }
        await new Promise((resolve) => setTimeout(resolve, 20))
      }
      throw new Error(`no mail to ${to}`)
    },
    graphql: (query, { variables, ...options } = {}) =>
      send(
        '/graphql',
        {
          method: 'POST',
          headers: { 'Content-Type': 'application/json' },
          body: JSON.stringify({ query, ...(variables ? { variables } : {}) }),
        },
        options,
      ),
    async rest(method, path, { body, ...options } = {}) {
      const answer = await send(
        path,
        {
          method,
          ...(body === undefined
            ? {}
            : { headers: { 'Content-Type': 'application/json' }, body: typeof body === 'string' ? body : JSON.stringify(body) }),
        },
        options,
      )
      const { demandDocumented } = await import('./documented.ts')
      demandDocumented(method, path, answer)
      return answer
    },
  }
}

function secretsIn({ text }: Message): { code: string; link: string; token: string } {
  const code = /\d{6}/.exec(text)![0]
  const link = /^https?:\/\/\S+$/m.exec(text)![0]
  return { code, link, token: link.split('#')[1]! }
}
