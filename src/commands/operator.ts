/** What the operator's commands share: a database under the server's own configuration, one way to report, and one to show progress. */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { MultiBar, Presets } from 'cli-progress'
import { type Command, InvalidArgumentError } from 'commander'
import { holdFolder } from '../adapters/data-folder.ts'
import { type OpenDatabase, openForCommand } from '../adapters/database.ts'
import { unfinished } from '../adapters/migrations.ts'
import { type Config, readConfig } from '../config.ts'

/** A command could not do its work; the message says why and what to do. */
export class CommandFailed extends Error {}

/** Adds `--json` to a command that ends with `report`. */
export const withJson = (command: Command): Command => command.option('--json', 'print one JSON object as the last line of stdout')

/** The end of a command on stdout: one JSON object in one line, or sentences. */
export function report(options: { json?: boolean }, result: object, text: string): void {
  process.stdout.write(`${options.json ? JSON.stringify(result) : text}\n`)
}

export interface Progress {
  add(amount: number): void
  /** Says a line on stderr, above the bar. */
  say(line: string): void
  stop(): void
}

/** A bar on stderr for whoever watches: none where a machine reads the answer, or stderr is no terminal. */
export function showProgress({ json }: { json?: boolean }, total: number, unit: string): Progress {
  if (json || !process.stderr.isTTY) return { add() {}, say: (line) => void process.stderr.write(`${line}\n`), stop() {} }
  const bars = new MultiBar(
    {
      stream: process.stderr,
      format: `{bar} {percentage}% | {value} of {total} ${unit} | {eta_formatted} left`,
      linewrap: true, // as it is: Ctrl+C would leave the terminal as the bar has set it
      forceRedraw: true, // what is said wipes the bar
    },
    Presets.shades_classic,
  )
  const bar = bars.create(total, 0)
  return {
    add: (amount) => bar.increment(amount),
    say: (line) => bars.log(`${line}\n`),
    stop() {
      bars.update() // what has been said and is not shown yet
      bars.stop()
    },
  }
}

/** A whole number, for an option. */
export function wholeNumber(text: string): number {
  if (!/^\d{1,15}$/.test(text)) throw new InvalidArgumentError('It must be a whole number.')
  return Number(text)
}

/**
 * Works on a database whose schema is current: an embedded one is migrated now, a server by its own command.
 * @throws ConfigError, FolderHeld, CommandFailed, Problem UNAVAILABLE
 */
export function withDatabase<Result>(work: (db: OpenDatabase) => Promise<Result>): Promise<Result> {
  return withAnyDatabase(async (db) => {
    if (db.kind === 'embedded') await db.migrate()
    else await expectCurrent(db)
    return work(db)
  })
}

/** Works on the database as it is. The folder of an embedded one is held meanwhile. */
export async function withAnyDatabase<Result>(
  work: (db: OpenDatabase) => Promise<Result>,
  config: Config = readConfig(process.env),
): Promise<Result> {
  const release = config.databaseUrl === undefined ? holdFolder(config.dataDir, process.pid) : () => {}
  try {
    const db = await openForCommand(config)
    try {
      return await work(db)
    } finally {
      await db.close()
    }
  } finally {
    release()
  }
}

/** Whether there is an embedded database already; opening one would make it. */
export const embeddedExists = ({ dataDir }: Pick<Config, 'dataDir'>): boolean => existsSync(join(dataDir, 'postgres'))

async function expectCurrent(db: OpenDatabase): Promise<void> {
  const { pending, failed } = await db.migrationStatus()
  if (failed.length > 0) throw unfinished(failed)
  if (pending.length > 0)
    throw new CommandFailed(`The database is behind by ${pending.join(', ')}. Run "credentials-gateway migrate" first.`)
}
