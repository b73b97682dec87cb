import { dataset } from './dataset.mjs'
import { startServer } from './server.mjs'
import { inTurns } from './measure.mjs'
import { documents } from './workloads.mjs'
const { key, env } = await dataset('small')
const headers = { 'Content-Type': 'application/json', Authorization: `Bearer ${key}` }
const mains = process.argv.slice(2)
const servers = []
for (const m of mains) servers.push(await startServer({ name: m, command: [process.execPath, m], env, headers }))
for (const w of ['W3']) {
const r = await inTurns(servers.map((server) => ({ server, request: { path: '/graphql', headers, body: JSON.stringify(documents[w]) } })), { connections: 16, seconds: 2, rounds: 9 })
r.forEach((x, n) => console.log(w, mains[n], x.cpuMicros.toFixed(2), (x.cpuMicros / r[0].cpuMicros).toFixed(3)))
}
for (const s of servers) await s.stop()
process.exit(0)
