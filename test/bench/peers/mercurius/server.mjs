/** Mercurius as it is used to be fast: graphql-jit from the second time on, one prepared statement a list, a loader for the nested one. */
import Fastify from 'fastify'
import { NoSchemaIntrospectionCustomRule } from 'graphql'
import mercurius from 'mercurius'
import pg from 'pg'
import { cursorOf, placeOf, typeDefs } from '../hand-written.mjs'
import { districtsByKey, keyQuery } from '../keys.mjs'

// A date stays the text that the database writes.
pg.types.setTypeParser(pg.types.builtins.DATE, (text) => text)
const pool = new pg.Pool({ connectionString: process.env.DATABASE_URL, max: 10 })

const districtOf = districtsByKey(async (hash) => (await pool.query(keyQuery, [hash])).rows[0]?.district_id)

const firstPeople = `select id, first, last, email, language, sort_name from people
  where district_id = $1 and archived = false
  order by sort_name, id limit $2`
const peopleAfter = `select id, first, last, email, language, sort_name from people
  where district_id = $1 and archived = false and (sort_name, id) > ($3, $4)
  order by sort_name, id limit $2`
const interviewsOfPeople = `select asked.n, interview.id, interview.date, interview.published
  from unnest($2::text[], $3::int[]) with ordinality asked (person_id, first, n)
  cross join lateral (
    select id, date, published from interviews
    where district_id = $1 and person_id = asked.person_id
    order by date desc, id desc limit asked.first
  ) interview
  order by asked.n, interview.date desc, interview.id desc`

async function people(_, { first, after }, { districtId }) {
  const place = after == null ? undefined : placeOf(after)
  const { rows } = await pool.query(
    place
      ? { name: 'people-after', text: peopleAfter, values: [districtId, first + 1, place.sortName, place.id] }
      : { name: 'first-people', text: firstPeople, values: [districtId, first + 1] },
  )
  const hasNextPage = rows.length > first
  return { nodes: hasNextPage ? rows.slice(0, first) : rows, hasNextPage }
}

const resolvers = {
  Query: { people },
  PersonConnection: {
    edges: ({ nodes }) => nodes,
    pageInfo: (connection) => connection,
  },
  PersonEdge: {
    cursor: (person) => cursorOf(person.sort_name, person.id),
    node: (person) => person,
  },
  PageInfo: {
    endCursor({ nodes }) {
      const last = nodes.at(-1)
      return last ? cursorOf(last.sort_name, last.id) : null
    },
  },
}

const loaders = {
  Person: {
    interviews: {
      async loader(queries, { districtId }) {
        const { rows } = await pool.query({
          name: 'interviews-of-people',
          text: interviewsOfPeople,
          values: [districtId, queries.map(({ obj }) => obj.id), queries.map(({ params }) => params.first)],
        })
        const lists = queries.map(() => ({ nodes: [] }))
        for (const row of rows) lists[row.n - 1].nodes.push(row)
        return lists
      },
      // Nobody is asked for twice in a request, and a key for each costs.
      opts: { cache: false },
    },
  },
}

const app = Fastify({ logger: false })
app.decorateRequest('districtId', null)
app.addHook('onRequest', async (request, reply) => {
  const districtId = await districtOf(request.headers.authorization)
  if (districtId === undefined) return reply.code(401).send({ errors: [{ message: 'No valid API key' }] })
  request.districtId = districtId
})
await app.register(mercurius, {
  schema: typeDefs,
  resolvers,
  loaders,
  jit: 1,
  graphiql: false,
  validationRules: [NoSchemaIntrospectionCustomRule],
  context: ({ districtId }) => ({ districtId }),
})
await app.listen({ host: '127.0.0.1', port: Number(process.env.PORT) })
