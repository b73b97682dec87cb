import type { DocumentNode, ExecutionResult, GraphQLSchema } from 'graphql'
export interface Plan {
  execute(args: {
    contextValue: unknown
    variableValues?: Readonly<Record<string, unknown>> | null | undefined
  }): Promise<ExecutionResult> | ExecutionResult
}
export const planOperation = (_schema: GraphQLSchema, _document: DocumentNode, _name?: string): Plan | undefined => undefined
