import { dataset } from './dataset.mjs'
import { startServer } from './server.mjs'
import { load, median } from './load.mjs'
import { documents } from './workloads.mjs'
const [only = 'W1,W2,W3', secs = '3', rounds = '3', conns = '16', entry = 'dist/main.js'] = process.argv.slice(2)
const { key, env } = await dataset('large')
const auth = { 'Content-Type': 'application/json', Authorization: `Bearer ${key}` }
startServer.authorization = auth.Authorization
const root = new URL('../../', import.meta.url).pathname
const specs = [
  { name: 'limit', command: [process.execPath, root + 'test/bench/limit.mjs'], env },
  { name: 'gateway', command: [process.execPath, root + entry], env },
]
const servers = await Promise.all(specs.map(startServer))
for (const w of only.split(',')) {
  const body = JSON.stringify(documents[w])
  const texts = await Promise.all(
    servers.map(async (s) => (await fetch(s.url + '/graphql', { method: 'POST', headers: auth, body })).text()),
  )
  if (texts[0] !== texts[1])
    console.log(
      'DIFFERENT',
      texts.map((t) => t.slice(0, 400)),
    )
  const r = {}
  for (const s of servers) await load({ url: s.url + '/graphql', headers: auth, body }, Number(conns), 2)
  for (let i = 0; i < rounds; i++)
    for (const s of servers) {
      const c0 = s.cpuSeconds()
      const l = await load({ url: s.url + '/graphql', headers: auth, body }, Number(conns), Number(secs))
      ;(r[s.name] ??= []).push({ ...l, cpu: ((s.cpuSeconds() - c0) / l.requests) * 1e6 })
    }
  const m = (n, f) => median(r[n].map((x) => x[f]))
  console.log(
    w,
    ...servers.map(
      (s) =>
        `${s.name} ${m(s.name, 'rate').toFixed(0)}/s cpu ${m(s.name, 'cpu').toFixed(0)}us p50 ${m(s.name, 'p50Ms').toFixed(2)} p99 ${m(s.name, 'p99Ms').toFixed(2)}`,
    ),
    'ratio',
    (m('gateway', 'rate') / m('limit', 'rate')).toFixed(3),
  )
}
console.log(servers.map((s) => `${s.name} ${s.memoryMb().toFixed(0)}MB first ${s.firstAnswerMs.toFixed(0)}ms`).join('; '))
await Promise.all(servers.map((s) => s.stop()))
