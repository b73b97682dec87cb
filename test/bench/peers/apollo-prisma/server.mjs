/** Apollo Server as it is used to be fast: on Fastify, no plugin that looks at every field, one Prisma query of what a document selects. */
import { createHash } from 'node:crypto'
import { ApolloServer } from '@apollo/server'
import { ApolloServerPluginCacheControlDisabled, ApolloServerPluginLandingPageDisabled } from '@apollo/server/plugin/disabled'
import { fastifyApolloHandler } from '@as-integrations/fastify'
import { PrismaPg } from '@prisma/adapter-pg'
import { PrismaClient } from '@prisma/client'
import Fastify from 'fastify'
import { GraphQLError } from 'graphql'
import { cursorOf, placeOf, typeDefs } from '../hand-written.mjs'
import { districtsByKey } from '../keys.mjs'
import { selectedAt } from './selected.mjs'

const statementNames = new Map()
/** The same text gets the same name, and is prepared once a connection. */
function statementNameGenerator({ sql }) {
  let name = statementNames.get(sql)
  if (name === undefined) statementNames.set(sql, (name = createHash('sha256').update(sql).digest('base64url')))
  return name
}

const adapter = new PrismaPg({ connectionString: process.env.DATABASE_URL, max: 10 }, { statementNameGenerator })
const prisma = new PrismaClient({ adapter })

const districtOf = districtsByKey(async (keyHash) => {
  const good = { revokedAt: null, scopes: { hasEvery: ['read:people', 'read:interviews'] } }
  const key = await prisma.apiKey.findFirst({
    where: { keyHash, ...good, OR: [{ expiresAt: null }, { expiresAt: { gt: new Date() } }] },
    select: { districtId: true },
  })
  return key?.districtId
})

async function people(_, { first, after }, { districtId }, info) {
  const place = after == null ? undefined : placeOf(after)
  const fields = selectedAt(info, [['nodes'], ['edges', 'node']])
  const rows = await prisma.person.findMany({
    relationLoadStrategy: 'join',
    where: {
      districtId,
      archived: false,
      ...(place && { sortName: { gte: place.sortName }, NOT: { sortName: place.sortName, id: { lte: place.id } } }),
    },
    orderBy: [{ sortName: 'asc' }, { id: 'asc' }],
    take: first + 1,
    select: {
      id: true,
      first: fields.has('first'),
      last: fields.has('last'),
      email: fields.has('email'),
      language: fields.has('language'),
      sortName: true,
      interviews: fields.has('interviews') && {
        orderBy: [{ date: 'desc' }, { id: 'desc' }],
        take: fields.get('interviews').first,
        select: { id: true, date: true, published: true },
      },
    },
  })
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
    cursor: ({ sortName, id }) => cursorOf(sortName, id),
    node: (person) => person,
  },
  PageInfo: {
    endCursor({ nodes }) {
      const last = nodes.at(-1)
      return last ? cursorOf(last.sortName, last.id) : null
    },
  },
  Person: { interviews: ({ interviews }) => ({ nodes: interviews }) },
  Interview: { date: ({ date }) => date.toISOString().slice(0, 10) },
}

const server = new ApolloServer({
  typeDefs,
  resolvers,
  introspection: false,
  plugins: [ApolloServerPluginCacheControlDisabled(), ApolloServerPluginLandingPageDisabled()],
})
await server.start()

const app = Fastify({ logger: false })
const context = async ({ headers }) => {
  const districtId = await districtOf(headers.authorization)
  if (districtId === undefined)
    throw new GraphQLError('No valid API key', { extensions: { code: 'UNAUTHENTICATED', http: { status: 401 } } })
  return { districtId }
}
app.post('/graphql', fastifyApolloHandler(server, { context }))
await app.listen({ host: '127.0.0.1', port: Number(process.env.PORT) })
