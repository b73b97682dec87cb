/** Yoga's reading and writing of HTTP, around the pipeline: GET, media types to be negotiated, requests that are not what they should be. */
import type { ExecutionResult } from 'graphql'
import { createYoga, type GraphQLParams, type Plugin, processRegularResult } from 'graphql-yoga'
import type { Deps } from '../deps.ts'
import { Problem } from '../domain/problem.ts'
import { graphqlTypeFor } from '../http/media-types.ts'
import type { Context } from './context.ts'
import { type Answer, clientError, finishResult } from './errors.ts'
import type { Pipeline } from './pipeline.ts'
import { type GraphqlRequest, graphqlRequest } from './request.ts'

/** What Yoga carries from the door to the pipeline. */
interface ServerContext {
  readonly gateway: Context
  /** Of a POST, whose body was read at the door. */
  readonly request: GraphqlRequest | undefined
}

const contextOf = (context: object): ServerContext => context as ServerContext

export const yogaOver = ({ log }: Pick<Deps, 'log'>, pipeline: Pipeline) =>
  createYoga<ServerContext>({
    graphqlEndpoint: '/graphql',
    graphiql: false, // served by the console's pages, whole from here
    landingPage: false,
    cors: false, // app.ts answers for both faces
    multipart: false,
    logging: { debug() {}, info() {}, warn: (...args) => log.warn(args), error() {} }, // finishResult logs, with the request id
    parserAndValidationCache: false,
    maskedErrors: { maskError: (error) => clientError(error) },
    plugins: [parameters, answers(pipeline)],
  })

/** A body was read at the door. Of a GET request's address Yoga parses the parameters, without a thought for what is no JSON. */
const parameters: Plugin<ServerContext> = {
  onRequestParse({ requestParser, serverContext, setRequestParser }) {
    const { request } = contextOf(serverContext)
    if (request) return setRequestParser(() => request as GraphQLParams)
    if (!requestParser) return undefined
    return setRequestParser(async (get) => {
      try {
        return graphqlRequest(await requestParser(get)) as GraphQLParams
      } catch (error) {
        throw error instanceof SyntaxError
          ? new Problem('INVALID_INPUT', { sentence: 'variables and extensions must be JSON.' }, { cause: error })
          : error
      }
    })
  },
}

/** Yoga's own parsing, validation and execution are not asked: the pipeline answers. */
function answers(pipeline: Pipeline): Plugin<ServerContext> {
  const finished = new WeakSet<object>()
  return {
    onParams({ setParamsHandler }) {
      setParamsHandler(async ({ request, params, context }) => {
        const { gateway } = contextOf(context)
        const result = asResult(await pipeline.answer(gateway, params as GraphqlRequest, { readOnly: request.method === 'GET' }))
        finished.add(result)
        return result
      })
    },
    // Of every result, those of requests that never came to the pipeline among them.
    onResultProcess({ request, result, serverContext, setResult, setResultProcessor }) {
      const { gateway } = contextOf(serverContext)
      if (!finished.has(result)) setResult(asResult(finishResult(result as ExecutionResult, gateway, { isQuery: false })))
      const type = graphqlTypeFor({ headers: { accept: request.headers.get('accept') ?? undefined } })
      setResultProcessor(processRegularResult, type.split(';', 1)[0]!) // Yoga adds the charset itself
    },
  }
}

/** Yoga takes the status and the headers from the result's `extensions.http`, and does not send that on. */
const asResult = ({ result, status, headers }: Answer): ExecutionResult =>
  status === 200 ? result : { ...result, extensions: { http: { status, headers } } }
