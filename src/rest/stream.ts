/** A JSON array of any length in constant memory. What ends early ends as a broken connection, never as a shorter array. */
import type { ServerResponse } from 'node:http'

/** One page of what is listed, and how to read the next, if there is one. */
export interface Page {
  readonly items: Iterable<unknown>
  readonly next: (() => Promise<Page>) | undefined
}

/** The client has gone; nobody is left to be told. */
export class ClientGone extends Error {}

/** In characters: what a client must take at a time to be one that takes something. */
const pieceLength = 16_384

/**
 * Writes all pages, each read when the client has taken the one before. For one that goes away, or is cut off, no further page is read.
 * @throws whatever else ended it early; the connection is closed then
 */
export async function streamArray(res: ServerResponse, first: Page): Promise<void> {
  let [before, text] = ['', '[']
  const write = async (items: Iterable<unknown>): Promise<void> => {
    for (const item of items) {
      text += before + JSON.stringify(item)
      before = ','
      if (text.length < pieceLength) continue
      if (!res.write(text)) await taken(res, 'drain')
      text = ''
    }
  }
  try {
    res.writeHead(200, { 'Content-Type': 'application/json; charset=utf-8' })
    let next: (() => Promise<Page>) | undefined = () => Promise.resolve(first)
    while (next) {
      const page: Page = await next()
      await write(page.items)
      ;({ next } = page)
      // An embedded database answers without a wait in which others would have their turn.
      await new Promise((resolve) => setImmediate(resolve))
      if (res.destroyed) return
    }
    res.end(`${text}]`)
    await taken(res, 'finish')
  } catch (error) {
    res.destroy()
    if (!(error instanceof ClientGone)) throw error
  }
}

/** Waits until the client has taken what was written. @throws ClientGone */
function taken(res: ServerResponse, event: 'drain' | 'finish'): Promise<void> {
  if (res.destroyed) throw new ClientGone()
  return new Promise((resolve, reject) => {
    const onTaken = () => {
      res.off('close', onGone)
      resolve()
    }
    const onGone = () => {
      res.off(event, onTaken)
      reject(new ClientGone())
    }
    res.once(event, onTaken).once('close', onGone)
  })
}
