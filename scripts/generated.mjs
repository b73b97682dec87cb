/** Writes what the repository keeps of the code: schema.graphql and the access matrix in the README. With --check it only compares. */
import { readFileSync, writeFileSync } from 'node:fs'
import { matrixText, schemaText } from '../dist/graphql/print.js'

const [begin, end] = ['<!-- access matrix: npm run print -->', '<!-- end of the access matrix -->']

function inReadme(matrix) {
  const readme = readFileSync('README.md', 'utf8')
  const [from, to] = [readme.indexOf(begin), readme.indexOf(end)]
  if (from === -1 || to < from) throw new Error(`README.md has no place for the access matrix: ${begin} … ${end}`)
  return `${readme.slice(0, from + begin.length)}\n\n${matrix}\n\n${readme.slice(to)}`
}

const files = { 'schema.graphql': schemaText(), 'README.md': inReadme(matrixText()) }
const stale = Object.keys(files).filter((file) => {
  try {
    return readFileSync(file, 'utf8') !== files[file]
  } catch {
    return true
  }
})
if (!process.argv.includes('--check')) for (const file of stale) writeFileSync(file, files[file])
else if (stale.length > 0) {
  console.error(`Not what the code prints: ${stale.join(', ')}. Run npm run print and commit the result.`)
  process.exitCode = 1
}
