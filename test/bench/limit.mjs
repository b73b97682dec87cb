/**
 * The limit: what this machine can do at most. Bare node:http, the credential from memory, one prepared statement, the same JSON to the
 * byte; no schema, no rule, no check of anything else. Environment: DATABASE_URL, PORT.
 */
import { createHash } from 'node:crypto'
import { createServer } from 'node:http'
import pg from 'pg'
import { documents } from './workloads.mjs'

const pool = new pg.Pool({
  connectionString: process.env.DATABASE_URL,
  max: 10,
  types: { getTypeParser: (oid, format) => (oid === 1082 ? (day) => day : pg.types.getTypeParser(oid, format)) },
})
/** Districts by Authorization header. */
const credentials = new Map()

const answers = new Map([
  [documents.W1.query, listPeople],
  [documents.W2.query, listWithInterviews],
  [documents.W3.query, async () => ({ __typename: 'Query' })],
])

const server = createServer((req, res) => {
  const chunks = []
  req.on('data', (chunk) => chunks.push(chunk))
  req.on('end', () => {
    answer(req.headers.authorization, JSON.parse(Buffer.concat(chunks).toString())).then((data) => {
      const body = JSON.stringify({ data })
      res.writeHead(200, { 'Content-Type': 'application/json; charset=utf-8', 'Content-Length': Buffer.byteLength(body) })
      res.end(body)
    }, fail)
  })
})
server.keepAliveTimeout = 75_000
server.listen(Number(process.env.PORT), '127.0.0.1')

async function answer(authorization, { query, variables }) {
  let districtId = credentials.get(authorization)
  if (districtId === undefined) {
    const hash = createHash('sha256').update(authorization.slice('Bearer '.length)).digest('base64url')
    const { rows } = await pool.query('select district_id from api_keys where key_hash = $1', [hash])
    credentials.set(authorization, (districtId = rows[0].district_id))
  }
  return answers.get(query)(districtId, variables)
}

async function listPeople(districtId, { first, after }) {
  const [binding, key, id] = after ? JSON.parse(Buffer.from(after, 'base64url').toString()) : [bindingOf(districtId)]
  const { rows } = await pool.query(
    after
      ? {
          name: `list after ${first}`,
          text: `select id, first, last, email, language, sort_name from people where district_id = (select $1::text) and archived = $2
                 and (sort_name, id) > ($3, $4) order by sort_name, id limit ${first + 1}`,
          values: [districtId, false, key, id],
        }
      : {
          name: `list ${first}`,
          text: `select id, first, last, email, language, sort_name from people where district_id = (select $1::text) and archived = $2
                 order by sort_name, id limit ${first + 1}`,
          values: [districtId, false],
        },
  )
  const edges = rows.slice(0, first).map(({ sort_name: sortName, ...node }) => ({
    cursor: Buffer.from(JSON.stringify([binding, sortName, node.id])).toString('base64url'),
    node,
  }))
  return { people: { edges, pageInfo: { hasNextPage: rows.length > first, endCursor: edges.at(-1)?.cursor ?? null } } }
}

async function listWithInterviews(districtId, { first }) {
  const { rows } = await pool.query({
    name: `list with interviews ${first}`,
    text: `select p.id, p.first, p.last, i.nodes from (
             select id, first, last, sort_name from people where district_id = (select $1::text) and archived = $2 order by sort_name, id limit ${first}
           ) p cross join lateral (
             select coalesce(json_agg(page), '[]') as nodes from (
               select id, date, published from interviews where district_id = (select $1::text) and person_id = p.id order by date desc, id desc limit 5
             ) page
           ) i order by p.sort_name, p.id`,
    values: [districtId, false],
  })
  return { people: { nodes: rows.map(({ nodes, ...person }) => ({ ...person, interviews: { nodes } })) } }
}

/** What the gateway binds this list's cursors to; a constant for its clients. */
const bindings = new Map()
function bindingOf(districtId) {
  if (!bindings.has(districtId)) {
    const list = JSON.stringify(['NAME_ASC', { list: 'people', districtId, archived: false }])
    bindings.set(districtId, createHash('sha256').update(list).digest('base64url').slice(0, 8))
  }
  return bindings.get(districtId)
}

function fail(error) {
  console.error(error)
  process.exit(1)
}
