/** The linter refuses what the architecture forbids: an import against the direction, a cycle, a promise nobody awaits. */
import { execFile } from 'node:child_process'
import { copyFile, mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { beforeAll, expect, test } from 'vitest'

const root = fileURLToPath(new URL('..', import.meta.url))

const forbidden = [
  ['src/access', '../domain/problem.ts'],
  ['src/access', '../config.ts'],
  ['src/domain', '../graphql/builder.ts'],
  ['src/domain', '../rest/routes.ts'],
  ['src/domain', '../console/pages.ts'],
  ['src/domain', '../adapters/database.ts'],
  ['src/domain', '../app.ts'],
  ['src/domain', 'graphql'],
  ['src/domain', 'node:http'],
  ['src/graphql', '../rest/routes.ts'],
  ['src/graphql', '../console/pages.ts'],
  ['src/graphql', '../adapters/database.ts'],
  ['src/rest', '../console/pages.ts'],
  ['src/rest', '../adapters/postmark.ts'],
  ['src/console', '../rest/routes.ts'],
  ['src/console', '../domain/people.ts'],
  ['src/console', '../adapters/dev-mailbox.ts'],
  ['src/adapters', '../graphql/builder.ts'],
  ['src/adapters', '../app.ts'],
  ['src', './adapters/database.ts'],
  ['src', './main.ts'],
  ['src/commands', '../../test/support/database.ts'],
] as const

const allowed = [
  ['src/domain', '../access/viewer.ts'],
  ['src/domain', '../deps.ts'],
  ['src/graphql', '../domain/people.ts'],
  ['src/graphql', 'graphql'],
  ['src/console', '../domain/mail.ts'],
  ['src/adapters', '../domain/problem.ts'],
  ['src/commands', '../adapters/database.ts'],
] as const

const importing = (imported: string): string => `import type { A } from '${imported}'\nexport type B = A\n`
const readsEnvironment = `export const port = process.env['PORT']\n`

/** Each file of a made-up project under this project's configuration. */
const files: Record<string, string> = {
  ...Object.fromEntries(forbidden.map(([folder, imported], n) => [`${folder}/forbidden-${n}.ts`, importing(imported)])),
  ...Object.fromEntries(allowed.map(([folder, imported], n) => [`${folder}/allowed-${n}.ts`, importing(imported)])),
  'src/main.ts': `import { A } from './adapters/database.ts'\nexport const b = A\n${readsEnvironment}`,
  'src/domain/environment.ts': readsEnvironment,
  'src/domain/one.ts': `import { two } from './two.ts'\nexport const one = (): number => two()\n`,
  'src/domain/two.ts': `import { one } from './one.ts'\nexport const two = (): number => one()\n`,
  'src/domain/lazy.ts': `
    interface PrismaPromise<T> extends Promise<T> { readonly [Symbol.toStringTag]: 'PrismaPromise' }
    declare const db: { person: { create(): PrismaPromise<void> } }
    export function add(): void { db.person.create() }
  `,
  'src/domain/client-value.ts': `import { Prisma } from '../generated/prisma/client.ts'\nexport const none = Prisma.DbNull\n`,
  'src/adapters/client-value.ts': `import { PrismaClient } from '../generated/prisma/client.ts'\nexport const client = PrismaClient\n`,
  'src/domain/client-type.ts': `import type { Prisma } from '../generated/prisma/client.ts'\nexport type Key = Prisma.ApiKeyModel\n`,
  'src/domain/client-later.ts': `export const client = async () => (await import('../generated/prisma/client.ts')).PrismaClient\n`,
  'test/idle.test.ts': `
    import { expect, test } from 'vitest'
    test.only('focused', () => { expect(1).toBe(1) })
    test.skip('disabled', () => { expect(1).toBe(1) })
    test('says nothing', () => {})
  `,
}

/** The rules that each file breaks, by its name. */
const broken = new Map<string, string[]>()

beforeAll(async () => {
  const project = await mkdtemp(join(tmpdir(), 'credentials-gateway-lint-'))
  for (const [file, text] of Object.entries(files)) {
    await mkdir(join(project, dirname(file)), { recursive: true })
    await writeFile(join(project, file), text)
  }
  await copyFile(join(root, '.oxlintrc.json'), join(project, '.oxlintrc.json'))
  await copyFile(join(root, 'tsconfig.json'), join(project, 'tsconfig.json'))
  await symlink(join(root, 'node_modules'), join(project, 'node_modules'))
  const oxlint = join(root, 'node_modules/oxlint/bin/oxlint')
  const output = await new Promise<string>((resolve) => {
    execFile(process.execPath, [oxlint, '--format=json', 'src', 'test'], { cwd: project }, (_failed, stdout) => resolve(stdout))
  })
  await rm(project, { recursive: true })
  const report = JSON.parse(output) as { diagnostics: { code: string; filename: string }[]; number_of_files: number }
  expect(report.number_of_files).toBe(Object.keys(files).length)
  for (const { code, filename } of report.diagnostics) {
    broken.set(basename(filename), [...(broken.get(basename(filename)) ?? []), code].toSorted())
  }
})

forbidden.forEach(([folder, imported], n) => {
  test(`${folder} may not import ${imported}`, () => {
    expect(broken.get(`forbidden-${n}.ts`)).toContain('eslint(no-restricted-imports)')
  })
})

allowed.forEach(([folder, imported], n) => {
  test(`${folder} may import ${imported}`, () => {
    expect(broken.get(`allowed-${n}.ts`)).toBeUndefined()
  })
})

test('two files that import each other are refused', () => {
  expect(broken.get('one.ts')).toEqual(['import(no-cycle)'])
})

test('a write through Prisma that nobody awaits is refused', () => {
  expect(broken.get('lazy.ts')).toEqual(['typescript(no-floating-promises)'])
})

test('the types of Prisma’s client are for everybody, and the client itself for nobody', () => {
  expect(broken.get('client-value.ts')).toEqual(['eslint(no-restricted-imports)', 'eslint(no-restricted-imports)'])
  expect(broken.get('client-type.ts')).toBeUndefined()
  expect(broken.get('client-later.ts')).toEqual(['eslint(no-restricted-imports)'])
})

test('main.ts alone reads the environment and chooses the adapters', () => {
  expect(broken.get('environment.ts')).toEqual(['node(no-process-env)'])
  expect(broken.get('main.ts')).toBeUndefined()
})

test('a test that is focused, disabled or asserts nothing is refused', () => {
  expect(broken.get('idle.test.ts')).toEqual(['vitest(expect-expect)', 'vitest(no-disabled-tests)', 'vitest(no-focused-tests)'])
})
