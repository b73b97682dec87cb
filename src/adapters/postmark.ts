/** Mail through Postmark: every failure is told apart by whether trying again may help, and none of them repeats what was sent. */
import { Models, ServerClient } from 'postmark'
import type { Config } from '../config.ts'
import { type Mail, MailDelayed, MailRefused, type Message } from '../domain/mail.ts'

/** Long enough for Postmark on a bad day, short enough for a worker that has others to send. */
const timeoutSeconds = 8

/** Codes that come with 422 and speak of the account, not of the message: an operator can mend these, so the mail may be tried again. */
const accountCodes = new Set([
  400, // sender signature not found
  401, // sender signature not confirmed
  405, // not allowed to send: out of credits
  412, // account is pending approval
])

/** What one exchange showed beside what the client makes of it: the client keeps no headers and drops the cause. */
interface Exchange {
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
        const code = typeof answer === 'object' && answer !== null ? Number((answer as { ErrorCode?: unknown }).ErrorCode ?? 0) : Number.NaN
        if (code !== 0) throw Object.assign(new Error(), { statusCode: 200, code })
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
      exchange.retryAfterSeconds = retryAfterSeconds(response.headers)
      return response
    } catch (error) {
      exchange.failure = failureOf(error)
      throw error
    }
  }
}

/** Retry-After in seconds, given as such or as a date (RFC 9110, 10.2.3), which is read by the clock of who wrote it. */
function retryAfterSeconds(headers: Headers): number | undefined {
  const value = headers.get('retry-after')?.trim()
  if (value === undefined) return undefined
  if (/^\d+$/.test(value)) return Number(value)
  const seconds = Math.ceil((Date.parse(value) - Date.parse(headers.get('date') ?? '')) / 1_000)
  return Number.isNaN(seconds) ? undefined : Math.max(0, seconds)
}

/** The text of an error is never passed on: of a header that cannot be sent, say, it quotes the value. */
function explained(error: unknown, { retryAfterSeconds: wait, failure }: Exchange): Error {
  const { statusCode: status = 0, code = 0 } = error as { statusCode?: number; code?: number }
  if (status === 0) return new Error(`Postmark did not answer: ${failure ?? failureOf(error)}`)
  const answer = `Postmark answered ${status}${code ? `, error code ${code}` : ''}`
  if ((status === 429 || status === 503) && wait !== undefined) return new MailDelayed(`${answer}, try again in ${wait} s`, wait)
  const refused = status === 413 || (status === 422 && !accountCodes.has(code))
  return refused ? new MailRefused(answer) : new Error(answer)
}

function failureOf(error: unknown): string {
  const { name, cause } = error as { name?: string; cause?: { code?: unknown } }
  if (name === 'TimeoutError') return 'timeout'
  return typeof cause?.code === 'string' ? cause.code : 'connection failed'
}
