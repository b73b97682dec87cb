/** Compares what a statement says of its rows with what the database has answered: the names of the columns, their types, and nulls. */
import { readFileSync } from 'node:fs'
import { type PgTypeName, type Source, Statement } from '../../src/sql/statement.ts'

/** A column of a result, as drivers describe it. */
export interface Field {
  readonly name: string
  readonly dataTypeID: number
}

const oids: Readonly<Record<PgTypeName, number>> = {
  boolean: 16,
  date: 1082,
  float8: 701,
  int: 23,
  jsonb: 3802,
  text: 25,
  'text[]': 1009,
  timestamptz: 1184,
}
const typesOfPrisma: Readonly<Record<string, PgTypeName>> = {
  Boolean: 'boolean',
  DateTime: 'timestamptz',
  Int: 'int',
  Json: 'jsonb',
  String: 'text',
  'String[]': 'text[]',
}

interface Known {
  readonly type: PgTypeName
  readonly mayBeNull: boolean
}

/** The columns of schema.prisma by `Model.member`. That the database has them as they are there is another test's business. */
export const modelColumns: ReadonlyMap<string, Known> = readModels(
  readFileSync(new URL('../../prisma/schema.prisma', import.meta.url), 'utf8'),
)

function readModels(schema: string): ReadonlyMap<string, Known> {
  const found = new Map<string, Known>()
  for (const [, model, body] of schema.matchAll(/^model (\w+) \{\n([^]*?)\n\}/gm))
    for (const [, member, type, suffix, rest] of body!.matchAll(/^ {2}(\w+) +(\w+)(\[\]|\?)?(.*)$/gm)) {
      const known = typesOfPrisma[suffix === '[]' ? `${type}[]` : type!]
      if (known !== undefined)
        found.set(`${model}.${member}`, { type: rest!.includes('@db.Date') ? 'date' : known, mayBeNull: suffix === '?' })
    }
  return found
}

function knownOf(source: Source): Known {
  if (typeof source === 'string') return { type: source.replace('?', '') as PgTypeName, mayBeNull: source.endsWith('?') }
  const known = modelColumns.get(`${source.model}.${source.column}`)
  if (!known) throw new Error(`schema.prisma has no ${source.model}.${source.column}`)
  return known
}

class OwnStatement<Row> extends Statement<Row> {}

/** What differs, in a sentence each. */
export function differences(statement: unknown, fields: readonly Field[], rows: readonly object[]): string[] {
  if (!(statement instanceof Statement) || statement instanceof OwnStatement) return []
  const said = new Map((statement as Statement<unknown>).members.map(({ name, source }) => [name, knownOf(source)]))
  const wrong = [
    ...fields.filter(({ name }) => !said.has(name)).map(({ name }) => `"${name}" comes, and is not said to`),
    ...[...said.keys()].filter((name) => !fields.some((field) => field.name === name)).map((name) => `"${name}" does not come`),
    ...fields.flatMap(({ name, dataTypeID }) => {
      const { type, mayBeNull } = said.get(name) ?? {}
      if (type === undefined) return []
      return [
        ...(dataTypeID === oids[type] ? [] : [`"${name}" is said to be ${type}, and has the type id ${dataTypeID}`]),
        ...(mayBeNull || rows.every((row) => row[name as keyof object] !== null) ? [] : [`"${name}" is null`]),
      ]
    }),
  ]
  return wrong.map((each) => `${each}: ${statement.text}`)
}

/** A test's own statement, whose rows are what the test says. */
export const rowsAs = <Row = object>(strings: readonly string[], ...values: readonly unknown[]): Statement<Row> =>
  new OwnStatement(strings, values)
