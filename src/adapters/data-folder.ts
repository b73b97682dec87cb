/** The folder of the embedded database: held by one process at a time, with the development secret beside the data. */
import { randomBytes } from 'node:crypto'
import { linkSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

/** Another process works on this folder. Two at once would lose rows without an error. */
export class FolderHeld extends Error {}

interface Holder {
  readonly pid: number
  /** When that process started, as Linux counts it: a pid alone may have been given to another since. */
  readonly started: string | null
}

/**
 * Takes the folder for this process, until it ends.
 * @throws FolderHeld naming the process that has it
 */
export function holdFolder(folder: string, pid: number): () => void {
  mkdirSync(folder, { recursive: true, mode: 0o700 })
  const file = join(folder, 'lock')
  const mine = `${file}.${randomBytes(6).toString('hex')}`
  writeFileSync(mine, JSON.stringify({ pid, started: startOf(pid) } satisfies Holder), { mode: 0o600 })
  for (;;) {
    try {
      linkSync(mine, file) // appears whole or not at all: nobody reads half a lock
      rmSync(mine)
      return () => rmSync(file, { force: true })
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
    }
    const found = readHolder(file)
    if (found && isAlive(found)) {
      rmSync(mine)
      throw new FolderHeld(`DATA_DIR ${folder} is in use by process ${found.pid}. Stop that process, or set DATA_DIR to another folder.`)
    }
    clearStale(file, found)
  }
}

/** Moves a dead process's lock away; where another process was faster, its new lock is put back. */
function clearStale(file: string, stale: Holder | undefined): void {
  const aside = `${file}.${randomBytes(6).toString('hex')}`
  try {
    renameSync(file, aside)
  } catch {
    return // gone already: somebody else cleared it
  }
  const moved = readHolder(aside)
  if (moved && isAlive(moved) && moved.pid !== stale?.pid) renameSync(aside, file)
  else rmSync(aside, { force: true })
}

function readHolder(file: string): Holder | undefined {
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as Holder
  } catch {
    return undefined // missing, or cut short by a crash: nobody's
  }
}

function isAlive({ pid, started }: Holder): boolean {
  try {
    process.kill(pid, 0)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ESRCH') return false
  }
  return startOf(pid) === started
}

/** Field 22 of /proc/PID/stat; `null` where there is no such file. */
function startOf(pid: number): string | null {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? null
  } catch {
    return null
  }
}

/** The secret of a gateway that was given none: made once, kept readable for its owner alone. */
export function developmentSecret(folder: string): string {
  const file = join(folder, 'secret-key')
  try {
    return readFileSync(file, 'utf8').trim()
  } catch {
    mkdirSync(folder, { recursive: true, mode: 0o700 })
    const secret = randomBytes(32).toString('base64url')
    writeFileSync(file, `${secret}\n`, { flag: 'wx', mode: 0o600 })
    return secret
  }
}
