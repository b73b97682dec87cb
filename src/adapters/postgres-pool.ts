/** A bounded number of connections to a server, and a bounded queue of those who wait for one. */
import pg from 'pg'
import type { Patience } from '../deps.ts'
import { dateOid } from './database.ts'
import { TooLate, TooManyWaiting } from './database-errors.ts'
import { HeldConnection } from './postgres-connection.ts'
import { beginWait, endWait, type Wait } from './waits.ts'

/** Until a new connection is there. */
const connectTimeoutMs = 2_000
const renewalMs = 1_000

export interface PoolOptions {
  readonly url: string
  readonly size: number
  readonly mostWaiting: number
  /** What is done with a connection that was just opened. Where it throws, the connection is none. */
  readonly onOpened: (client: pg.ClientBase) => Promise<void>
}

interface Waiting {
  readonly begin: () => void
  readonly wait: Wait | undefined
}

const textDate = {
  getTypeParser: (oid: number, format?: 'text' | 'binary') =>
    oid === dateOid ? (value: string) => value : pg.types.getTypeParser(oid, format as 'text'),
}

/** The time to connect is the client's own here: the pool would arm a timer for each connection that is taken, too. */
class Client extends pg.Client {
  constructor(options: pg.ClientConfig) {
    super({ ...options, connectionTimeoutMillis: connectTimeoutMs })
  }
}

export class ConnectionPool {
  readonly pool: pg.Pool
  private readonly mostWaiting: number
  private free: number
  private readonly queue: Waiting[] = []
  /** Connections that were opened before it began are replaced. */
  private generation = new WeakSet<pg.ClientBase>()
  private renewedAt = -Infinity

  constructor({ url, size, mostWaiting, onOpened }: PoolOptions) {
    this.mostWaiting = mostWaiting
    this.free = size
    const welcome = async (client: pg.ClientBase): Promise<void> => {
      const { generation } = this
      await onOpened(client)
      generation.add(client)
    }
    this.pool = new pg.Pool({
      connectionString: url,
      max: size,
      keepAlive: true,
      types: textDate as never,
      application_name: 'credentials-gateway',
      Client: Client as never,
      onConnect: welcome as (client: pg.ClientBase) => void, // the pool waits for it, whatever its types say
    })
    this.pool.on('error', () => {}) // an idle connection died: the pool drops it, the next statement opens another
  }

  /** @throws TooManyWaiting, TooLate, and whatever the driver throws when none can be opened */
  async take(patience: Patience | undefined): Promise<HeldConnection> {
    if (this.free > 0) this.free--
    else await this.turn(patience)
    return this.connect(patience)
  }

  /** Nobody waits for its end where something is still under way. */
  give(connection: HeldConnection): void {
    void connection.release((client) => !this.generation.has(client)).finally(() => this.next())
  }

  /**
   * Everything that is open is replaced, as it is next taken or given back: it leads to a server that is none, or is no use. Once a second
   * at most, for as long as that server stays.
   */
  renew(): void {
    if (performance.now() - this.renewedAt < renewalMs) return
    this.renewedAt = performance.now()
    this.generation = new WeakSet()
  }

  async end(): Promise<void> {
    await this.pool.end()
  }

  /** Resolves when there is room for one more. */
  private turn(patience: Patience | undefined): Promise<void> {
    if (this.queue.length >= this.mostWaiting) return Promise.reject(new TooManyWaiting('too many wait for a connection to the database'))
    return new Promise((resolve, reject) => {
      const giveUp = (): void => {
        this.queue.splice(this.queue.indexOf(mine), 1)
        reject(new TooLate('no connection to the database was free in time'))
      }
      const wait = patience && { patience, isRead: true, end: giveUp }
      const mine = { begin: resolve, wait }
      if (wait) beginWait(wait)
      this.queue.push(mine)
    })
  }

  /** Somebody is through: whoever has waited longest has their turn. */
  private next(): void {
    const first = this.queue.shift()
    if (!first) return void this.free++
    if (first.wait) endWait(first.wait)
    first.begin()
  }

  private connect(patience: Patience | undefined): Promise<HeldConnection> {
    return new Promise((resolve, reject) => {
      let isLate = false
      const giveUp = (): void => {
        isLate = true
        reject(new TooLate('no connection to the database came up in time'))
      }
      const wait = patience && { patience, isRead: true, end: giveUp }
      if (wait) beginWait(wait)
      const attempt = (): void =>
        this.pool.connect((error, client) => {
          if (client && !this.generation.has(client)) {
            client.release(true)
            return attempt()
          }
          if (wait) endWait(wait)
          if (client && !isLate) return resolve(new HeldConnection(client))
          client?.release()
          this.next()
          reject(error ?? new Error('the pool gave no connection'))
        })
      attempt()
    })
  }
}
