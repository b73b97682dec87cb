/** A server under measurement: a process of its own on the first core, while the load and the database have the second. */
import { spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { setTimeout as pause } from 'node:timers/promises'

/**
 * @param command program and arguments
 * @param headers of the request that is its first
 * @returns the running server once it has answered, and how long that took from its start
 */
export async function startServer({ name, command, env, headers }) {
  const port = await freePort()
  const child = spawn('taskset', ['-c', '0', ...command], { env: { ...env, PORT: String(port) }, stdio: ['ignore', 'ignore', 'inherit'] })
  const startedAt = performance.now()
  let ended = false
  child.once('exit', () => (ended = true))
  const url = `http://127.0.0.1:${port}`
  while (!(await answers(url, headers))) {
    if (ended) throw new Error(`${name} ended before it answered`)
    await pause(2)
  }
  return {
    name,
    url,
    firstAnswerMs: performance.now() - startedAt,
    /** Seconds of processor time so far. */
    cpuSeconds: () => {
      const fields = readFileSync(`/proc/${child.pid}/stat`, 'utf8').split(') ')[1].split(' ')
      return (Number(fields[11]) + Number(fields[12])) / 100 // clock ticks of 10 ms
    },
    /** Megabytes of resident memory now. */
    memoryMb: () => Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${child.pid}/status`, 'utf8'))[1]) / 1024,
    stop: async () => {
      child.kill()
      while (!ended) await pause(10)
    },
  }
}

/** Whether GraphQL is answered: while a server starts, nobody listens, or 503. */
async function answers(url, headers) {
  try {
    const { status } = await fetch(`${url}/graphql`, {
      method: 'POST',
      headers,
      body: '{"query":"{ __typename }"}',
    })
    return status < 500
  } catch {
    return false
  }
}

function freePort() {
  return new Promise((resolve) => {
    const probe = createServer().listen(0, '127.0.0.1', () => {
      const { port } = probe.address()
      probe.close(() => resolve(port))
    })
  })
}
