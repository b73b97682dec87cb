/** `api-key create` and `api-key revoke`: a key is printed once, by the command that makes it. */
import { randomBytes } from 'node:crypto'
import { type Command, InvalidArgumentError } from 'commander'
import { isScope, type Scope, scopes } from '../access/scopes.ts'
import { createApiKeyFor, revokeAnyApiKey } from '../domain/api-keys.ts'
import { report, withDatabase, withJson } from './operator.ts'

export function addApiKey(program: Command): void {
  const apiKey = program.command('api-key').description('make and revoke API keys')
  withJson(apiKey.command('create'))
    .description('make a key for a district, and print it this once')
    .requiredOption('--district <id>', 'the district it acts for')
    .requiredOption('--name <text>', 'what its owners will know it by')
    .requiredOption('--scope <scope>', `what it may do; repeat it for several: ${scopes.map(({ id }) => id).join(', ')}`, addScope)
    .addHelpText('after', `\nScopes:\n${scopes.map(({ id, description }) => `  ${id.padEnd(18)}${description}`).join('\n')}`)
    .action(create)
  withJson(apiKey.command('revoke'))
    .description('end a key: its next use is refused')
    .requiredOption('--id <id>', 'the id of the key (not the key itself)')
    .action(revoke)
}

function addScope(text: string, before: readonly Scope[] = []): Scope[] {
  if (!isScope(text)) throw new InvalidArgumentError(`It must be one of ${scopes.map(({ id }) => id).join(', ')}.`)
  return [...before, text]
}

async function create({
  district,
  name,
  scope,
  ...options
}: {
  district: string
  name: string
  scope: Scope[]
  json?: boolean
}): Promise<void> {
  const { apiKey, key } = await withDatabase((db) =>
    db.transaction((tx) => createApiKeyFor(tx, randomBytes, district, { name, scopes: scope })),
  )
  const created = { id: apiKey.id, name: apiKey.name, key, hint: apiKey.hint, scopes: apiKey.scopes }
  report(
    options,
    created,
    [
      `Made the API key "${created.name}". Keep it now: it is stored only as a hash and is never shown again.`,
      `  Key:     ${created.key}`,
      `  Id:      ${created.id}  (to revoke it: npx credentials-gateway api-key revoke --id ${created.id})`,
      `  Scopes:  ${created.scopes.join(', ')}`,
    ].join('\n'),
  )
}

async function revoke({ id, ...options }: { id: string; json?: boolean }): Promise<void> {
  const { revokedAt } = await withDatabase((db) => revokeAnyApiKey({ db, random: randomBytes }, id))
  report(options, { id, revokedAt }, `Revoked the API key ${id} at ${revokedAt!.toISOString()}.`)
}
