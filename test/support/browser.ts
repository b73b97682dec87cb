/** A real Chromium for a test file, and a record of whatever a page did that it should not have. */
import { type Browser, chromium, type Page } from 'playwright-core'
import { afterAll } from 'vitest'

const executablePath = process.env['CHROMIUM'] ?? '/usr/bin/chromium'
const flags = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
]

/** Call it in `beforeAll`; it is closed after the last test. Each context is a browser of its own, without any history. */
export async function openBrowser(): Promise<Browser> {
  const browser = await chromium.launch({ executablePath, args: flags })
  afterAll(() => browser.close())
  return browser
}

/** Everything that a page asked of another host, and every error it reported: refusals by its policy are among them. */
export function watch(page: Page, origin: string): { readonly strayRequests: string[]; readonly errors: string[] } {
  const seen = { strayRequests: [] as string[], errors: [] as string[] }
  page.context().on('request', (request) => {
    if (!/^(blob|data|about):/.test(request.url()) && new URL(request.url()).origin !== origin) seen.strayRequests.push(request.url())
  })
  page.on('console', (line) => {
    if (line.type() === 'error' || line.type() === 'warning') seen.errors.push(line.text())
  })
  page.on('pageerror', (error) => seen.errors.push(String(error)))
  return seen
}
