/** What `doctor` looks at on a PostgreSQL server: settings, announcements, connections, rights, encryption and encoding. */
import sql from 'sql-template-tag'
import type { OpenDatabase } from '../adapters/database.ts'
import type { Config } from '../config.ts'
import { failureSentence } from '../failure.ts'
import { computed } from '../sql/columns.ts'
import { statement } from '../sql/statement.ts'

export interface ServerCheck {
  readonly name: 'settings' | 'announcements' | 'connections' | 'rights' | 'encryption' | 'encoding'
  readonly ok: boolean
  readonly message: string
}

/** Beside those of the pool: three for probes, credentials and mail, one that announces and one that listens. */
const besidePool = 5

export async function examineServer(db: OpenDatabase, config: Config): Promise<ServerCheck[]> {
  if (db.kind === 'embedded') return []
  const [settings, announcements] = [await examineSettings(db, config), await examineAnnouncements(db, config)]
  return [
    settings,
    announcements,
    await connections(db, config),
    await rights(db, config),
    await encryption(db, config),
    await encoding(db),
  ]
}

async function examineSettings(db: OpenDatabase, config: Config): Promise<ServerCheck> {
  const warnings = await db.examine().catch((error: unknown) => [failureSentence(error, urlsOf(config))])
  const where = config.pooled ? 'as the pooler has them (transaction mode)' : 'made for each connection'
  return { name: 'settings', ok: warnings.length === 0, message: warnings.length === 0 ? where : warnings.join('\n') }
}

async function examineAnnouncements(db: OpenDatabase, config: Config): Promise<ServerCheck> {
  const trouble = await db.announcementTrouble().catch((error: unknown) => failureSentence(error, urlsOf(config)))
  const how = config.pooled ? 'DIRECT_DATABASE_URL hears what DATABASE_URL announces' : 'DATABASE_URL hears what it announces'
  return { name: 'announcements', ok: trouble === undefined, message: trouble ?? how }
}

const urlsOf = ({ databaseUrl, directDatabaseUrl, pooled }: Config) => ({
  DATABASE_URL: databaseUrl,
  DIRECT_DATABASE_URL: pooled ? directDatabaseUrl : undefined,
})

async function connections(db: OpenDatabase, { databasePoolSize, pooled }: Config): Promise<ServerCheck> {
  const [found] = await db.query(
    statement`select
          ${computed('most', 'int', sql`current_setting('max_connections')::int - current_setting('superuser_reserved_connections')::int`)},
          ${computed(
            'limit',
            'int?',
            sql`(select least(nullif(d.datconnlimit, -1), nullif(r.rolconnlimit, -1)) from pg_database d, pg_roles r
              where d.datname = current_database() and r.rolname = session_user)`,
          )}`,
  )
  const most = Math.min(found!.most, found!.limit ?? Infinity)
  const each = databasePoolSize + besidePool
  const instances = Math.floor(most / each)
  const ok = pooled || instances >= 1
  const room = pooled
    ? `of which the pooler needs fewer of the server’s ${most}`
    : `the server has ${most}: enough for ${instances} ${instances === 1 ? 'instance' : 'instances'}`
  const advice = ok ? '' : '. Lower DATABASE_POOL_SIZE, or raise max_connections (or the limit of the role or database).'
  return {
    name: 'connections',
    ok,
    message: `an instance takes up to ${each} (DATABASE_POOL_SIZE and ${besidePool} more); ${room}${advice}`,
  }
}

const tablesOutOfReach = sql`array(select c.relname::text from pg_class c
  where c.relnamespace = to_regnamespace(quote_ident(current_schema())) and c.relkind in ('r', 'p')
    and not (has_table_privilege(c.oid, 'select') and has_table_privilege(c.oid, 'insert')
      and has_table_privilege(c.oid, 'update') and has_table_privilege(c.oid, 'delete')) order by 1)`

/** What a running gateway does; a start that has migrations to apply makes tables, too. */
async function rights(db: OpenDatabase, config: Config): Promise<ServerCheck> {
  const refusal = await db.probe().then(
    () => undefined,
    (error: unknown) => failureSentence(error, urlsOf(config)),
  )
  const [found] = await db.query(
    statement`select ${computed('role', 'text', sql`session_user::text`)},
          ${computed('mayCreate', 'boolean', sql`has_schema_privilege(current_schema(), 'create')`)},
          ${computed('lacking', 'text[]', tablesOutOfReach)}`,
  )
  const { role, mayCreate, lacking } = found!
  const wrong = [
    ...(refusal === undefined ? [] : [refusal]),
    ...(mayCreate ? [] : [`"${role}" may not create tables in the schema: GRANT CREATE, or migrate as its owner.`]),
    ...(lacking.length === 0 ? [] : [`"${role}" may not read and write ${lacking.join(', ')}: GRANT SELECT, INSERT, UPDATE, DELETE.`]),
  ]
  return {
    name: 'rights',
    ok: wrong.length === 0,
    message: wrong.length === 0 ? `"${role}" may read, write and migrate` : wrong.join('\n'),
  }
}

const isOnThisMachine = sql`inet_server_addr() is null or inet_server_addr() << inet '127.0.0.0/8' or inet_server_addr() = inet '::1'`

/** Behind a pooler it is the pooler's connection to the server that is seen. */
async function encryption(db: OpenDatabase, { databaseUrl }: Config): Promise<ServerCheck> {
  const [found] = await db.query(
    statement`select ${computed('version', 'text?', sql`(select s.version from pg_stat_ssl s where s.pid = pg_backend_pid() and s.ssl)`)},
          ${computed('isLocal', 'boolean', isOnThisMachine)}`,
  )
  const { version, isLocal } = found!
  if (version !== null) return { name: 'encryption', ok: true, message: version }
  if (isLocal) return { name: 'encryption', ok: true, message: 'none: the server is on this machine' }
  return {
    name: 'encryption',
    ok: false,
    message: `the connection to ${new URL(databaseUrl!).host} is not encrypted: personal data goes over the network as it is. Add sslmode=verify-full to DATABASE_URL.`,
  }
}

async function encoding(db: OpenDatabase): Promise<ServerCheck> {
  const [found] = await db.query(statement`select ${computed('encoding', 'text', sql`current_setting('server_encoding')`)}`)
  const ok = found!.encoding === 'UTF8'
  const advice = ok ? '' : ': names in other scripts cannot be kept. Make the database with ENCODING UTF8, and move the data.'
  return { name: 'encoding', ok, message: `${found!.encoding}${advice}` }
}
