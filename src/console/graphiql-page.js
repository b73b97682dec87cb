/** Starts GraphiQL, which graphiql.js has put into `YogaGraphiQL`, with a query to begin with and settings that keep secrets out. */

const firstQuery = `# The first five people, and the latest
# interviews of each. Run it: Ctrl-Enter.
#
# Signed in by mail in this browser?
# Then it works as it is.
#
# With an API key (the first start of the
# gateway prints one), put this into the
# headers below:
# {"Authorization": "Bearer ck_…"}

query FirstPeople {
  people(first: 5) {
    totalCount
    nodes {
      id
      first
      last
      email
      interviews(first: 3) {
        nodes {
          id
          date
          published
        }
      }
    }
  }
}
`

const root = document.getElementById('root')

/** The editor's language services, by the names that Monaco calls them. */
const workers = {
  editorWorkerService: root.dataset.editorWorker,
  graphql: root.dataset.graphqlWorker,
  json: root.dataset.jsonWorker,
}
globalThis.MonacoEnvironment = { globalAPI: false, getWorkerUrl: (_module, label) => workers[label] }

// GraphiQL keeps the last query under this key and takes it up again. A default query is no last one: the next visit would open an
// empty tab beside it.
try {
  if (!localStorage.getItem('graphiql:query')) localStorage.setItem('graphiql:query', firstQuery)
} catch {
  // No storage: GraphiQL does without it, too.
}

globalThis.YogaGraphiQL.renderYogaGraphiQL(root, {
  title: document.title,
  logo: '',
  defaultQuery: firstQuery,
  headers: JSON.stringify({ 'X-Session': 'cookie' }, null, 2),
  // A key pasted into the headers is forgotten with the tab: whoever sits here next must not find it.
  shouldPersistHeaders: false,
  defaultEditorToolsVisibility: 'headers',
  credentials: 'same-origin',
  // Left to itself GraphiQL writes every edit into the address, where loading the page again makes it a GET of its answer.
  onEditQuery: () => {},
})
