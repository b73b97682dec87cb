/** The HTML part of the sign-in mail: no script, no remote image, everything from the database escaped, light and dark. */
import { accentColour, textOn } from './accent.ts'
import { escapeHtml } from './html.ts'
import type { LoginTexts, MailLanguage } from './mail-texts.ts'

/** One-line values and sentences; nothing in them is HTML yet. */
export interface LoginHtml {
  readonly language: MailLanguage
  readonly says: LoginTexts
  readonly subject: string
  readonly first: string
  readonly district: string
  readonly accent: string
  readonly code: string
  readonly codeMinutes: number
  readonly link: string
  readonly linkMinutes: number
  readonly boundCode: string
}

const fonts = "system-ui, -apple-system, 'Segoe UI', Roboto, 'Noto Sans', 'Noto Sans CJK KR', sans-serif"

/** A whole document. Styles stand at the elements, since some mail programs drop the style sheet; it only turns them dark. */
export function loginHtml(mail: LoginHtml): string {
  const { says } = mail
  const accent = accentColour(mail.accent)
  const text = (value: string) => escapeHtml(value)
  const muted = 'margin:0 0 12px;font-size:14px;line-height:1.5;color:#57576b'
  const link = escapeHtml(mail.link)
  return `<!doctype html>
<html lang="${mail.language}" dir="ltr">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="supported-color-schemes" content="light dark">
<title>${text(mail.subject)}</title>
<style>
:root { color-scheme: light dark; }
@media (prefers-color-scheme: dark) {
  .page { background: #14141c !important; }
  .card { background: #1f1f2b !important; border-color: #38384a !important; }
  .text, .code { color: #f2f2f7 !important; }
  .code { background: #14141c !important; border-color: #4a4a60 !important; }
  .muted { color: #b4b4c6 !important; }
  .link { color: #b9b0ff !important; }
}
</style>
</head>
<body class="page" style="margin:0;padding:0;background:#f3f3f8;font-family:${fonts};word-break:keep-all;overflow-wrap:break-word">
<table role="presentation" class="page" width="100%" cellpadding="0" cellspacing="0" style="background:#f3f3f8"><tr><td align="center" style="padding:24px 12px">
<table role="presentation" class="card" width="100%" cellpadding="0" cellspacing="0" style="max-width:520px;background:#ffffff;border:1px solid #dedeea;border-radius:12px;border-collapse:separate;overflow:hidden;text-align:left">
<tr><td style="padding:16px 28px;background:${accent};color:${textOn(accent)};font-size:16px;font-weight:600;overflow-wrap:anywhere">${text(mail.district)}</td></tr>
<tr><td style="padding:28px">
<p class="text" style="margin:0 0 10px;font-size:16px;line-height:1.5;color:#1c1c28">${text(says.codeLabel)}</p>
<p class="code" style="margin:0 0 10px;padding:14px 8px;font-family:ui-monospace,'SF Mono',Menlo,Consolas,monospace;font-size:36px;line-height:1.2;font-weight:700;letter-spacing:6px;text-align:center;color:#1c1c28;background:#f3f3f8;border:1px solid #dedeea;border-radius:8px;-webkit-user-select:all;user-select:all">${text(mail.code)}</p>
<p class="muted" style="${muted}">${text(says.codeLife(mail.codeMinutes))}</p>
<p class="text" style="margin:24px 0 14px;font-size:16px;line-height:1.5;color:#1c1c28">${text(says.linkLabel(mail.linkMinutes))}</p>
<p style="margin:0 0 16px"><a href="${link}" target="_blank" rel="noopener noreferrer" style="display:inline-block;padding:12px 28px;border:1px solid #80808066;border-radius:8px;background:${accent};color:${textOn(accent)};font-size:16px;font-weight:600;text-decoration:none">${text(says.button)}</a></p>
<p class="muted" style="${muted}">${text(says.plainLink)}<br><a class="link" href="${link}" target="_blank" rel="noopener noreferrer" style="color:#4b3bc4;overflow-wrap:anywhere;word-break:break-all">${link}</a></p>
<hr style="margin:24px 0;border:0;border-top:1px solid #80808055">
<p class="muted" style="${muted}">${text(says.greeting(mail.first))} ${text(says.why(mail.district))}</p>
<p class="muted" style="${muted}">${text(says.notYou)} ${text(says.keepSecret)}</p>
<p class="muted" style="margin:0;font-size:12px;line-height:1.5;color:#57576b">${text(mail.boundCode)}</p>
</td></tr></table>
</td></tr></table>
</body>
</html>
`
}
