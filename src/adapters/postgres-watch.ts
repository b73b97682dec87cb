/**
 * Hears what is announced on a channel of a PostgreSQL server (LISTEN), over a connection of its own. That it is silent proves nothing: one
 * that hangs is as silent, and so is one to another server than the announcements are made on, or to a pooler that forgets who listens.
 * So it is proven again and again that what is announced by way of DATABASE_URL arrives here: a word on a channel of this instance alone
 * must be heard soon, and between two words both ways must lead to the same server and database.
 */
import { randomBytes } from 'node:crypto'
import type { Listener, Watch } from '../deps.ts'
import { Standby, told } from './database-errors.ts'
import { Deaf, deafTrouble, differentTrouble, heardWithinMs, isSame, Link, nameOf, type Place, placeBy, placeOf } from './postgres-link.ts'

export interface ServerWatch extends Watch {
  readonly listeners: Listener[]
  close(): Promise<void>
}

export interface WatchOptions {
  /** A session-mode connection: a transaction-mode pooler forgets who listens. */
  readonly listenUrl: string
  /** Where announcements are made. */
  readonly announceUrl: string
  readonly channel: string
  /** It began to hear, or does so no more: then why, and what to do. */
  readonly onChange: (trouble: string | undefined) => void
  /** What DATABASE_URL leads to is another server now, or a standby. */
  readonly onMoved: () => void
}

const beatMs = 200
/** Three beats may be late before nothing is believed any more. */
const believedMs = heardWithinMs
const wordEveryMs = 3_000
const longestPauseMs = 2_000
/** A restart of the server is not worth a word of its own. */
const toldAfterMs = 3_000

export function watchServer({ listenUrl, announceUrl, channel, onChange, onMoved }: WatchOptions): ServerWatch {
  const ownChannel = `credentials_gateway_${randomBytes(8).toString('hex')}`
  const whereAmI = placeOf(ownChannel)
  const listeners: Listener[] = []
  let closed = false
  let trouble: string | undefined
  let link: Link | undefined
  /** When the last beat that held had begun: what was committed before it has been heard. */
  let liveAt = -Infinity
  let heldAt = performance.now()
  let knownPlace: Place | undefined

  const isLive = (): boolean => performance.now() - liveAt < believedMs

  /** Both ways lead to the same place, which is no standby, and this session listens. PostgreSQL delivers what is waiting before it answers. */
  const compare = async ({ listening, announcing }: Link): Promise<void> => {
    const [here, there] = await Promise.all([placeBy(listening, whereAmI), placeBy(announcing, whereAmI)])
    if (there.standby || (knownPlace && !isSame(there, knownPlace))) onMoved()
    knownPlace = there
    if (there.standby || here.standby) throw new Standby('the server is a standby')
    if (!isSame(here, there)) throw new Deaf(differentTrouble(listenUrl, announceUrl))
    if (!here.listens) throw new Deaf(deafTrouble(listenUrl, announceUrl))
  }

  const beat = async (through: Link): Promise<void> => {
    const begunAt = performance.now()
    if (begunAt - through.provenAt >= wordEveryMs) await through.prove(ownChannel)
    await compare(through)
    if (link !== through) return
    liveAt = begunAt
    heldAt = begunAt
  }

  let underWay: Promise<void> = Promise.resolve()
  let next: Promise<void> | undefined
  /** One at a time: whoever comes while one is under way shares the next, which begins after they came. */
  const beatOnce = (): Promise<void> => {
    next ??= underWay.then(() => {
      next = undefined
      const held = link ? beat(link) : Promise.resolve()
      underWay = held.catch(() => {})
      return held
    })
    return next
  }

  const change = (to: string | undefined): void => {
    if (trouble === to) return
    trouble = to
    onChange(to)
  }

  let pauseMs = beatMs
  const listen = async (): Promise<void> => {
    const opened = new Link(listenUrl, announceUrl, (heardOn, payload) => {
      if (heardOn === ownChannel) opened.hearWord(payload)
      else for (const { heard } of listeners) heard(payload)
    })
    try {
      await opened.open([channel, ownChannel])
      await opened.prove(ownChannel).catch(async (error: unknown) => {
        await compare(opened) // says why, where it is that
        throw error instanceof Deaf ? new Deaf(deafTrouble(listenUrl, announceUrl)) : error
      })
      for (const { missed } of listeners) missed() // before, nobody listened
      link = opened
      while (!closed) {
        await beatOnce()
        change(undefined)
        pauseMs = beatMs
        await pause(beatMs)
      }
    } catch (error) {
      // Tried again for as long as it takes, while nothing that is remembered is believed.
      if (error instanceof Deaf) change(error.message)
      else if (performance.now() - heldAt > toldAfterMs)
        change(`${nameOf(listenUrl, announceUrl)} cannot be listened on: ${(error as Error).message || String(error)}.`)
      pauseMs = Math.min(pauseMs * 2, longestPauseMs)
    } finally {
      link = undefined
      liveAt = -Infinity
      opened.end()
    }
  }

  let wake = (): void => {}
  const pause = (ms: number): Promise<void> =>
    new Promise((resolve) => {
      const timer = setTimeout(resolve, ms)
      wake = () => {
        clearTimeout(timer)
        resolve()
      }
    })

  const running = (async () => {
    while (!closed) {
      await listen()
      if (!closed) await pause(pauseMs)
    }
  })()

  return {
    listeners,
    isLive,
    trouble: () => trouble,
    async caughtUp() {
      if (isLive()) await beatOnce().catch(() => {})
    },
    async close() {
      closed = true
      wake()
      link?.end()
      await running
    },
  }
}

/**
 * Says one word and listens for it.
 * @returns why it is not heard, and what to do about that; nothing where it is
 */
export async function announcementTrouble(listenUrl: string, announceUrl: string): Promise<string | undefined> {
  const channel = `credentials_gateway_${randomBytes(8).toString('hex')}`
  const link = new Link(listenUrl, announceUrl, (_channel, word) => link.hearWord(word))
  try {
    await link.open([channel])
    await link.prove(channel)
    return undefined
  } catch (error) {
    if (error instanceof Deaf) return deafTrouble(listenUrl, announceUrl)
    throw told(error)
  } finally {
    link.end()
  }
}
