/** Who is measured: the limit, the gateway, with `--before` another build of it, and with `--peers` servers of others, each a package of its own in peers/. */
import { execFile } from 'node:child_process'
import { readdirSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { promisify } from 'node:util'
import { documents, read } from './workloads.mjs'

const run = promisify(execFile)
const here = import.meta.dirname
const ours = { documents: () => documents, read }

export const limit = { ...ours, name: 'limit', command: [process.execPath, join(here, 'limit.mjs')] }
export const gateway = { ...ours, name: 'gateway', command: [process.execPath, join(here, '../../dist/main.js')] }

/** The gateway as it is built in another checkout. */
export const before = (checkout) => ({ ...gateway, name: 'before', command: [process.execPath, resolve(checkout, 'dist/main.js')] })

/** The peers, installed from their lock files. */
export async function peers() {
  const found = []
  for (const folder of readdirSync(join(here, 'peers'), { withFileTypes: true }).filter((entry) => entry.isDirectory())) {
    const cwd = join(here, 'peers', folder.name)
    console.error(`installing ${folder.name}`)
    await run('npm', ['ci', '--silent', '--no-audit', '--no-fund'], { cwd })
    const peer = await import(join(cwd, 'peer.mjs'))
    await peer.prepare?.()
    found.push(peer)
  }
  return found
}
