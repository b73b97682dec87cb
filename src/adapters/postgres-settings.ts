/**
 * The settings of a connection. Those of the server, of the database and of the role are other people's: what the gateway counts on it
 * sets itself, when a connection is opened. Behind a pooler that gives every transaction another connection that would set them for
 * others, or not at all: there they are looked at, and whoever runs the gateway is told what to run.
 */
import pg from 'pg'
import { Standby, WrongSettings } from './database-errors.ts'

/** Milliseconds; 0 is no limit. */
export interface Timeouts {
  readonly statement: number
  /** How long a lock is waited for. */
  readonly lock: number
  /** A transaction whose instance is paused or cut off holds its locks no longer than this. */
  readonly idleInTransaction: number
}

/** What was found of a connection when it had been opened. */
export interface Opened {
  /** The process of the server behind it; behind a pooler, of this moment. */
  readonly pid: number
  /** Where unqualified names lead. */
  readonly schema: string
  /** Whether transactions there may write. */
  readonly readOnly: boolean
  /** What is missing, and can be lived without: timeouts that nothing sets. */
  readonly warning: string | undefined
}

type Found = Readonly<Record<Setting, string>> & {
  readonly pid: number
  readonly standby: boolean
  readonly readOnly: boolean
  readonly role: string
  readonly database: string
  /** Where unqualified names lead. */
  readonly schema: string | null
  /** Where the tables are, if there are any. */
  readonly tablesIn: string | null
}

/** A server that takes a connection and falls silent is none. */
const settleTimeoutMs = 2_000

const dateStyle = 'ISO, MDY'
const timeZones = new Set(['UTC', 'Etc/UTC', 'UCT', 'Etc/UCT', 'Zulu', 'Etc/Zulu', 'Universal', 'Etc/Universal', 'GMT', 'Etc/GMT'])

/** What is wrong answers without them: each with what is right, and how that is told. */
const needed = {
  DateStyle: { isRight: (value: string) => value.startsWith('ISO'), wanted: dateStyle },
  TimeZone: { isRight: (value: string) => timeZones.has(value), wanted: 'UTC' },
  default_transaction_isolation: { isRight: (value: string) => value === 'read committed', wanted: 'read committed' },
  standard_conforming_strings: { isRight: (value: string) => value === 'on', wanted: 'on' },
} as const
const timeoutSettings = ['statement_timeout', 'lock_timeout', 'idle_in_transaction_session_timeout'] as const
type Setting = keyof typeof needed | (typeof timeoutSettings)[number]

/** The schema that holds the gateway's tables; of several, the one that is looked at first. */
const tablesIn = `(select n.nspname from pg_class c join pg_namespace n on n.oid = c.relnamespace
  where c.relname = 'login_requests' and c.relkind in ('r', 'p') and exists (
    select from pg_class m where m.relname = '_prisma_migrations' and m.relnamespace = n.oid)
  order by array_position(current_schemas(false), n.nspname), n.nspname = 'public' desc, n.nspname limit 1)`

const settingsFound = [...Object.keys(needed), ...timeoutSettings].map((name) => `current_setting('${name}') as "${name}"`).join(', ')
const look = `select pg_backend_pid() as pid, pg_is_in_recovery() as standby,
  current_setting('transaction_read_only') = 'on' as "readOnly", session_user as role, current_database() as database, current_schema() as schema, ${tablesIn} as "tablesIn", ${settingsFound}`

/** All of it in one round trip. */
const setting = ({ statement, lock, idleInTransaction }: Timeouts): string =>
  [
    ...Object.entries(needed).map(([name, { wanted }]) => `set ${name} = '${wanted}'`),
    `set statement_timeout = ${statement}`,
    `set lock_timeout = ${lock}`,
    `set idle_in_transaction_session_timeout = ${idleInTransaction}`,
    `select set_config('search_path', quote_ident(coalesce(${tablesIn}, current_schema(), 'public')), false)`,
    look,
  ].join('; ')

/**
 * Makes a connection that was just opened the gateway's own.
 * @param timeouts those of the connection; `undefined` behind a transaction-mode pooler, where nothing is set
 * @throws Standby, WrongSettings
 */
export async function settle(client: Pick<pg.ClientBase, 'query'>, timeouts: Timeouts | undefined): Promise<Opened> {
  const answer: unknown = await client.query({
    text: timeouts ? setting(timeouts) : look,
    query_timeout: settleTimeoutMs,
  } as pg.QueryConfig)
  const last = (Array.isArray(answer) ? answer.at(-1) : answer) as pg.QueryResult<Found>
  const found = last.rows[0]!
  if (found.standby) throw new Standby('the server is a standby')
  demandRight(found)
  const missing = timeouts ? [] : timeoutSettings.filter((name) => found[name] === '0')
  return {
    pid: found.pid,
    schema: found.schema!,
    readOnly: found.readOnly,
    warning: missing.length === 0 ? undefined : warningOf(found, missing),
  }
}

function demandRight(found: Found): void {
  const wrong = Object.entries(needed).filter(([name, { isRight }]) => !isRight(found[name as Setting]))
  const statements = wrong.map(([name, { wanted }]) => alterRole(found, name, wanted))
  const complaints = wrong.map(([name, { wanted }]) => `${name} is "${found[name as Setting]}" and must be "${wanted}"`)
  const isElsewhere = found.tablesIn !== null && found.tablesIn !== found.schema
  if (isElsewhere || found.schema === null) {
    const schema = found.tablesIn ?? 'public'
    complaints.push(found.schema === null ? 'search_path names no schema' : `search_path leads to "${found.schema}" and not to "${schema}"`)
    statements.push(alterRole(found, 'search_path', schema))
  }
  if (complaints.length > 0)
    throw new WrongSettings(
      `The settings of the connections to the database are not what the gateway needs: ${complaints.join('; ')}. ${whatToRun(statements)}`,
    )
}

const wantedTimeouts = { statement_timeout: '5s', lock_timeout: '3s', idle_in_transaction_session_timeout: '10s' } as const

const warningOf = (found: Found, missing: readonly (typeof timeoutSettings)[number][]): string =>
  `Behind the pooler a statement that nobody waits for any more may hold a connection for ever: ${missing.join(', ')} ${missing.length > 1 ? 'are' : 'is'} not set. ` +
  whatToRun(missing.map((name) => alterRole(found, name, wantedTimeouts[name])))

const alterRole = ({ role, database }: Found, name: string, value: string): string =>
  `ALTER ROLE ${pg.escapeIdentifier(role)} IN DATABASE ${pg.escapeIdentifier(database)} SET ${name} = ${pg.escapeLiteral(value)};`

const whatToRun = (statements: readonly string[]): string =>
  `Run in the database: ${statements.join(' ')} Then let the pooler open its connections anew (PgBouncer: RECONNECT).`
