/** A connection that somebody has: what is asked over it has its time, and what is given up is ended at the server, too. */
import type pg from 'pg'
import type { Patience } from '../deps.ts'
import { TooLate } from './database-errors.ts'
import { cancelStatement } from './postgres-cancel.ts'
import { beginWait, endWait, type Wait } from './waits.ts'

/** How long a statement that was given up has to end, before its connection is thrown away. */
const lastChanceMs = 1_000

interface Asking {
  readonly patience?: Patience | undefined
  /** Nothing is lost with it: it is given up when nobody waits for its answer any more. */
  readonly isRead?: boolean
}

export class HeldConnection {
  private readonly client: pg.PoolClient
  private readonly onError = (error: Error): void => void (this.broken ??= error)
  /** What it is thrown away for. */
  private broken: Error | undefined
  private underWay = false
  private onEnded: (() => void) | undefined

  constructor(client: pg.PoolClient) {
    this.client = client
    client.on('error', this.onError) // while it is out of the pool nobody else listens, and an error unheard ends the process
  }

  /** Whether the next statement can be sent over it. */
  get isFree(): boolean {
    return !this.underWay && this.broken === undefined
  }

  /** @throws TooLate when the patience is over before the answer, and whatever the driver throws */
  ask<Row extends pg.QueryResultRow>(query: pg.QueryConfig, { patience, isRead = false }: Asking): Promise<pg.QueryResult<Row>> {
    return new Promise((resolve, reject) => {
      if (patience && patience.left() <= 0) return reject(new TooLate('there was no time left to ask the database'))
      const wait: Wait | undefined = patience && {
        patience,
        isRead,
        end: () => reject(new TooLate('the database did not answer in time')),
      }
      if (wait) beginWait(wait)
      this.underWay = true
      this.client.query<Row>(query, (error: Error | null, result) => {
        this.underWay = false
        if (wait) endWait(wait)
        this.onEnded?.()
        if (error) reject(error)
        else resolve(result)
      })
    })
  }

  /**
   * Gives it back; where something is still under way, when that has been ended.
   * @param isOutdated whether it is to be replaced by a new one
   */
  async release(isOutdated: (client: pg.PoolClient) => boolean): Promise<void> {
    if (this.underWay) {
      const ended = new Promise<void>((resolve) => (this.onEnded = resolve))
      const late = new Promise<boolean>((resolve) => setTimeout(resolve, lastChanceMs, false).unref())
      const cancelled = cancelStatement(this.client, lastChanceMs)
      // It must have arrived, too: one that comes later would end what is asked next.
      const usable = await Promise.race([Promise.all([cancelled, ended]).then(([arrived]) => arrived), late])
      if (!usable) this.broken ??= new TooLate('a statement that was given up did not end')
    }
    this.client.off('error', this.onError)
    this.client.release(this.broken ?? isOutdated(this.client))
  }

  /** It is thrown away when it is given back. */
  spoil(error: Error): void {
    this.broken ??= error
  }
}
