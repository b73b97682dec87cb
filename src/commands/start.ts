/** `start`: the gateway itself, as `npm start` runs it. */
import type { Command } from 'commander'
import { withJson } from './operator.ts'

export function addStart(program: Command): void {
  withJson(program.command('start'))
    .description('run the gateway until SIGTERM or Ctrl+C')
    .addHelpText(
      'after',
      '\nIt applies pending migrations first. The log goes to stdout: JSON lines, or for people where stdout is a terminal.' +
        '\nWith --json the welcome is one line of JSON.',
    )
    .action(async () => {
      await import('../main.ts') // runs by being loaded, and reports its own failures
    })
}
