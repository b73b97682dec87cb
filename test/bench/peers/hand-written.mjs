/** The schema of the peers whose resolvers are written by hand: what the workloads need of the gateway's, so that they are asked the same. */
import { documents as workloads } from '../workloads.mjs'

export { read } from '../workloads.mjs'

export const typeDefs = `
  type Query {
    people(first: Int!, after: String): PersonConnection!
  }
  type PersonConnection {
    edges: [PersonEdge!]!
    nodes: [Person!]!
    pageInfo: PageInfo!
  }
  type PersonEdge {
    cursor: String!
    node: Person!
  }
  type PageInfo {
    hasNextPage: Boolean!
    endCursor: String
  }
  type Person {
    id: ID!
    first: String!
    last: String!
    email: String!
    language: String!
    interviews(first: Int!): InterviewConnection!
  }
  type InterviewConnection {
    nodes: [Interview!]!
  }
  type Interview {
    id: ID!
    date: String!
    published: Boolean!
  }
`

/** The district is the key's: nothing in a document has to name it. */
export const documents = () => workloads

/** A cursor is the place in the order: the name to sort by and the id. */
export const cursorOf = (sortName, id) => Buffer.from(JSON.stringify([sortName, id])).toString('base64url')

export function placeOf(cursor) {
  const [sortName, id] = JSON.parse(Buffer.from(cursor, 'base64url').toString())
  if (typeof sortName !== 'string' || typeof id !== 'string') throw new TypeError('No cursor of this server')
  return { sortName, id }
}
