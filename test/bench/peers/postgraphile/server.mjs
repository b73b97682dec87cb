/** PostGraphile on the tables as they are, behind the same check of the API key as its peers. */
import { createServer } from 'node:http'
import { NoSchemaIntrospectionCustomRule } from 'graphql'
import pg from 'pg'
import { postgraphile } from 'postgraphile'
import { makePgService } from 'postgraphile/adaptors/pg'
import { grafserv } from 'postgraphile/grafserv/node'
import { PostGraphileAmberPreset } from 'postgraphile/presets/amber'
import { districtsByKey, keyQuery } from '../keys.mjs'

const pool = new pg.Pool({ connectionString: process.env.DATABASE_URL, max: 10 })
const districtOf = districtsByKey(async (hash) => (await pool.query(keyQuery, [hash])).rows[0]?.district_id)

const withoutIntrospection = {
  name: 'WithoutIntrospection',
  grafserv: {
    middleware: {
      setPreset(next, event) {
        event.validationRules.push(NoSchemaIntrospectionCustomRule)
        return next()
      },
    },
  },
}

const preset = {
  extends: [PostGraphileAmberPreset],
  plugins: [withoutIntrospection],
  // Else there is no order by a column that no index begins with.
  disablePlugins: ['PgIndexBehaviorsPlugin'],
  pgServices: [makePgService({ pool, schemas: ['public'] })],
  grafserv: { graphqlPath: '/graphql', graphiql: false, websockets: false, watch: false },
  grafast: { explain: false },
}

const serv = postgraphile(preset).createServ(grafserv)
await serv.ready()
const graphql = serv.createHandler()

// The district itself is chosen by the document here (peer.mjs), which only makes this server's work easier.
async function answer(request, response) {
  if ((await districtOf(request.headers.authorization)) !== undefined) return graphql(request, response)
  response.writeHead(401, { 'Content-Type': 'application/json' })
  response.end(JSON.stringify({ errors: [{ message: 'No valid API key' }] }))
}
const server = createServer((request, response) => {
  answer(request, response).catch((error) => response.destroy(error))
})
server.listen(Number(process.env.PORT), '127.0.0.1')
