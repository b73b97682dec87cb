/** `import people`: a CSV file of people into a district, all of them or none, with a line for every row that is refused. */
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { createReadStream } from 'node:fs'
import { stat } from 'node:fs/promises'
import type { Command } from 'commander'
import { importPeople, type ImportedPeople } from '../domain/people-import.ts'
import { Problem } from '../domain/problem.ts'
import { CommandFailed, report, showProgress, withDatabase, withJson } from './operator.ts'

interface Options {
  readonly district: string
  readonly partial?: boolean
  readonly json?: boolean
}

const help = `
The file is CSV in UTF-8, with or without a byte order mark, its cells separated by commas. The first line names the columns:
  first, last, email  needed
  language            such as en or pt-BR; en, when left out or empty
  roles               ids of roles of the district, separated by semicolons, each with its rank if you like: 1c, or 1c:1;1b:2
                      (1 primary, 2 secondary; without a rank the first is primary and the others are secondary)
  tags                separated by semicolons
  archived            0, 1, true or false
A row is refused for what the API would refuse, and for an e-mail address that another person of the district or an earlier row has.
Each refused row is a line on stderr, by the line of the file on which it begins ("line 7: email: This is not an e-mail address.").
Then nothing is imported, or with --partial all rows but these. A file that is no such CSV file is refused as a whole either way.

Exit codes: 0 imported, with --partial also when rows were refused; 1 nothing was imported; 2 wrong usage.
With --json: {"imported","refused","districtId"}, also when rows were refused and nothing was imported.

Example:
  credentials-gateway import people people.csv --district 4k2j9x0q7m1p`

export function addImport(program: Command): void {
  const group = program.command('import').description('bring in data from files')
  withJson(group.command('people'))
    .description('add the people of a CSV file to a district: all of them, or none')
    .argument('<file>', 'the CSV file')
    .requiredOption('--district <id>', 'the district they belong to')
    .option('--partial', 'keep the good rows when others are refused')
    .addHelpText('after', help)
    .action(people)
}

async function people(path: string, { district: districtId, partial = false, json = false }: Options): Promise<void> {
  const { imported, refused } = await read(path, { districtId, partial, json })
  const result = { imported, refused, districtId }
  if (json || imported > 0)
    report({ json }, result, `Imported into the district ${districtId}: people ${imported}, rows refused ${refused}.`)
  if (imported > 0) return
  const advice = partial ? '' : ' Correct them, or keep the good rows with --partial.'
  throw new CommandFailed(`Nothing was imported: rows refused ${refused}.${advice}`)
}

async function read(
  path: string,
  { districtId, partial, json }: { districtId: string; partial: boolean; json: boolean },
): Promise<ImportedPeople> {
  const file = createReadStream(path)
  try {
    await once(file, 'open') // before a database is opened for nothing
    const { size } = await stat(path)
    return await withDatabase(async (db) => {
      const progress = showProgress({ json: json || size === 0 }, size, 'bytes') // nobody knows the size of a pipe
      let before = 0
      try {
        return await importPeople(
          { db, random: randomBytes },
          { districtId, file, partial },
          {
            refused: ({ line, column, sentence }) => progress.say([`line ${line}`, column, sentence].filter(Boolean).join(': ')),
            progressed() {
              progress.add(file.bytesRead - before)
              before = file.bytesRead
            },
          },
        )
      } finally {
        progress.stop()
      }
    })
  } catch (error) {
    if (file.errored && error === file.errored) throw new CommandFailed(`${path} cannot be read: ${reasonOf(file.errored)}.`)
    if (error instanceof Problem && error.reason === 'INVALID_INPUT') throw new CommandFailed(`${path}: ${error.message}`)
    throw error
  } finally {
    file.destroy()
  }
}

function reasonOf(error: NodeJS.ErrnoException): string {
  if (error.code === 'ENOENT') return 'there is no such file'
  if (error.code === 'EACCES') return 'this user may not read it'
  return error.code === 'EISDIR' ? 'it is a folder' : error.message
}
