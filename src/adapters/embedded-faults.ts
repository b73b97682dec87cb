/** Faults of the embedded database: the sentence for each, and a guard that ends the process when its WebAssembly has aborted. */
import type { PGlite } from '@electric-sql/pglite'
import { FolderUnfit, folderUnfit } from './data-folder.ts'

/** PGlite has broken down for good. SQLSTATE 57P02: the database ended by a crash. */
export class DatabaseBroken extends Error {
  readonly code = '57P02'
}

/** What PostgreSQL says on its stderr, the last of it: why it would not start, or why it aborted. */
export class LastWords {
  private readonly lines: string[] = []

  hear(line: string): void {
    this.lines.push(line)
    if (this.lines.length > 20) this.lines.shift()
  }

  /** The last fatal message with its detail, without the time in front of it. */
  get fatal(): string | undefined {
    const at = this.lines.findLastIndex((line) => /\b(FATAL|PANIC): |^postgres: /.test(line))
    if (at < 0) return undefined
    const detail = this.lines.slice(at + 1).find((line) => / DETAIL: /.test(line))
    return [this.lines[at]!, ...(detail === undefined ? [] : [detail])]
      .map((line) => line.replace(/^.*?\b(?:FATAL|PANIC|DETAIL|postgres):\s+/, ''))
      .join(': ')
  }
}

/** PGlite's file system gives numbers for errors: those of WASI. */
const wasiNames: Readonly<Record<number, string>> = {
  2: 'Permission denied',
  19: 'Disk quota exceeded',
  22: 'File too large',
  29: 'Input/output error',
  51: 'No space left on device',
  54: 'Not a directory',
  63: 'Operation not permitted',
  69: 'Read-only file system',
}

/** Why an embedded database could not be opened or made, as a sentence; whatever else went wrong stays what it is. */
export function openingFault(dataDir: string, thrown: unknown, words: LastWords): unknown {
  if (thrown instanceof FolderUnfit) return thrown
  const { errno, code, message = '' } = thrown as { errno?: number; code?: unknown; message?: string }
  if (typeof code === 'string' && errno !== undefined) return folderUnfit(dataDir, thrown)
  // No error of JavaScript's, and its number is all that it says.
  const reason = words.fatal ?? (errno === undefined ? undefined : (wasiNames[errno] ?? `error ${errno} of its file system`))
  if (reason !== undefined) return new FolderUnfit(faultSentence(dataDir, reason), { cause: thrown })
  return isFull(message) ? new FolderUnfit(faultSentence(dataDir, message), { cause: thrown }) : thrown
}

const isFull = (reason: string): boolean => /No space left on device|Disk quota exceeded/.test(reason)

/** One sentence and a remedy for what PostgreSQL says of its folder. */
export function faultSentence(dataDir: string, reason: string): string {
  if (isFull(reason)) return `DATA_DIR ${dataDir}: the disk is full. Make room on it and start again: what was answered is kept.`
  const [, made, here] = /initialized by PostgreSQL version (\S+), .* this version (\d+)/.exec(reason) ?? []
  if (made !== undefined)
    return `DATA_DIR ${dataDir}: the database there is one of PostgreSQL ${made}, and this gateway embeds PostgreSQL ${here}. Start the version of the gateway that made it, or move the folder away to begin anew.`
  if (/Permission denied|Operation not permitted|Read-only file system/.test(reason))
    return `DATA_DIR ${dataDir}: this process may not read and write all of it (${reason}). Give its user the folder and all that is in it.`
  return `DATA_DIR ${dataDir}: the database there is damaged (${reason}). Restore the folder from a backup, or move it away to begin anew.`
}

/** How PGlite tells that a statement ended by an error of PostgreSQL's, which is no more than that. */
const longJump = 100

/** What PGlite calls for a statement. */
const entries = [
  'stackSave',
  'stackRestore',
  '_PostgresMainLoopOnce',
  '_PostgresMainLongJmp',
  '_PostgresSendReadyForQueryIfNecessary',
  '_pq_buffer_remaining_data',
  '_pgl_pq_flush',
]

/**
 * Lets nothing into a WebAssembly that has aborted (PostgreSQL's PANIC: a full disk in the middle of a commit). PGlite itself calls it
 * again and again then, and the process would hang for ever.
 * @returns resolves when that has happened; every statement is rejected with the same error from then on
 */
export function untilBroken(lite: PGlite, words: LastWords): Promise<DatabaseBroken> {
  const module = lite.Module as unknown as Record<string, (...args: unknown[]) => unknown>
  return new Promise((resolve) => {
    let broken: DatabaseBroken | undefined
    for (const name of entries) {
      const enter = module[name]!
      module[name] = (...args) => {
        if (broken) throw broken
        try {
          return enter(...args)
        } catch (error) {
          if ((error as { status?: unknown } | undefined)?.status === longJump) throw error
          broken = new DatabaseBroken(words.fatal ?? String(error), { cause: error })
          resolve(broken)
          throw broken
        }
      }
    }
  })
}
