/** The end of the process, whatever asks for it: once, in an order in which nothing is lost, and within a time that has a limit. */
import type { Server } from 'node:http'
import { setTimeout as wait } from 'node:timers/promises'
import type { Logger } from 'pino'
import type { Draining } from './http/draining.ts'

/** SPEC: "drained within `SHUTDOWN_GRACE` + 5 s", with a little room for a busy machine. */
const finishMs = 4_500
const endMs = 4_800
/** npm passes on a terminal's SIGINT, which the process has had already: a person's second one comes later. */
const sameInterruptMs = 200
/** What a shell says of a process that SIGINT ended. */
const interrupted = 130

const notDrained = 'draining failed'

export interface Process {
  readonly server: Server
  readonly draining: Draining
  readonly log: Logger
  /** How long everything is still accepted, so that balancers find out. */
  readonly graceSeconds: number
  readonly exit: (code: number) => void
}

export interface Work {
  /** Ends the work beside the requests: resolves when what was under way is through. */
  stop(): Promise<unknown>
  /** Closes what requests and work stand on. */
  close(): Promise<void>
}

/**
 * From now on SIGTERM and SIGINT end the process with 0, and an exception that nobody caught ends it with 1. It says that it is no longer
 * ready and goes on for the grace; then requests and work come to their end beside each other, and the process is gone within 5 s.
 * @returns to be called once requests are answered: an end that is asked for before has nothing to wait for
 */
export function endWhenAsked({ server, draining, log, graceSeconds, exit }: Process): (work: Work) => void {
  let work: Work | undefined
  let code = 0
  let begun = false

  const failed = (error: unknown, what: string): void => {
    code = 1
    log.fatal({ err: error }, what)
  }
  const finishRequests = async (): Promise<void> => {
    const cutOff = await draining.end(server, finishMs)
    if (cutOff > 0) log.warn({ connections: cutOff }, 'cut off what took too long')
  }
  const drain = async ({ stop, close }: Work): Promise<void> => {
    draining.begun = true
    const graceMs = graceSeconds * 1_000
    setTimeout(() => {
      log.warn('ended with work under way')
      exit(code)
    }, graceMs + endMs)
    await wait(graceMs)
    const stopped = Promise.race([stop(), wait(finishMs)])
    // One that fails does not cut the other short.
    for (const part of await Promise.allSettled([finishRequests(), stopped]))
      if (part.status === 'rejected') failed(part.reason, notDrained)
    await close()
  }
  const end = (): void => {
    if (begun) return
    begun = true
    if (work === undefined) return exit(code)
    void drain(work)
      .catch((error: unknown) => failed(error, notDrained))
      .finally(() => exit(code))
  }

  let interruptedAt: number | undefined
  const onSignal = (signal: string): void => {
    const now = performance.now()
    if (signal === 'SIGINT' && now - (interruptedAt ??= now) > sameInterruptMs) return exit(interrupted)
    if (!begun) log.info({ signal, graceSeconds }, 'draining')
    end()
  }
  process.on('SIGTERM', onSignal).on('SIGINT', onSignal)
  process.on('uncaughtException', (error) => {
    failed(error, 'uncaught exception')
    end()
  })
  return (begins) => void (work = begins)
}
