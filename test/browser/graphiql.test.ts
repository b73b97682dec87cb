/** GraphiQL in a real browser: whole from this server, and its first query answers. */
import type { Browser, Page } from 'playwright-core'
import { beforeAll, expect, test } from 'vitest'
import { openBrowser, watch } from '../support/browser.ts'
import { createTestDistrict, type TestDistrict } from '../support/fixtures.ts'
import { type Gateway, startGateway } from '../support/gateway.ts'

let browser: Browser
let gateway: Gateway
let district: TestDistrict

beforeAll(async () => {
  ;[browser, gateway] = await Promise.all([openBrowser(), startGateway()])
  district = await createTestDistrict(gateway.db, { name: { en: 'North District' } })
  const { id } = await district.person({ first: 'Grace', last: 'Hopper' })
  await district.interview(id, { date: '2026-02-01' })
})

const shown = (page: Page, text: string) => page.locator('.graphiql-response', { hasText: text }).waitFor()
const run = (page: Page) => page.locator('.graphiql-execute-button').click()
const queryEditor = (page: Page) => page.locator('.graphiql-query-editor')
const headersEditor = (page: Page) => page.locator('.graphiql-editor-tool .graphiql-editor:not(.hidden)')

/** Puts a text in place of what an editor holds, by pasting: typed brackets and quotes would close themselves. */
async function write(page: Page, editor: ReturnType<typeof queryEditor>, text: string): Promise<void> {
  await editor.locator('.view-lines').click()
  await page.keyboard.press('Control+A')
  await page.evaluate(`{
    const clipboardData = new DataTransfer()
    clipboardData.setData('text/plain', ${JSON.stringify(text)})
    document.activeElement.dispatchEvent(new ClipboardEvent('paste', { clipboardData, bubbles: true, cancelable: true }))
  }`)
}

test('the first query works with a key, and nothing is asked of another host or refused by the policy', async () => {
  const page = await browser.newPage()
  const seen = watch(page, gateway.url)
  await page.goto(`${gateway.url}/graphql`)
  await queryEditor(page).getByText('FirstPeople').waitFor()
  expect(await headersEditor(page).textContent()).toContain('"X-Session"')

  await write(page, headersEditor(page), `{"Authorization": "Bearer ${await district.key()}"}`)
  await run(page)
  await shown(page, 'Hopper')
  await shown(page, '2026-02-01')

  await page.getByLabel('Show Documentation Explorer').click()
  await page.locator('.graphiql-doc-explorer', { hasText: 'Mutation' }).waitFor()
  expect(seen).toEqual({ strayRequests: [], errors: [] })
  await page.context().close()
})

test('another visit finds the same query and no key', async () => {
  const page = await browser.newPage()
  await page.goto(`${gateway.url}/graphql`)
  await queryEditor(page).getByText('FirstPeople').waitFor()
  await write(page, headersEditor(page), '{"Authorization": "Bearer ck_secret"}')
  await page.waitForTimeout(1_000) // GraphiQL stores what it stores half a second later
  await page.reload()
  await queryEditor(page).getByText('FirstPeople').waitFor()
  expect(await page.locator('.graphiql-tab').count()).toBe(1)
  expect(await headersEditor(page).textContent()).toContain('"X-Session"')
  expect(await page.evaluate('JSON.stringify(localStorage)')).not.toContain('ck_secret')
  await page.context().close()
})

test('a query that was changed stays out of the address, and is there after loading the page again', async () => {
  const page = await browser.newPage()
  await page.goto(`${gateway.url}/graphql`)
  await queryEditor(page).getByText('FirstPeople').waitFor()
  await write(page, queryEditor(page), 'query Changed { me { districtId } }')
  await page.waitForTimeout(1_000)
  expect(page.url()).toBe(`${gateway.url}/graphql`)
  await page.reload()
  await queryEditor(page).getByText('Changed').waitFor()
  expect(await page.locator('.graphiql-tab').count()).toBe(1)
  await page.context().close()
})
