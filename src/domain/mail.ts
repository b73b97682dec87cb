/** Mail: the interface a provider implements, and what the sign-in message says. */
import { codeLifetimeMinutes, linkLifetimeMinutes } from './login-requests.ts'
import { loginHtml } from './mail-html.ts'
import { loginTexts, mailLanguage } from './mail-texts.ts'

/** One message to one stored address. */
export interface Message {
  readonly to: string
  readonly subject: string
  readonly text: string
  readonly html: string
  /** What the provider's statistics group it under. */
  readonly tag: string
}

/** A message that a mailbox of this machine took. */
export interface ReceivedMessage {
  readonly at: Date
  readonly message: Message
}

/** Sends one message. @throws MailRefused when it must not be tried again; any other error may be tried again */
export interface Mail {
  send(message: Message): Promise<void>
}

/** The provider will never take this message (an inactive recipient, say). */
export class MailRefused extends Error {}

/** The provider asks to wait. It is a wish: how long the wait is, the mailer decides. */
export class MailDelayed extends Error {
  readonly retryAfterSeconds: number
  constructor(message: string, retryAfterSeconds: number, options?: ErrorOptions) {
    super(message, options)
    this.retryAfterSeconds = retryAfterSeconds
  }
}

/** What a sign-in mail is made of. */
export interface LoginMail {
  readonly to: string
  readonly first: string
  readonly language: string
  readonly districtName: string
  readonly accent: string
  readonly code: string
  readonly link: string
  /** The host that the code is entered on, for phones that fill it in. */
  readonly host: string
}

/**
 * The sign-in mail, in the person's language, as text and HTML. In the text the first run of six digits is the code and
 * the first URL, alone on its line, is the link: nothing from the database stands before them. The last line binds the
 * code to the host, so that a phone fills it in there only.
 */
export function loginMessage(mail: LoginMail): Message {
  const language = mailLanguage(mail.language)
  const says = loginTexts(language)
  const first = oneLine(mail.first)
  const district = oneLine(mail.districtName)
  const { code, link } = mail
  const subject = says.subject(code, district)
  const boundCode = `@${mail.host} #${code}`
  const text = [
    `${says.codeLabel}\n\n${code}`,
    says.codeLife(codeLifetimeMinutes),
    `${says.linkLabel(linkLifetimeMinutes)}\n\n${link}`,
    `${says.greeting(first)}\n${says.why(district)}\n${says.notYou}\n${says.keepSecret}`,
    boundCode,
  ].join('\n\n')
  const html = loginHtml({
    language,
    says,
    subject,
    first,
    district,
    accent: mail.accent,
    code,
    link,
    boundCode,
    codeMinutes: codeLifetimeMinutes,
    linkMinutes: linkLifetimeMinutes,
  })
  return { to: mail.to, subject, text: `${text}\n`, html, tag: 'login' }
}

/** Line breaks would start another header or another URL's line; controls and direction marks would disguise what is read. */
const oneLine = (value: string): string =>
  value
    .replace(/[\p{Cc}\u2028\u2029\u200e\u200f\u202a-\u202e\u2066-\u2069]+/gu, ' ')
    .replace(/\s+/gu, ' ')
    .trim()
