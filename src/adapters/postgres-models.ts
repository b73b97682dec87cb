/** Prisma's driver adapter for `pg`, over connections of ours. */
import { PrismaPg } from '@prisma/adapter-pg'
import type { SqlQueryable } from '@prisma/driver-adapter-utils'
import pg from 'pg'

/** Runs a statement as the adapter puts it, with its parsers. */
export type AskServer = (query: pg.QueryConfig) => Promise<pg.QueryResult>

/** The adapter takes a pool alone, and asks it for nothing but `query`: this one never connects. */
export const pgAdapterOver = (ask: () => AskServer): Promise<SqlQueryable> =>
  new PrismaPg(Object.assign(new pg.Pool(), { query: (query: pg.QueryConfig) => ask()(query) })).connect()
