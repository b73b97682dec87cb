/** The web pages by address. They are clients of the GraphQL API like any other: no page knows more than its caller. */
import { assetPages } from './assets.ts'
import { devMailPage, type Mailbox } from './dev-mail.ts'
import { type Page, staticPage } from './page.ts'

export interface ConsoleOptions {
  /** Where development's mail is kept; `/dev/mail` exists only with it. */
  readonly devMailbox?: Mailbox | undefined
  /** What the server answers at any unknown address: `/dev/mail` does so to other machines. */
  readonly notFound: Page
}

/** Every page and asset by its pathname; GraphiQL shares its address with the API and stands alone (graphiql.ts). */
export function consolePages({ devMailbox, notFound }: ConsoleOptions): ReadonlyMap<string, Page> {
  const pages = new Map<string, Page>([['/', staticPage('home.html')], ['/sign-in', staticPage('sign-in.html')], ...assetPages()])
  if (devMailbox) pages.set('/dev/mail', devMailPage(devMailbox, notFound))
  return pages
}
