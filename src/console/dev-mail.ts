/** `/dev/mail`: development's mailbox in a browser, for this machine only; to everybody else there is no such address. */
import { escapeHtml } from '../domain/html.ts'
import type { ReceivedMessage } from '../domain/mail.ts'
import { isLoopbackRequest } from './loopback.ts'
import { contentSecurityPolicy, type Page, reading, sendHtml } from './page.ts'

/** What has been mailed, oldest first. */
export interface Mailbox {
  messages(): readonly ReceivedMessage[]
}

/** A mail carries its own styles, and its frame takes this page's policy. */
const policy = contentSecurityPolicy({ 'script-src': "'none'", 'style-src': "'self' 'unsafe-inline'", 'connect-src': "'none'" })

/** @param notFound what the server answers at any unknown address */
export const devMailPage = (mailbox: Mailbox, notFound: Page): Page => {
  const page = reading((_req, res) => sendHtml(res, render(mailbox.messages()), { 'Content-Security-Policy': policy }))
  return (req, res) => (isLoopbackRequest(req) ? page : notFound)(req, res)
}

function render(messages: readonly ReceivedMessage[]): string {
  const list =
    messages.length === 0
      ? '<p class="card">Nothing yet. Ask for a sign-in mail and load this page again.</p>'
      : messages.toReversed().map(renderMessage).join('\n')
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Mail · Credentials Gateway</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="/assets/console.css">
</head>
<body>
<main class="wide">
<h1>Mail</h1>
<p>What this gateway would have sent, newest first. It never left this machine; a restart forgets it. <a href="/dev/mail">Load again</a></p>
${list}
</main>
</body>
</html>
`
}

/** The frame may open its links in a tab of their own, and nothing else. */
function renderMessage({ at, message }: ReceivedMessage): string {
  return `<article class="card">
<h2>${escapeHtml(message.subject)}</h2>
<p class="muted">To ${escapeHtml(message.to)}, <time datetime="${at.toISOString()}">${at.toISOString().replace('T', ' ').slice(0, 19)} UTC</time></p>
<pre>${linked(message.text.trimEnd())}</pre>
<details><summary>As HTML</summary>
<iframe title="${escapeHtml(message.subject)}" sandbox="allow-popups allow-popups-to-escape-sandbox" loading="lazy" srcdoc="${escapeHtml(message.html)}"></iframe>
</details>
</article>`
}

/** Lines that are one URL become links; everything is escaped. */
const linked = (text: string): string =>
  text
    .split('\n')
    .map(escapeHtml)
    .map((line) => (/^https?:\/\/\S+$/.test(line) ? `<a href="${line}" target="_blank" rel="noreferrer">${line}</a>` : line))
    .join('\n')
