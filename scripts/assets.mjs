/**
 * Writes into dist/assets/ what browsers load from /assets/: each file plain, as .br and as .gz, so that the gateway compresses
 * nothing while it runs. GraphiQL's files have a hash of their content in the name, and are compressed only when that is new.
 */
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { parse } from 'node:path'
import { promisify } from 'node:util'
import { brotliCompress, constants, gzip } from 'node:zlib'
import * as graphiql from '@graphql-yoga/render-graphiql/graphiql'

const sources = new URL('../src/console/', import.meta.url)
const folder = new URL('../dist/assets/', import.meta.url)

// Level 11 takes 10 s for GraphiQL's 9 MB and saves 1.5 % more; level 10 takes 5 s.
const brotliQuality = 10
const compressors = {
  '.br': (content) =>
    promisify(brotliCompress)(content, {
      params: { [constants.BROTLI_PARAM_QUALITY]: brotliQuality, [constants.BROTLI_PARAM_SIZE_HINT]: content.length },
    }),
  '.gz': (content) => promisify(gzip)(content, { level: constants.Z_BEST_COMPRESSION }),
}

const ours = readdirSync(sources).filter((file) => /\.(css|js)$/.test(file))
const hashed = [
  ['graphiql.css', graphiql.css],
  ['graphiql.js', graphiql.js],
  ['graphiql-editor-worker.js', graphiql.editorWorkerService],
  ['graphiql-graphql-worker.js', graphiql.graphqlWorker],
  ['graphiql-json-worker.js', graphiql.jsonWorker],
].map(([file, content]) => [withHash(file, content), Buffer.from(content)])

function withHash(file, content) {
  const { name, ext } = parse(file)
  return `${name}.${createHash('sha256').update(content).digest('hex').slice(0, 16)}${ext}`
}

/** Under its name only when it is whole: what is there is taken for done. */
function write(file, content) {
  const part = new URL(`${file}.${process.pid}.part`, folder)
  writeFileSync(part, content)
  renameSync(part, new URL(file, folder))
}

mkdirSync(folder, { recursive: true })
const published = [...ours.map((file) => [file, readFileSync(new URL(file, sources))]), ...hashed]
const variants = published.flatMap(([file, content]) => [
  [file, () => content],
  ...Object.entries(compressors).map(([suffix, compress]) => [file + suffix, () => compress(content)]),
])
const done = new Set(hashed.flatMap(([file]) => ['', ...Object.keys(compressors)].map((suffix) => file + suffix)))

await Promise.all(
  variants.map(async ([file, content]) => {
    if (!done.has(file) || !existsSync(new URL(file, folder))) write(file, await content())
  }),
)

// What an earlier build left.
const current = new Set(variants.map(([file]) => file))
for (const file of readdirSync(folder)) if (!current.has(file) && !file.endsWith('.part')) rmSync(new URL(file, folder))
