/** `migrate`: brings the schema up to date, or says how far it is. */
import type { Command } from 'commander'
import { type MigrationStatus, readMigrations, unfinished } from '../adapters/migrations.ts'
import { readConfig } from '../config.ts'
import { embeddedExists, report, withAnyDatabase, withJson } from './operator.ts'

export function addMigrate(program: Command): void {
  withJson(program.command('migrate'))
    .description('apply pending migrations; several at once are safe')
    .option('--status', 'only say which are applied and which are pending')
    .addHelpText('after', '\nThey are recorded as Prisma records them. On a server they run over DIRECT_DATABASE_URL, where it is set.')
    .action((options: { json?: boolean; status?: boolean }) => (options.status ? showStatus(options) : applyPending(options)))
}

async function applyPending(options: { json?: boolean }): Promise<void> {
  const applied = await withAnyDatabase((db) => db.migrate())
  report(options, { applied }, applied.length === 0 ? 'Nothing to apply: the schema is current.' : `Applied:\n${list(applied)}`)
}

async function showStatus(options: { json?: boolean }): Promise<void> {
  const status = await currentStatus()
  const { applied, pending, changed, failed } = status
  const parts = [
    applied.length > 0 ? `Applied:\n${list(applied)}` : 'None is applied.',
    pending.length > 0 ? `Pending:\n${list(pending)}` : 'None is pending.',
    ...(changed.length > 0 ? [`Changed since they were applied:\n${list(changed)}`] : []),
    ...(failed.length > 0 ? [unfinished(failed).message] : []),
  ]
  report(options, status, parts.join('\n'))
}

/** Looking changes nothing: a database that is not there yet is not made, and has everything pending. */
async function currentStatus(): Promise<MigrationStatus> {
  const config = readConfig(process.env)
  if (config.databaseUrl === undefined && !embeddedExists(config)) {
    return { applied: [], pending: readMigrations().map(({ name }) => name), changed: [], failed: [] }
  }
  return withAnyDatabase((db) => db.migrationStatus(), config)
}

const list = (names: readonly string[]): string => names.map((name) => `  ${name}`).join('\n')
