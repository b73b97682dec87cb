/** Mercurius on Fastify, graphql-jit on, over prepared statements written by hand. */
import { join } from 'node:path'

export { documents, read } from '../hand-written.mjs'
export const name = 'Mercurius 16'
export const command = [process.execPath, join(import.meta.dirname, 'server.mjs')]
