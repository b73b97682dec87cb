/** Programs of this machine that tests need beside Node, and servers of them that must not run as root. */
import { accessSync, constants, readdirSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { execFileSync } from 'node:child_process'

/** Where a program is. @throws saying how to get it */
export function findProgram(name: string, debianPackage: string): string {
  const versions = '/usr/lib/postgresql'
  const ofPostgres = (): string[] => {
    try {
      return readdirSync(versions)
        .sort((one, other) => Number(other) - Number(one))
        .map((version) => join(versions, version, 'bin'))
    } catch {
      return []
    }
  }
  for (const folder of [...(process.env['PATH'] ?? '').split(delimiter), '/usr/sbin', ...ofPostgres()]) {
    const program = join(folder, name)
    try {
      accessSync(program, constants.X_OK)
      return program
    } catch {} // the next one
  }
  throw new Error(`This test needs ${name}, which is not on this machine. Debian has it: apt-get install ${debianPackage}`)
}

/** The user and group for servers that refuse to run as root; nothing where this process is not root. */
export function unprivileged(): { readonly uid: number; readonly gid: number } | Record<string, never> {
  if (process.getuid?.() !== 0) return {}
  for (const name of ['postgres', 'nobody']) {
    try {
      const id = (option: string): number => Number(execFileSync('id', [option, name], { stdio: ['ignore', 'pipe', 'ignore'] }))
      return { uid: id('-u'), gid: id('-g') }
    } catch {} // there is no such user
  }
  throw new Error('there is no user to run a server as')
}
