/** Load from wrk (Debian's package), on the core that this process has: requests a second, latencies, and no answer but 200. */
import { execFile } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'

const run = promisify(execFile)

/** Sends one request over and over. @returns `{ rate, p50Ms, p99Ms, requests }` */
export async function load({ url, method = 'POST', headers, body }, connections, seconds) {
  const folder = mkdtempSync(join(tmpdir(), 'bench-'))
  const script = join(folder, 'request.lua')
  writeFileSync(
    script,
    [
      `wrk.method = ${lua(method)}`,
      ...Object.entries(headers).map(([name, value]) => `wrk.headers[ ${lua(name)} ] = ${lua(value)}`),
      ...(body === undefined ? [] : [`wrk.body = ${lua(body)}`]),
    ].join('\n'),
  )
  try {
    const { stdout } = await run('wrk', ['-t1', `-c${connections}`, `-d${seconds}s`, '--latency', '-s', script, url])
    const failures = /Non-2xx or 3xx responses: \d+|Socket errors: .*/.exec(stdout)
    if (failures) throw new Error(`${method} ${url}: ${failures[0]}`)
    const requests = Number(/(\d+) requests in/.exec(stdout)[1])
    return {
      requests,
      rate: Number(/Requests\/sec:\s+([\d.]+)/.exec(stdout)[1]),
      p50Ms: milliseconds(/50%\s+([\d.]+\w+)/.exec(stdout)[1]),
      p99Ms: milliseconds(/99%\s+([\d.]+\w+)/.exec(stdout)[1]),
    }
  } finally {
    rmSync(folder, { recursive: true })
  }
}

const lua = (text) => `[==[${text}]==]`

function milliseconds(text) {
  const [, number, unit] = /^([\d.]+)(us|ms|s)$/.exec(text)
  return Number(number) * { us: 0.001, ms: 1, s: 1_000 }[unit]
}

export const median = (values) => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)]
