/**
 * Keyset pagination: a page is found by conditions on the sort columns, so page 1,000 costs what page 1 costs, and
 * rows inserted or deleted in between move nobody. A cursor is bound to its list, order and filter.
 */
import { hash } from 'node:crypto'
import { LRUCache } from 'lru-cache'
import sql, { raw, type Sql } from 'sql-template-tag'
import { type Member, SelectList } from '../sql/statement.ts'
import { decodeCursor, type KeyType, type Position } from './cursor.ts'
import { Page, type Sorted } from './page.ts'
import { invalid } from './problem.ts'

/** The arguments of a Relay connection. */
export interface PageArgs {
  readonly first?: number | null | undefined
  readonly after?: string | null | undefined
  readonly last?: number | null | undefined
  readonly before?: string | null | undefined
}

export const defaultPageSize = 50
export const maxPageSize = 200

/** How rows are sorted: by one column, then by id, both the same way. */
export interface Order {
  readonly name: string
  readonly column: string
  readonly type: KeyType
  readonly descending: boolean
  /** The end of a select list: what cursors are made of. */
  readonly sortKey: SelectList<Pick<Sorted, 'sortKey'>>
}

/** The two directions of sorting by one column, under the names of the schema: NAME → NAME_ASC and NAME_DESC. */
export function ordersBy<const Name extends string>(
  name: Name,
  column: string,
  type: Order['type'],
): Record<`${Name}_ASC` | `${Name}_DESC`, Order> {
  const sortKey = new SelectList<Pick<Sorted, 'sortKey'>>([{ name: 'sortKey', value: raw(column), source: type } satisfies Member], ', ')
  const directed = (suffix: string, descending: boolean) => [
    `${name}_${suffix}`,
    { name: `${name}_${suffix}`, column, type, descending, sortKey } satisfies Order,
  ]
  return Object.fromEntries([directed('ASC', false), directed('DESC', true)])
}

/** One page, asked for. */
export interface Window {
  readonly order: Order
  readonly size: number
  readonly backward: boolean
  readonly after: Position | undefined
  readonly before: Position | undefined
  /** What cursors of this list are bound to. */
  readonly binding: () => string
}

/**
 * Reads the arguments of a connection.
 * @param list what makes the list the one it is, beside its order: a cursor of another list is refused
 * @throws Problem INVALID_INPUT for a size out of range, `first` beside `last`, or a cursor of another list
 */
export function windowOf(args: PageArgs, order: Order, list: object): Window {
  if (args.first != null && args.last != null) throw invalid('last', 'Ask for first or last, not for both.')
  const backward = args.last != null
  const size = args.last ?? args.first ?? defaultPageSize
  if (size < 0 || size > maxPageSize) throw invalid(backward ? 'last' : 'first', `A page has 0 to ${maxPageSize} records.`)
  let bound: string | undefined
  const binding = () => (bound ??= bindingOf(JSON.stringify([order.name, given(list)])))
  return {
    order,
    size,
    backward,
    after: args.after == null ? undefined : decodeCursor(args.after, order.type, binding(), 'after'),
    before: args.before == null ? undefined : decodeCursor(args.before, order.type, binding(), 'before'),
    binding,
  }
}

/** Lists that are asked for again and again. */
const bindings = new LRUCache<string, string>({ max: 1_000 })
function bindingOf(list: string): string {
  let binding = bindings.get(list)
  if (binding === undefined) bindings.set(list, (binding = hash('sha256', list, 'base64url').slice(0, 8)))
  return binding
}

/** A member of a filter that is null is one that is not given. */
const given = (list: object): unknown => Object.fromEntries(Object.entries(list).filter(([, value]) => value != null))

/** The condition that holds for the rows of the window, on the sort columns alone, so that an index serves it. */
export function keysetCondition({ order, after, before }: Window): Sql {
  const columns = raw(`(${order.column}, ${idColumn(order)})`)
  const place = ({ key, id }: Position) => sql`(${order.type === 'timestamptz' ? new Date(key) : key}::${raw(order.type)}, ${id})`
  const [later, earlier] = order.descending ? [raw('<'), raw('>')] : [raw('>'), raw('<')]
  const behind = after ? sql` and ${columns} ${later} ${place(after)}` : sql``
  const ahead = before ? sql` and ${columns} ${earlier} ${place(before)}` : sql``
  return sql`${behind}${ahead}`
}

/**
 * `order by … limit …`, one row more than the page, which tells whether there is another. The number is written out: with a parameter
 * PostgreSQL would plan for a tenth of the list.
 */
export function orderAndLimit({ order, size, backward }: Window): Sql {
  const direction = order.descending !== backward ? 'desc' : 'asc'
  return sql`order by ${raw(`${order.column} ${direction}, ${idColumn(order)} ${direction}`)} limit ${raw(String(size + 1))}`
}

const noSortKey: Order['sortKey'] = new SelectList([])

/** The end of a select list: the column that cursors are made of, where they are needed. */
export const andSortKey = ({ sortKey }: Order, needed?: readonly string[]): Order['sortKey'] =>
  needed === undefined || needed.includes('sortKey') ? sortKey : noSortKey

/** Turns rows, read with {@link orderAndLimit}, into a page. */
export function pageOf<Row>(window: Window, rows: readonly (Row & Sorted)[], total: () => Promise<number>): Page<Row> {
  const { size, backward, before, after, binding } = window
  const more = rows.length > size
  const nodes = rows.slice(0, size)
  if (backward) nodes.reverse()
  return new Page<Row>(binding, nodes, {
    hasNextPage: backward ? before !== undefined : more,
    hasPreviousPage: backward ? more : after !== undefined,
    total,
  })
}

/** `p.sort_name` → `p.id`: both columns come from one table. */
const idColumn = ({ column }: Order): string => column.replace(/\.\w+$/, '.id')
