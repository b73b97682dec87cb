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
import { SelectionTree } from './selection.ts'
import { type VariableReader, variableReader } from './variables.ts'

/** One operation of a validated document. */
export interface Plan {
  readonly operation: OperationDefinitionNode
  /** As graphql-js's `execute` of the same document and operation. */
  execute(args: Pick<ExecutionArgs, 'rootValue' | 'contextValue' | 'variableValues'>): PromiseOrValue<ExecutionResult>
}

/** Of all that a document's conditions can leave, what was asked for last. */
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
  private readonly conditions: readonly string[]
  private readonly maxFields: number
  private readonly readVariables: VariableReader
  /** The document as if the operation had no variables: for when they have been read. */
  private readonly withoutVariables: DocumentNode
  /** By the values of the conditions; the one that was planned longest ago first. */
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
    this.maxFields = maxFieldsKept * fields
    this.readVariables = variableReader(schema, operation)
    const bare = { ...operation, variableDefinitions: [] }
    this.withoutVariables = { ...document, definitions: document.definitions.map((each) => (each === operation ? bare : each)) }
  }

  execute({ rootValue, contextValue, variableValues }: Parameters<Plan['execute']>[0]): PromiseOrValue<ExecutionResult> {
    const context = this.contextOf({ rootValue, contextValue, variableValues })
    if (!('schema' in context)) return { errors: context }
    const { collectedErrors } = context
    const respond = (data: ObjMap<unknown> | null): ExecutionResult =>
      collectedErrors.errors.length === 0 ? { data } : { errors: collectedErrors.errors, data }
    const fail = (error: unknown): ExecutionResult => {
      collectedErrors.add(error as GraphQLError, undefined)
      return respond(null)
    }
    try {
      const data = new Execution(context, this.treeFor(context)).executeOperation()
      return isThenable(data) ? data.then(respond, fail) : respond(data)
    } catch (error) {
      return fail(error)
    }
  }

  private contextOf(args: Parameters<Plan['execute']>[0]): ReturnType<typeof buildExecutionContext> {
    const { schema, document, operationName, operation } = this
    const variableValues = this.readVariables(args.variableValues ?? {})
    if (!variableValues) return buildExecutionContext({ ...args, schema, document, operationName })
    const { rootValue, contextValue } = args
    const context = buildExecutionContext({ schema, document: this.withoutVariables, operationName, rootValue, contextValue })
    return 'schema' in context ? Object.assign(context, { operation, variableValues }) : context
  }

  private treeFor(context: ExecutionContext): SelectionTree {
    const { variableValues } = context
    const conditions = this.conditions
      .filter((name) => Object.hasOwn(variableValues, name))
      .map((name) => [name, variableValues[name]] as const)
    const key = conditions.map(([name, value]) => `${name}:${String(value)}`).join()
    const known = this.trees.get(key)
    if (known) return known
    const tree = new SelectionTree(context, this.rootType, Object.fromEntries(conditions), {
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

/** The variables that decide what is selected, and how many fields are written down. */
function survey(document: DocumentNode): { conditions: readonly string[]; fields: number } {
  const conditions = new Set<string>()
  let fields = 0
  visit(document, {
    Field() {
      fields++
    },
    Directive({ name, arguments: args = [] }) {
      if (name.value !== GraphQLSkipDirective.name && name.value !== GraphQLIncludeDirective.name) return
      for (const { value } of args) if (value.kind === Kind.VARIABLE) conditions.add(value.name.value)
    },
  })
  return { conditions: [...conditions], fields }
}
