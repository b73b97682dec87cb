/** The built gateway as a process of its own, on a server's database that others are on too or on a folder. `npm run build` comes first. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { afterAll, onTestFinished } from 'vitest'
import { json, raw, type RawAnswer } from './http.ts'
import { freePort } from './ports.ts'

export interface GatewayProcess {
  readonly url: string
  readonly child: ChildProcess
  /** Everything it has printed. */
  readonly output: () => string
  /** SIGKILL: whatever it was doing. Resolves when it is gone. */
  kill(): Promise<void>
  /** Sends a signal that ends it. Resolves when it is gone, with its exit code and how long that took. */
  end(signal: NodeJS.Signals): Promise<{ readonly code: number | null; readonly ms: number }>
  graphql(token: string | undefined, query: string, variables?: Record<string, unknown>): Promise<RawAnswer>
}

interface StartOptions {
  /** A free one when left out. */
  readonly port?: number
  readonly env?: Readonly<Record<string, string>>
  readonly atEnd?: (end: () => Promise<void>) => void
}

const main = fileURLToPath(new URL('../../dist/main.js', import.meta.url))

/** The address of a database on a server, or the folder of an embedded one. */
type Place = string | { readonly dataDir: string }

/**
 * Starts one and waits until it is ready.
 * @param atEnd when it is killed: after the last test, where it is started at the top of the file; within a test, `onTestFinished`
 */
export async function startProcess(place: Place, { port: given, env = {}, atEnd = afterAll }: StartOptions = {}): Promise<GatewayProcess> {
  const port = given ?? (await freePort())
  const url = `http://127.0.0.1:${port}`
  const { child, output } = launch(place, { PORT: String(port), ...env })
  const kill = async (): Promise<void> => {
    if (child.exitCode !== null || child.signalCode !== null) return
    child.kill('SIGKILL')
    await once(child, 'exit')
  }
  atEnd(kill)
  const ready = () =>
    fetch(`${url}/readyz`).then(
      ({ ok }) => ok,
      () => false,
    )
  while (!(await ready())) {
    if (child.exitCode !== null) throw new Error(`the gateway did not start:\n${output()}`)
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
  return {
    url,
    child,
    output,
    kill,
    async end(signal) {
      const ended = once(child, 'exit') as Promise<[number | null]>
      const startedAt = performance.now()
      child.kill(signal)
      const [code] = await ended
      return { code, ms: performance.now() - startedAt }
    },
    graphql: (token, query, variables = {}) =>
      raw(`${url}/graphql`, json({ query, variables }, token === undefined ? {} : { Authorization: `Bearer ${token}` })),
  }
}

/** Starts one that is to end by itself. */
export async function failedStart(
  place: Place,
  env: Readonly<Record<string, string>> = {},
): Promise<{ code: number | null; output: string }> {
  const { child, output } = launch(place, { PORT: String(await freePort()), ...env })
  onTestFinished(() => void child.kill('SIGKILL')) // one that does not end
  const [code] = (await once(child, 'close')) as [number | null]
  return { code, output: output() }
}

/** Starts one and does not wait. */
export function launch(place: Place, env: Readonly<Record<string, string>>): Pick<GatewayProcess, 'child' | 'output'> {
  const child = spawn(process.execPath, [main], {
    env: {
      PATH: process.env['PATH'],
      ...(typeof place === 'string' ? { DATABASE_URL: place } : { DATA_DIR: place.dataDir }),
      SECRET_KEY: 'a-secret-key-for-tests-of-32-bytes!',
      DEV_MAIL: 'on',
      ...env,
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let output = ''
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (text: Buffer) => void (output += text.toString()))
  return { child, output: () => output }
}

/** Starts them whenever one is needed, within tests too; all are killed after the last. Call it at the top of the file. */
export function processesOn(databaseUrl: string): (env: Readonly<Record<string, string>>) => Promise<GatewayProcess> {
  const ends: (() => Promise<void>)[] = []
  afterAll(() => Promise.all(ends.map((end) => end())))
  return (env) => startProcess(databaseUrl, { env, atEnd: (end) => void ends.push(end) })
}
