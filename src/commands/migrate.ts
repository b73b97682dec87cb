/** `migrate`: brings the schema up to date, or says how far it is. */
import type { Command } from 'commander'
import { failedMigrations, migrate, report, withAnyDatabase, withJson } from './operator.ts'

export function addMigrate(program: Command): void {
  withJson(program.command('migrate'))
    .description('apply pending migrations; several at once are safe')
    .option('--status', 'only say which are applied and which are pending')
    .addHelpText('after', '\nThey are recorded as Prisma records them. On a server they run over DIRECT_DATABASE_URL, where it is set.')
    .action((options: { json?: boolean; status?: boolean }) => (options.status ? showStatus(options) : applyPending(options)))
}

async function applyPending(options: { json?: boolean }): Promise<void> {
  const applied = await withAnyDatabase(migrate)
  report(options, { applied }, applied.length === 0 ? 'Nothing to apply: the schema is current.' : `Applied:\n${list(applied)}`)
}

async function showStatus(options: { json?: boolean }): Promise<void> {
  const status = await withAnyDatabase((db) => db.migrationStatus())
  const { applied, pending, changed, failed } = status
  const parts = [
    applied.length > 0 ? `Applied:\n${list(applied)}` : 'None is applied.',
    pending.length > 0 ? `Pending:\n${list(pending)}` : 'None is pending.',
    ...(changed.length > 0 ? [`Changed since they were applied:\n${list(changed)}`] : []),
    ...(failed.length > 0 ? [failedMigrations(failed)] : []),
  ]
  report(options, status, parts.join('\n'))
}

const list = (names: readonly string[]): string => names.map((name) => `  ${name}`).join('\n')
