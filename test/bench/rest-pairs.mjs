/** REST's routes of a single record, each beside the GraphQL document that it executes. */
import { routes } from '../../dist/rest/routes.js'

/**
 * @param answer asks the gateway a GraphQL query
 * @returns `{ route, path, document }` each
 */
export async function restPairs(answer) {
  const { json } = await answer('{ interviews(first: 1) { nodes { id personId } } }')
  const [{ id: interviewId, personId }] = json.data.interviews.nodes
  return [
    pair('/api/people/:id', { id: personId }),
    pair('/api/interviews/:personId/:id', { personId, id: interviewId }),
    pair('/api/me', {}),
  ]
}

function pair(path, params) {
  const route = routes.find((each) => each.method === 'GET' && each.path === path)
  const variables = route.variables?.({ params, query: new URLSearchParams(), body: {} }) ?? {}
  return {
    route: `GET ${path}`,
    path: path.replaceAll(/:(\w+)/g, (_, name) => params[name]),
    document: { query: route.document, variables },
  }
}
