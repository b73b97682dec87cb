/**
 * Hears what is announced on a channel of a PostgreSQL server (LISTEN), over a connection of its own. A silent connection proves
 * nothing: one that hangs is as silent. So it is asked several times a second, and what was not answered lately is not live.
 */
import pg from 'pg'
import type { Listener, Watch } from '../deps.ts'

export interface ServerWatch extends Watch {
  readonly listeners: Listener[]
  close(): Promise<void>
}

const beatMs = 200
/** SECURITY: "p99 under 250 ms, never later than 1 s". Three beats may be late before nothing is believed any more. */
const believedMs = 700
const connectTimeoutMs = 2_000
const longestPauseMs = 2_000

/** @param url a session-mode connection: a transaction-mode pooler forgets who listens */
export function watchServer(url: string, channel: string): ServerWatch {
  const listeners: Listener[] = []
  let client: pg.Client | undefined
  let closed = false
  let pauseMs = beatMs
  /** When the last question that was answered had been asked: what was committed before it has been heard. */
  let liveAt = -Infinity

  const isLive = (): boolean => performance.now() - liveAt < believedMs

  /** PostgreSQL delivers what is waiting before it answers. */
  const ask = async (): Promise<void> => {
    const asked = client
    if (!asked) return
    const askedAt = performance.now()
    await asked.query('select 1')
    if (client === asked) liveAt = askedAt
  }

  let underWay: Promise<void> = Promise.resolve()
  let next: Promise<void> | undefined
  /** One question at a time: whoever comes while one is under way shares the next, which is asked after they came. */
  const beat = (): Promise<void> => {
    next ??= underWay.then(() => {
      next = undefined
      const answered = ask()
      underWay = answered.catch(() => {})
      return answered
    })
    return next
  }

  const listen = async (): Promise<void> => {
    const connection = new pg.Client({
      connectionString: url,
      connectionTimeoutMillis: connectTimeoutMs,
      query_timeout: connectTimeoutMs,
      keepAlive: true,
      application_name: 'credentials-gateway listen',
    })
    connection.on('error', () => {}) // the beat under way fails with it
    connection.on('notification', ({ payload }) => {
      for (const { heard } of listeners) heard(payload ?? '')
    })
    try {
      await connection.connect()
      await connection.query(`listen ${pg.escapeIdentifier(channel)}`)
      client = connection
      for (const { missed } of listeners) missed() // before, nobody listened
      pauseMs = beatMs
      while (!closed) {
        await beat()
        await pause(beatMs)
      }
    } catch {
      // Away, or hanging: tried again for as long as it takes, while nothing that is remembered is believed.
      pauseMs = Math.min(pauseMs * 2, longestPauseMs)
    } finally {
      client = undefined
      liveAt = -Infinity
      void connection.end().catch(() => {})
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
    async caughtUp() {
      if (isLive()) await beat().catch(() => {})
    },
    async close() {
      closed = true
      wake()
      await running
    },
  }
}
