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
  const beat = async (asked: pg.Client): Promise<void> => {
    const askedAt = performance.now()
    await asked.query('select 1')
    if (client === asked) liveAt = Math.max(liveAt, askedAt)
  }

  const listen = async (): Promise<void> => {
    const next = new pg.Client({
      connectionString: url,
      connectionTimeoutMillis: connectTimeoutMs,
      query_timeout: connectTimeoutMs,
      keepAlive: true,
      application_name: 'credentials-gateway listen',
    })
    next.on('error', () => {}) // the beat under way fails with it
    next.on('notification', ({ payload }) => {
      for (const { heard } of listeners) heard(payload ?? '')
    })
    try {
      await next.connect()
      await next.query(`listen ${pg.escapeIdentifier(channel)}`)
      client = next
      for (const { missed } of listeners) missed() // before, nobody listened
      pauseMs = beatMs
      while (!closed) {
        await beat(next)
        await pause(beatMs)
      }
    } catch {
      // Away, or hanging: tried again for as long as it takes, while nothing that is remembered is believed.
      pauseMs = Math.min(pauseMs * 2, longestPauseMs)
    } finally {
      if (client === next) client = undefined
      liveAt = -Infinity
      void next.end().catch(() => {})
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
      if (client && isLive()) await beat(client).catch(() => {})
    },
    async close() {
      closed = true
      wake()
      await running
    },
  }
}
