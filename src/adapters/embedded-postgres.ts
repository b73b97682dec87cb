/** PostgreSQL in this process, through PGlite: one connection, on which statements queue behind each other. */
import { mkdirSync } from 'node:fs'
import { PGlite } from '@electric-sql/pglite'
import { PrismaPGlite } from 'pglite-prisma-adapter'
import type { Sql } from 'sql-template-tag'
import type { Queryable, Transactions } from '../deps.ts'
import { dateOid, type OpenDatabase } from './database.ts'
import { answered } from './database-errors.ts'
import { bringUpToDate, migrationStatus } from './migrations.ts'
import { prismaOn } from './prisma.ts'

/** In pages of 8 kB. PostgreSQL's own 128 MB are cleared at every start, which takes half of its time. */
const sharedBuffers = 1_024

/** @param folder where the data lives; `undefined` keeps it in memory, as tests do */
export async function openEmbedded(folder: string | undefined, loadDataDir?: Blob): Promise<OpenDatabase> {
  if (folder !== undefined) mkdirSync(folder, { recursive: true, mode: 0o700 })
  const lite = await PGlite.create({
    ...(folder === undefined ? {} : { dataDir: folder }),
    ...(loadDataDir === undefined ? {} : { loadDataDir }),
    startParams: [...PGlite.defaultStartParams, '-B', String(sharedBuffers)],
    parsers: { [dateOid]: (value: string) => value },
  })
  const factory = new PrismaPGlite(lite)
  const prisma = prismaOn(factory)
  const select = async (text: string) => (await lite.query<Record<string, unknown>>(text)).rows
  const queryable = (client: Pick<PGlite, 'query'>): Queryable => ({
    query: <Row>({ text, values }: Sql) => answered(client.query<Row>(text, values as unknown[]).then(({ rows }) => rows)),
  })
  const transactions: Transactions = { ...queryable(lite), transaction: (work) => lite.transaction((tx) => work(queryable(tx))) }
  const db: OpenDatabase = {
    kind: 'embedded',
    prisma: prisma.connect,
    ...transactions,
    within: () => db, // it answers on this thread: whoever waits for it waits for nothing else
    aside: transactions,
    probe: async () => void (await lite.query('select 1')),
    watch(channel, { heard }) {
      // This process is the only one here: what it says it hears, before the statement that says it is answered.
      let listening = false
      const begun = lite.listen(channel, heard).then(() => {
        listening = true
      })
      return { isLive: () => listening, caughtUp: () => begun, trouble: () => undefined }
    },
    migrate: () => bringUpToDate(select, () => factory),
    migrationStatus: () => migrationStatus(select),
    examine: () => Promise.resolve([]),
    announcementTrouble: () => Promise.resolve(undefined),
    async close() {
      await prisma.disconnect()
      await lite.close()
    },
  }
  return db
}
