/** Signing in with a real browser: by the link of a mail and by its code, into a cookie that no script can read. */
import { createServer } from 'node:http'
import type { Browser, BrowserContextOptions, Page } from 'playwright-core'
import sql from 'sql-template-tag'
import { beforeAll, expect, test } from 'vitest'
import { openBrowser, watch } from '../support/browser.ts'
import { createTestDistrict, type TestDistrict } from '../support/fixtures.ts'
import { type Gateway, startGateway } from '../support/gateway.ts'
import { listening } from '../support/http.ts'

let browser: Browser
let gateway: Gateway
let district: TestDistrict

beforeAll(async () => {
  ;[browser, gateway] = await Promise.all([openBrowser(), startGateway()])
  district = await createTestDistrict(gateway.db, { name: { en: 'North District' } })
})

/** A new administrator, and the mail that they asked for. */
async function mailed() {
  const person = await district.admin()
  await gateway.graphql('mutation ($email: String!) { requestLogin(email: $email) { ok } }', { variables: { email: person.email } })
  return { ...person, ...(await gateway.nextMail(person.email)) }
}

/** A page in a browser of its own, and what it posts. */
async function visit(
  address: string,
  options?: BrowserContextOptions,
): Promise<{ page: Page; posted: string[]; seen: ReturnType<typeof watch> }> {
  const page = await browser.newPage(options)
  const posted: string[] = []
  page.on('request', (request) => request.method() === 'POST' && posted.push(request.postData() ?? ''))
  const seen = watch(page, gateway.url)
  await page.goto(address)
  return { page, posted, seen }
}

test('a mailed link signs in at one click, and leaves its token nowhere', async () => {
  const { link, token, email } = await mailed()
  const { page, posted, seen } = await visit(link)
  const button = page.getByRole('button', { name: 'Sign in' })
  await button.waitFor()
  expect(page.url()).toBe(`${gateway.url}/sign-in`)
  expect(posted).toEqual([])

  await button.click()
  await page.waitForURL(`${gateway.url}/graphql`)
  expect(posted[0]).toContain(token)
  await page.locator('.graphiql-query-editor').getByText('FirstPeople').waitFor()
  await page.locator('.graphiql-execute-button').click()
  await page.locator('.graphiql-response', { hasText: email }).waitFor()

  const [cookie] = (await page.context().cookies()).filter(({ name }) => name === 'session')
  expect(cookie).toMatchObject({ httpOnly: true, sameSite: 'Lax' })
  expect(await page.evaluate('document.cookie + JSON.stringify({ ...localStorage, ...sessionStorage })')).not.toContain(cookie!.value)
  expect(gateway.logLines.join('')).not.toContain(token)
  expect(seen).toEqual({ strayRequests: [], errors: [] })
  await page.context().close()
})

test('scanners that fetch a link, ask for its head, or run its page without a click use nothing up', async () => {
  const { link, token, id } = await mailed()
  for (const method of ['GET', 'HEAD']) {
    expect((await fetch(link, { method })).status).toBe(200)
    const opened = await fetch(`${gateway.url}/api/auth/verify/${token}`, { method, headers: { 'Sec-Purpose': 'prefetch;prerender' } })
    expect(opened.ok).toBe(false)
  }
  const scanner = await visit(link)
  await scanner.page.getByRole('button', { name: 'Sign in' }).waitFor()
  await scanner.page.waitForLoadState('networkidle')
  expect(scanner.posted).toEqual([])
  await scanner.page.context().close()

  const { page } = await visit(link)
  await page.getByRole('button', { name: 'Sign in' }).click()
  await page.waitForURL(`${gateway.url}/graphql`)
  expect(await gateway.db.query(sql`select id from sessions where person_id = ${id}`)).toHaveLength(1)
  await page.context().close()
})

test('a used link says so and offers another mail, by keyboard alone', async () => {
  const { link, token, email } = await mailed()
  await gateway.graphql('mutation ($token: String!) { verifyMagicLink(token: $token) { ok } }', { variables: { token } })
  const { page } = await visit(link)
  await page.getByRole('button', { name: 'Sign in' }).waitFor()
  await page.keyboard.press('Tab')
  await page.keyboard.press('Enter')
  await page.getByRole('status').filter({ hasText: 'used already' }).waitFor()
  await page.keyboard.type(email)
  await page.keyboard.press('Enter')
  await page.getByRole('status').filter({ hasText: 'on its way' }).waitFor()
  expect((await gateway.nextMail(email, 1)).link).not.toBe(link)
  await page.context().close()
})

test('without a token it says so and sends nothing; a link pasted into the same tab is taken', async () => {
  const { page, posted } = await visit(`${gateway.url}/sign-in`)
  await page.getByRole('status').filter({ hasText: 'needs the link' }).waitFor()
  expect(posted).toEqual([])
  expect(await page.getByRole('button', { name: 'Sign in' }).isVisible()).toBe(false)
  await page.evaluate(`location.hash = 'another'`)
  await page.getByRole('button', { name: 'Sign in' }).waitFor()
  expect(page.url()).toBe(`${gateway.url}/sign-in`)
  await page.context().close()
})

test.each([
  ['es-MX', 'es', 'Iniciar sesión'],
  ['ko', 'ko', '로그인'],
  ['de', 'en', 'Sign in'],
])('a browser that wishes %s reads %s', async (locale, language, title) => {
  const { page } = await visit(`${gateway.url}/sign-in#token`, { locale })
  await page.getByRole('heading', { name: title }).waitFor()
  expect(await page.evaluate('document.documentElement.lang')).toBe(language)
  await page.context().close()
})

test('the first page signs in by code, knows who is here, and signs out', async () => {
  const person = await district.admin()
  const { page, seen } = await visit(gateway.url)
  await page.getByLabel('Your e-mail address').fill(person.email)
  await page.getByRole('button', { name: 'Send me a sign-in mail' }).click()
  const { code } = await gateway.nextMail(person.email)
  await page.getByLabel('The six digits').fill(code === '000000' ? '000001' : '000000')
  await page.getByRole('button', { name: 'Sign in', exact: true }).click()
  await page.getByRole('status').filter({ hasText: 'wrong, used or expired' }).waitFor()
  await page.getByLabel('The six digits').fill(code)
  await page.getByRole('button', { name: 'Sign in', exact: true }).click()
  await page.waitForURL(`${gateway.url}/graphql`)

  await page.goto(gateway.url)
  await page.getByText('Admin Admin, North District').waitFor()
  await page.getByRole('button', { name: 'Sign out' }).click()
  await page.getByLabel('Your e-mail address').waitFor()
  await page.reload()
  await page.getByLabel('Your e-mail address').waitFor()
  expect(seen).toEqual({ strayRequests: [], errors: [] })
  await page.context().close()
})

test('where no more codes are taken the page says to use the link, and a browser that has signed in by it gives codes again', async () => {
  const person = await district.admin()
  const { page } = await visit(gateway.url)
  const giveCode = async (since: number) => {
    await page.goto(gateway.url)
    await page.getByLabel('Your e-mail address').fill(person.email)
    await page.getByRole('button', { name: 'Send me a sign-in mail' }).click()
    const mail = await gateway.nextMail(person.email, since)
    await page.getByLabel('The six digits').fill(mail.code)
    await page.getByRole('button', { name: 'Sign in', exact: true }).click()
    return mail
  }
  await gateway.db.query(
    sql`insert into code_guesses (id, block, requests, people, cost) values ('spent', '192.0.2.0/24', '{}', '{}', 500)`,
  )
  const { link } = await giveCode(0)
  await page.getByRole('status').filter({ hasText: 'Use the link in the same mail' }).waitFor()
  await page.goto(link)
  await page.getByRole('button', { name: 'Sign in' }).click()
  await page.waitForURL(`${gateway.url}/graphql`)

  await page.goto(gateway.url)
  await page.getByRole('button', { name: 'Sign out' }).click()
  await page.getByLabel('Your e-mail address').waitFor()
  await giveCode(1)
  await page.waitForURL(`${gateway.url}/graphql`)
  const guesses = await gateway.db.query<{ cost: number }>(sql`delete from code_guesses returning cost`)
  expect(guesses.reduce((sum, { cost }) => sum + cost, 0)).toBe(500)
  await page.context().close()
})

test("another origin's page, on the same machine even, neither signs this browser in, nor acts as it, nor reads an answer", async () => {
  const [victim, attacker] = [await mailed(), await mailed()]
  const { page } = await visit(victim.link)
  await page.getByRole('button', { name: 'Sign in' }).click()
  await page.waitForURL(`${gateway.url}/graphql`)
  const cookies = async () => (await page.context().cookies()).map(({ name, value }) => `${name}=${value}`).sort()
  const before = await cookies()

  await page.goto(await anotherOrigin())
  const seen = await page.evaluate(attack, { gateway: gateway.url, token: attacker.token })
  expect(seen).toEqual(Array.from(seen, () => 'TypeError'))
  expect(seen.length).toBeGreaterThan(5)
  // An address that a page opens is asked for with the cookies of this browser: it signs nobody in here, and sets nothing.
  await page.goto(`${gateway.url}/api/auth/verify/${attacker.token}`)
  expect(await cookies()).toEqual(before)

  await page.goto(gateway.url)
  await page.getByText('Admin Admin, North District').waitFor()
  const sessions = await gateway.db.query<{ personId: string }>(
    sql`select person_id as "personId" from sessions where person_id = ${victim.id}`,
  )
  expect(sessions).toHaveLength(1)
  await page.context().close()
})

/** Everything a script can send there. It runs in the page. @returns how each attempt ended */
async function attack({ gateway: url, token }: { gateway: string; token: string }): Promise<string[]> {
  const send = (body: string, init: RequestInit): Promise<string> =>
    fetch(`${url}/graphql`, { method: 'POST', credentials: 'include', body, ...init }).then(
      async (answer) => `${answer.type} ${answer.status} ${await answer.text()}`,
      (error: Error) => error.name,
    )
  const json = { 'Content-Type': 'application/json' }
  const [read, logout] = ['{ me { person { email } } }', 'mutation { logout { ok } }'].map((query) => JSON.stringify({ query }))
  const signIn = JSON.stringify({ query: `mutation { verifyMagicLink(token: "${token}") { ok token } }` })
  const outcomes: string[] = []
  for (const body of [read!, logout!, signIn]) {
    outcomes.push(await send(body, { headers: json }), await send(body, { headers: { ...json, 'X-Session': 'cookie' } }))
    await send(body, { mode: 'no-cors', headers: { 'Content-Type': 'text/plain' } })
  }
  outcomes.push(
    await fetch(`${url}/api/me`, { credentials: 'include' }).then(
      () => 'read',
      (error: Error) => error.name,
    ),
  )
  return outcomes
}

/** A page at another port: of another origin, and to a browser of the same site, so that it sends its cookies along. */
const anotherOrigin = (): Promise<string> =>
  listening(createServer((_req, res) => void res.setHeader('Content-Type', 'text/html').end('<!doctype html><title>Elsewhere</title>')))
