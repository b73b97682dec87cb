/** The schema of the peers whose resolvers are written by hand, what they are asked, and how their answers are read. */
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

/** The district is the key's: nothing here has to name it. */
export const documents = () => ({
  W1: {
    query: `query People($first: Int!, $after: String) {
  people(first: $first, after: $after) {
    edges { cursor node { id first last email language } }
    pageInfo { hasNextPage endCursor }
  }
}`,
    variables: { first: 20 },
  },
  W2: {
    query: `query Interviews($first: Int!) {
  people(first: $first) {
    nodes { id first last interviews(first: 5) { nodes { id date published } } }
  }
}`,
    variables: { first: 20 },
  },
  W3: { query: '{ __typename }' },
})

export const read = {
  W1: ({ people }) => ({
    people: people.edges.map(({ node: { id, first, last, email, language } }) => ({ id, first, last, email, language })),
    hasNextPage: people.pageInfo.hasNextPage,
  }),
  W2: ({ people }) => ({
    people: people.nodes.map(({ id, first, last, interviews }) => ({
      id,
      first,
      last,
      interviews: interviews.nodes.map(({ id: interviewId, date, published }) => ({ id: interviewId, date, published })),
    })),
  }),
  W3: ({ __typename }) => __typename,
}

/** A cursor is the place in the order: the name to sort by and the id. */
export const cursorOf = (sortName, id) => Buffer.from(JSON.stringify([sortName, id])).toString('base64url')

export function placeOf(cursor) {
  const [sortName, id] = JSON.parse(Buffer.from(cursor, 'base64url').toString())
  if (typeof sortName !== 'string' || typeof id !== 'string') throw new TypeError('No cursor of this server')
  return { sortName, id }
}
