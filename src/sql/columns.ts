/** Select lists, typed by Prisma's generated models: a column that does not exist, or is taken for what it is not, does not compile. */
import sql, { raw, type Sql } from 'sql-template-tag'
import type { Prisma } from '../generated/prisma/client.ts'
import { type Flat, type Member, type PgType, type PgTypeName, SelectList } from './statement.ts'

type Models = Prisma.TypeMap['model']
export type Model = keyof Models
type Scalars<Of extends Model> = Models[Of]['payload']['scalars']
type ColumnOf<Of extends Model> = keyof Scalars<Of> & string

/** Columns of type `date`. Prisma types them as Date; our drivers answer YYYY-MM-DD. */
export const days = ['Interview.date'] as const

/** The type of a column's values as our drivers answer them. */
export type Column<Of extends Model, Name extends ColumnOf<Of>> = `${Of}.${Name}` extends (typeof days)[number] ? string : Scalars<Of>[Name]

/** A column under its own name, or `{ sessionId: 'id' }`: under another. */
type Choice<Of extends Model> = ColumnOf<Of> | Readonly<Record<string, ColumnOf<Of>>>
type Chosen<Of extends Model, Each> =
  Each extends ColumnOf<Of>
    ? { [Name in Each]: Column<Of, Name> }
    : Each extends Readonly<Record<string, ColumnOf<Of>>>
      ? { [Name in keyof Each]: Column<Of, Each[Name]> }
      : never
type AllChosen<Of extends Model, Choices> = Choices extends readonly [infer First, ...infer Rest]
  ? Chosen<Of, First> & AllChosen<Of, Rest>
  : unknown

/** `district_id` for `districtId`: schema.prisma maps every column so. */
const snakeCase = (name: string): string => name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)

/** Columns of a table, under its alias: `columns('Session', 's', 'districtId', { sessionId: 'id' })`. */
export function columns<Of extends Model, const Choices extends readonly Choice<Of>[]>(
  model: Of,
  alias: string,
  ...choices: Choices
): SelectList<Flat<AllChosen<Of, Choices>>> {
  const named = choices.flatMap((choice): [string, string][] => (typeof choice === 'string' ? [[choice, choice]] : Object.entries(choice)))
  return new SelectList(
    named.map(([name, column]): Member => ({ name, value: raw(`${alias}.${snakeCase(column)}`), source: { model, column } })),
  )
}

/** The `select` of a model call, from the names of a select list. */
export const picked = <const Names extends readonly string[]>(names: Names) =>
  Object.fromEntries(names.map((name) => [name, true])) as { readonly [Name in Names[number]]: true }

interface TypesOf extends Record<Exclude<PgTypeName, 'jsonb'>, unknown> {
  boolean: boolean
  date: string
  float8: number
  int: number
  text: string
  'text[]': string[]
  timestamptz: Date
}
type Computed<Type> = Type extends `${infer Name extends keyof TypesOf}?`
  ? TypesOf[Name] | null
  : Type extends keyof TypesOf
    ? TypesOf[Type]
    : never

/** A computed member. Its SQL must have the type named here, which tests check: `computed('total', 'int', sql`count(*)::int`)`. */
export const computed = <const Name extends string, const Type extends Exclude<PgType, 'jsonb' | 'jsonb?'>>(
  name: Name,
  type: Type,
  value: Sql,
): SelectList<{ readonly [Key in Name]: Computed<Type> }> => new SelectList([{ name, value, source: type }])

/** How many rows there are. */
export const total = computed('total', 'int', sql`count(*)::int`)
