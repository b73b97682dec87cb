/** One page of a list, in the terms of Relay's connections. What costs something is made when it is asked for. */
import { encodeCursor } from './cursor.ts'

/** A row, and what its list is sorted by, which cursors are made of: it is there where it is needed. */
export interface Sorted {
  readonly id: string
  readonly sortKey: string | Date
}

export class Page<Row> {
  readonly nodes: readonly Row[]
  readonly hasNextPage: boolean
  readonly hasPreviousPage: boolean
  /** Counts the rows on all pages together. */
  readonly total: () => Promise<number>
  private readonly binding: () => string

  /** @param binding what cursors of this list are bound to */
  constructor(
    binding: () => string,
    nodes: readonly (Row & Sorted)[],
    { hasNextPage, hasPreviousPage, total }: Pick<Page<Row>, 'hasNextPage' | 'hasPreviousPage' | 'total'>,
  ) {
    this.binding = binding
    this.nodes = nodes
    this.hasNextPage = hasNextPage
    this.hasPreviousPage = hasPreviousPage
    this.total = total
  }

  get edges(): readonly Edge<Row>[] {
    return this.nodes.map((node) => new Edge(this.binding, node))
  }

  get startCursor(): string | null {
    return this.nodes.length === 0 ? null : new Edge(this.binding, this.nodes[0]).cursor
  }

  get endCursor(): string | null {
    return this.nodes.length === 0 ? null : new Edge(this.binding, this.nodes.at(-1)).cursor
  }
}

export class Edge<Row> {
  readonly node: Row
  private readonly binding: () => string

  constructor(binding: () => string, node: Row) {
    this.binding = binding
    this.node = node
  }

  get cursor(): string {
    const { id, sortKey } = this.node as Sorted
    if (sortKey === undefined) throw new Error('a cursor was asked for of a row that was read without its sort key')
    return encodeCursor(this.binding(), { key: sortKey instanceof Date ? sortKey.getTime() : sortKey, id })
  }
}
