/** Once a run: a migrated database to copy from, a template on a server or the dump of an embedded one. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { PGlite } from '@electric-sql/pglite'
import { PrismaPGlite } from 'pglite-prisma-adapter'
import type { TestProject } from 'vitest/node'
import { openServer } from '../../src/adapters/database.ts'
import { applyMigrations } from '../../src/adapters/migrations.ts'
import { createDatabase, isServer } from './postgres.ts'

/** What each test file copies: the name of a database on the server, or the file of a dump. */
export type Template = { readonly database: string } | { readonly dump: string }

declare module 'vitest' {
  export interface ProvidedContext {
    template: Template
  }
}

export default async function setup(run: TestProject): Promise<() => Promise<void>> {
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

async function embeddedTemplate() {
  const lite = await PGlite.create()
  await applyMigrations(new PrismaPGlite(lite))
  const dump = await lite.dumpDataDir('none')
  await lite.close()
  const folder = await mkdtemp(join(tmpdir(), 'credentials-gateway-test-'))
  const file = join(folder, 'migrated.tar')
  await writeFile(file, Buffer.from(await dump.arrayBuffer()))
  return { template: { dump: file }, remove: () => rm(folder, { recursive: true }) }
}
