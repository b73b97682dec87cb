/** A JSON array of any length in constant memory. What ends early ends as a broken connection, never as a shorter array. */
import { once } from 'node:events'
import type { ServerResponse } from 'node:http'

/** One page of what is listed, and how to read the next, if there is one. */
export interface Page {
  readonly items: Iterable<unknown>
  readonly next: (() => Promise<Page>) | undefined
}

/** The client has gone; nobody is left to be told. */
export class ClientGone extends Error {}

/**
 * Writes all pages, each read when the client has taken the one before. A client that takes nothing for `stallMs` is cut off, and for
 * one that goes away no further page is read.
 * @throws whatever else ended it early; the connection is closed then
 */
export async function streamArray(res: ServerResponse, first: Page, stallMs: number): Promise<void> {
  const gone = new AbortController()
  res.once('close', () => gone.abort())
  const taken = async (event: 'drain' | 'finish'): Promise<void> => {
    try {
      await once(res, event, { signal: AbortSignal.any([gone.signal, AbortSignal.timeout(stallMs)]) })
    } catch (error) {
      throw gone.signal.aborted ? new ClientGone() : new Error(`The client has taken nothing for ${stallMs} ms.`, { cause: error })
    }
  }
  try {
    res.writeHead(200, { 'Content-Type': 'application/json; charset=utf-8' })
    let before = '['
    for (let page: Page | undefined = first; page; page = await page.next?.()) {
      for (const item of page.items) {
        if (!res.write(before + JSON.stringify(item))) await taken('drain')
        before = ','
      }
      // An embedded database answers without a wait in which others would have their turn.
      await new Promise((resolve) => setImmediate(resolve))
      if (gone.signal.aborted) return
    }
    res.end(before === '[' ? '[]' : ']')
    await taken('finish')
  } catch (error) {
    res.destroy()
    if (!(error instanceof ClientGone)) throw error
  }
}
