/** A local server that imitates Postmark's POST /email: it answers as scripted and remembers what it was sent. */
import { once } from 'node:events'
import { createServer, type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'

export interface PostmarkEmail {
  readonly From: string
  readonly To: string
  readonly Subject: string
  readonly TextBody: string
  readonly HtmlBody: string
  readonly Tag: string
  readonly MessageStream: string
  readonly TrackOpens: boolean
  readonly TrackLinks: string
}

export interface ReceivedEmail {
  readonly headers: IncomingHttpHeaders
  readonly email: PostmarkEmail
  /** By `performance.now()`. */
  readonly atMs: number
}

/** How one request is met. `hang` never answers, nor does `swallow`, which has taken the mail; `reset` cuts the connection; an object is an answer. */
export type Behaviour = 'ok' | 'inactive' | 'error' | 'hang' | 'swallow' | 'reset' | PostmarkAnswer
export interface PostmarkAnswer {
  readonly status: number
  readonly errorCode?: number
  readonly message?: string
  readonly headers?: Readonly<Record<string, string>>
  /** In place of Postmark's JSON. */
  readonly body?: string
  /** The answer takes so long. */
  readonly afterMs?: number
}

export interface FakePostmark {
  /** What a gateway's environment must have, to send through it under a token of one's choice. */
  environment(token?: string): Readonly<Record<string, string>>
  /** For POSTMARK_API_URL. */
  readonly url: string
  /** Everything that reached it, whatever was answered, oldest first. */
  readonly received: readonly ReceivedEmail[]
  /** What was accepted. */
  readonly delivered: readonly PostmarkEmail[]
  /** The next requests are met like this, in this order; those after them are accepted. */
  script(...behaviours: Behaviour[]): void
  /** The same for the next mails to one address. */
  scriptFor(to: string, ...behaviours: Behaviour[]): void
  close(): Promise<void>
}

const named = {
  ok: { status: 200, errorCode: 0, message: 'OK' },
  inactive: {
    status: 422,
    errorCode: 406,
    message: 'You tried to send to recipient(s) that have been marked as inactive. Found inactive addresses: x@example.org.',
  },
  error: { status: 500, errorCode: 0, message: 'Internal Server Error' },
} as const

/** Starts one on a free loopback port; close it after the test. */
export async function startFakePostmark(): Promise<FakePostmark> {
  const received: ReceivedEmail[] = []
  const delivered: PostmarkEmail[] = []
  const scripted: Behaviour[] = []
  const scriptedFor = new Map<string, Behaviour[]>()
  const server = createServer((req, res) => void meet(req, res))

  async function meet(req: IncomingMessage, res: ServerResponse): Promise<void> {
    if (req.method !== 'POST' || req.url !== '/email')
      return answer(res, { status: 404, message: `There is no ${req.method} ${req.url} here.` })
    if (!req.headers['x-postmark-server-token'])
      return answer(res, { status: 401, errorCode: 10, message: 'Missing or incorrect API token in header.' })
    const email = JSON.parse(await text(req)) as PostmarkEmail
    received.push({ headers: req.headers, email, atMs: performance.now() })
    const behaviour = scriptedFor.get(email.To)?.shift() ?? scripted.shift() ?? 'ok'
    if (behaviour === 'hang') return
    if (behaviour === 'reset') return void req.socket.resetAndDestroy()
    if (behaviour === 'swallow') return void delivered.push(email)
    const given: PostmarkAnswer = typeof behaviour === 'string' ? named[behaviour] : behaviour
    if (given.status === 200 && !given.errorCode && given.body === undefined) delivered.push(email)
    if (given.afterMs !== undefined) await new Promise((resolve) => setTimeout(resolve, given.afterMs))
    answer(res, given)
  }

  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  return {
    url,
    environment: (token = 'postmark-token') => ({
      DEV_MAIL: 'off',
      POSTMARK_SERVER_TOKEN: token,
      POSTMARK_API_URL: url,
      MAIL_FROM: 'gateway@example.org',
    }),
    received,
    delivered,
    script: (...behaviours) => void scripted.push(...behaviours),
    scriptFor: (to, ...behaviours) => void scriptedFor.set(to, [...(scriptedFor.get(to) ?? []), ...behaviours]),
    async close() {
      server.close()
      server.closeAllConnections()
      await once(server, 'close')
    },
  }
}

function answer(res: ServerResponse, { status, errorCode = 0, message = '', headers = {}, body }: PostmarkAnswer): void {
  const usual =
    status === 200
      ? {
          To: '',
          SubmittedAt: new Date().toISOString(),
          MessageID: '00000000-0000-0000-0000-000000000000',
          ErrorCode: errorCode,
          Message: message,
        }
      : { ErrorCode: errorCode, Message: message }
  res.writeHead(status, { 'Content-Type': 'application/json', ...headers })
  res.end(body ?? JSON.stringify(usual))
}
