/** Development's mailbox: nothing leaves this machine; the last messages are kept in memory and printed. */
import type { Mail, Message, ReceivedMessage } from '../domain/mail.ts'

/** Enough to find one's own message again. */
const capacity = 50

export interface DevMailbox extends Mail {
  /** The last 50, oldest first. */
  messages(): readonly ReceivedMessage[]
}

/** @param print takes each message's head and text part, ready for a terminal */
export function devMailbox(print: (text: string) => void): DevMailbox {
  const received: ReceivedMessage[] = []
  return {
    messages: () => [...received],
    send(message) {
      received.push({ at: new Date(), message })
      if (received.length > capacity) received.shift()
      print(framed(message))
      return Promise.resolve()
    },
  }
}

/** Nothing stands before a line's text, so that links can be copied; controls are dropped, so that no name steers the terminal. */
function framed({ to, subject, text }: Message): string {
  const lines = [`Subject: ${subject}`, `To: ${to}`, '', ...text.trimEnd().split('\n')].map((line) => line.replace(/\p{Cc}/gu, ''))
  return ['', '──── mail ────', ...lines, '──────────────', ''].join('\n')
}
