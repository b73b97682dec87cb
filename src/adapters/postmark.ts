/** Mail through Postmark: every failure is told apart by whether trying again may help, and none of them repeats what was sent. */
import { Models, ServerClient } from 'postmark'
import type { Config } from '../config.ts'
import { type Mail, MailDelayed, MailRefused, type Message } from '../domain/mail.ts'

/** Long enough for Postmark on a bad day (8 s), short enough for a worker that has others to send. */
const timeoutSeconds = 10

/** An answer has a few hundred; of one without an end the rest is not read. */
const longestAnswerBytes = 64_000

/** Codes that come with 422 and speak of the account, not of the message: an operator can mend these, so the mail may be tried again. */
const accountCodes = new Set([
  400, // sender signature not found
  401, // sender signature not confirmed
  405, // not allowed to send: out of credits
  412, // account is pending approval
])

/** What one exchange showed beside what the client makes of it: the client keeps no headers and drops the cause. */
interface Exchange {
  status?: number
  retryAfterSeconds?: number | undefined
  failure?: string
}

/**
 * @param settings the server token, sender and stream; `apiUrl` names another host that speaks Postmark's API
 * @param timeout seconds until an answer counts as not coming
 */
export function postmarkMail(settings: NonNullable<Config['postmark']>, timeout: number = timeoutSeconds): Mail {
  const host = hostOptions(settings.apiUrl)
  return {
    async send(message) {
      const exchange: Exchange = {}
      // A client costs nothing; one for each message keeps what parallel exchanges show apart.
      const client = new ServerClient(settings.token, { ...host, timeout, fetch: watchedFetch(exchange) })
      try {
        const answer: unknown = await client.sendEmail(envelope(settings, message))
        const code = (answer as { ErrorCode?: unknown } | null)?.ErrorCode
        // Whatever stands in between may answer with 2xx: taken is what Postmark says that it took.
        if (code !== 0) throw Object.assign(new Error(), { statusCode: exchange.status, code })
      } catch (error) {
        throw explained(error, exchange)
      }
    },
  }
}

const envelope = ({ from, stream }: { from: string; stream: string }, { to, subject, text, html, tag }: Message) => ({
  From: from,
  To: to,
  Subject: subject,
  TextBody: text,
  HtmlBody: html,
  Tag: tag,
  MessageStream: stream,
  TrackOpens: false,
  TrackLinks: Models.LinkTrackingOptions.None,
})

function hostOptions(apiUrl: string | undefined): { useHttps?: boolean; requestHost?: string } {
  if (apiUrl === undefined) return {}
  const { protocol, host, pathname } = new URL(apiUrl)
  return { useHttps: protocol === 'https:', requestHost: `${host}${pathname}`.replace(/\/+$/, '') }
}

/** Follows no redirect: it would carry the token and the mail to a host that nobody configured. */
function watchedFetch(exchange: Exchange) {
  return async (url: string | URL | Request, init?: RequestInit): Promise<Response> => {
    try {
      const response = await fetch(url, { ...init, redirect: 'manual' })
      exchange.status = response.status
      exchange.retryAfterSeconds = retryAfterSeconds(response.headers)
      return new Response(await beginningOf(response), { status: response.status })
    } catch (error) {
      exchange.failure = failureOf(error)
      throw error
    }
  }
}

/** What is cut off there is no JSON any more, and no delivery. */
async function beginningOf({ body }: Response): Promise<string | null> {
  if (body === null) return null
  const chunks: Uint8Array[] = []
  let length = 0
  for await (const chunk of body) {
    chunks.push(chunk)
    length += chunk.length
    if (length > longestAnswerBytes) break // which ends the connection, too
  }
  return length === 0 ? null : Buffer.concat(chunks, Math.min(length, longestAnswerBytes)).toString()
}

/** Retry-After in seconds, given as such or as a date (RFC 9110, 10.2.3), which is read by the clock of who wrote it. */
function retryAfterSeconds(headers: Headers): number | undefined {
  const value = headers.get('retry-after')?.trim()
  if (value === undefined) return undefined
  if (/^\d+$/.test(value)) return Number(value)
  const seconds = Math.ceil((Date.parse(value) - Date.parse(headers.get('date') ?? '')) / 1_000)
  return Number.isNaN(seconds) ? undefined : Math.max(0, seconds)
}

/**
 * The text of an error is never passed on (of a header that cannot be sent, say, it quotes the value), nor a code that is no number, which
 * could repeat the mail. Refused for good is only what Postmark refuses by a code of its own: a proxy's 422 says nothing of the message.
 */
function explained(error: unknown, { retryAfterSeconds: wait, failure }: Exchange): Error {
  const { statusCode: status = 0, code } = error as { statusCode?: number; code?: unknown }
  if (status === 0) return new Error(`Postmark did not answer: ${failure ?? failureOf(error)}`)
  const ownCode = typeof code === 'number' && Number.isSafeInteger(code) ? code : 0
  const told = ownCode === 0 ? (status < 300 ? ', and not that it took the mail' : '') : `, error code ${ownCode}`
  const answer = `Postmark answered ${status}${told}`
  if ((status === 429 || status === 503) && wait !== undefined) return new MailDelayed(`${answer}, try again in ${wait} s`, wait)
  const refused = status === 413 || (status === 422 && ownCode > 0 && !accountCodes.has(ownCode))
  return refused ? new MailRefused(answer) : new Error(answer)
}

function failureOf(error: unknown): string {
  const { name, cause } = error as { name?: string; cause?: { code?: unknown } }
  if (name === 'TimeoutError') return 'timeout'
  return typeof cause?.code === 'string' ? cause.code : 'connection failed'
}
