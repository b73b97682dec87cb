/** Prisma's schema engine as WebAssembly: applies migrations and compares schemas without a native download. */
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { bindMigrationAwareSqlAdapterFactory, type SqlMigrationAwareDriverAdapterFactory } from '@prisma/driver-adapter-utils'
import * as glue from '@prisma/schema-engine-wasm/schema_engine_bg'
import type { MigrationList, SchemaEngine } from '@prisma/schema-engine-wasm'
import type { Migration } from './migrations.ts'

/** The part of the global that is used here; the type libraries have it among the browser's alone. */
declare const WebAssembly: {
  Module: new (bytes: Uint8Array) => object
  Instance: new (module: object, imports: Record<string, unknown>) => { exports: unknown }
}

const require = createRequire(import.meta.url)
let instantiated = false

/** The package's own entry imports the .wasm as a module, which Node 20 cannot; this is that entry, spelt out. */
function instantiate(): typeof glue {
  if (!instantiated) {
    const entry = require.resolve('@prisma/schema-engine-wasm')
    const bytes = readFileSync(new URL('schema_engine_bg.wasm', `file://${entry}`))
    const { exports } = new WebAssembly.Instance(new WebAssembly.Module(bytes), { './schema_engine_bg.js': { ...glue, ...unheldTimers() } })
    const wasm = glue as unknown as { __wbg_set_wasm(exports: unknown): void }
    wasm.__wbg_set_wasm(exports)
    ;(exports as { __wbindgen_start(): void }).__wbindgen_start()
    instantiated = true
  }
  return glue
}

/** The engine arms a timer of 10 s for its lock and never clears it: a process that has finished would wait for that. */
function unheldTimers(): Record<string, unknown> {
  const names = Object.keys(glue).filter((name) => name.startsWith('__wbg_setTimeout_'))
  return Object.fromEntries(names.map((name) => [name, (callback: () => void, ms: number) => setTimeout(callback, ms).unref()]))
}

const filters = { externalTables: [], externalEnums: [] }

/** A connected engine, and what it does for this project. */
export class SchemaTool {
  private readonly engine: SchemaEngine
  private constructor(engine: SchemaEngine) {
    this.engine = engine
  }

  static async connect(factory: SqlMigrationAwareDriverAdapterFactory, schema: string): Promise<SchemaTool> {
    const { SchemaEngine: Engine } = instantiate()
    const options = { datamodels: [['schema.prisma', schema] as [string, string]] }
    const adapter = bindMigrationAwareSqlAdapterFactory(factory)
    return new SchemaTool(await Engine.new(options as never, () => {}, adapter))
  }

  /** Applies what is missing and records it in `_prisma_migrations`, as `prisma migrate deploy` does. */
  async apply(migrations: readonly Migration[]): Promise<string[]> {
    const { appliedMigrationNames } = await this.engine.applyMigrations({ migrationsList: listOf(migrations), filters })
    return appliedMigrationNames
  }

  /** The SQL that leads from what the migrations build (on a shadow database) to the schema; empty when they agree. */
  async drift(migrations: readonly Migration[], schema: string): Promise<string> {
    const { stdout } = await this.engine.diff({
      from: { tag: 'migrations', ...listOf(migrations) },
      to: { tag: 'schemaDatamodel', files: [{ path: 'schema.prisma', content: schema }] },
      script: true,
      exitCode: null,
      filters,
    })
    return (stdout ?? '').replace(/^-- This is an empty migration\.\s*$/m, '').trim()
  }
}

function listOf(migrations: readonly Migration[]): MigrationList {
  return {
    baseDir: 'prisma/migrations',
    lockfile: { path: 'migration_lock.toml', content: 'provider = "postgresql"\n' },
    shadowDbInitScript: '',
    migrationDirectories: migrations.map(({ name, sql }) => ({
      path: name,
      migrationFile: { path: 'migration.sql', content: { tag: 'ok', value: sql } },
    })),
  }
}
