/**
 * One execution over a plan. Its methods are named like the functions of graphql-js's execute.js, whose rules they keep
 * turn by turn of the microtask queue: errors come in the order of turns, and so do the calls of resolvers.
 */
import {
  GraphQLError,
  type GraphQLAbstractType,
  type GraphQLLeafType,
  type GraphQLObjectType,
  type GraphQLOutputType,
  type GraphQLResolveInfo,
  isNonNullType,
  locatedError,
  OperationTypeNode,
} from 'graphql'
import { buildResolveInfo, type ExecutionContext } from 'graphql/execution/execute.js'
import { inspect } from 'graphql/jsutils/inspect.js'
import { isIterableObject } from 'graphql/jsutils/isIterableObject.js'
import type { ObjMap } from 'graphql/jsutils/ObjMap.js'
import { addPath, type Path, pathToArray } from 'graphql/jsutils/Path.js'
import { promiseForObject } from 'graphql/jsutils/promiseForObject.js'
import type { PromiseOrValue } from 'graphql/jsutils/PromiseOrValue.js'
import { promiseReduce } from 'graphql/jsutils/promiseReduce.js'
import { type Completion, isUnchanged } from './completion.ts'
import { ensureValidRuntimeType } from './runtime-type.ts'
import type { PlannedField, Selection, SelectionTree } from './selection.ts'
import { ignoreRejections, isThenable, settle } from './promises.ts'

export class Execution {
  private readonly context: ExecutionContext
  private readonly tree: SelectionTree

  constructor(context: ExecutionContext, tree: SelectionTree) {
    this.context = context
    this.tree = tree
  }

  executeOperation(): PromiseOrValue<ObjMap<unknown>> {
    const { operation, rootValue } = this.context
    return operation.operation === OperationTypeNode.MUTATION
      ? this.executeFieldsSerially(this.tree.root, rootValue)
      : this.executeFields(this.tree.root, rootValue, undefined)
  }

  private executeFieldsSerially({ fields }: Selection, source: unknown): PromiseOrValue<ObjMap<unknown>> {
    return promiseReduce(
      fields,
      (results: ObjMap<unknown>, field) => {
        const result = this.executeField(field, source, undefined)
        if (result === undefined) return results
        if (isThenable(result))
          return result.then((resolved) => {
            results[field.responseName] = resolved
            return results
          })
        results[field.responseName] = result
        return results
      },
      Object.create(null) as ObjMap<unknown>,
    )
  }

  private executeFields({ fields, hasProto }: Selection, source: unknown, path: Path | undefined): PromiseOrValue<ObjMap<unknown>> {
    const results = (hasProto ? Object.create(null) : {}) as ObjMap<unknown>
    let promised: string[] | undefined
    try {
      for (let i = 0; i < fields.length; i++) {
        const field = fields[i]!
        const result = this.executeField(field, source, path)
        if (result === undefined) continue // what a thenable that is no promise may return
        results[field.responseName] = result
        if (isThenable(result)) (promised ??= []).push(field.responseName)
      }
    } catch (error) {
      if (promised)
        return promiseForObject(results as ObjMap<Promise<unknown>>).finally(() => {
          throw error
        })
      throw error
    }
    return promised ? settle(results, promised) : results
  }

  private executeField(field: PlannedField, source: unknown, prev: Path | undefined): unknown {
    if (field.resolve !== undefined) return field.isTypename ? field.parentType.name : this.resolveField(field, field.resolve, source, prev)
    let property: unknown
    try {
      if ((typeof source === 'object' && source !== null) || typeof source === 'function')
        property = (source as ObjMap<unknown>)[field.name]
    } catch (rawError) {
      return this.handleFieldError(rawError, field, field.definition.type, pathOf(field, prev))
    }
    if (isUnchanged(property, field.completion)) return property
    if (property == null && !field.completion.nonNull) return null
    return this.completeProperty(field, source, property, prev)
  }

  private resolveField(
    field: PlannedField,
    resolve: NonNullable<PlannedField['resolve']>,
    source: unknown,
    prev: Path | undefined,
  ): unknown {
    const path = pathOf(field, prev)
    const info = this.resolveInfo(field, path)
    try {
      return this.completeResult(
        field,
        info,
        path,
        resolve(source, field.readArguments?.(this.context.variableValues) ?? {}, this.context.contextValue, info),
      )
    } catch (rawError) {
      return this.handleFieldError(rawError, field, field.definition.type, path)
    }
  }

  /** What graphql-js's default resolver does with a property that it has read. */
  private completeProperty(field: PlannedField, source: unknown, property: unknown, prev: Path | undefined): unknown {
    const path = pathOf(field, prev)
    const isMethod = typeof property === 'function'
    const info = isMethod || field.takesInfo ? this.resolveInfo(field, path) : undefined
    try {
      // Read again, as there: the source is its `this`.
      const result: unknown = isMethod ? (source as ObjMap<Function>)[field.name]!({}, this.context.contextValue, info) : property
      return this.completeResult(field, info, path, result)
    } catch (rawError) {
      return this.handleFieldError(rawError, field, field.definition.type, path)
    }
  }

  private completeResult(field: PlannedField, info: GraphQLResolveInfo | undefined, path: Path, result: unknown): unknown {
    const { completion, definition } = field
    if (isUnchanged(result, completion)) return result
    const completed = isThenable(result)
      ? this.completePromisedValue(field, completion, info, path, result)
      : this.completeValue(field, completion, info, path, result)
    return isThenable(completed) ? this.withErrorsHandled(completed, field, definition.type, path) : completed
  }

  private resolveInfo({ definition, nodes, parentType }: PlannedField, path: Path): GraphQLResolveInfo {
    return buildResolveInfo(this.context, definition, nodes, parentType, path)
  }

  private handleFieldError(rawError: unknown, { nodes }: PlannedField, returnType: GraphQLOutputType, path: Path): null {
    const error = locatedError(rawError, nodes, pathToArray(path))
    if (isNonNullType(returnType)) throw error
    this.context.collectedErrors.add(error, path)
    return null
  }

  // The closures are made here and not where they are needed, since V8 gives every call of a function that has some a context.
  private completePromisedValue(
    field: PlannedField,
    completion: Completion,
    info: GraphQLResolveInfo | undefined,
    path: Path,
    result: Promise<unknown>,
  ): Promise<unknown> {
    return result.then((resolved) => this.completeValue(field, completion, info, path, resolved))
  }

  private withErrorsHandled(completed: Promise<unknown>, field: PlannedField, returnType: GraphQLOutputType, path: Path): Promise<unknown> {
    return completed.then(undefined, (rawError: unknown) => this.handleFieldError(rawError, field, returnType, path))
  }

  private completeValue(
    field: PlannedField,
    completion: Completion,
    info: GraphQLResolveInfo | undefined,
    path: Path,
    result: unknown,
  ): PromiseOrValue<unknown> {
    if (result instanceof Error) throw result
    if (result == null) {
      if (completion.nonNull) throw new Error(`Cannot return null for non-nullable field ${field.parentType.name}.${field.name}.`)
      return null
    }
    switch (completion.kind) {
      case 'list':
        return this.completeListValue(field, completion, info, path, result)
      case 'leaf':
        return completeLeafValue(completion.type, result)
      case 'abstract':
        return this.completeAbstractValue(field, completion.type, info!, path, result)
      case 'object':
        return this.completeObjectValue(field, completion.type, info, path, result)
    }
  }

  private completeListValue(
    field: PlannedField,
    { item: completion, itemType }: Extract<Completion, { kind: 'list' }>,
    info: GraphQLResolveInfo | undefined,
    path: Path,
    result: unknown,
  ): PromiseOrValue<unknown[]> {
    if (!isIterableObject(result))
      throw new GraphQLError(`Expected Iterable, but did not find one for field "${field.parentType.name}.${field.name}".`)
    const completedResults: unknown[] = []
    let containsPromise = false
    try {
      for (const item of result) {
        if (isUnchanged(item, completion)) {
          completedResults.push(item)
          continue
        }
        const itemPath = addPath(path, completedResults.length, undefined)
        try {
          const completedItem = isThenable(item)
            ? this.completePromisedValue(field, completion, info, itemPath, item)
            : this.completeValue(field, completion, info, itemPath, item)
          if (isThenable(completedItem)) {
            containsPromise = true
            completedResults.push(this.withErrorsHandled(completedItem, field, itemType, itemPath))
          } else completedResults.push(completedItem)
        } catch (rawError) {
          completedResults.push(this.handleFieldError(rawError, field, itemType, itemPath))
        }
      }
    } catch (error) {
      // graphql-js leaves them alone: one that is rejected later would be nobody's.
      if (containsPromise) ignoreRejections(completedResults)
      throw error
    }
    return containsPromise ? Promise.all(completedResults) : completedResults
  }

  private completeAbstractValue(
    field: PlannedField,
    returnType: GraphQLAbstractType,
    info: GraphQLResolveInfo,
    path: Path,
    result: unknown,
  ): PromiseOrValue<ObjMap<unknown>> {
    const { contextValue, schema, typeResolver } = this.context
    const resolveType = returnType.resolveType ?? typeResolver
    const complete = (name: unknown) =>
      this.completeObjectValue(field, ensureValidRuntimeType(name, schema, returnType, field, result), info, path, result)
    const runtimeType: unknown = resolveType(result, contextValue, info, returnType)
    return isThenable(runtimeType) ? runtimeType.then(complete) : complete(runtimeType)
  }

  private completeObjectValue(
    field: PlannedField,
    returnType: GraphQLObjectType,
    info: GraphQLResolveInfo | undefined,
    path: Path,
    result: unknown,
  ): PromiseOrValue<ObjMap<unknown>> {
    const selection = this.tree.selectionOf(field, returnType)
    if (!returnType.isTypeOf) return this.executeFields(selection, result, path)
    const execute = (isTypeOf: boolean) => {
      if (!isTypeOf)
        throw new GraphQLError(`Expected value of type "${returnType.name}" but got: ${inspect(result)}.`, { nodes: field.nodes })
      return this.executeFields(selection, result, path)
    }
    const isTypeOf = returnType.isTypeOf(result, this.context.contextValue, info!)
    return isThenable(isTypeOf) ? isTypeOf.then(execute) : execute(isTypeOf)
  }
}

function completeLeafValue(type: GraphQLLeafType, result: unknown): unknown {
  const serialized = type.serialize(result)
  if (serialized == null)
    throw new Error(
      `Expected \`${inspect(type)}.serialize(${inspect(result)})\` to return non-nullable value, returned: ${inspect(serialized)}`,
    )
  return serialized
}

const pathOf = ({ responseName, parentType }: PlannedField, prev: Path | undefined): Path => addPath(prev, responseName, parentType.name)
