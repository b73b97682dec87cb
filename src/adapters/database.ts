/** PostgreSQL behind one interface, on a server or embedded; only the driver that is needed is loaded. */
import { join } from 'node:path'
import type { Config } from '../config.ts'
import type { Database } from '../deps.ts'
import type { MigrationStatus } from './migrations.ts'
import type { ServerOptions } from './postgres-server.ts'

/** A database that can also be migrated and closed. */
export interface OpenDatabase extends Database {
  readonly kind: 'server' | 'embedded'
  /** Applies pending migrations, one instance at a time; the names of those applied. */
  migrate(): Promise<readonly string[]>
  migrationStatus(): Promise<MigrationStatus>
  /**
   * Looks whether the settings of connections are what the gateway needs.
   * @returns what is missing and can be lived without: sentences for an operator
   * @throws Problem UNAVAILABLE, with WrongSettings as its cause where they are not
   */
  examine(): Promise<readonly string[]>
  /** Whether what is announced is heard: why not, and what to do about it; nothing where it is. @throws Problem UNAVAILABLE */
  announcementTrouble(): Promise<string | undefined>
  close(): Promise<void>
  /** Resolves when it has broken down for good in this process: every statement fails from then on, and only a new start helps. */
  readonly broken?: Promise<Error>
}

/** Type id of a date. Dates stay the text they are: `pg` would shift them by the time zone. The rest both drivers parse alike. */
export const dateOid = 1082

type DatabaseConfig = Pick<Config, 'databaseUrl' | 'directDatabaseUrl' | 'pooled' | 'databasePoolSize' | 'dataDir'>
type ServerSettings = Pick<ServerOptions, 'isCommand' | 'log'>

/** Loads the driver that is needed. What it returns opens the database; much of an embedded one's start is no work of this thread. */
export async function databaseDriver(config: DatabaseConfig, settings: ServerSettings = {}): Promise<() => Promise<OpenDatabase>> {
  const { databaseUrl: url, directDatabaseUrl: directUrl = url, pooled, databasePoolSize: poolSize, dataDir } = config
  if (url === undefined || directUrl === undefined) {
    const { openEmbedded } = await import('./embedded-postgres.ts')
    return () => openEmbedded(join(dataDir, 'postgres'))
  }
  const { openServer } = await import('./postgres-server.ts')
  return () => Promise.resolve(openServer({ url, directUrl, pooled, poolSize, ...settings }))
}

/** For an operator's command: nothing it does has a deadline. */
export const openForCommand = async (config: DatabaseConfig): Promise<OpenDatabase> => (await databaseDriver(config, { isCommand: true }))()
