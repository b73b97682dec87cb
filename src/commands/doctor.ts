/** `doctor`: looks at everything the gateway needs, changes nothing, and says what to do where something is wrong. */
import type { Command } from 'commander'
import sql from 'sql-template-tag'
import type { OpenDatabase } from '../adapters/database.ts'
import { unfinished } from '../adapters/migrations.ts'
import { type Config, ConfigError, readConfig } from '../config.ts'
import { failureSentence } from '../failure.ts'
import { computed } from '../sql/columns.ts'
import { statement } from '../sql/statement.ts'
import { examineServer, type ServerCheck } from './doctor-server.ts'
import { embeddedExists, report, withAnyDatabase, withJson } from './operator.ts'

interface Check {
  readonly name: 'configuration' | 'database' | ServerCheck['name'] | 'migrations' | 'mail' | 'clock'
  readonly ok: boolean
  readonly message: string
}

/** SPEC: "PostgreSQL ≥ 14" */
const leastServerVersion = 14
/** No lifetime depends on this machine's clock; a larger difference makes logs hard to read together. */
const clockToleranceMs = 5_000

export function addDoctor(program: Command): void {
  withJson(program.command('doctor'))
    .description(
      'check configuration, database, migrations, mail and clock; of a server also settings, announcements, connections, rights, encryption and encoding; exit code 1 when something is wrong',
    )
    .addHelpText('after', '\nIt changes nothing. While the gateway runs on its embedded database, nobody else can look into that.')
    .action(doctor)
}

async function doctor(options: { json?: boolean }): Promise<void> {
  const checks = await examine(process.env)
  const ok = checks.every((check) => check.ok)
  const lines = checks.map(
    (check) => `${check.ok ? '✓' : '✗'} ${`${check.name}:`.padEnd(15)}${check.message.replaceAll('\n', `\n${' '.repeat(17)}`)}`,
  )
  report(options, { ok, checks }, lines.join('\n'))
  if (!ok) process.exitCode = 1
}

async function examine(environment: Record<string, string | undefined>): Promise<Check[]> {
  let config: Config
  try {
    config = readConfig(environment)
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    return [{ name: 'configuration', ok: false, message: error.mistakes.join('\n') }]
  }
  return [
    { name: 'configuration', ok: true, message: `the gateway is at ${config.publicUrl}, ${proxies(config)}` },
    ...(await examineDatabase(config, environment)),
    mail(config),
  ]
}

/** Behind proxies that it does not know of everybody is one client to every limit; where it trusts too many, a client names its own address. */
const proxies = ({ trustedProxyHops: hops }: Config): string =>
  hops === 0
    ? 'reached by its clients directly: no X-Forwarded-For is believed (TRUSTED_PROXY_HOPS)'
    : `behind ${hops} ${hops === 1 ? 'proxy' : 'proxies'} that append to X-Forwarded-For (TRUSTED_PROXY_HOPS)`

async function examineDatabase(config: Config, environment: Record<string, string | undefined>): Promise<Check[]> {
  if (config.databaseUrl === undefined && !embeddedExists(config)) {
    return [{ name: 'database', ok: true, message: `embedded in ${config.dataDir}; the first start makes it` }]
  }
  try {
    return await withAnyDatabase(
      async (db) => [await version(db, config), ...(await examineServer(db, config)), await migrations(db), await clock(db)],
      config,
    )
  } catch (error) {
    return [{ name: 'database', ok: false, message: failureSentence(error, environment) }]
  }
}

async function version(db: OpenDatabase, config: Config): Promise<Check> {
  const [found] = await db.query(
    statement`select ${computed('number', 'int', sql`current_setting('server_version_num')::int`)},
      ${computed('text', 'text', sql`current_setting('server_version')`)}`,
  )
  const ok = found!.number >= leastServerVersion * 10_000
  const where = config.databaseUrl === undefined ? `embedded in ${config.dataDir}` : `at ${new URL(config.databaseUrl).host}`
  return {
    name: 'database',
    ok,
    message: `PostgreSQL ${found!.text}, ${where}${ok ? '' : `: version ${leastServerVersion} or newer is needed`}`,
  }
}

async function migrations(db: OpenDatabase): Promise<Check> {
  const { applied, pending, changed, failed } = await db.migrationStatus()
  const wrong = [
    ...(failed.length > 0 ? [unfinished(failed).message] : []),
    ...(changed.length > 0 ? [`changed since they were applied: ${changed.join(', ')}. Restore the files that were applied.`] : []),
    ...(pending.length > 0 && db.kind === 'server' ? [`pending: ${pending.join(', ')}. Run "credentials-gateway migrate".`] : []),
  ]
  const waiting = pending.length > 0 ? `, ${pending.length} more with the next start` : ''
  return {
    name: 'migrations',
    ok: wrong.length === 0,
    message: wrong.length > 0 ? wrong.join('\n') : `${applied.length} applied${waiting}`,
  }
}

async function clock(db: OpenDatabase): Promise<Check> {
  const before = Date.now()
  const [database] = await db.query(statement`select ${computed('now', 'timestamptz', sql`clock_timestamp()`)}`)
  const aheadMs = Math.round((before + Date.now()) / 2 - database!.now.getTime())
  const ok = Math.abs(aheadMs) <= clockToleranceMs
  const difference = `${Math.abs(aheadMs)} ms ${aheadMs < 0 ? 'behind' : 'ahead of'} the database's`
  return {
    name: 'clock',
    ok,
    message: `this machine's is ${difference}${ok ? '' : '. Set both by NTP: lifetimes go by the database, logs by this machine.'}`,
  }
}

function mail({ postmark, devMail, publicUrl }: Config): Check {
  if (postmark) {
    // Postmark's server tokens are UUIDs; another host may have tokens of its own.
    const plausible = postmark.apiUrl !== undefined || /^([\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}|POSTMARK_API_TEST)$/i.test(postmark.token)
    return plausible
      ? { name: 'mail', ok: true, message: `through Postmark, from ${postmark.from}, stream ${postmark.stream}` }
      : {
          name: 'mail',
          ok: false,
          message: 'POSTMARK_SERVER_TOKEN does not look like one: copy it from the API Tokens tab of the Postmark server.',
        }
  }
  return devMail
    ? { name: 'mail', ok: true, message: `stays on this machine: printed, and shown at ${publicUrl}/dev/mail` }
    : { name: 'mail', ok: false, message: 'nobody can sign in: set POSTMARK_SERVER_TOKEN and MAIL_FROM, or DEV_MAIL=on.' }
}
