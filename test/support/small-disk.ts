/** A disk of a given size that is there for this test file: a tmpfs in a mount namespace of its own, which needs no rights of root. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, mkdtempSync, openSync, rmSync, statfsSync, writeSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { afterAll } from 'vitest'

export interface SmallDisk {
  /** Where any process of this user finds it. */
  readonly path: string
  /** Takes all of its room but this. */
  fill(leftBytes: number): void
  /** Gives the room back. */
  makeRoom(): void
}

/**
 * Call it at the top of the file: the disk is gone after the last test, or with this process.
 * @returns why there can be none, where there can be none
 */
export async function smallDisk(megabytes: number): Promise<SmallDisk | string> {
  const place = mkdtempSync(join(tmpdir(), 'credentials-gateway-disk-'))
  const script = `mount -t tmpfs -o size=${megabytes}m tmpfs "$0" && echo mounted && exec cat`
  const holder = spawn('unshare', ['--map-root-user', '--mount', 'sh', '-c', script, place], { stdio: 'pipe' })
  const gone = once(holder, 'close').catch((error: Error) => [error.message])
  afterAll(async () => {
    holder.stdin.destroy() // what it reads from: when that ends, so does it
    await gone
    rmSync(place, { recursive: true })
  })
  const complaint = text(holder.stderr).catch(() => '')
  const mounted = await Promise.race([once(holder.stdout, 'data').then(() => true), gone.then(() => false)])
  if (!mounted) return `no disk can be mounted here: ${(await complaint).trim() || String((await gone)[0])}`
  const path = `/proc/${holder.pid}/root${place}`
  const ballast = join(path, 'ballast')
  return {
    path,
    fill(leftBytes) {
      const file = openSync(ballast, 'a')
      try {
        for (let left = free(path) - leftBytes; left > 0;) left -= writeSync(file, Buffer.alloc(Math.min(left, 65_536)))
      } finally {
        closeSync(file)
      }
    },
    makeRoom: () => rmSync(ballast),
  }
}

function free(path: string): number {
  const { bavail, bsize } = statfsSync(path)
  return bavail * bsize
}
