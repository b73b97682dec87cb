/** What is measured: each workload's document as the gateway takes it, and the shape in which all servers' answers must agree. */

/** How deep the deep page begins, in people. */
export const deepAfter = 40_000

const list = `query People($first: Int!, $after: String) {
  people(first: $first, after: $after) { edges { cursor node { id first last email language } } pageInfo { hasNextPage endCursor } }
}`
const nested = `query PeopleWithInterviews($first: Int!) {
  people(first: $first) { nodes { id first last interviews(first: 5) { nodes { id date published } } } }
}`

/** A list, a list within a list, and nothing but the way in and out. */
export const documents = {
  W1: { query: list, variables: { first: 20 } },
  W2: { query: nested, variables: { first: 20 } },
  W3: { query: '{ __typename }' },
}

/** From an answer's data to what it says; cursors are every server's own. */
export const read = {
  W1: ({ people: { edges, pageInfo } }) => ({ people: edges.map(({ node }) => node), hasNextPage: pageInfo.hasNextPage }),
  W2: ({ people: { nodes } }) => ({ people: nodes.map(({ interviews, ...person }) => ({ ...person, interviews: interviews.nodes })) }),
  W3: ({ __typename }) => __typename,
}
