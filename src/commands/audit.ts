/** `audit verify`: whether the audit trail is what was written. */
import type { Command } from 'commander'
import { developmentSecret } from '../adapters/data-folder.ts'
import { readConfig } from '../config.ts'
import { type VerifiedChain, verifyAuditTrail } from '../domain/audit-verify.ts'
import { report, withDatabase, withJson } from './operator.ts'

interface Options {
  readonly district?: string
  readonly head?: string
  readonly json?: boolean
}

export function addAudit(program: Command): void {
  const audit = program.command('audit').description('look after the audit trail')
  withJson(audit.command('verify'))
    .description('check that no row of the trail was changed, is missing or was cut off; exit code 1 when one was')
    .option('--district <id>', 'the chain of this district alone; all chains, when left out')
    .option('--head <hash>', 'a head that the log has shown: the trail must still reach as far')
    .addHelpText(
      'after',
      '\nThe gateway logs the head of every chain that moved, once an hour ("head of the audit trail"). Whoever can write to the\n' +
        'database can cut the end of a chain off together with its head there, but not in the log: give --head what stands there.',
    )
    .action(verify)
}

async function verify({ district, head, ...options }: Options): Promise<void> {
  const config = readConfig(process.env)
  const { chains, headFound } = await withDatabase((db) =>
    verifyAuditTrail({ db, secrets: config.secretKeys ?? [developmentSecret(config.dataDir)] }, { districtId: district, head }),
  )
  const ok = chains.every(({ fault }) => fault === undefined) && headFound !== false
  const lines = [
    ...chains.map(lineOf),
    ...(headFound === false ? [`✗ No row has the seal ${head}: the trail was cut off before it.`] : []),
    ...(chains.length === 0 ? ['There is no trail yet.'] : []),
  ]
  report(options, { ok, chains, ...(headFound === undefined ? {} : { headFound }) }, lines.join('\n'))
  if (!ok) process.exitCode = 1
}

function lineOf({ districtId, rows, unsealed, head, fault }: VerifiedChain): string {
  const name = districtId === '' ? '(no district)' : districtId
  if (fault !== undefined) return `✗ ${name}: ${fault} Up to row ${rows} all is as it was written.`
  return `✓ ${name}: ${rows} rows${unsealed > 0 ? `, ${unsealed} more not sealed yet` : ''}, head ${head === '' ? 'none' : head}`
}
