/** Only what is needed is read: the select list of a row, whole or in part. */
import { SelectList } from './statement.ts'

/**
 * Members of a row, and `sortKey` where cursors are made of it. The others are not there when these alone are read, whatever the row's type
 * says.
 */
export type Needed<Row> = readonly ((keyof Row & string) | 'sortKey')[]

/**
 * @param whole the select list of everything
 * @param always what the domain itself needs of every row
 * @returns the select list of what is needed; of everything, when nothing is said
 */
export function narrowable<Row>(whole: SelectList<Row>, ...always: Needed<Row>): (needed?: Needed<Row>) => SelectList<Row> {
  const listOf = (needed: Needed<Row>): SelectList<Row> =>
    new SelectList(whole.members.filter(({ name }) => needed.includes(name as never) || always.includes(name as never)))
  const lists = new WeakMap<Needed<Row>, SelectList<Row>>() // a document's selections are the same objects as long as it is kept
  return (needed) => {
    if (needed === undefined) return whole
    let list = lists.get(needed)
    if (!list) lists.set(needed, (list = listOf(needed)))
    return list
  }
}
