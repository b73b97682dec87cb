/** The embedded database's folder belongs to one process at a time, and a process that died does not keep it. */
import { execFileSync, spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { copyFileSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import { afterAll, expect, test } from 'vitest'
import { developmentSecret, FolderHeld, holdFolder } from '../src/adapters/data-folder.ts'

const place = mkdtempSync(join(tmpdir(), 'credentials-gateway-folder-'))
afterAll(() => rmSync(place, { recursive: true }))

let made = 0
const newFolder = (): string => join(place, `data-${made++}`)
const holder = (folder: string) => JSON.parse(readFileSync(join(folder, 'lock'), 'utf8')) as { pid: number }

/** A process that does nothing until it is ended. */
function idle(): ChildProcess & { readonly pid: number } {
  const child = spawn(process.execPath, ['--eval', 'process.stdin.resume()'], { stdio: ['pipe', 'ignore', 'inherit'] })
  return child as typeof child & { readonly pid: number }
}

async function end(child: ChildProcess): Promise<void> {
  child.kill('SIGKILL')
  await once(child, 'exit')
}

test('a folder that a living process holds is refused, and the process is named', async () => {
  const folder = newFolder()
  const other = idle()
  holdFolder(folder, other.pid)
  expect(() => holdFolder(folder, process.pid)).toThrow(FolderHeld)
  expect(() => holdFolder(folder, process.pid)).toThrow(`DATA_DIR ${folder} is in use by process ${other.pid}.`)
  expect(holder(folder)).toMatchObject({ pid: other.pid })
  expect(readdirSync(folder)).toEqual(['lock'])
  await end(other)
})

test('a folder whose holder died is taken over', async () => {
  const folder = newFolder()
  const other = idle()
  holdFolder(folder, other.pid)
  await end(other)
  holdFolder(folder, process.pid)
  expect(holder(folder)).toMatchObject({ pid: process.pid })
  expect(readdirSync(folder)).toEqual(['lock'])
})

// Elsewhere nothing tells when a process started.
test.runIf(existsSync('/proc/self/stat'))(
  'a folder whose holder died is taken over although its pid lives again in another process',
  () => {
    const folder = newFolder()
    const release = holdFolder(folder, process.pid)
    const lock = holder(folder)
    release()
    writeFileSync(join(folder, 'lock'), JSON.stringify({ ...lock, pid: process.ppid, started: '1' }))
    holdFolder(folder, process.pid)
    expect(holder(folder)).toMatchObject({ pid: process.pid })
  },
)

test('a process that died while it took a folder over does not keep it', async () => {
  const folder = newFolder()
  const other = idle()
  holdFolder(folder, other.pid)
  copyFileSync(join(folder, 'lock'), join(folder, 'lock.clearing'))
  await end(other)
  holdFolder(folder, process.pid)
  expect(holder(folder)).toMatchObject({ pid: process.pid })
  expect(readdirSync(folder)).toEqual(['lock'])
})

test('a process of another machine or container holds its folder for as long as it touches the lock', () => {
  const folder = newFolder()
  holdFolder(folder, process.pid)()
  const lock = join(folder, 'lock')
  writeFileSync(lock, JSON.stringify({ machine: 'elsewhere', pid: 1, started: '1' }))
  expect(() => holdFolder(folder, process.pid)).toThrow('is in use by process 1 of another machine or container.')
  const aMinuteAgo = new Date(Date.now() - 60_000)
  utimesSync(lock, aMinuteAgo, aMinuteAgo)
  holdFolder(folder, process.pid)
  expect(holder(folder)).toMatchObject({ pid: process.pid })
})

test('a lock that a crash cut short holds nothing', () => {
  const folder = newFolder()
  holdFolder(folder, process.pid)()
  writeFileSync(join(folder, 'lock'), '{"pid":')
  holdFolder(folder, process.pid)
  expect(holder(folder)).toMatchObject({ pid: process.pid })
})

test('a folder that was released is free', () => {
  const folder = newFolder()
  const release = holdFolder(folder, process.pid)
  release()
  expect(readdirSync(folder)).toEqual([])
  holdFolder(folder, process.pid)
  expect(holder(folder)).toMatchObject({ pid: process.pid })
})

test('the folder, its lock and its secret are for their owner alone', () => {
  const folder = newFolder()
  holdFolder(folder, process.pid)
  developmentSecret(folder)
  const modes = [folder, join(folder, 'lock'), join(folder, 'secret-key')].map((path) => (statSync(path).mode & 0o777).toString(8))
  expect(modes).toEqual(['700', '600', '600'])
})

test('the development secret is made once and is long enough', () => {
  const folder = newFolder()
  const secret = developmentSecret(folder)
  expect(Buffer.from(secret, 'base64url')).toHaveLength(32)
  expect(developmentSecret(folder)).toBe(secret)
  expect(developmentSecret(newFolder())).not.toBe(secret)
})

test('of processes that reach for a dead process’s folder at the same moment, exactly one gets it', async () => {
  const compiled = compile('src/adapters/data-folder.ts')
  const folders = Array.from({ length: 50 }, newFolder)
  const dead = idle()
  for (const folder of folders) holdFolder(folder, dead.pid)
  await end(dead)

  // Each process goes from folder to folder on the same beat, and stays until all have answered.
  const racer = `
    import { holdFolder } from ${JSON.stringify(compiled)}
    const folders = ${JSON.stringify(folders)}
    const [start] = process.argv.slice(-1).map(Number)
    const won = []
    for (const [n, folder] of folders.entries()) {
      while (Date.now() < start + n * 5);
      try { holdFolder(folder, process.pid); won.push(n) } catch (error) { if (error.name !== 'Error' || !error.message.includes('in use')) throw error }
    }
    process.stdout.end(JSON.stringify({ pid: process.pid, won }))
    process.stdin.resume()
  `
  const script = join(place, 'racer.mjs')
  writeFileSync(script, racer)
  const start = Date.now() + 1_000
  const racers = Array.from({ length: 4 }, () => spawn(process.execPath, [script, `${start}`], { stdio: ['pipe', 'pipe', 'inherit'] }))
  const results = (await Promise.all(racers.map(({ stdout }) => text(stdout)))).map(
    (line) => JSON.parse(line) as { pid: number; won: number[] },
  )
  expect(results.flatMap(({ won }) => won).toSorted((a, b) => a - b)).toEqual(folders.map((_, n) => n))
  for (const { pid, won } of results) {
    for (const n of won) expect(holder(folders[n]!)).toMatchObject({ pid })
  }
  await Promise.all(racers.map(end))
})

/** Where one source file lies as JavaScript that another process can run. */
function compile(source: string): string {
  const root = fileURLToPath(new URL('..', import.meta.url))
  const options = ['--ignoreConfig', '--outDir', place, '--module', 'nodenext', '--target', 'es2023', '--types', 'node', '--skipLibCheck']
  writeFileSync(join(place, 'package.json'), '{ "type": "module" }')
  execFileSync(process.execPath, [join(root, 'node_modules/typescript/bin/tsc'), ...options, source], { cwd: root, stdio: 'inherit' })
  return join(place, 'data-folder.js')
}
