/** Mail: what the sign-in message says, and what becomes of it at the provider. */
import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { devMailbox } from '../src/adapters/dev-mailbox.ts'
import { postmarkMail } from '../src/adapters/postmark.ts'
import { accentColour, contrast, textOn } from '../src/domain/accent.ts'
import { type LoginMail, loginMessage, MailDelayed, MailRefused } from '../src/domain/mail.ts'
import { mailLanguages } from '../src/domain/mail-texts.ts'
import { type FakePostmark, startFakePostmark } from './support/fake-postmark.ts'

const token = 'Zk3_9012345678-abcdefghijklmnopqrstuvwxyzAB'
const login: LoginMail = {
  to: 'ana@example.org',
  first: 'Ana',
  language: 'en',
  districtName: 'North District',
  accent: '#6e5dec',
  code: '012345',
  link: `https://gateway.example.org/sign-in#${token}`,
  host: 'gateway.example.org',
}
const message = (changes: Partial<LoginMail> = {}) => loginMessage({ ...login, ...changes })
const firstSixDigits = (text: string) => /\d{6}/.exec(text)?.[0]
const firstUrl = (text: string) => /[a-z][a-z0-9+.-]*:\/\/\S+/i.exec(text)?.[0]

describe('the sign-in message', () => {
  const facts: Record<string, RegExp> = {
    en: /sign in to North District/,
    es: /iniciar sesión en North District/,
    fr: /se connecter à North District/,
    pt: /entrar em North District/,
    ko: /North District에 로그인/,
  }

  test.each(mailLanguages)('in %s it holds the code, the link, both lifetimes, the district and the line for phones', (language) => {
    const { subject, text, html, tag, to } = message({ language })
    expect({ tag, to }).toEqual({ tag: 'login', to: 'ana@example.org' })
    expect(subject).toContain('012345')
    expect(subject).toContain('North District')
    expect(firstSixDigits(text)).toBe('012345')
    expect(firstUrl(text)).toBe(login.link)
    expect(text.split('\n')).toContain(login.link)
    expect(text).toMatch(facts[language]!)
    for (const part of [text, html]) {
      expect(part).toMatch(/(^|\D)10(\D|$)/)
      expect(part).toMatch(/(^|\D)30(\D|$)/)
      expect(part).toContain('Ana')
    }
    expect(text.trimEnd().split('\n').at(-1)).toBe('@gateway.example.org #012345')
    expect(html).toContain(`<html lang="${language}"`)
    expect(html).toContain('color-scheme')
    expect(html).not.toMatch(/<img|<script|url\(/i)
  })

  test.each([
    ['pt-BR', 'pt'],
    ['ES', 'es'],
    ['ko_KR', 'ko'],
    ['zh-Hant', 'en'],
    ['', 'en'],
    ['constructor', 'en'],
  ])('for somebody who reads %s it is written in %s', (tag, language) => {
    expect(message({ language: tag }).html).toContain(`<html lang="${language}"`)
  })

  test.each([
    { first: 'Agent 123456' },
    { first: '999999', districtName: '888888 777777', accent: '#666666' },
    { first: 'https://evil.example/a', districtName: 'https://x' },
    { first: 'A\n\nhttps://evil.example/b\n\n', districtName: 'D\r\n654321\r\n' },
    { districtName: '@evil.example #654321' },
  ])('no name stands before the code and the link: %j', (names) => {
    for (const language of mailLanguages) {
      const { text } = message({ ...names, language })
      expect(firstSixDigits(text)).toBe(login.code)
      expect(firstUrl(text)).toBe(login.link)
      expect(text.trimEnd().split('\n').at(-1)).toBe('@gateway.example.org #012345')
    }
  })

  test('nothing from the database breaks a line, whatever it holds', () => {
    fc.assert(
      fc.property(
        fc.string({ unit: 'binary' }),
        fc.string({ unit: 'binary' }),
        fc.constantFrom(...mailLanguages),
        (first, districtName, language) => {
          const { subject, text } = message({ first, districtName, language })
          expect(subject).not.toMatch(/[\p{Cc}\u2028\u2029]/u)
          expect(firstSixDigits(subject)).toBe(login.code)
          expect(firstSixDigits(text)).toBe(login.code)
          expect(firstUrl(text)).toBe(login.link)
          expect(text.split('\n')).toHaveLength(message({ language }).text.split('\n').length)
        },
      ),
    )
  })

  test('a name cannot add a header by way of the subject', () => {
    expect(message({ districtName: 'North\r\nBcc: everybody@example.org' }).subject).toBe(
      '012345 is your sign-in code for North Bcc: everybody@example.org',
    )
  })

  test('everything from the database is escaped in the HTML part', () => {
    const { html } = message({
      first: '<b>Ana</b>',
      districtName: `"><script>alert('1')</script>`,
      link: 'https://gateway.example.org/?a=1&b="x"#t',
      host: '<host>',
    })
    expect(html).not.toMatch(/<b>|<script|<host>|b="x"/)
    expect(html).toContain('&lt;b&gt;Ana&lt;/b&gt;')
    expect(html).toContain('a=1&amp;b=&quot;x&quot;')
  })

  test('an accent that is no colour is not written', () => {
    expect(message({ accent: 'red;background:url(https://evil.example)' }).html).not.toContain('evil.example')
    expect(message({ accent: '#fe0' }).html).toContain('background:#ffee00;color:#000000')
    expect([accentColour('#12345'), accentColour('#ABCDEF'), accentColour('')]).toEqual(['#6e5dec', '#abcdef', '#6e5dec'])
  })

  test('text on any accent can be read', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 0xffffff }), (number) => {
        const colour = `#${number.toString(16).padStart(6, '0')}`
        expect(contrast(colour, textOn(colour))).toBeGreaterThanOrEqual(4.5)
      }),
    )
  })
})

describe('Postmark', () => {
  const settings = { token: 'postmark-secret-token', stream: 'sign-in', from: 'Gateway <gateway@example.org>' }
  let postmark: FakePostmark
  beforeEach(async () => {
    postmark = await startFakePostmark()
  })
  afterEach(() => postmark.close())

  const send = (timeoutSeconds?: number) => postmarkMail({ ...settings, apiUrl: postmark.url }, timeoutSeconds).send(message())
  const failure = async (timeoutSeconds?: number): Promise<Error> => {
    const error: unknown = await send(timeoutSeconds).then(
      () => undefined,
      (reason: unknown) => reason,
    )
    if (!(error instanceof Error)) throw new Error('This mail should not have been accepted.')
    return error
  }

  test('a message arrives whole, with its tag and stream, and with tracking off', async () => {
    await send()
    const { to, subject, text, html } = message()
    expect(postmark.delivered).toEqual([
      {
        From: settings.from,
        To: to,
        Subject: subject,
        TextBody: text,
        HtmlBody: html,
        Tag: 'login',
        MessageStream: 'sign-in',
        TrackOpens: false,
        TrackLinks: 'None',
      },
    ])
    expect(postmark.received[0]!.headers['x-postmark-server-token']).toBe(settings.token)
  })

  test('a host with a path keeps it', async () => {
    const error: unknown = await postmarkMail({ ...settings, apiUrl: `${postmark.url}/proxy/` })
      .send(message())
      .catch((reason: unknown) => reason)
    expect(String(error)).toContain('404')
    expect(postmark.received).toEqual([])
  })

  test.each([
    ['an inactive recipient', 'inactive'],
    ['an address that it will not take', { status: 422, errorCode: 300 }],
    ['a message that is too big', { status: 413 }],
  ] as const)('%s is refused for good', async (_what, behaviour) => {
    postmark.script(behaviour)
    expect(await failure()).toBeInstanceOf(MailRefused)
  })

  test.each([
    [429, { 'Retry-After': '7' }, 7],
    [503, { 'Retry-After': '120' }, 120],
    [429, { 'Retry-After': '0' }, 0],
    [429, { 'Retry-After': '9'.repeat(400) }, Infinity],
    [503, { 'Retry-After': 'Tue, 24 Nov 2026 11:00:00 GMT', Date: 'Tue, 24 Nov 2026 12:00:00 GMT' }, 0],
    [429, { 'Retry-After': 'Tue, 24 Nov 2026 12:00:30 GMT', Date: 'Tue, 24 Nov 2026 12:00:00 GMT' }, 30],
  ])('%i with %j is a wish to wait', async (status, headers, seconds) => {
    postmark.script({ status, headers })
    const error = await failure()
    expect(error).toBeInstanceOf(MailDelayed)
    expect((error as MailDelayed).retryAfterSeconds).toBe(seconds)
  })

  test.each([
    ['500', 'error', /500/],
    ['429 without Retry-After', { status: 429 }, /429/],
    ['503 with a Retry-After that says nothing', { status: 503, headers: { 'Retry-After': 'soon' } }, /503/],
    ['a wrong server token', { status: 401, errorCode: 10 }, /401, error code 10/],
    ['an account out of credits', { status: 422, errorCode: 405 }, /422, error code 405/],
    ['a success that is none', { status: 200, errorCode: 1 }, /200, error code 1/],
    ["a 422 that is not Postmark's", { status: 422, body: '<html>' }, /422$/],
    ['a 422 whose code is a text', { status: 422, body: '{"ErrorCode":"300"}' }, /422$/],
    ['a redirect', { status: 307, headers: { Location: 'http://127.0.0.1:9/email' } }, /307/],
    ['a cut connection', 'reset', /did not answer/],
  ] as const)('%s may be tried again', async (_what, behaviour, sentence) => {
    postmark.script(behaviour)
    const error = await failure()
    expect(error).not.toBeInstanceOf(MailRefused)
    expect(error).not.toBeInstanceOf(MailDelayed)
    expect(error.message).toMatch(sentence)
  })

  test.each([
    ['no code', 200, '{"Message":"OK"}'],
    ['a code that is a text', 200, '{"ErrorCode":"0"}'],
    ['a code that is null', 200, '{"ErrorCode":null}'],
    ['a code that is a list', 200, '{"ErrorCode":[]}'],
    ['a code that is false', 200, '{"ErrorCode":false}'],
    ['an answer that is null', 200, 'null'],
    ['an answer that is a number', 200, '0'],
    ['an answer that is a text', 200, '"ErrorCode"'],
    ['an answer that is a list', 200, '[{"ErrorCode":0}]'],
    ['a page', 200, '<html>Please sign in</html>'],
    ['an empty answer', 200, ''],
    ['an answer that is far too long', 200, JSON.stringify({ ErrorCode: 0, Message: 'x'.repeat(1_000_000) })],
    ['an empty 202', 202, ''],
    ['a 204', 204, ''],
  ])('%s is no delivery, and may be tried again', async (_what, status, body) => {
    postmark.script({ status, body })
    const error = await failure()
    expect(error).not.toBeInstanceOf(MailRefused)
    expect(error.message).toBe(`Postmark answered ${status}, and not that it took the mail`)
  })

  test('a server that never answers is given up, and may be tried again', async () => {
    postmark.script('hang')
    expect((await failure(0.2)).message).toBe('Postmark did not answer: timeout')
  })

  test('a server that is not there is named as such', async () => {
    await postmark.close()
    const error = await failure()
    expect(error.message).toBe('Postmark did not answer: ECONNREFUSED')
    postmark = await startFakePostmark()
  })

  test('no error repeats the message, its code, its link or the server token', async () => {
    const echo = { status: 500, message: `${settings.token} ${login.code} ${login.link} ${message().text}` }
    for (const behaviour of [
      echo,
      { ...echo, status: 422, errorCode: 300 },
      { ...echo, status: 429, headers: { 'Retry-After': '1' } },
      ...[200, 422, 500].map((status) => ({ status, body: JSON.stringify({ ErrorCode: echo.message, Message: echo.message }) })),
      'reset',
    ] as const) {
      postmark.script(behaviour)
      const error = await failure()
      const all = `${error.message} ${error.stack} ${JSON.stringify(error, Object.getOwnPropertyNames(error))} ${String(error.cause)}`
      for (const secret of [settings.token, login.code, token]) expect(all).not.toContain(secret)
    }
    const broken: unknown = await postmarkMail({ ...settings, token: 'broken\ntoken', apiUrl: postmark.url })
      .send(message())
      .catch((reason: unknown) => reason)
    expect(String(broken)).toMatch(/did not answer/)
    expect(String(broken)).not.toContain('broken')
  })
})

describe("development's mailbox", () => {
  test('prints the text part and keeps the last 50', async () => {
    const printed: string[] = []
    const mailbox = devMailbox((text) => printed.push(text))
    for (let n = 0; n < 60; n++) await mailbox.send(message({ code: String(n).padStart(6, '0') }))
    expect(mailbox.messages().map(({ message: { subject } }) => subject.slice(0, 6))).toEqual(
      Array.from({ length: 50 }, (_, n) => String(n + 10).padStart(6, '0')),
    )
    expect(printed).toHaveLength(60)
    expect(firstSixDigits(printed.at(-1)!)).toBe('000059')
    expect(printed.at(-1)!.split('\n')).toContain(login.link)
  })

  test('a message cannot steer the terminal', async () => {
    const printed: string[] = []
    await devMailbox((text) => printed.push(text)).send({ ...message(), text: 'a\u001b[2Jb\u0007' })
    expect(printed[0]).not.toMatch(/[\u001b\u0007]/)
  })
})
