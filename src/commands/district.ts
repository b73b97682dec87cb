/** `district create`: a new district with its administrator. */
import { randomBytes } from 'node:crypto'
import type { Command } from 'commander'
import { createDistrict } from '../domain/new-district.ts'
import { report, withDatabase, withJson } from './operator.ts'

interface Options {
  readonly name: string
  readonly adminEmail: string
  readonly adminFirst: string
  readonly adminLast: string
  readonly language: string
  readonly json?: boolean
}

export function addDistrict(program: Command): void {
  const district = program.command('district').description('make districts')
  withJson(district.command('create'))
    .description('make a district with its default settings and its administrator, on a trial of 30 days')
    .requiredOption('--name <text>', 'what it is called')
    .requiredOption('--admin-email <address>', 'the address the administrator signs in with')
    .requiredOption('--admin-first <text>', 'first name of the administrator')
    .requiredOption('--admin-last <text>', 'last name of the administrator')
    .option('--language <tag>', 'language of the district and its administrator, such as en, es or pt-BR', 'en')
    .addHelpText(
      'after',
      '\nExample:\n  credentials-gateway district create --name "Northern Lakes" --admin-email jane@example.org --admin-first Jane --admin-last Doe',
    )
    .action(create)
}

async function create({ name, adminEmail, adminFirst, adminLast, language, ...options }: Options): Promise<void> {
  const admin = { first: adminFirst, last: adminLast, email: adminEmail }
  const created = await withDatabase((db) => createDistrict({ db, random: randomBytes }, { name, language, admin }))
  report(
    options,
    created,
    [
      `Made the district "${created.name}".`,
      `  District:       ${created.districtId}`,
      `  Administrator:  ${created.adminId} (${adminEmail}, who signs in by mail)`,
      'A key for scripts:',
      `  npx credentials-gateway api-key create --district ${created.districtId} --name "My key" --scope read:people`,
    ].join('\n'),
  )
}
