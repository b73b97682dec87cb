/**
 * What a gateway gave away or accepted as a secret (codes and links of mails, session tokens, keys, the secrets of cookies) rests neither
 * in its database nor in its log: overheard while the tests of a file run, looked for after the last one.
 */
import type { RequestListener, ServerResponse } from 'node:http'
import { raw as verbatim } from 'sql-template-tag'
import type { Queryable } from '../../src/deps.ts'
import type { Mail } from '../../src/domain/mail.ts'
import { rowsAs } from './rows.ts'

/** 43 characters of base64url (a link, a session, a cookie), or a key. */
const tokenLengths = [43, 35] as const
const shortest = Math.min(...tokenLengths)
const mayHoldToken = new RegExp(String.raw`[\w-]{${shortest}}`)
const aToken = String.raw`(ck_[a-z0-9]{32}(?![\w-])|[\w-]{43}(?![\w-]))`
const inJson = new RegExp(String.raw`"(?:token|key)"\s*:\s*"${aToken}|"(ck_[a-z0-9]{32})"`, 'g')
const inAuthorization = new RegExp(String.raw`^Bearer ${aToken}$`, 'gi')
const inCookie = new RegExp(String.raw`(?:session|browser|device)=${aToken}`, 'g')
const inLink = new RegExp(String.raw`(?<![\w-])${aToken}$`, 'gm')
/** Six digits by themselves: within a longer number, a fraction, an id or a hash they are a coincidence. */
const sixDigits = /(?<![\w-])(?<!\d\.)\d{6}(?![\w-])/g
/** From here on it takes longer to look every part of a text up than to look for every token in the text. */
const longRun = 1_000
/** A number of its own in each line, of up to seven digits. */
const processId = /"pid":\d+,/
/** Of a table at once: some megabytes. */
const pagesAtOnce = 500

export interface Overheard {
  /** The same, overheard. */
  listener(app: RequestListener): RequestListener
  mail(mail: Mail): Mail
  /** What came another way: the text of a mail; a token or a key. */
  mailed(text: string): void
  given(token: string): void
  /** @throws Error naming the table or the line of the log that holds one of them */
  demandNoLeaks(where: { readonly db?: Queryable; readonly logLines?: readonly string[] }): Promise<void>
}

export function overhear(): Overheard {
  const tokens = new Set<string>()
  const codes = new Set<string>()
  const hear = (text: string, shape: RegExp): void => {
    for (const [, ...found] of text.matchAll(shape)) for (const token of found) if (token !== undefined) tokens.add(token)
  }
  const mailed = (text: string): void => {
    const code = /\d{6}/.exec(text)?.[0]
    if (code !== undefined) codes.add(code)
    hear(text, inLink)
  }
  const tokensIn = (run: string): string[] =>
    tokenLengths
      .flatMap((length) => Array.from({ length: Math.max(0, run.length - length + 1) }, (_, from) => run.slice(from, from + length)))
      .filter((part) => tokens.has(part))
  const leakIn = (text: string): string | undefined => {
    for (const [digits] of text.matchAll(sixDigits)) if (codes.has(digits)) return digits
    if (!mayHoldToken.test(text)) return undefined
    for (const run of text.split(/[^\w-]/)) {
      if (run.length < shortest) continue
      const found = run.length < longRun ? tokensIn(run) : [...tokens].filter((token) => run.includes(token))
      if (found.length > 0) return found[0]
    }
    return undefined
  }
  return {
    listener: (app) => (req, res) => {
      overhearBody(res, (text) => hear(text, inJson))
      res.on('finish', () => {
        for (const cookie of [res.getHeader('set-cookie') ?? []].flat()) hear(String(cookie), inCookie)
        if (res.statusCode === 401) return // a stranger's secret may be anything: what rests in the database, too
        hear(req.headers.authorization ?? '', inAuthorization)
        hear(req.headers.cookie ?? '', inCookie)
      })
      return app(req, res)
    },
    mail: (mail) => ({
      ...mail,
      send(message) {
        mailed(message.text)
        return mail.send(message)
      },
    }),
    mailed,
    given: (token) => void tokens.add(token),
    async demandNoLeaks({ db, logLines = [] }) {
      for (const line of logLines) {
        const leak = leakIn(line.replace(processId, ''))
        if (leak !== undefined) throw new Error(`the log holds the secret ${leak}: ${line}`)
      }
      if (db === undefined) return
      for await (const { table, row } of rowsOf(db)) {
        const leak = leakIn(row)
        if (leak !== undefined) throw new Error(`the table ${table} holds the secret ${leak}: ${row}`)
      }
    },
  }
}

/** Every row of every table as text, a stretch of pages at once, however many there are. */
async function* rowsOf(db: Queryable): AsyncGenerator<{ table: string; row: string }> {
  const tables = await db.query(
    rowsAs<{
      table: string
      pages: number
    }>`select quote_ident(relname) as table, (pg_relation_size(oid) / current_setting('block_size')::int)::int as pages
        from pg_class where relnamespace = 'public'::regnamespace and relkind = 'r'`,
  )
  for (const { table, pages } of tables) {
    for (let from = 0; from < pages; from += pagesAtOnce) {
      const rows = await db.query(
        rowsAs<{ row: string }>`select t::text as row from ${verbatim(table)} t
            where t.ctid >= ${`(${from},0)`}::tid and t.ctid < ${`(${from + pagesAtOnce},0)`}::tid`,
      )
      for (const { row } of rows) yield { table, row }
    }
  }
}

/** What an answer's body holds is heard as it is written, a secret that two writes share included. */
function overhearBody(res: ServerResponse, hear: (text: string) => void): void {
  let before = ''
  const listen = (chunk: unknown): void => {
    if (typeof chunk !== 'string' && !(chunk instanceof Uint8Array)) return
    if (!String(res.getHeader('content-type') ?? '').includes('json')) return
    const text = before + (typeof chunk === 'string' ? chunk : Buffer.from(chunk).toString())
    hear(text)
    before = text.slice(-100)
  }
  const { write, end } = res
  res.write = ((...given: Parameters<typeof write>) => {
    listen(given[0])
    return write.apply(res, given)
  }) as typeof write
  res.end = ((...given: Parameters<typeof end>) => {
    listen(given[0])
    return end.apply(res, given)
  }) as typeof end
}
