/** Where the gateway's time goes: the ten functions with most processor time of their own, for each workload. */
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { dataset } from './dataset.mjs'
import { load } from './load.mjs'
import { startServer } from './server.mjs'
import { documents } from './workloads.mjs'

const seconds = 5
const shown = 10
const root = new URL('../../', import.meta.url).pathname
const { key, env } = await dataset('large')
const headers = { 'Content-Type': 'application/json', Authorization: `Bearer ${key}` }

for (const [workload, document] of Object.entries(documents)) {
  const folder = mkdtempSync(join(tmpdir(), 'profile-'))
  const command = [process.execPath, '--cpu-prof', `--cpu-prof-dir=${folder}`, join(root, 'dist/main.js')]
  const server = await startServer({ name: 'gateway', command, env, headers })
  await load({ url: `${server.url}/graphql`, headers, body: JSON.stringify(document) }, 16, seconds)
  await server.stop()
  const [file] = readdirSync(folder)
  print(workload, JSON.parse(readFileSync(join(folder, file), 'utf8')))
  rmSync(folder, { recursive: true })
}

function print(workload, { nodes, samples, timeDeltas }) {
  const names = new Map(nodes.map(({ id, callFrame }) => [id, place(callFrame)]))
  const spent = new Map()
  samples.forEach((id, n) => {
    const name = names.get(id)
    if (!['(idle)', '(program)'].includes(name)) spent.set(name, (spent.get(name) ?? 0) + timeDeltas[n])
  })
  const all = [...spent.values()].reduce((sum, each) => sum + each, 0)
  console.log(`\n${workload}`)
  for (const [name, time] of [...spent].sort(([, a], [, b]) => b - a).slice(0, shown))
    console.log(`${((time / all) * 100).toFixed(1).padStart(5)} %  ${name}`)
}

function place({ functionName, url, lineNumber }) {
  const file = url.replace(/^.*\/(node_modules|dist)\//, '').replace('file://', '')
  return file === '' ? functionName : `${functionName || '(anonymous)'}  ${file}:${lineNumber + 1}`
}
