/**
 * Statements that know their rows. What a statement selects is made of select lists (columns.ts), and the type of its rows follows from
 * them:
 *
 *   const [session] = await db.query(statement`select ${columns('Session', 's', 'id', 'expiresAt')} from sessions s where s.id = ${id}`)
 *   session?.expiresAt // Date
 */
import { Sql } from 'sql-template-tag'

declare const row: unique symbol

/** Where the type of a selected member is known from: a column of a model, or the name of a PostgreSQL type. */
export type Source = { readonly model: string; readonly column: string } | PgType

/** The types that computed values may have: what both databases' drivers answer in the same way. A `?` says that there may be none. */
export type PgType = PgTypeName | `${PgTypeName}?`
export type PgTypeName = 'boolean' | 'date' | 'float8' | 'int' | 'jsonb' | 'text' | 'text[]' | 'timestamptz'

/** A member of the rows: its name, and what it is in SQL. */
export interface Member {
  readonly name: string
  readonly value: Sql
  readonly source: Source
}

/** SQL that gives rows these members: a select list, or a statement. */
// oxlint-disable-next-line typescript/no-unnecessary-type-parameters -- a phantom type: RowOf reads it
export abstract class Selecting<Row> extends Sql {
  declare readonly [row]: Row

  /** What it selects, in order. */
  abstract get members(): readonly Member[]
}

/** What stands between `select` and `from`, or behind `returning`. */
export class SelectList<Row> extends Selecting<Row> {
  readonly members: readonly Member[]

  /** @param before what goes before it: a comma, where it continues another list */
  constructor(members: readonly Member[], before = '') {
    const labels = members.map(({ name, value }) => (value.text.endsWith(`.${name}`) ? '' : ` as "${name}"`))
    const values = members.map(({ value }) => value)
    super([members.length > 0 ? before : '', ...labels.map((label, at) => (at < labels.length - 1 ? `${label}, ` : label))], values)
    this.members = members
  }
}

/** A whole statement. One that selects nothing has rows without members. */
export class Statement<Row> extends Selecting<Row> {
  private readonly parts: readonly unknown[]

  constructor(strings: readonly string[], parts: readonly unknown[]) {
    super(strings, parts as never[])
    this.parts = parts
  }

  get members(): readonly Member[] {
    return this.parts.flatMap((part) => (part instanceof Selecting ? part.members : []))
  }
}

/** Is shown what a database answers to a statement: the columns of the result, and its rows. */
export type OnResult = (
  statement: Statement<unknown>,
  fields: readonly { readonly name: string; readonly dataTypeID: number }[],
  rows: readonly object[],
) => void

/** The rows of a statement, or what a select list gives them. */
export type RowOf<Part> = Part extends Selecting<infer Row> ? Row : unknown
type All<Parts extends readonly unknown[]> = Parts extends readonly [infer First, ...infer Rest] ? RowOf<First> & All<Rest> : unknown
export type Flat<Row> = { readonly [Name in keyof Row]: Row[Name] }

/**
 * A statement: SQL as by `sql`, whose rows have what the select lists in it say. A list that is not of its rows, in a condition, say,
 * belongs into a fragment made by `sql`, which says nothing of rows.
 */
export const statement = <const Parts extends readonly unknown[]>(
  strings: TemplateStringsArray,
  ...parts: Parts
): Statement<Flat<All<Parts>>> => new Statement(strings, parts)

/** Several select lists as one. */
export const together = <const Lists extends readonly SelectList<unknown>[]>(...lists: Lists): SelectList<Flat<All<Lists>>> =>
  new SelectList(lists.flatMap(({ members }) => members))
