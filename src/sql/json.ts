/** Rows as JSON, so that one statement answers with several tables. */
import sql, { join, raw, Sql } from 'sql-template-tag'
import { type Member, SelectList } from './statement.ts'

declare const content: unique symbol

/** An expression of type `jsonb` that has this in it. */
// oxlint-disable-next-line typescript/no-unnecessary-type-parameters -- a phantom type: jsonMember reads it
export class Json<Content> extends Sql {
  declare readonly [content]: Content
}

/** A row as JSON has it: moments are strings, which `fromJson` parses. */
export type JsonOf<Row> = { readonly [Name in keyof Row]: Row[Name] extends Date | null ? string | Extract<Row[Name], null> : Row[Name] }

/** An expression whose type the caller states. Derive it from the models. */
export const json = <Content>(strings: TemplateStringsArray, ...values: readonly unknown[]): Json<Content> =>
  new Json<Content>(strings, values as never[])

/** The rows of a subquery as a list of objects; empty, where there are none. */
export const jsonList = <Row>({ members }: SelectList<Row>, { from, order }: { from: Sql; order: Sql }): Json<readonly JsonOf<Row>[]> =>
  json`(select coalesce(jsonb_agg(jsonb_build_object(${join(members.map(named), ', ')}) order by ${order}), '[]') from ${from})`

const named = ({ name, value }: Member): Sql => sql`${raw(`'${name}'`)}, ${value}`

/** One row of what is joined, as an object. */
export const jsonRow = <Row>(list: SelectList<Row>): Json<JsonOf<Row>> => json`(select to_jsonb(one) from (select ${list}) one)`

/** JSON as a member of rows. */
export const jsonMember = <const Name extends string, Content>(
  name: Name,
  value: Json<Content>,
): SelectList<{ readonly [Key in Name]: Content }> => new SelectList([{ name, value, source: 'jsonb' } satisfies Member])

/** @param moments which members are moments, and texts in JSON */
export const fromJson = <Row>(row: JsonOf<Row>, moments: readonly (keyof Row)[]): Row => ({
  ...(row as Row),
  ...Object.fromEntries(moments.map((name) => [name, row[name] === null ? null : new Date(row[name] as string)])),
})
