/** `start`: the gateway itself, as `npm start` runs it. */
import type { Command } from 'commander'

export function addStart(program: Command): void {
  program
    .command('start')
    .description('run the gateway until SIGTERM or Ctrl+C')
    .addHelpText(
      'after',
      '\nIt applies pending migrations first. The log goes to stdout: JSON lines, or for people where stdout is a terminal.',
    )
    .action(async () => {
      await import('../main.ts') // runs by being loaded, and reports its own failures
    })
}
