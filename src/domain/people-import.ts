/**
 * People from a CSV file, all of them or none, unless the good rows alone are wanted.
 *
 * The file is read once, and a row is written in the batch in which it is checked, inside one transaction: what was checked is what is
 * written, whatever happens to the file meanwhile, and only the addresses are kept in memory. From the first refused row on nothing more
 * is written where nothing will stay; the rest is still checked, so that every mistake is known at once.
 */
import type { Readable } from 'node:stream'
import sql from 'sql-template-tag'
import type { Deps, Queryable } from '../deps.ts'
import { computed } from '../sql/columns.ts'
import { statement } from '../sql/statement.ts'
import { audit, type AuditEntry, operator } from './audit.ts'
import { insertPeopleWithFreeEmail, type NewPerson } from './bulk-insert.ts'
import { emailKey } from './email.ts'
import { parse } from './input.ts'
import { type CsvRow, personOf, readRows } from './people-csv.ts'
import { newPersonSchema } from './people-writes.ts'
import { invalid, Problem } from './problem.ts'
import { makeId } from './tokens.ts'

/** Small enough for the time that a server gives one statement. */
const rowsPerBatch = 500
/** Any constant will do, as long as every import uses the same: "impo" in ASCII. */
const importLock = 0x696d706f

export interface PeopleFile {
  readonly districtId: string
  readonly file: Readable
  /** Whether the good rows are kept when others are refused. */
  readonly partial: boolean
}

/** A row that cannot be a person of this district. */
export interface RefusedRow {
  readonly line: number
  /** Empty when the row as a whole is wrong. */
  readonly column: string
  readonly sentence: string
}

export interface ImportWatcher {
  /** Told of each refused row, in the order of the file. */
  refused?(row: RefusedRow): void
  /** Told after every batch how many rows have been read since the last time. */
  progressed?(rows: number): void
}

export interface ImportedPeople {
  readonly imported: number
  readonly refused: number
}

/**
 * Adds the people of a file to a district, as an operator, who may give any role.
 * @returns nobody imported, when rows were refused and `partial` is not set
 * @throws Problem INVALID_INPUT when the file is no CSV file of people, NO_SUCH_RECORD when there is no such district, IMPORT_UNDER_WAY
 */
export async function importPeople(
  { db, random }: Pick<Deps, 'db' | 'random'>,
  { districtId, file, partial }: PeopleFile,
  watcher: ImportWatcher = {},
): Promise<ImportedPeople> {
  const counts = { imported: 0, refused: 0 }
  try {
    await db.transaction(async (tx) => {
      const check = checker(districtId, await rolesOf(tx, districtId))
      for await (const rows of inBatches(readRows(file))) {
        const checked = rows.map((row) => ({ id: makeId(random), line: row.line, ...check(row) }))
        const people = checked.flatMap(({ id, person }) => (person ? [{ districtId, id, ...person }] : []))
        const writing = partial || (counts.refused === 0 && people.length === rows.length)
        const added = await (writing ? add(tx, random, people) : withFreeEmail(tx, districtId, people))
        for (const { id, line, column = 'email', sentence = emailTaken } of checked)
          if (!added.has(id)) watcher.refused?.({ line, column, sentence })
        counts.imported += added.size
        counts.refused += rows.length - added.size
        watcher.progressed?.(rows.length)
      }
      if (counts.imported + counts.refused === 0) throw invalid('file', 'The file has a header and no rows.')
      if (counts.refused > 0 && !partial) throw new NothingStays()
    })
  } catch (error) {
    if (error instanceof NothingStays) return { imported: 0, refused: counts.refused }
    throw error
  }
  return counts
}

/** Undoes the transaction. */
class NothingStays extends Error {}

const emailTaken = new Problem('EMAIL_TAKEN').message

/** The roles of the district, which nobody else imports into until this transaction ends: two with the same addresses would wait for each other. */
async function rolesOf(tx: Queryable, districtId: string): Promise<ReadonlySet<string>> {
  const [district] = await tx.query(
    statement`select ${computed('alone', 'boolean', sql`pg_try_advisory_xact_lock(${importLock}::int, hashtext(d.id))`)}
        from districts d where d.id = ${districtId}`,
  )
  if (!district) throw new Problem('NO_SUCH_RECORD', { sentence: 'There is no such district.' })
  if (!district.alone) throw new Problem('IMPORT_UNDER_WAY')
  const roles = await tx.tables.role.findMany({ where: { districtId }, select: { id: true } })
  return new Set(roles.map(({ id }) => id))
}

type CheckedRow =
  | { readonly person: Omit<NewPerson, 'id' | 'districtId'>; readonly column?: never; readonly sentence?: never }
  | { readonly person?: never; readonly column: string; readonly sentence: string }

/** Checks one row after another: by the schema of the API, against the roles of the district and the rows before. */
function checker(districtId: string, roles: ReadonlySet<string>): (row: CsvRow) => CheckedRow {
  const lines = new Map<string, number>()
  const check = (row: CsvRow) => {
    const person = parse(newPersonSchema, personOf(row))
    const unknown = Object.keys(person.roles).find((id) => !roles.has(id))
    if (unknown !== undefined) throw invalid('roles', `This district has no role ${JSON.stringify(unknown)}.`)
    const key = emailKey(person.email)
    const before = lines.get(key)
    if (before !== undefined) throw invalid('email', `Line ${before} has the same address.`)
    lines.set(key, row.line)
    return person
  }
  return (row) => {
    try {
      return { person: check(row) }
    } catch (error) {
      if (!(error instanceof Problem)) throw error
      return { column: error.details.field?.split('.')[0] ?? '', sentence: error.message }
    }
  }
}

/** @returns the ids of those who were added: the addresses of the others are taken */
async function add(tx: Queryable, random: Deps['random'], people: readonly NewPerson[]): Promise<ReadonlySet<string>> {
  const added = await insertPeopleWithFreeEmail(tx, people)
  const entries = people
    .filter(({ id }) => added.has(id))
    .map(({ districtId, id }): AuditEntry => ({ districtId, actor: operator, action: 'PERSON_CREATE', record: { type: 'PERSON', id } }))
  if (entries.length > 0) await audit(tx, random, undefined, entries)
  return added
}

/** @returns the ids of those who could be added */
async function withFreeEmail(tx: Queryable, districtId: string, people: readonly NewPerson[]): Promise<ReadonlySet<string>> {
  const keys = people.map(({ email }) => emailKey(email))
  // One look into the unique index an address, whatever the planner believes: in a table it knows little of it would read the district.
  const taken = await tx.query(
    statement`select ${computed('key', 'text', sql`k.key`)} from unnest(${keys}::text[]) as k(key)
        cross join lateral (select from people p where p.district_id = ${districtId} and p.email_key = k.key limit 1) as p`,
  )
  const takenKeys = new Set(taken.map(({ key }) => key))
  return new Set(people.filter((_, index) => !takenKeys.has(keys[index]!)).map(({ id }) => id))
}

async function* inBatches(rows: AsyncIterable<CsvRow>): AsyncGenerator<readonly CsvRow[]> {
  let batch: CsvRow[] = []
  for await (const row of rows) {
    if (batch.push(row) < rowsPerBatch) continue
    yield batch
    batch = []
  }
  if (batch.length > 0) yield batch
}
