/**
 * Hears what is announced on a channel of a PostgreSQL server (LISTEN), over a connection of its own. That it is silent proves nothing: one
 * that hangs is as silent, and so is one to another server than the announcements are made on, or to a pooler that forgets who listens.
 * So it is proven again and again that what is announced by way of DATABASE_URL arrives here: a word on a channel of this instance alone
 * must be heard soon, and between two words both ways must lead to the same server and database.
 */
import { randomBytes } from 'node:crypto'
import pg from 'pg'
import type { Listener, Watch } from '../deps.ts'
import { Standby, told } from './database-errors.ts'

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
/** SECURITY: "p99 under 250 ms, never later than 1 s". Three beats may be late before nothing is believed any more. */
const believedMs = 700
const wordEveryMs = 3_000
const timeoutMs = 2_000
const longestPauseMs = 2_000
/** A restart of the server is not worth a word of its own. */
const toldAfterMs = 3_000

/** Announcements do not arrive, though both connections answer. */
class Deaf extends Error {}

/** Where a connection leads: the moment at which its server started, and the database there. */
interface Place {
  readonly server: string
  readonly database: number
  readonly standby: boolean
  /** Whether this very session listens still, where it does. */
  readonly listens: boolean
}

const placeOf = (ownChannel: string): string => `select extract(epoch from pg_postmaster_start_time())::text as server,
  (select oid::int8::float8 from pg_database where datname = current_database()) as database, pg_is_in_recovery() as standby,
  exists (select from pg_listening_channels() c where c = '${ownChannel}') as listens`

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

/** The two connections, of which one listens. */
class Link {
  /** When the last word that was heard had been sent. */
  provenAt = -Infinity
  readonly listening: pg.Client
  readonly announcing: pg.Client
  private awaited: { word: string; arrived: () => void } | undefined

  constructor(listenUrl: string, announceUrl: string, onHeard: (channel: string, payload: string) => void) {
    this.listening = clientOf(listenUrl, 'credentials-gateway listen')
    this.announcing = clientOf(announceUrl, 'credentials-gateway announce')
    this.listening.on('notification', ({ channel, payload = '' }) => onHeard(channel, payload))
  }

  async open(channels: readonly string[]): Promise<void> {
    await Promise.all([this.listening.connect(), this.announcing.connect()])
    await this.listening.query(channels.map((channel) => `listen ${pg.escapeIdentifier(channel)}`).join('; '))
  }

  /** @throws Deaf when a word that is said on this channel is not heard in time */
  async prove(channel: string): Promise<void> {
    const word = randomBytes(8).toString('hex')
    let timer: NodeJS.Timeout | undefined
    const sentAt = performance.now()
    const inTime = new Promise<boolean>((resolve) => {
      timer = setTimeout(resolve, believedMs, false)
      this.awaited = { word, arrived: () => resolve(true) }
    })
    try {
      await this.announcing.query('select pg_notify($1, $2)', [channel, word])
      if (!(await inTime)) throw new Deaf('nothing is heard')
      this.provenAt = sentAt
    } finally {
      clearTimeout(timer)
      this.awaited = undefined
    }
  }

  hearWord(word: string): void {
    if (word === this.awaited?.word) this.awaited.arrived()
  }

  end(): void {
    for (const client of [this.listening, this.announcing]) void client.end().catch(() => {})
  }
}

function clientOf(url: string, applicationName: string): pg.Client {
  const client = new pg.Client({
    connectionString: url,
    connectionTimeoutMillis: timeoutMs,
    query_timeout: timeoutMs,
    keepAlive: true,
    application_name: applicationName,
  })
  client.on('error', () => {}) // the beat under way fails with it
  return client
}

async function placeBy(client: pg.Client, whereAmI: string): Promise<Place> {
  const { rows } = await client.query<Place>(whereAmI)
  return rows[0]!
}

const isSame = (one: Place, other: Place): boolean => one.server === other.server && one.database === other.database

const nameOf = (listenUrl: string, announceUrl: string): string => (listenUrl === announceUrl ? 'DATABASE_URL' : 'DIRECT_DATABASE_URL')

function differentTrouble(listenUrl: string, announceUrl: string): string {
  if (listenUrl === announceUrl) return 'DATABASE_URL leads to several servers: nothing is heard of what is announced on another one.'
  return (
    'DIRECT_DATABASE_URL hears nothing of what DATABASE_URL announces: they lead to different servers or databases. ' +
    'Let both lead to the same primary server and database.'
  )
}

function deafTrouble(listenUrl: string, announceUrl: string): string {
  if (listenUrl === announceUrl)
    return (
      'DATABASE_URL hears nothing of what it announces: it leads to a transaction-mode pooler. ' +
      'Set DIRECT_DATABASE_URL to a session-mode connection to the same database.'
    )
  return (
    'DIRECT_DATABASE_URL hears nothing of what DATABASE_URL announces. ' +
    'Let it lead to the same server and database, past any transaction-mode pooler.'
  )
}
