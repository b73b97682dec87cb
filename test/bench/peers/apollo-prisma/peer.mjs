/** Apollo Server over Prisma, resolvers written by hand. */
import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'

export { documents, read } from '../hand-written.mjs'
export const name = 'Apollo Server 5 + Prisma 7'
export const command = [process.execPath, join(import.meta.dirname, 'server.mjs')]

/** Prisma's client, generated into node_modules. */
export async function prepare() {
  await promisify(execFile)(process.execPath, ['node_modules/prisma/build/index.js', 'generate'], { cwd: import.meta.dirname })
}
