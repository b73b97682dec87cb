/** The built gateway on an embedded database as a process of its own, which tells what it has used. `npm run build` comes first. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll } from 'vitest'
import { freePort } from './ports.ts'

export interface MeteredGateway {
  readonly url: string
  /** Of the demo district, with every scope. */
  readonly key: string
  /** Processor time of its main thread so far, in ms. */
  time(): Promise<number>
  /** How many times as long as the machine that the limits were set on this one takes now, at least 1. */
  slowness(): Promise<number>
  /** Resident memory in MB. */
  resident(): Promise<number>
  /** Heap and external memory in MB, after a collection of everything. */
  heap(): Promise<number>
}

const path = (file: string): string => fileURLToPath(new URL(file, import.meta.url))

/** What the reference work of meter.mjs takes on the machine that the limits were set on. */
const referenceMs = 187

/** Starts one and waits until it is ready; it ends after the last test. */
export async function startMetered(env: Readonly<Record<string, string>> = {}): Promise<MeteredGateway> {
  const port = await freePort()
  const url = `http://127.0.0.1:${port}`
  const folder = mkdtempSync(join(tmpdir(), 'credentials-gateway-metered-'))
  const child = spawn(process.execPath, ['--expose-gc', '--import', path('./meter.mjs'), path('../../dist/main.js'), '--json'], {
    env: { PATH: process.env['PATH'], PORT: String(port), DATA_DIR: folder, ...env },
    stdio: ['ignore', 'pipe', 'inherit', 'ipc'],
  })
  afterAll(async () => {
    child.kill('SIGKILL')
    if (child.exitCode === null && child.signalCode === null) await once(child, 'exit')
    rmSync(folder, { recursive: true })
  })
  let output = ''
  child.stdout!.on('data', (text: Buffer) => void (output += text.toString()))
  const ask = async (question: string): Promise<number> => {
    child.send(question)
    const [answer] = (await once(child, 'message')) as [number]
    return answer
  }
  const isReady = () =>
    fetch(`${url}/readyz`).then(
      ({ ok }) => ok,
      () => false,
    )
  while (!(await isReady())) {
    if (child.exitCode !== null) throw new Error('the gateway did not start')
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
  while (!output.includes('"demo"')) await new Promise((resolve) => setTimeout(resolve, 50))
  const welcome = output.split('\n').find((line) => line.includes('"demo"'))!
  return {
    url,
    key: (JSON.parse(welcome) as { demo: { key: string } }).demo.key,
    time: () => ask('time'),
    slowness: async () => Math.max(1, (await ask('reference')) / referenceMs),
    resident: async () => (await ask('resident')) / 1e6,
    heap: async () => (await ask('heap')) / 1e6,
  }
}
