/** The GraphQL endpoint: Yoga's transport around one pipeline of parsing, validation, execution and error mapping. */
import { execute, getOperationAST, type GraphQLSchema, NoSchemaIntrospectionCustomRule, type OperationTypeNode } from 'graphql'
import { createYoga, type Plugin } from 'graphql-yoga'
import type { Config } from '../config.ts'
import type { Deps } from '../deps.ts'
import type { Context } from './context.ts'
import { clientError, finishResult } from './errors.ts'
import { documentLimits } from './limits.ts'

/** What Yoga carries from the door to the resolvers. */
export interface ServerContext {
  readonly gateway: Context
  /** Known once the document has been let through. */
  operation?: `${OperationTypeNode}` | undefined
}

export type GraphqlServer = ReturnType<typeof createGraphqlServer>

export function createGraphqlServer(deps: Pick<Deps, 'config' | 'log'>, schema: GraphQLSchema) {
  return createYoga<ServerContext>({
    schema,
    graphqlEndpoint: '/graphql',
    graphiql: false, // served by the console's pages, whole from here
    landingPage: false,
    cors: false, // app.ts answers for both faces
    multipart: false,
    logging: { debug() {}, info() {}, warn: (...args) => deps.log.warn(args), error() {} }, // finishResult logs, with the request id
    maskedErrors: { maskError: (error) => clientError(error) },
    plugins: [documentLimits(schema), introspectionSwitch(deps.config), pipeline(deps.config)],
  })
}

/** Whether this caller may look into the schema, by introspection or by "did you mean". */
export const mayIntrospect = ({ introspection }: Pick<Config, 'introspection'>, { viewer }: Context): boolean =>
  introspection === 'on' || (introspection === 'signed-in' && viewer.kind !== 'anonymous')

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
    setExecuteFn((given) => execute({ ...given, contextValue: context.gateway }))
  },
  onExecutionResult({ result, setResult, context }) {
    if (!result || Array.isArray(result) || Symbol.asyncIterator in result) return
    const { gateway, operation } = context as unknown as ServerContext
    setResult(finishResult(result, gateway, { query: operation === 'query', suggestions: mayIntrospect(config, gateway) }))
  },
})
