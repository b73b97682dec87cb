/** A connection of the schema, as a document asks for it that is read to its end, page after page. */

/** Of an order that never changes, and as large as a page may be. The document declares `$after: String`. */
export const pageArgs = 'first: 200, after: $after, orderBy: CREATED_AT_ASC'

export const pageOf = (fields: string): string => `{ nodes { ${fields} } pageInfo { hasNextPage endCursor } }`

export interface PageResult<Node = unknown> {
  readonly nodes: readonly Node[]
  readonly pageInfo: { readonly hasNextPage: boolean; readonly endCursor: string | null }
}

/** The cursor at which the list goes on, if it does. */
export const cursorAfter = ({ pageInfo: { hasNextPage, endCursor } }: PageResult): string | null => (hasNextPage ? endCursor : null)
