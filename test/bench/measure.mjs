/** Requests and servers in turns: every round asks each of them once, so that a slow moment of the machine is everybody's. */
import { load, median } from './load.mjs'

/**
 * @param asked `{ server, request }` each: the request is sent to that server's address
 * @returns for each, in order: medians of `rate`, `p50Ms`, `p99Ms` and `cpuMicros` a request
 */
export async function inTurns(asked, { connections, seconds, rounds }) {
  const samples = asked.map(() => [])
  for (let round = -1; round < rounds; round++)
    for (const [at, { server, request }] of asked.entries()) {
      const before = server.cpuSeconds()
      const result = await load({ ...request, url: server.url + request.path }, connections, round < 0 ? 2 : seconds)
      const cpuMicros = ((server.cpuSeconds() - before) / result.requests) * 1e6
      if (round >= 0) samples[at].push({ ...result, cpuMicros }) // the round before the first warms up
    }
  const middle = (rows, what) => median(rows.map((row) => row[what]))
  return samples.map((rows) => Object.fromEntries(['rate', 'p50Ms', 'p99Ms', 'cpuMicros'].map((what) => [what, middle(rows, what)])))
}

/** The answer's JSON, whatever is measured. @throws Error unless it is 200 without errors */
export async function answerOf(server, { path, method = 'POST', headers, body }) {
  const response = await fetch(server.url + path, { method, headers, body })
  const text = await response.text()
  const json = JSON.parse(text)
  if (response.status !== 200 || json.errors) throw new Error(`${server.name} answered ${response.status}: ${text.slice(0, 500)}`)
  return { text, json }
}
