/** Databases on the server that TEST_DATABASE_URL names, each made for one purpose and dropped after it. */
import { randomBytes } from 'node:crypto'
import pg from 'pg'

const serverUrl = process.env['TEST_DATABASE_URL'] ?? ''

/** Whether the tests run on a server. What needs true concurrency is declared with `test.runIf(isServer)`. */
export const isServer = serverUrl !== ''

export interface ServerDatabase {
  readonly name: string
  readonly url: string
  /** Ends the connections that are left on it, too. */
  readonly drop: () => Promise<void>
}

/**
 * A new database on the server.
 * @param template the database to copy, which nobody may be connected to; an empty one when left out
 */
export async function createDatabase(template?: string): Promise<ServerDatabase> {
  const name = `gateway_test_${randomBytes(8).toString('hex')}`
  await administer(`create database ${name}${template === undefined ? '' : ` template ${template}`}`)
  const url = new URL(serverUrl)
  url.pathname = `/${name}`
  return { name, url: url.href, drop: () => administer(`drop database if exists ${name} with (force)`) }
}

/** Does this in a transaction that stays open, for as long as it takes, with what it locks. @returns how to let go */
export async function holdOpen(url: string, statements: string): Promise<() => Promise<void>> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  await client.query(`begin; ${statements}`)
  return () => client.end()
}

async function administer(statement: string): Promise<void> {
  const client = new pg.Client({ connectionString: serverUrl })
  await client.connect()
  try {
    await client.query(statement)
  } finally {
    await client.end()
  }
}
