/** Migrations: the folders of prisma/migrations, applied in order and recorded so that Prisma's own tool agrees. */
import { createHash } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { SqlMigrationAwareDriverAdapterFactory } from '@prisma/driver-adapter-utils'

export interface Migration {
  readonly name: string
  readonly sql: string
}

export interface MigrationStatus {
  readonly applied: readonly string[]
  readonly pending: readonly string[]
  /** Recorded as applied, but the file has changed since. */
  readonly changed: readonly string[]
  /** Begun and never finished: a person has to look. */
  readonly failed: readonly string[]
}

// The same two levels below the package's root, from src/ and from dist/.
const prismaFolder = fileURLToPath(new URL('../../prisma/', import.meta.url))

/** The text of schema.prisma. */
export const readSchema = (): string => readFileSync(join(prismaFolder, 'schema.prisma'), 'utf8')

/** All migrations, oldest first. */
export function readMigrations(): Migration[] {
  const folder = join(prismaFolder, 'migrations')
  return readdirSync(folder, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map(({ name }) => ({ name, sql: readFileSync(join(folder, name, 'migration.sql'), 'utf8') }))
    .sort((a, b) => (a.name < b.name ? -1 : 1))
}

/** What the database says of these migrations. `select` runs plain SQL. */
export async function migrationStatus(
  select: (sql: string) => Promise<Record<string, unknown>[]>,
  migrations: readonly Migration[] = readMigrations(),
): Promise<MigrationStatus> {
  const [table] = await select(`select to_regclass('_prisma_migrations') is not null as present`)
  const rows =
    table?.['present'] === true
      ? await select(
          'select migration_name, checksum, finished_at is not null as finished from _prisma_migrations where rolled_back_at is null',
        )
      : []
  const recorded = new Map(rows.map((row) => [row['migration_name'] as string, row]))
  const status = { applied: [] as string[], pending: [] as string[], changed: [] as string[], failed: [] as string[] }
  for (const { name, sql } of migrations) {
    const row = recorded.get(name)
    if (!row) status.pending.push(name)
    else if (row['finished'] !== true) status.failed.push(name)
    else {
      status.applied.push(name)
      if (row['checksum'] !== createHash('sha256').update(sql).digest('hex')) status.changed.push(name)
    }
  }
  return status
}

/** A migration did not go through; the message says which, and what to do. */
export class MigrationFailed extends Error {}

/** What to do about migrations that began and did not finish. */
export const unfinished = (names: readonly string[]): MigrationFailed =>
  new MigrationFailed(
    `A migration began and did not finish: ${names.join(', ')}. Look at what it left behind, then mark it with "prisma migrate resolve".`,
  )

/**
 * Applies what is pending. The engine is loaded only where something is: a warm start does not pay for it.
 * @throws MigrationFailed when one does not go through, now or at an earlier start
 */
export async function bringUpToDate(
  select: (sql: string) => Promise<Record<string, unknown>[]>,
  factory: () => SqlMigrationAwareDriverAdapterFactory,
): Promise<string[]> {
  const { pending, failed } = await migrationStatus(select)
  if (failed.length > 0) throw unfinished(failed)
  if (pending.length === 0) return []
  try {
    return await applyMigrations(factory())
  } catch (error) {
    throw new MigrationFailed(`The migrations ${pending.join(', ')} could not be applied: ${(error as Error).message}`, { cause: error })
  }
}

export async function applyMigrations(factory: SqlMigrationAwareDriverAdapterFactory): Promise<string[]> {
  const { SchemaTool } = await import('./schema-engine.ts')
  const tool = await SchemaTool.connect(factory, readSchema())
  return tool.apply(readMigrations())
}
