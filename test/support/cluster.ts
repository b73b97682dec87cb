/** A PostgreSQL server of a test's own, to be stopped, made read-only, copied as a standby and promoted. */
import { execFile } from 'node:child_process'
import { chown, mkdtemp, readFile, realpath, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import pg from 'pg'
import { vi } from 'vitest'
import { openServer } from '../../src/adapters/postgres-server.ts'
import type { TestDatabase } from './database.ts'
import { freePort } from './ports.ts'
import { findProgram, unprivileged } from './programs.ts'

export interface Cluster {
  readonly url: string
  /** Runs these statements one by one, over a connection of their own. @returns the rows of the last */
  run(...statements: readonly string[]): Promise<Record<string, unknown>[]>
  /** Immediately: connections are cut. */
  stop(): Promise<void>
  /** At the same address as before. */
  start(): Promise<void>
  /** A streaming replica of it that has everything committed so far. */
  standby(): Promise<Cluster>
  /** Makes a primary of a standby. Resolves when it takes writes. */
  promote(): Promise<void>
  /** Stops it and removes its folder. */
  close(): Promise<void>
}

// Nothing here outlives the test, so nothing is made durable.
const settings = [
  'listen_addresses=127.0.0.1',
  'unix_socket_directories=',
  'timezone=UTC',
  'max_connections=100',
  'fsync=off',
  'full_page_writes=off',
]
  .map((each) => `-c ${each}`)
  .join(' ')

/** Makes a server and starts it; whoever does closes it. */
export const startCluster = (): Promise<Cluster> =>
  begun(({ program, data }) =>
    program('initdb', `--pgdata=${data}`, '--username=postgres', '--auth=trust', '--encoding=UTF8', '--locale=C.UTF-8', '--no-sync'),
  )

interface Place {
  readonly data: string
  /** Runs a program of PostgreSQL as the user that the server runs as. */
  readonly program: (name: string, ...args: readonly string[]) => Promise<unknown>
}

/** @param fill makes the folder of the data */
async function begun(fill: (place: Place) => Promise<unknown>): Promise<Cluster> {
  const programs = dirname(await realpath(findProgram('initdb', 'postgresql'))) // all of one version, wherever a link to one of them is
  const owner = unprivileged()
  const folder = await mkdtemp(join(tmpdir(), 'credentials-gateway-cluster-'))
  if ('uid' in owner) await chown(folder, owner.uid, owner.gid)
  const [data, log] = [join(folder, 'data'), join(folder, 'log')]
  const program: Place['program'] = (name, ...args) =>
    promisify(execFile)(join(programs, name), args, { ...owner, cwd: folder, env: { ...process.env, HOME: folder } })
  await fill({ data, program })

  const ctl = (...args: readonly string[]) => program('pg_ctl', ...args, `--pgdata=${data}`, '--wait', '--timeout=60')
  let port: number | undefined
  const start = async (): Promise<void> => {
    for (let tries = 1; ; tries++) {
      const candidate = port ?? (await freePort()) // which may be taken before the server has it
      try {
        // Its output goes to a file: a pipe would be held open by the server, and never end.
        await ctl('start', `--log=${log}`, `--options=${settings} -c port=${candidate}`)
        port = candidate
        return
      } catch (error) {
        if (tries === 5) throw new Error(`the server did not start:\n${await readFile(log, 'utf8')}`, { cause: error })
      }
    }
  }
  await start()
  const url = `postgresql://postgres@127.0.0.1:${port}/postgres`
  const run: Cluster['run'] = (...statements) => runOn(url, statements)
  const stop = async (): Promise<void> => void (await ctl('stop', '--mode=immediate'))
  return {
    url,
    run,
    stop,
    start,
    async standby() {
      const { hostname, username } = new URL(url)
      const copy = await begun((place) =>
        place.program(
          'pg_basebackup',
          `--pgdata=${place.data}`,
          `--dbname=host=${hostname} port=${port} user=${username}`,
          '--write-recovery-conf',
          '--checkpoint=fast',
          '--no-sync',
        ),
      )
      const [{ lsn } = {}] = await run('select pg_current_wal_flush_lsn()::text as lsn')
      await vi.waitUntil(
        async () => (await copy.run(`select pg_last_wal_replay_lsn() >= '${String(lsn)}' as "hasAll"`))[0]!['hasAll'] === true,
        { timeout: 60_000, interval: 50 },
      )
      return copy
    },
    promote: async () => void (await ctl('promote')),
    async close() {
      await stop().catch(() => {}) // a test may have stopped it
      await rm(folder, { recursive: true })
    },
  }
}

async function runOn(url: string, statements: readonly string[]): Promise<Record<string, unknown>[]> {
  const client = new pg.Client({ connectionString: url })
  client.on('error', () => {}) // the statement under way reports it
  await client.connect()
  try {
    let rows: Record<string, unknown>[] = []
    for (const statement of statements) rows = (await client.query<Record<string, unknown>>(statement)).rows
    return rows
  } finally {
    await client.end()
  }
}

/** The migrated database of a server, for what the doors of a gateway do not do. Whoever opens it closes it. */
export async function migratedOn({ url }: Pick<Cluster, 'url'>): Promise<TestDatabase> {
  const db = openServer({ url, directUrl: url, pooled: false })
  await db.migrate()
  return { ...db, url }
}
