/**
 * The log in an outage: of failures of one kind the first is logged at once, with its detail, and the further ones are counted, in one
 * line a second; of errors also in every line that is full of ids, so that each one's request id finds it. Kinds are told apart by level,
 * message and reason. Where nothing happens no timer runs, and none keeps a process alive.
 */
import type { Logger } from 'pino'

type Level = 'warn' | 'error'

interface Facts {
  readonly err: unknown
  readonly requestId: string
  readonly [more: string]: unknown
}

export interface RepeatedLog extends Record<Level, (facts: Facts, message: string) => void> {
  /** Logs what has been counted up to now; to be called before the process ends. */
  flush(): void
}

const periodMs = 1_000
const mostIds = 20
/** Of failures under way at once. Whatever comes beyond is one kind for each level and message. */
const mostKinds = 50

interface Kind {
  readonly level: Level
  readonly message: string
  /** `undefined` where it is of several. */
  readonly reason: string | undefined
  count: number
  requestIds: string[]
  timer: NodeJS.Timeout
}

const logs = new WeakMap<Logger, RepeatedLog>()

/** The one that counts for this log. */
export function onceASecond(log: Logger): RepeatedLog {
  const known = logs.get(log) ?? countingOn(log)
  logs.set(log, known)
  return known
}

function countingOn(log: Logger): RepeatedLog {
  const kinds = new Map<string, Kind>()
  const tell = (kind: Kind): void => {
    const { level, message, reason, count, requestIds } = kind
    if (count === 0) return
    log[level]({ count, ...(reason === undefined ? {} : { reason }), requestIds }, message)
    kind.count = 0
    kind.requestIds = []
  }
  const endPeriod = (key: string, kind: Kind): void => {
    if (kind.count === 0) return void kinds.delete(key)
    tell(kind)
    kind.timer.refresh()
  }
  const say = (level: Level, facts: Facts, message: string): void => {
    const reason = reasonOf(facts.err, level)
    const own = JSON.stringify([level, message, reason])
    const isOwn = kinds.has(own) || kinds.size < mostKinds
    const key = isOwn ? own : JSON.stringify([level, message])
    const kind = kinds.get(key)
    if (!kind) {
      const begun: Kind = {
        level,
        message,
        reason: isOwn ? reason : undefined,
        count: 0,
        requestIds: [],
        timer: setTimeout(() => endPeriod(key, begun), periodMs).unref(),
      }
      kinds.set(key, begun)
      return log[level](facts, message)
    }
    kind.count++
    if (kind.requestIds.length < mostIds) kind.requestIds.push(facts.requestId)
    if (level === 'error' && kind.count === mostIds) tell(kind)
  }
  return {
    warn: (facts, message) => say('warn', facts, message),
    error: (facts, message) => say('error', facts, message),
    flush() {
      for (const kind of kinds.values()) tell(kind)
    },
  }
}

/** Of an error that nobody expected, the place too: two mistakes in the code may say the same. */
function reasonOf(thrown: unknown, level: Level): string {
  if (!(thrown instanceof Error)) return String(thrown)
  const { name, message, stack } = thrown
  const { code } = thrown as { code?: unknown }
  const frame = level === 'error' ? (/^\s+at .*$/m.exec(stack ?? '')?.[0].trim() ?? '') : ''
  return [name, typeof code === 'string' ? code : '', message, frame].filter((part) => part !== '').join(' ')
}
