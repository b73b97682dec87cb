/**
 * What the audit trail costs: parallel writes of one district with it and without it, in turns, on a real server.
 * scripts/with-postgres.sh node test/bench/audit-trail.mjs   (npm run build first)
 */
import { randomBytes } from 'node:crypto'
import pg from 'pg'
import { openServer } from '../../dist/adapters/postgres-server.js'
import { startSealing } from '../../dist/domain/audit-seal.js'
import { insertPeople } from '../../dist/domain/bulk-insert.js'
import { createDistrict } from '../../dist/domain/new-district.js'
import { updatePerson } from '../../dist/domain/people-writes.js'

const writers = Number(process.env.WRITERS ?? 8)
const secondsATurn = Number(process.env.SECONDS ?? 5)
const turns = 4

const base = new URL(process.env.TEST_DATABASE_URL)
const name = `bench_${randomBytes(4).toString('hex')}`
const admin = new pg.Client({ connectionString: base.href })
await admin.connect()
await admin.query(`create database ${name}`)
const url = Object.assign(new URL(base), { pathname: `/${name}` }).href
const db = openServer({ url, directUrl: url, pooled: false })
await db.migrate()

const secrets = ['a-secret-key-for-a-benchmark-of-32-bytes']
const deps = { db, random: randomBytes, secrets }
const { districtId } = await createDistrict(deps, {
  name: 'Bench',
  admin: { first: 'Ada', last: 'Admin', email: 'ada@example.org' },
})
const people = Array.from({ length: 1_000 }, (_, n) => ({
  districtId,
  id: `person${n}`,
  first: 'First',
  last: `Last ${n}`,
  email: `person${n}@example.org`,
  language: 'en',
  roles: {},
  tags: [],
}))
await insertPeople(db, people)

/** The same writes; of the trail nothing is written, and nothing said. */
const withoutTrail = {
  ...deps,
  db: {
    ...db,
    transaction: (work) => db.transaction((tx) => work({ query: (statement) => tx.query(withoutRemembering(statement)) })),
  },
}
function withoutRemembering({ text, values }) {
  const remembering = /^with remembered as \(.*?\)\s*(?=update people)/s.exec(text)?.[0]
  if (!remembering) return { text, values }
  const taken = remembering.match(/\$\d+/g).length
  return {
    text: text.slice(remembering.length).replace(/\$(\d+)/g, (_, number) => `$${number - taken}`),
    values: values.slice(taken),
  }
}

const caller = {
  viewer: { kind: 'key', keyId: 'key', districtId, scopes: new Set(['read:people', 'write:people']), lapsed: false },
  client: { requestId: 'bench', network: '127.0.0.1', userAgent: null, browserToken: undefined, idempotencyKey: undefined },
}

async function rate(under) {
  const until = performance.now() + secondsATurn * 1_000
  const startedAt = performance.now()
  let written = 0
  await Promise.all(
    Array.from({ length: writers }, async (_, writer) => {
      while (performance.now() < until) {
        const person = people[(writer + writers * written) % people.length]
        await updatePerson(under, caller, person.id, { first: randomBytes(8).toString('hex') })
        written++
      }
    }),
  )
  return written / ((performance.now() - startedAt) / 1_000)
}

const log = { info() {}, warn: (...args) => console.error(...args) }
const rates = { with: [], without: [] }
await rate(withoutTrail) // warm
for (let turn = 0; turn < turns; turn++) {
  rates.without.push(await rate(withoutTrail))
  const stopSealing = startSealing({ db, log, secrets })
  rates.with.push(await rate(deps))
  await stopSealing()
}
const median = (values) => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)]
const [plain, trailed] = [median(rates.without), median(rates.with)]
console.log(
  `${writers} writers: ${plain.toFixed(0)} writes/s without the trail, ${trailed.toFixed(0)} with it and its sealing: ratio ${(trailed / plain).toFixed(2)}`,
)
await db.close()
await admin.query(`drop database ${name} with (force)`)
await admin.end()
