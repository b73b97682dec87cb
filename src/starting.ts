/** A start on a database that is not there yet: what heals by itself is waited for, and the log says so. */
import { setTimeout as wait } from 'node:timers/promises'
import type { Logger } from 'pino'

const firstPauseMs = 250
const longestPauseMs = 5_000

/**
 * Does what needs the database, as often as it takes.
 * @param mayHeal whether an error is one that is waited for
 * @param explain what is said of it
 * @throws what does not heal
 */
export async function onceItAnswers<Result>(
  work: () => Promise<Result>,
  { log, mayHeal, explain }: { log: Pick<Logger, 'warn'>; mayHeal: (error: unknown) => boolean; explain: (error: unknown) => string },
): Promise<Result> {
  for (let pauseMs = firstPauseMs; ; pauseMs = Math.min(pauseMs * 2, longestPauseMs)) {
    try {
      return await work()
    } catch (error) {
      if (!mayHeal(error)) throw error
      log.warn({ retryInMs: pauseMs }, `waiting for the database. ${explain(error)}`)
      await wait(pauseMs)
    }
  }
}
