/** Mail: the interface a provider implements, and what the sign-in message says. */

/** One message to one stored address. */
export interface Message {
  readonly to: string
  readonly subject: string
  readonly text: string
  readonly html: string
  /** What the provider's statistics group it under. */
  readonly tag: string
}

/** Sends one message. @throws MailRefused when it must not be tried again; any other error may be tried again */
export interface Mail {
  send(message: Message): Promise<void>
}

/** The provider will never take this message (an inactive recipient, say). */
export class MailRefused extends Error {}

/** The provider asks to wait. */
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
