/** Yoga's reading and writing of HTTP, around the pipeline: GET, media types to be negotiated, requests that are not what they should be. */
import type { ExecutionResult } from 'graphql'
import { createYoga, type Plugin, processRegularResult } from 'graphql-yoga'
import type { Deps } from '../deps.ts'
import { Problem } from '../domain/problem.ts'
import type { Context } from './context.ts'
import { type Answer, clientError, finishResult } from './errors.ts'
import type { GraphqlRequest, Pipeline } from './pipeline.ts'

/** What Yoga carries from the door to the pipeline. */
interface ServerContext {
  readonly gateway: Context
}

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

/** Yoga's own parsing, validation and execution are not asked: the pipeline answers. */
function answers(pipeline: Pipeline): Plugin<ServerContext> {
  const finished = new WeakSet<object>()
  return {
    onParams({ setParamsHandler }) {
      setParamsHandler(async ({ request, params, context }) => {
        const { gateway } = context as unknown as ServerContext
        const result = asResult(await pipeline.answer(gateway, params as GraphqlRequest, { readOnly: request.method === 'GET' }))
        finished.add(result)
        return result
      })
    },
    // Of every result, those of requests that never came to the pipeline among them.
    onResultProcess(outcome) {
      const result = outcome.result as ExecutionResult
      const { gateway } = outcome.serverContext as unknown as ServerContext
      if (!finished.has(result)) outcome.setResult(asResult(finishResult(result, gateway, { query: false, suggestions: false })))
      // What is done is done, whatever the client says it reads: it is told in JSON, and never with 406 afterwards.
      if (outcome.resultProcessor !== processRegularResult) outcome.setResultProcessor(processRegularResult, 'application/json')
    },
  }
}

/** Yoga takes the status and the headers from the result's `extensions.http`, and does not send that on. */
const asResult = ({ result, status, headers }: Answer): ExecutionResult =>
  status === 200 ? result : { ...result, extensions: { http: { status, headers } } }
