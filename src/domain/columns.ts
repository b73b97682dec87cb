/** Only what is needed is read: the select list of a row, whole or in part. */
import sql, { raw, type Sql } from 'sql-template-tag'

/**
 * Members of a row, and `sortKey` where cursors are made of it. The others are not there when these alone are read, whatever the row's type
 * says.
 */
export type Needed<Row> = readonly ((keyof Row & string) | 'sortKey')[]

/**
 * Names each member's column.
 * @param always what the domain itself needs of every row
 * @returns the select list of what is needed; of everything, when nothing is said
 */
export function columnsOf<Row>(
  columns: Readonly<Record<keyof Row & string, string>>,
  ...always: Needed<Row>
): (needed?: Needed<Row>) => Sql {
  const listOf = (needed: Needed<Row>): Sql =>
    raw(
      Object.entries<string>(columns)
        .filter(([name]) => needed.includes(name as never) || always.includes(name as never))
        .map(([name, column]) => `${column} as "${name}"`)
        .join(', '),
    )
  const everything = listOf(Object.keys(columns) as never)
  const lists = new WeakMap<Needed<Row>, Sql>() // a document's selections are the same objects as long as it is kept
  return (needed) => {
    if (needed === undefined) return everything
    let list = lists.get(needed)
    if (!list) lists.set(needed, (list = listOf(needed)))
    return list
  }
}

/** A row as one value of another, so that one statement answers with several. `fromJson` reads it. */
export const asJson = (columns: Sql): Sql => sql`(select to_jsonb(one) from (select ${columns}) one)`

/** A row as JSON has it. */
export type JsonOf<Row> = { readonly [Name in keyof Row]: Row[Name] extends Date | null ? string | Extract<Row[Name], null> : Row[Name] }

/** @param moments which members are moments, and texts in JSON */
export const fromJson = <Row>(row: JsonOf<Row>, moments: readonly (keyof Row)[]): Row => ({
  ...(row as Row),
  ...Object.fromEntries(moments.map((name) => [name, row[name] === null ? null : new Date(row[name] as string)])),
})
