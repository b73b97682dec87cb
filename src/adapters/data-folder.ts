/** The folder of the embedded database: held by one process at a time, with the development secret beside the data. */
import { randomBytes } from 'node:crypto'
import { linkSync, mkdirSync, readFileSync, readlinkSync, rmSync, statSync, utimes, writeFileSync } from 'node:fs'
import { hostname } from 'node:os'
import { join } from 'node:path'

/** This folder cannot be worked on; the message says why, and what to do. */
export class FolderUnfit extends Error {}

/** Another process works on this folder. Two at once would lose rows without an error. */
export class FolderHeld extends FolderUnfit {}

const unfitBecause: Readonly<Record<string, string>> = {
  ENOSPC: 'the disk is full. Make room on it and start again: what was answered is kept.',
  EDQUOT: 'the disk quota of this user is used up. Make room and start again: what was answered is kept.',
  EACCES: 'this process may not read and write there. Give its user the folder, or set DATA_DIR to another one.',
  EPERM: 'this process may not read and write there. Give its user the folder, or set DATA_DIR to another one.',
  EROFS: 'it is on a disk that is read-only. Set DATA_DIR to a folder that can be written to.',
  ENOTDIR: 'a file is in the place of a folder. Move it away, or set DATA_DIR to another folder.',
  EEXIST: 'a file is in the place of a folder. Move it away, or set DATA_DIR to another folder.',
  EIO: 'the disk does not read or write. Look at the disk; then restore the folder from a backup.',
}

/** What the operating system says of a folder, as a sentence; any other error stays what it is. */
export function folderUnfit(folder: string, error: unknown): unknown {
  const { code = '', path } = error as NodeJS.ErrnoException
  const sentence = unfitBecause[code]
  if (sentence === undefined) return error
  return new FolderUnfit(`DATA_DIR ${folder}: ${sentence}${path === undefined || path === folder ? '' : ` (${code}, ${path})`}`, {
    cause: error,
  })
}

function working<Result>(folder: string, work: () => Result): Result {
  try {
    return work()
  } catch (error) {
    throw folderUnfit(folder, error)
  }
}

const heartbeatMs = 5_000
const heartbeatLostMs = 20_000

interface Holder {
  /** Where its pid means something: one boot of one machine, one container. */
  readonly machine: string
  readonly pid: number
  /** When that process started, as Linux counts it: a pid alone may have been given to another since. */
  readonly started: string | null
}

/**
 * Takes the folder for this process, until it ends.
 * @throws FolderHeld naming the process that has it
 * @throws FolderUnfit where it cannot be written to
 */
export function holdFolder(folder: string, pid: number): () => void {
  const file = join(folder, 'lock')
  const other = working(folder, () => {
    mkdirSync(folder, { recursive: true, mode: 0o700 })
    return takeLock(file, { machine: thisMachine(), pid, started: startOf(pid) })
  })
  if (other) {
    const where = other.machine === thisMachine() ? '' : ' of another machine or container'
    throw new FolderHeld(
      `DATA_DIR ${folder} is in use by process ${other.pid}${where}. Stop that process, or set DATA_DIR to another folder.`,
    )
  }
  // Where the lock has gone, a person has removed it: nothing is left to keep alive.
  const heartbeat = setInterval(() => utimes(file, new Date(), new Date(), () => {}), heartbeatMs).unref()
  return () => {
    clearInterval(heartbeat)
    rmSync(file, { force: true })
  }
}

/** Takes a lock, or answers the living process that has it. */
function takeLock(file: string, me: Holder): Holder | undefined {
  const mine = `${file}.${randomBytes(6).toString('hex')}`
  try {
    writeFileSync(mine, JSON.stringify(me), { mode: 0o600 })
    while (!appears(mine, file)) {
      const found = read(file)
      if (found === undefined) continue // released just now
      const holder = parse(found)
      if (holder && isAlive(holder, file)) return holder
      // Only who holds the lock on clearing a dead process's lock may do so: without it, two would clear each other's new one.
      const clearing = `${file}.clearing`
      const faster = takeLock(clearing, me)
      if (faster) return faster
      if (read(file) === found) rmSync(file)
      rmSync(clearing)
    }
    return undefined
  } finally {
    rmSync(mine, { force: true })
  }
}

/** Whole or not at all: nobody reads half a lock. */
function appears(mine: string, file: string): boolean {
  try {
    linkSync(mine, file)
    return true
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false
    throw error
  }
}

function read(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
}

function parse(lock: string): Holder | undefined {
  try {
    return JSON.parse(lock) as Holder
  } catch {
    return undefined // cut short by a crash: nobody's
  }
}

function isAlive({ machine, pid, started }: Holder, file: string): boolean {
  // Its pid says nothing here, but a living process touches its lock again and again.
  if (machine !== thisMachine()) return Date.now() - (statSync(file, { throwIfNoEntry: false })?.mtimeMs ?? 0) < heartbeatLostMs
  try {
    process.kill(pid, 0)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ESRCH') return false
  }
  return startOf(pid) === started
}

/** The boot and the PID namespace; the host's name where there is no /proc. */
function thisMachine(): string {
  try {
    return `${readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()} ${readlinkSync('/proc/self/ns/pid')}`
  } catch {
    return hostname()
  }
}

/** Field 22 of /proc/PID/stat; `null` where there is no such file, and for a process that has died and that nobody has taken note of. */
function startOf(pid: number): string | null {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    const [state, ...rest] = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    return state === 'Z' ? null : (rest[18] ?? null)
  } catch {
    return null
  }
}

/**
 * The secret of a gateway that was given none: made once, whole or not at all, readable for its owner alone.
 * @throws FolderUnfit
 */
export const developmentSecret = (folder: string): string => working(folder, () => keptSecret(folder))

function keptSecret(folder: string): string {
  const file = join(folder, 'secret-key')
  const kept = read(file)?.trim()
  if (kept !== undefined) {
    if (Buffer.byteLength(kept) >= 32) return kept
    throw new FolderUnfit(
      `${file} is damaged: it holds no key. Restore it from a backup, or remove it: sign-in mails under way will then not work, nor can the audit trail so far be verified.`,
    )
  }
  const mine = `${file}.${randomBytes(6).toString('hex')}`
  mkdirSync(folder, { recursive: true, mode: 0o700 })
  try {
    writeFileSync(mine, `${randomBytes(32).toString('base64url')}\n`, { mode: 0o600 })
    appears(mine, file)
  } finally {
    rmSync(mine, { force: true })
  }
  return keptSecret(folder)
}
