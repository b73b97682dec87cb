/** A JSON array of any length in constant memory. What ends early ends as a broken connection, never as a shorter array. */
import type { ServerResponse } from 'node:http'

/** One page of what is listed, and how to read the next, if there is one. */
export interface Page {
  readonly items: readonly unknown[]
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
  try {
    res.writeHead(200, { 'Content-Type': 'application/json; charset=utf-8' })
    let before = '['
    for (let page: Page | undefined = first; page; page = await page.next?.()) {
      for (const item of page.items) {
        if (!res.write(before + JSON.stringify(item))) await taken(res, 'drain', stallMs)
        before = ','
      }
      // An embedded database answers without a wait in which others would have their turn.
      await new Promise((resolve) => setImmediate(resolve))
      if (res.destroyed) return
    }
    res.end(before === '[' ? '[]' : ']')
    await taken(res, 'finish', stallMs)
  } catch (error) {
    res.destroy()
    if (!(error instanceof ClientGone)) throw error
  }
}

/** Waits until the client has taken what was written. */
function taken(res: ServerResponse, event: 'drain' | 'finish', stallMs: number): Promise<void> {
  if (res.destroyed) throw new ClientGone()
  return new Promise((resolve, reject) => {
    const end = (error?: Error) => {
      clearTimeout(timer)
      res.off(event, onTaken).off('close', onGone)
      if (error) reject(error)
      else resolve()
    }
    const onTaken = () => end()
    const onGone = () => end(new ClientGone())
    const timer = setTimeout(() => end(new Error(`The client has taken nothing for ${stallMs} ms.`)), stallMs)
    res.once(event, onTaken).once('close', onGone)
  })
}
