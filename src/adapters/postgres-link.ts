/**
 * Two connections to what should be one database: one by which announcements are made, and one that listens. What is said by the one must be
 * heard by the other, and both must lead to the same place.
 */
import { randomBytes } from 'node:crypto'
import pg from 'pg'

/** SECURITY: "p99 under 250 ms, never later than 1 s": a word that takes longer has not been heard. */
export const heardWithinMs = 700
const timeoutMs = 2_000

/** Announcements do not arrive, though both connections answer. */
export class Deaf extends Error {}

/** Where a connection leads: the moment at which its server started, and the database there. */
export interface Place {
  readonly server: string
  readonly database: number
  readonly standby: boolean
  /** Whether this very session listens still, where it does. */
  readonly listens: boolean
}

export const placeOf = (ownChannel: string): string => `select extract(epoch from pg_postmaster_start_time())::text as server,
  (select oid::int8::float8 from pg_database where datname = current_database()) as database, pg_is_in_recovery() as standby,
  exists (select from pg_listening_channels() c where c = '${ownChannel}') as listens`

/** The two connections, of which one listens. */
export class Link {
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
      timer = setTimeout(resolve, heardWithinMs, false)
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

export async function placeBy(client: pg.Client, whereAmI: string): Promise<Place> {
  const { rows } = await client.query<Place>(whereAmI)
  return rows[0]!
}

export const isSame = (one: Place, other: Place): boolean => one.server === other.server && one.database === other.database

export const nameOf = (listenUrl: string, announceUrl: string): string =>
  listenUrl === announceUrl ? 'DATABASE_URL' : 'DIRECT_DATABASE_URL'

export function differentTrouble(listenUrl: string, announceUrl: string): string {
  if (listenUrl === announceUrl) return 'DATABASE_URL leads to several servers: nothing is heard of what is announced on another one.'
  return (
    'DIRECT_DATABASE_URL hears nothing of what DATABASE_URL announces: they lead to different servers or databases. ' +
    'Let both lead to the same primary server and database.'
  )
}

export function deafTrouble(listenUrl: string, announceUrl: string): string {
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
