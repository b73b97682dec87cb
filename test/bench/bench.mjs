/**
 * How fast the gateway is, as ratios within one run: against the limit of the machine, with --before=<another checkout, built> against the
 * gateway as it is there, and with --peers against other servers.
 *   npm run bench, npm run bench:peers      --seconds=3 a measurement, --rounds=5 of them; wrk and taskset are needed
 * Servers have the first core, the load and the database the second. Every answer is compared before anything is timed.
 */
import { deepStrictEqual, strictEqual } from 'node:assert/strict'
import { cpus } from 'node:os'
import { parseArgs } from 'node:util'
import { before, gateway, limit, peers } from './contenders.mjs'
import { dataset } from './dataset.mjs'
import { median } from './load.mjs'
import { answerOf, inTurns } from './measure.mjs'
import { otherGoalsTable, ratiosTable, serversTable, whole } from './report.mjs'
import { startServer } from './server.mjs'
import { restPairs } from './rest-pairs.mjs'
import { deepAfter, documents } from './workloads.mjs'

const { values } = parseArgs({
  options: {
    before: { type: 'string' },
    peers: { type: 'boolean' },
    seconds: { type: 'string', default: '3' },
    rounds: { type: 'string', default: '5' },
  },
})
const [seconds, rounds] = [Number(values.seconds), Number(values.rounds)]
const starts = 5

const large = await dataset('large')
const small = await dataset('small')
const contenders = [limit, gateway, ...(values.before ? [before(values.before)] : []), ...(values.peers ? await peers() : [])]
const asking = (key) => ({ 'Content-Type': 'application/json', Authorization: `Bearer ${key}` })
const post = (document, { key } = large) => ({ path: '/graphql', headers: asking(key), body: JSON.stringify(document) })

const servers = []
for (const contender of contenders) servers.push({ ...contender, ...(await started(contender)), at16: {}, at64: {} })
const [, ofGateway] = servers
const ofSmall = await startServer({ ...gateway, env: small.env, headers: asking(small.key) })
try {
  await compare()
  for (const connections of [16, 64])
    for (const workload of Object.keys(documents)) {
      const asked = servers.map((server) => ({ server, request: post(server.documents(large.districtId)[workload]) }))
      const results = await inTurns(asked, { connections, seconds, rounds })
      for (const [at, result] of results.entries()) servers[at][`at${connections}`][workload] = result
    }
  for (const server of servers) server.memoryMb = server.memoryMb()
  const others = servers.filter((server) => server !== ofGateway)
  console.log(`${new Date().toISOString().slice(0, 10)}, ${cpus()[0].model}, Node ${process.version}\n`)
  console.log(`${serversTable(servers)}\n\n${ratiosTable(ofGateway, others)}\n\n${otherGoalsTable(await otherGoals())}`)
} finally {
  await Promise.all([...servers, ofSmall].map((server) => server.stop()))
}

/** The server, and the middle of several starts. */
async function started(contender) {
  const options = { ...contender, env: large.env, headers: asking(large.key) }
  const times = []
  for (let n = 1; n < starts; n++) {
    const server = await startServer(options)
    times.push(server.firstAnswerMs)
    await server.stop()
  }
  const server = await startServer(options)
  return { ...server, firstAnswerMs: median([...times, server.firstAnswerMs]) }
}

/** All say the same; the limit and the gateway in the same bytes. */
async function compare() {
  for (const workload of Object.keys(documents)) {
    const answers = await Promise.all(servers.map((server) => answerOf(server, post(server.documents(large.districtId)[workload]))))
    strictEqual(answers[1].text, answers[0].text)
    const said = servers.map(({ read }, at) => read[workload](answers[at].json.data))
    for (const each of said) deepStrictEqual(each, said[0])
  }
}

async function otherGoals() {
  const turns = { connections: 16, seconds, rounds }
  const p99 = (workload) => ofGateway.at64[workload].p99Ms / ofGateway.at64[workload].p50Ms
  const deep = { ...documents.W1, variables: { first: 20, after: await cursorAt(deepAfter) } }
  const [first, far, few] = await inTurns(
    [
      { server: ofGateway, request: post(documents.W1) },
      { server: ofGateway, request: post(deep) },
      { server: ofSmall, request: post(documents.W1, small) },
    ],
    turns,
  )
  const rows = [
    ...Object.keys(documents).map((each) => [`${each}: p99 ÷ p50 at 64 connections`, p99(each).toFixed(1), 'under 4']),
    [`W1 after person ${whole(deepAfter)}, against the first page`, (far.rate / first.rate).toFixed(2), '0.80 to 1.20'],
    ['W1, against a table a tenth as large', (first.rate / few.rate).toFixed(2), '0.80 to 1.20'],
    ['memory after load', `${whole(ofGateway.memoryMb)} MB`, 'under 150 MB'],
    ['first answer', `${(ofGateway.firstAnswerMs / 1_000).toFixed(2)} s`, 'within 0.60 s'],
  ]
  for (const { route, path, document } of await restPairs((query) => answerOf(ofGateway, post({ query })))) {
    const [byRest, byGraphql] = await inTurns(
      [
        { server: ofGateway, request: { path, method: 'GET', headers: asking(large.key) } },
        { server: ofGateway, request: post(document) },
      ],
      turns,
    )
    rows.push([`${route}, against its GraphQL document`, `${(byGraphql.rate / byRest.rate).toFixed(2)} × the time`, 'within 1.30 ×'])
  }
  return rows
}

/** The cursor of the person at this place of the list. */
async function cursorAt(place) {
  let after = null
  for (let read = 0; read < place; read += 200) {
    const { json } = await answerOf(ofGateway, post({ ...documents.W1, variables: { first: 200, after } }))
    after = json.data.people.pageInfo.endCursor
  }
  return after
}
