/** Why a process could not start or finish, in one clear sentence a mistake, for whoever runs it. Never a password. */
import { FolderUnfit } from './adapters/data-folder.ts'
import { faultOf, obstacleOf, WrongSettings } from './adapters/database-errors.ts'
import { faultSentence } from './adapters/embedded-faults.ts'
import { MigrationFailed } from './adapters/migrations.ts'
import { ConfigError } from './config.ts'
import { Problem } from './domain/problem.ts'

/** The variables that a failing database is named by. */
export type DatabaseVariables = Partial<Record<'DATABASE_URL' | 'DIRECT_DATABASE_URL' | 'DATA_DIR', string | undefined>>

export function failureSentence(error: unknown, variables: DatabaseVariables): string {
  const embedded = embeddedSentence(error, variables)
  if (embedded) return embedded
  if (error instanceof MigrationFailed) return error.message
  if (error instanceof ConfigError) return error.mistakes.join('\n')
  if (error instanceof FolderUnfit) return error.message
  const database = databaseSentence(error, variables)
  if (database) return database
  if (error instanceof Problem) return error.message
  const { code, port, address } = error as { code?: string; port?: number; address?: string }
  if (code === 'EADDRINUSE') return `PORT ${port} is in use on ${address}. Stop what listens there, or set PORT to another number.`
  if (code === 'EACCES' && port !== undefined)
    return `PORT ${port} needs more rights than this process has. Set PORT to a number above 1023.`
  if (code === 'EADDRNOTAVAIL')
    return `HOST ${address} is not an address of this machine. Set HOST to one that is, such as 127.0.0.1 or 0.0.0.0.`
  if (code === 'ENOTFOUND' && (error as { syscall?: string }).syscall === 'getaddrinfo')
    return `HOST ${(error as { hostname?: string }).hostname} is not a known name. Set HOST to an address of this machine.`
  return error instanceof Error ? (error.stack ?? error.message) : String(error)
}

/** Whether a start goes on when the database does: not where somebody must change a password, a name or a setting first. */
export const mayHeal = (error: unknown): boolean =>
  error instanceof Problem && error.code === 'UNAVAILABLE' && !(error.cause instanceof WrongSettings) && faultOf(error.cause) !== 'refused'

function databaseSentence(error: unknown, variables: DatabaseVariables): string | undefined {
  if (!(error instanceof Error)) return undefined
  const cause = error instanceof Problem && error.cause instanceof Error ? error.cause : error
  const { code, direct } = cause as { code?: string; direct?: boolean }
  const variable = direct && variables.DIRECT_DATABASE_URL ? 'DIRECT_DATABASE_URL' : 'DATABASE_URL'
  const url = variables[variable]
  if (!url) return undefined
  const { hostname, port, pathname, username } = new URL(url)
  const where = `${hostname || 'localhost'}:${port || 5432}`
  const obstacle = obstacleOf(cause)
  if (obstacle === 'user') return `${variable}: the server at ${where} refuses user "${username}". Check the user and the password.`
  if (obstacle === 'database')
    return `${variable}: the server at ${where} has no database "${decodeURIComponent(pathname.slice(1))}". Create it, or name another.`
  if (obstacle === 'rights') return `${variable}: user "${username}" may not do this in the database: ${cause.message}.`
  if (cause instanceof WrongSettings) return `${variable}: ${cause.message}`
  const { syscall, path, severity } = cause as { syscall?: string; path?: string; severity?: string }
  if (syscall === 'open') return `${variable}: the file ${path} cannot be read (${code}). Check the address of the database.`
  if (faultOf(cause) === 'readOnly') return `${variable}: the database at ${where} takes no writes: it is a standby, or was made read-only.`
  if (faultOf(cause) === 'full') return `${variable}: the database at ${where} has no room for more: ${cause.message}.`
  if (isOfTls(code, cause.message))
    return `${variable}: the connection to ${where} cannot be encrypted: ${cause.message}. Check sslmode and the certificate.`
  // What the server says to whoever connects, and would say again.
  if (severity === 'FATAL' && faultOf(cause) === undefined)
    return `${variable}: the server at ${where} refuses the connection: ${cause.message}.`
  if (error instanceof Problem && error.code === 'UNAVAILABLE') {
    return `${variable}: the database at ${where} does not answer (${code ?? cause.message}). Check the address, and that the server runs.`
  }
  return undefined
}

/** As OpenSSL names what is wrong with a certificate, and as `pg` says that there is no encryption. */
const isOfTls = (code: string | undefined, message: string): boolean =>
  /CERT|SIGNED|^ERR_(TLS|SSL)/.test(code ?? '') || /\bSSL\b/.test(message)

/** What an embedded database that could be opened says of its folder then. */
function embeddedSentence(error: unknown, { DATABASE_URL, DATA_DIR = '.data' }: DatabaseVariables): string | undefined {
  if (DATABASE_URL || !(error instanceof Error) || error instanceof FolderUnfit) return undefined
  const { message, cause } = error
  if (obstacleOf(error) === 'folder') return faultSentence(DATA_DIR, message)
  return embeddedSentence(cause, { DATABASE_URL, DATA_DIR })
}
