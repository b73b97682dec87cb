/**
 * Operations executed by a plan: what graphql-js's `execute` would find out about a document again and again is found out
 * once. The rules are graphql-js's own, and so are results, errors, their order, and the order in which resolvers run.
 */
import {
  assertValidSchema,
  type DocumentNode,
  type ExecutionArgs,
  type ExecutionResult,
  getOperationAST,
  type GraphQLError,
  GraphQLIncludeDirective,
  GraphQLSkipDirective,
  type GraphQLObjectType,
  type GraphQLSchema,
  Kind,
  type OperationDefinitionNode,
  OperationTypeNode,
  visit,
} from 'graphql'
import { buildExecutionContext, type ExecutionContext } from 'graphql/execution/execute.js'
import type { ObjMap } from 'graphql/jsutils/ObjMap.js'
import type { PromiseOrValue } from 'graphql/jsutils/PromiseOrValue.js'
import { Execution } from './execution.ts'
import { isThenable } from './promises.ts'
import { type PlannedField, SelectionTree } from './selection.ts'
import { type VariableReader, variableReader } from './variables.ts'

/** One operation of a validated document. */
export interface Plan {
  readonly operation: OperationDefinitionNode
  /** As graphql-js's `execute` of the same document and operation. */
  execute(args: Pick<ExecutionArgs, 'rootValue' | 'contextValue' | 'variableValues'>): PromiseOrValue<ExecutionResult>
  /** The variables' values, where coercion changes none of those given; else nothing: they are to be coerced, or wrong. */
  readonly readVariables: VariableReader
  /** Executes with variables that were read or coerced. */
  run(args: { rootValue?: unknown; contextValue: unknown; variables: Values }): PromiseOrValue<ExecutionResult>
  /** The fields of the root that are selected, in order. A condition whose variable is not what it should be leaves its field in. */
  rootFields(given: Values): readonly PlannedField[]
}

type Values = Readonly<Record<string, unknown>>

/** At most so many trees an operation, one for each combination of @skip and @include values; the one planned first goes first. */
const maxTrees = 4
/** Fragments that are spread again and again are planned again and again: up to this many times a document's fields are kept. */
const maxFieldsKept = 8

/**
 * Plans one operation of a validated document. `undefined` for what graphql-js is to execute itself: an operation that is
 * not there or not told from others, which it explains, and a subscription, which takes more than executing.
 * @throws Error when the schema is not valid
 */
export function planOperation(schema: GraphQLSchema, document: DocumentNode, operationName?: string | null): Plan | undefined {
  assertValidSchema(schema)
  const operation = getOperationAST(document, operationName)
  const rootType = operation && schema.getRootType(operation.operation)
  if (!operation || !rootType || operation.operation === OperationTypeNode.SUBSCRIPTION) return undefined
  return new PlannedOperation(schema, document, operation, rootType, operationName)
}

class PlannedOperation implements Plan {
  readonly operation: OperationDefinitionNode
  private readonly schema: GraphQLSchema
  private readonly document: DocumentNode
  private readonly operationName: string | null | undefined
  private readonly rootType: GraphQLObjectType
  private readonly conditions: ReadonlyMap<string, boolean>
  /** Of variables of the type Boolean. */
  private readonly defaults: ReadonlyMap<string, boolean>
  private readonly maxFields: number
  readonly readVariables: VariableReader
  /** The document as if the operation had no variables: for when they have been read. */
  private readonly withoutVariables: DocumentNode
  private readonly selected: ConstructorParameters<typeof SelectionTree>[0]
  /** By the values of the conditions, in the order in which they were planned. */
  private readonly trees = new Map<string, SelectionTree>()

  constructor(
    schema: GraphQLSchema,
    document: DocumentNode,
    operation: OperationDefinitionNode,
    rootType: GraphQLObjectType,
    operationName: string | null | undefined,
  ) {
    this.schema = schema
    this.document = document
    this.operation = operation
    this.operationName = operationName
    this.rootType = rootType
    const { conditions, fields } = survey(document)
    this.conditions = conditions
    this.defaults = new Map(
      operation.variableDefinitions?.flatMap(({ variable, defaultValue }) =>
        defaultValue?.kind === Kind.BOOLEAN ? [[variable.name.value, defaultValue.value] as const] : [],
      ),
    )
    this.maxFields = maxFieldsKept * fields
    this.readVariables = variableReader(schema, operation)
    this.selected = { schema, operation, fragments: fragmentsOf(document) }
    const bare = { ...operation, variableDefinitions: [] }
    this.withoutVariables = { ...document, definitions: document.definitions.map((each) => (each === operation ? bare : each)) }
  }

  execute({ rootValue, contextValue, variableValues }: Parameters<Plan['execute']>[0]): PromiseOrValue<ExecutionResult> {
    const variables = this.readVariables(variableValues ?? {})
    if (variables) return this.run({ rootValue, contextValue, variables })
    const { schema, document, operationName } = this
    const context = buildExecutionContext({
      schema,
      document,
      operationName,
      rootValue,
      contextValue,
      variableValues: variableValues ?? {},
    })
    return 'schema' in context ? this.runIn(context) : { errors: context }
  }

  run({ rootValue, contextValue, variables }: Parameters<Plan['run']>[0]): PromiseOrValue<ExecutionResult> {
    const { schema, withoutVariables, operationName, operation } = this
    const context = buildExecutionContext({ schema, document: withoutVariables, operationName, rootValue, contextValue })
    if (!('schema' in context)) return { errors: context }
    return this.runIn(Object.assign(context, { operation, variableValues: variables as Record<string, unknown> }))
  }

  rootFields(given: Values): readonly PlannedField[] {
    const values = [...this.conditions].map(([name, leavingIn]): [string, boolean] => {
      const value = Object.hasOwn(given, name) ? given[name] : this.defaults.get(name)
      return [name, typeof value === 'boolean' ? value : leavingIn]
    })
    return this.treeFor(Object.fromEntries(values)).root.fields
  }

  private runIn(context: ExecutionContext): PromiseOrValue<ExecutionResult> {
    const { collectedErrors } = context
    const respond = (data: ObjMap<unknown> | null): ExecutionResult =>
      collectedErrors.errors.length === 0 ? { data } : { errors: collectedErrors.errors, data }
    const fail = (error: unknown): ExecutionResult => {
      collectedErrors.add(error as GraphQLError, undefined)
      return respond(null)
    }
    try {
      const data = new Execution(context, this.treeFor(context.variableValues)).executeOperation()
      return isThenable(data) ? data.then(respond, fail) : respond(data)
    } catch (error) {
      return fail(error)
    }
  }

  private treeFor(variableValues: Values): SelectionTree {
    const conditions = [...this.conditions.keys()]
      .filter((name) => Object.hasOwn(variableValues, name))
      .map((name) => [name, variableValues[name]] as const)
    const key = conditions.map(([name, value]) => `${name}:${String(value)}`).join()
    const known = this.trees.get(key)
    if (known) return known
    const tree = new SelectionTree(this.selected, this.rootType, Object.fromEntries(conditions), {
      maxFields: this.maxFields,
      exceeded: this.forgetting(key),
    })
    const [oldest] = this.trees.size < maxTrees ? [] : this.trees.keys()
    if (oldest !== undefined) this.trees.delete(oldest)
    this.trees.set(key, tree)
    return tree
  }

  /** Whoever executes the tree has it to the end. Made apart, so that no variables are kept with it. */
  private forgetting(key: string): () => void {
    return () => void this.trees.delete(key)
  }
}

/** By name, in an object without a prototype, as graphql-js keeps them. */
function fragmentsOf({ definitions }: DocumentNode): ExecutionContext['fragments'] {
  const fragments = Object.create(null) as ExecutionContext['fragments']
  for (const definition of definitions) if (definition.kind === Kind.FRAGMENT_DEFINITION) fragments[definition.name.value] = definition
  return fragments
}

/** The variables that decide what is selected, each with the value that leaves a field in, and how many fields are written down. */
function survey(document: DocumentNode): { conditions: ReadonlyMap<string, boolean>; fields: number } {
  const conditions = new Map<string, boolean>()
  let fields = 0
  visit(document, {
    Field() {
      fields++
    },
    Directive({ name, arguments: args = [] }) {
      if (name.value !== GraphQLSkipDirective.name && name.value !== GraphQLIncludeDirective.name) return
      const isInclude = name.value === GraphQLIncludeDirective.name
      for (const { value } of args)
        if (value.kind === Kind.VARIABLE) conditions.set(value.name.value, isInclude || conditions.get(value.name.value) === true)
    },
  })
  return { conditions, fields }
}
