/** People as rows of a CSV file: which columns there are, what a cell means, and on which line of the file a row begins. */
import { pipeline, type Readable } from 'node:stream'
import { CsvError, type CsvErrorCode, parse as csvParser } from 'csv-parse'
import type { NewPersonInput } from './people-writes.ts'
import { invalid, type Problem } from './problem.ts'

const needed = ['first', 'last', 'email'] as const
const optional = ['language', 'roles', 'tags', 'archived'] as const
type Column = (typeof needed)[number] | (typeof optional)[number]
const columnNames: readonly string[] = [...needed, ...optional]

/** In bytes, far beyond the longest person: an unclosed quote must not take the rest of a large file into memory. */
const longestRow = 100_000

export interface CsvRow {
  /** Where it begins: the header is on line 1, and a quoted cell may hold several lines. */
  readonly line: number
  readonly columns: readonly Column[]
  readonly cells: readonly string[]
}

/**
 * The rows of a file, in constant memory. Empty ones, as spreadsheets leave them, are passed over.
 * @throws Problem INVALID_INPUT when it is no CSV file of people in UTF-8, naming the line
 */
export async function* readRows(file: Readable): AsyncGenerator<CsvRow> {
  let nextLine = 1
  const parser = csvParser({
    bom: true,
    record_delimiter: ['\r\n', '\n', '\r'],
    max_record_size: longestRow,
    relax_column_count: true, // a row that is too short or too long is that row's mistake, not the file's
    // Counted here: the library counts a CRLF inside quotes twice, and says where a row ends.
    on_record: (cells: string[]) => {
      const line = nextLine
      nextLine += 1 + cells.reduce((breaks, cell) => breaks + (cell.match(/\r\n?|\n/g)?.length ?? 0), 0)
      return { line, cells } as unknown as string[]
    },
  })
  const rows = pipeline(file, parser, () => {}) as AsyncIterable<{ line: number; cells: string[] }> // the loop meets its errors
  let columns: readonly Column[] | undefined
  try {
    for await (const { line, cells } of rows) {
      if (cells.every((cell) => cell.trim() === '')) continue
      // U+FFFD stands for bytes that were not UTF-8, here or in the program that wrote the file: either way a name is damaged.
      if (parser.options.encoding !== 'utf8' || cells.some((cell) => cell.includes('\uFFFD')))
        throw broken(line, 'This is not UTF-8. Save the file as CSV in UTF-8.')
      if (columns) yield { line, columns, cells }
      else columns = readHeader(line, cells)
    }
  } catch (error) {
    throw error instanceof CsvError ? broken(nextLine, sentences[error.code] ?? error.message) : error
  }
  if (!columns) throw invalid('file', 'The file is empty.')
}

/**
 * What a row says of a person, not yet checked; an empty cell says nothing.
 * @throws Problem INVALID_INPUT naming the column
 */
export function personOf({ columns, cells }: CsvRow): NewPersonInput {
  if (cells.length !== columns.length) throw invalid('', `The row has ${cells.length} cells, and the header has ${columns.length}.`)
  const cell = (column: Column): string => cells[columns.indexOf(column)] ?? ''
  return {
    first: cell('first'),
    last: cell('last'),
    email: cell('email'),
    language: cell('language').trim() || undefined,
    roles: items(cell('roles')).map(roleOf),
    tags: items(cell('tags')),
    archived: archivedOf(cell('archived').trim()),
  }
}

const items = (cell: string): string[] =>
  cell
    .split(';')
    .map((item) => item.trim())
    .filter((item) => item !== '')

/** `1a` or `1a:1`. Without a rank the first is primary. */
function roleOf(item: string, index: number): { roleId: string; rank: 1 | 2 } {
  const [roleId, rank = index === 0 ? '1' : '2', ...more] = item.split(':').map((part) => part.trim())
  if (!roleId || more.length > 0 || !['1', '2'].includes(rank))
    throw invalid('roles', `${JSON.stringify(item)} is not a role: write 1a, or with its rank 1a:1 (primary) or 1a:2 (secondary).`)
  return { roleId, rank: rank === '1' ? 1 : 2 }
}

/** Spreadsheets write TRUE and FALSE. */
function archivedOf(cell: string): boolean | undefined {
  if (cell === '') return undefined
  if (!/^(0|1|true|false)$/i.test(cell)) throw invalid('archived', 'Archived is 0, 1, true, false or empty.')
  return cell === '1' || cell.toLowerCase() === 'true'
}

const whatExists = `needed are ${needed.join(', ')}, and there may be ${optional.join(', ')}.`

function readHeader(line: number, cells: readonly string[]): readonly Column[] {
  const names = cells.map((cell) => cell.trim())
  if (names.some((name) => name.includes('\0'))) throw broken(line, 'This is not UTF-8. Save the file as CSV in UTF-8.')
  if (names.length === 1 && /[;\t]/.test(names[0]!)) throw broken(line, 'The cells are to be separated by commas. Save the file so.')
  const unknown = names.find((name) => !columnNames.includes(name))
  if (unknown !== undefined) throw broken(line, `There is no column ${JSON.stringify(unknown)}: ${whatExists}`)
  const repeated = names.find((name, index) => names.indexOf(name) !== index)
  if (repeated !== undefined) throw broken(line, `The column ${repeated} comes twice: ${whatExists}`)
  const missing = needed.find((name) => !names.includes(name))
  if (missing !== undefined) throw broken(line, `The column ${missing} is missing: ${whatExists}`)
  return names as Column[]
}

const quotes = 'A quote is not closed or stands inside a cell. A cell with quotes in it is put into quotes, and those in it are doubled.'

const sentences: Partial<Record<CsvErrorCode, string>> = {
  CSV_QUOTE_NOT_CLOSED: quotes,
  CSV_INVALID_CLOSING_QUOTE: quotes,
  INVALID_OPENING_QUOTE: quotes,
  CSV_MAX_RECORD_SIZE: `The row that begins here has more than ${longestRow} bytes. Maybe a quote is not closed.`,
}

const broken = (line: number, sentence: string): Problem => invalid('file', `line ${line}: ${sentence}`)
