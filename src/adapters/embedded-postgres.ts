/**
 * PostgreSQL in this process, through PGlite: one connection, on which statements queue behind each other.
 *
 * A folder is there whole or not at all: it is made beside its place, with all migrations, and renamed. So a start that was killed or met
 * a full disk is begun again, and a folder that is not whole is a damaged one, which nothing is written to.
 */
import { mkdirSync, readdirSync, renameSync, rmSync } from 'node:fs'
import { dirname } from 'node:path'
import { PGlite } from '@electric-sql/pglite'
import type { SqlQueryable } from '@prisma/driver-adapter-utils'
import { PrismaPGlite } from 'pglite-prisma-adapter'
import type { Transactions } from '../deps.ts'
import type { OnResult, Statement } from '../sql/statement.ts'
import { FolderUnfit } from './data-folder.ts'
import { dateOid, type OpenDatabase } from './database.ts'
import { answered, told } from './database-errors.ts'
import { faultSentence, LastWords, openingFault, untilBroken } from './embedded-faults.ts'
import { bringUpToDate, migrationStatus } from './migrations.ts'
import { Models } from './prisma.ts'
import { JoinedTables, tablesOutside, throughPrisma } from './tables.ts'

/** In pages of 8 kB. PostgreSQL's own 128 MB are cleared at every start, which takes half of its time. */
const sharedBuffers = 1_024
/** Without other processes PostgreSQL makes no checkpoint by itself: its log would grow until the process ends. */
const checkpointEveryMs = 60_000
const checkpointBytes = 32 * 1024 ** 2

/**
 * @param folder where the data lives, made where there is none; `undefined` keeps it in memory, as tests do
 * @param forTests a database to begin with, and what compares what statements say with what comes
 * @throws FolderUnfit saying what is wrong with it and what to do
 */
export async function openEmbedded(
  folder: string | undefined,
  forTests: { readonly loadDataDir?: Blob; readonly onResult?: OnResult } = {},
): Promise<OpenDatabase> {
  const words = new LastWords()
  if (folder === undefined) return databaseOn(await start(undefined, words, forTests.loadDataDir), words, [], forTests.onResult)
  const dataDir = dirname(folder)
  try {
    const applied = isThere(dataDir, folder) ? [] : await make(folder, words)
    return databaseOn(await start(folder, words), words, applied)
  } catch (error) {
    throw openingFault(dataDir, error, words)
  }
}

const start = (folder: string | undefined, words: LastWords, loadDataDir?: Blob): Promise<PGlite> =>
  PGlite.create({
    ...(folder === undefined ? {} : { dataDir: folder }),
    ...(loadDataDir === undefined ? {} : { loadDataDir }),
    startParams: [...PGlite.defaultStartParams, '-B', String(sharedBuffers), '-c', 'timezone=UTC'], // Prisma's adapter counts on UTC
    parsers: { [dateOid]: (value: string) => value },
    onStderr: (line) => {
      words.hear(line)
      return false
    },
  })

/** @throws FolderUnfit where there is something that is no database: PGlite would make a new one over it */
function isThere(dataDir: string, folder: string): boolean {
  let names: string[]
  try {
    names = readdirSync(folder)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false
    throw error
  }
  if (names.length > 0 && !names.includes('PG_VERSION')) throw new FolderUnfit(faultSentence(dataDir, 'PG_VERSION is missing'))
  return names.length > 0
}

/** @returns the migrations that made it */
async function make(folder: string, words: LastWords): Promise<string[]> {
  const unfinished = `${folder}.unfinished`
  rmSync(unfinished, { recursive: true, force: true }) // of a start that was killed
  try {
    mkdirSync(unfinished, { recursive: true, mode: 0o700 })
    const lite = await start(unfinished, words)
    const applied = await migrate(lite)
    await lite.close()
    renameSync(unfinished, folder)
    return applied
  } catch (error) {
    rmSync(unfinished, { recursive: true, force: true }) // it may be what fills the disk
    throw error
  }
}

const selectOn = (lite: PGlite) => async (text: string) => (await lite.query<Record<string, unknown>>(text)).rows
const migrate = (lite: PGlite): Promise<string[]> => bringUpToDate(selectOn(lite), () => new PrismaPGlite(lite))

/** @param made the migrations that were applied when it was made: the first `migrate` tells of them */
function databaseOn(lite: PGlite, words: LastWords, made: string[], onResult?: OnResult): OpenDatabase {
  const models = new Models<PGlite['query']>({ schema: () => Promise.resolve('public'), adapterOver })
  const queryOn =
    (client: Pick<PGlite, 'query'>) =>
    <Row>(statement: Statement<Row>): Promise<Row[]> =>
      answered(client.query<Row>(statement.text, statement.values as unknown[])).then(({ rows, fields }) => {
        onResult?.(statement, fields, rows as object[])
        return rows
      })
  const askOn =
    (client: Pick<PGlite, 'query'>): PGlite['query'] =>
    (text, values, options) =>
      throughPrisma(client.query(text, values, options))
  let isBroken = false
  const broken = untilBroken(lite, words).then((error) => {
    isBroken = true
    return error
  })
  const stopCheckpoints = startCheckpoints(lite)
  const transactions: Transactions = {
    query: queryOn(lite),
    tables: tablesOutside(models, askOn(lite), (work) => transactions.transaction(work)),
    async transaction(work) {
      let ownError: unknown
      try {
        return await lite.transaction(async (tx) => {
          const joined = new JoinedTables(models, askOn(tx))
          try {
            const result = await work({ query: queryOn(tx), tables: joined.tables })
            await joined.finish()
            return result
          } catch (error) {
            ownError = error
            await joined.finish().catch(() => {}) // the error that ended the work is the one that counts
            throw error
          }
        })
      } catch (error) {
        throw error === ownError ? error : told(error) // what the work throws is its own, or has been told
      }
    },
  }
  const db: OpenDatabase = {
    kind: 'embedded',
    broken,
    ...transactions,
    within: () => db, // it answers on this thread: whoever waits for it waits for nothing else
    aside: transactions,
    probe: async () => void (await answered(lite.query('select 1'))),
    watch(channel, { heard }) {
      // This process is the only one here: what it says it hears, before the statement that says it is answered.
      let listening = false
      const begun = lite.listen(channel, heard).then(() => {
        listening = true
      })
      return { isLive: () => listening, caughtUp: () => begun, trouble: () => undefined }
    },
    async migrate() {
      const applied = [...made, ...(await answered(migrate(lite)))]
      made = []
      return applied
    },
    migrationStatus: () => answered(migrationStatus(selectOn(lite))),
    examine: () => Promise.resolve([]),
    announcementTrouble: () => Promise.resolve(undefined),
    async close() {
      stopCheckpoints()
      if (isBroken) return // what it would be asked, it cannot answer; its files are what the next start recovers from
      await models.disconnect()
      await lite.close()
    },
  }
  return db
}

const adapterOver = (ask: () => PGlite['query']): Promise<SqlQueryable> =>
  new PrismaPGlite({ query: (...query: Parameters<PGlite['query']>) => ask()(...query) } as PGlite).connect()

/** A checkpoint where the log has grown. One that fails is made the next time: it is no statement that anybody waits for. */
function startCheckpoints(lite: PGlite): () => void {
  const look = async (): Promise<void> => {
    const { rows } = await lite.query<{ due: boolean }>(
      'select pg_wal_lsn_diff(pg_current_wal_insert_lsn(), redo_lsn) > $1 as due from pg_control_checkpoint()',
      [checkpointBytes],
    )
    if (rows[0]?.due) await lite.exec('checkpoint')
  }
  const timer = setInterval(() => void look().catch(() => {}), checkpointEveryMs).unref()
  return () => clearInterval(timer)
}
