/** Once a run: a migrated database to copy from (a template on a server or the dump of an embedded one), and the pages' assets. */
import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync } from 'node:fs'
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { PGlite } from '@electric-sql/pglite'
import { PrismaPGlite } from 'pglite-prisma-adapter'
import type { TestProject } from 'vitest/node'
import { openServer } from '../../src/adapters/postgres-server.ts'
import { applyMigrations, readMigrations } from '../../src/adapters/migrations.ts'
import { createDatabase, isServer } from './postgres.ts'

/** What each test file copies: the name of a database on the server, or the file of a dump. */
export type Template = { readonly database: string } | { readonly dump: string }

declare module 'vitest' {
  export interface ProvidedContext {
    template: Template
  }
}

export default async function setup(run: TestProject): Promise<() => Promise<void>> {
  // The pages serve what the build made of src/console/, which may have changed since.
  execFileSync(process.execPath, [fileURLToPath(new URL('../../scripts/assets.mjs', import.meta.url))], { stdio: 'inherit' })
  const { template, remove } = isServer ? await serverTemplate() : await embeddedTemplate()
  run.provide('template', template)
  return remove
}

async function serverTemplate() {
  const { name, url, drop } = await createDatabase()
  const db = openServer({ url, directUrl: url, pooled: false })
  await db.migrate()
  await db.close() // a database that somebody is connected to cannot be copied
  return { template: { database: name }, remove: drop }
}

/** Kept from run to run for the same migrations and the same PGlite: making one takes seconds. */
async function embeddedTemplate() {
  const root = fileURLToPath(new URL('../../node_modules/', import.meta.url))
  const madeOf = JSON.stringify([readMigrations(), await readFile(join(root, '@electric-sql/pglite/package.json'), 'utf8')])
  const folder = join(root, '.cache/credentials-gateway')
  const dump = join(folder, `migrated-${createHash('sha256').update(madeOf).digest('hex').slice(0, 16)}.tar`)
  if (!existsSync(dump)) {
    const lite = await PGlite.create()
    await applyMigrations(new PrismaPGlite(lite))
    const tar = await lite.dumpDataDir('none')
    await lite.close()
    await mkdir(folder, { recursive: true })
    await writeFile(`${dump}.${process.pid}`, Buffer.from(await tar.arrayBuffer()))
    await rename(`${dump}.${process.pid}`, dump) // whole or not at all, for a run beside this one
  }
  return { template: { dump }, remove: () => Promise.resolve() }
}
