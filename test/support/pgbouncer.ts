/** PgBouncer in transaction mode: every transaction may have another connection to the server. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { chown, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { vi } from 'vitest'
import { freePort } from './ports.ts'
import { findProgram, unprivileged } from './programs.ts'

export interface Pooler {
  /** The address of the database through it. */
  readonly url: string
  close(): Promise<void>
}

export async function startPgBouncer(databaseUrl: string, poolSize = 20): Promise<Pooler> {
  const program = findProgram('pgbouncer', 'pgbouncer')
  const server = new URL(databaseUrl)
  const owner = unprivileged()
  const folder = await mkdtemp(join(tmpdir(), 'credentials-gateway-pgbouncer-'))
  const port = await freePort()
  const file = join(folder, 'pgbouncer.ini')
  await writeFile(
    file,
    `[databases]
* = host=${server.hostname} port=${server.port} user=${server.username}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = ${port}
unix_socket_dir =
auth_type = any
pool_mode = transaction
default_pool_size = ${poolSize}
max_client_conn = 500
admin_users = ${server.username}
logfile = ${join(folder, 'log')}
`,
  )
  if ('uid' in owner) for (const path of [folder, file]) await chown(path, owner.uid, owner.gid)
  const child = spawn(program, [file], { ...owner, stdio: ['ignore', 'ignore', 'pipe'] })
  let said = ''
  child.stderr.on('data', (bytes: Buffer) => void (said += bytes.toString()))
  const isListening = () =>
    new Promise<boolean>((resolve) => {
      const socket = connect(port, '127.0.0.1', () => {
        socket.destroy()
        resolve(true)
      }).on('error', () => resolve(false))
    })
  await vi.waitUntil(
    () => {
      if (child.exitCode !== null) throw new Error(`PgBouncer ended: ${said}`)
      return isListening()
    },
    { timeout: 60_000, interval: 20 },
  )
  const through = new URL(databaseUrl)
  through.host = `127.0.0.1:${port}`
  return {
    url: through.href,
    async close() {
      if (child.exitCode === null && child.signalCode === null) {
        child.kill('SIGKILL')
        await once(child, 'exit')
      }
      await rm(folder, { recursive: true })
    },
  }
}
