#!/usr/bin/env node
/** The operator's commands. Exit code 0: done; 1: it failed, and stderr says why; 2: wrong usage. */
import { Command, CommanderError } from 'commander'
import { addApiKey } from './commands/api-key.ts'
import { addAudit } from './commands/audit.ts'
import { addDistrict } from './commands/district.ts'
import { addDoctor } from './commands/doctor.ts'
import { addImport } from './commands/import.ts'
import { addMigrate } from './commands/migrate.ts'
import { CommandFailed } from './commands/operator.ts'
import { addSeed } from './commands/seed.ts'
import { addStart } from './commands/start.ts'
import { Problem } from './domain/problem.ts'
import { failureSentence } from './failure.ts'

const failed = 1
const wrongUsage = 2

const program = new Command('credentials-gateway')
  .description("The operator's commands of Credentials Gateway. All read the same environment as the server.")
  .showHelpAfterError('(--help shows how it is used)')
  .addHelpText('after', '\nExit codes: 0 done, 1 it failed, 2 wrong usage. Errors go to stderr.')
  .exitOverride() // before the commands: each takes it over as it is added

for (const add of [addStart, addMigrate, addDistrict, addApiKey, addSeed, addImport, addAudit, addDoctor]) add(program)

try {
  await program.parseAsync()
} catch (error) {
  process.exitCode = exitCode(error)
}

/** Says on stderr what went wrong, unless commander has done so. */
function exitCode(error: unknown): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : wrongUsage
  if (error instanceof Problem && error.reason === 'INVALID_INPUT') {
    // The members of an input are called like the options that give them: admin.email is --admin-email.
    process.stderr.write(`error: --${error.details.field?.replaceAll('.', '-')}: ${error.message}\n`)
    return wrongUsage
  }
  process.stderr.write(`${error instanceof CommandFailed ? error.message : failureSentence(error, process.env)}\n`)
  return failed
}
