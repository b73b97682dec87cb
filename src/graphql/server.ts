/** The GraphQL endpoint: Yoga's transport around one pipeline of parsing, validation, execution and error mapping. */
import { type DocumentNode, getOperationAST, type GraphQLSchema, NoSchemaIntrospectionCustomRule, type OperationTypeNode } from 'graphql'
import { createYoga, type Plugin, processRegularResult } from 'graphql-yoga'
import { LRUCache } from 'lru-cache'
import type { Config } from '../config.ts'
import type { Deps } from '../deps.ts'
import { Problem } from '../domain/problem.ts'
import type { Context } from './context.ts'
import { clientError, finishResult } from './errors.ts'
import { executeDocument } from './execution.ts'
import { documentLimits } from './limits.ts'

/** What Yoga carries from the door to the resolvers. */
export interface ServerContext {
  readonly gateway: Context
  /** Known once the document has been let through. */
  operation?: `${OperationTypeNode}` | undefined
}

export function createGraphqlServer(deps: Pick<Deps, 'config' | 'log'>, schema: GraphQLSchema) {
  return createYoga<ServerContext>({
    schema,
    graphqlEndpoint: '/graphql',
    graphiql: false, // served by the console's pages, whole from here
    landingPage: false,
    cors: false, // app.ts answers for both faces
    multipart: false,
    logging: { debug() {}, info() {}, warn: (...args) => deps.log.warn(args), error() {} }, // finishResult logs, with the request id
    parserAndValidationCache: { documentCache: boundedCache(), errorCache: { get: () => undefined, set() {} } },
    maskedErrors: { maskError: (error) => clientError(error) },
    plugins: [parameters, documentLimits(schema), introspectionSwitch(deps.config), pipeline(deps.config)],
  })
}

/** A hundredfold of it is what the parsed documents may take in memory. */
const maxCachedCharacters = 500_000

/** Parsed documents by their text, the least used of them forgotten first. Bounded by size: a flood of long ones is no reason to grow. */
function boundedCache(): { get(text: string): DocumentNode | undefined; set(text: string, document: DocumentNode): void } {
  const cache = new LRUCache<string, DocumentNode>({ maxSize: maxCachedCharacters, sizeCalculation: (_document, text) => text.length })
  return { get: (text) => cache.get(text), set: (text, document) => void cache.set(text, document) }
}

/** Whether this caller may look into the schema, by introspection or by "did you mean". */
const mayIntrospect = ({ introspection }: Pick<Config, 'introspection'>, { viewer }: Context): boolean =>
  introspection === 'on' || (introspection === 'signed-in' && viewer.kind !== 'anonymous')

/** What a GET request's address carries is parsed by Yoga without a thought for what is no JSON. */
const parameters: Plugin<ServerContext> = {
  onRequestParse({ requestParser, setRequestParser }) {
    if (!requestParser) return
    setRequestParser(async (request) => {
      try {
        return await requestParser(request)
      } catch (error) {
        throw error instanceof SyntaxError
          ? new Problem('INVALID_INPUT', { sentence: 'variables and extensions must be JSON.' }, { cause: error })
          : error
      }
    })
  },
}

const introspectionSwitch = (config: Config): Plugin<ServerContext> => ({
  // Yoga keeps what it validated by the names of the rules, so this answer is not mistaken for another caller's.
  onValidate({ addValidationRule, context }) {
    if (!mayIntrospect(config, context.gateway)) addValidationRule(NoSchemaIntrospectionCustomRule)
  },
})

const pipeline = (config: Config): Plugin<ServerContext> => ({
  onExecute({ args, setExecuteFn }) {
    const context = args.contextValue as ServerContext
    context.operation = getOperationAST(args.document, args.operationName)?.operation
    // By graphql-js, since Yoga's own executor loses what scalars say of their errors; and on the gateway's context
    // itself, since signing in or out changes it for the rest of the document.
    setExecuteFn((given) => executeDocument({ ...given, contextValue: context.gateway }))
  },
  // Of every result, those of requests that never came to be executed among them.
  onResultProcess(outcome) {
    const { result } = outcome
    if (Array.isArray(result) || Symbol.asyncIterator in result) return
    const { gateway, operation } = outcome.serverContext as unknown as ServerContext
    outcome.setResult(finishResult(result, gateway, { query: operation === 'query', suggestions: mayIntrospect(config, gateway) }))
    // What is done is done, whatever the client says it reads: it is told in JSON, and never with 406 afterwards.
    if (outcome.resultProcessor !== processRegularResult) outcome.setResultProcessor(processRegularResult, 'application/json')
  },
})
