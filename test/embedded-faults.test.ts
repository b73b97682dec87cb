/** The embedded database on a disk that is full and in a folder that is damaged: real processes, a real disk. */
import { once } from 'node:events'
import { chmodSync, cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, onTestFinished, test, vi } from 'vitest'
import { openEmbedded } from '../src/adapters/embedded-postgres.ts'
import { failedStart, type GatewayProcess, launch, startProcess } from './support/process.ts'
import { smallDisk } from './support/small-disk.ts'
import { rowsAs } from './support/rows.ts'

const place = mkdtempSync(join(tmpdir(), 'credentials-gateway-faults-'))
afterAll(() => rmSync(place, { recursive: true }))

const found = await smallDisk(72)

const start = (dataDir: string): Promise<GatewayProcess> => startProcess({ dataDir }, { atEnd: onTestFinished })

async function stop({ child }: GatewayProcess): Promise<void> {
  child.kill('SIGTERM')
  await once(child, 'exit')
}

const createPerson = 'mutation ($input: CreatePersonInput!) { createPerson(input: $input) { id } }'

/** Somebody who adds people and remembers each that was answered. */
function recorder() {
  const answered: string[] = []
  let count = 0
  return {
    answered,
    async add(gateway: GatewayProcess, token: string) {
      const n = count++
      const answer = await gateway.graphql(token, createPerson, {
        input: { first: 'A', last: String(n), email: `person-${n}@example.com` },
      })
      const body = JSON.parse(answer.text) as { data?: { createPerson?: { id: string } } }
      if (body.data?.createPerson) answered.push(body.data.createPerson.id)
      return answer
    },
    async lost(gateway: GatewayProcess, token: string) {
      const found = new Set<string>()
      for (let after: string | null = null; ;) {
        const { text } = await gateway.graphql(
          token,
          'query ($after: String) { people(first: 200, after: $after) { nodes { id } pageInfo { hasNextPage endCursor } } }',
          { after },
        )
        const { nodes, pageInfo } = (
          JSON.parse(text) as { data: { people: { nodes: { id: string }[]; pageInfo: { hasNextPage: boolean; endCursor: string } } } }
        ).data.people
        for (const { id } of nodes) found.add(id)
        if (!pageInfo.hasNextPage) break
        after = pageInfo.endCursor
      }
      return answered.filter((id) => !found.has(id))
    },
  }
}

const keyIn = ({ output }: GatewayProcess): string => /ck_[a-z0-9]{32}/.exec(output())![0]

describe('on a full disk', () => {
  const megabyte = 1024 ** 2
  const full = (dataDir: string) => ({
    code: 1,
    output: `DATA_DIR ${dataDir}: the disk is full. Make room on it and start again: what was answered is kept.\n`,
  })

  test('a first start says so and leaves nothing, and the next one begins anew', async ({ skip }) => {
    if (typeof found === 'string') return skip(found)
    const dataDir = join(found.path, 'first')
    found.fill(20 * megabyte)
    expect(await failedStart({ dataDir })).toEqual(full(dataDir))
    expect(readdirSync(dataDir)).toEqual([])
    found.makeRoom()
    await stop(await start(dataDir))
    rmSync(dataDir, { recursive: true })
  })

  test('writes are refused for now, the same process goes on when there is room, and nothing that was answered is lost', async ({
    skip,
  }) => {
    if (typeof found === 'string') return skip(found)
    const dataDir = join(found.path, 'running')
    const people = recorder()
    const gateway = await start(dataDir)
    const key = keyIn(gateway)
    found.fill(0)
    let refused = await people.add(gateway, key)
    while (refused.status === 200) refused = await people.add(gateway, key)
    expect(refused).toMatchObject({ status: 503, headers: { 'retry-after': '3' } })
    expect(await gateway.graphql(key, '{ people(first: 1) { totalCount } }')).toMatchObject({ status: 200 })

    found.makeRoom()
    expect(await people.add(gateway, key)).toMatchObject({ status: 200 })
    expect(await people.lost(gateway, key)).toEqual([])
    await stop(gateway)

    found.fill(0)
    expect(await failedStart({ dataDir })).toEqual(full(dataDir))
    found.makeRoom()
    const later = await start(dataDir)
    expect(await people.lost(later, key)).toEqual([])
    await stop(later)
    rmSync(dataDir, { recursive: true })
  })

  test('where PostgreSQL itself breaks down, the process says so once and ends, and the next one has all that was answered', async ({
    skip,
  }) => {
    if (typeof found === 'string') return skip(found)
    const dataDir = join(found.path, 'broken')
    const people = recorder()
    const gateway = await start(dataDir)
    const key = keyIn(gateway)
    const ended = once(gateway.child, 'exit')
    found.fill(6 * megabyte) // room for rows, and not for the next 16 MB of PostgreSQL's log
    const statuses = new Set<number>()
    while (gateway.child.exitCode === null) {
      const answers = await Promise.allSettled(Array.from({ length: 8 }, () => people.add(gateway, key)))
      for (const answer of answers) if (answer.status === 'fulfilled') statuses.add(answer.value.status)
    }
    expect(await ended).toEqual([1, null])
    expect(statuses).toEqual(new Set([200, 503]))
    expect(gateway.output().match(/"level":60.*/g)).toEqual([expect.stringMatching(/pg_wal.*No space left on device.*has broken down/)])

    found.makeRoom()
    const later = await start(dataDir)
    expect(await people.lost(later, key)).toEqual([])
    await stop(later)
  })
})

describe('a damaged folder', () => {
  const whole = join(place, 'whole')
  beforeAll(async () => {
    await stop(await startProcess({ dataDir: whole }))
  })

  let count = 0
  const damaged = (damage: (postgres: string) => void): string => {
    const dataDir = join(place, `damaged-${count++}`)
    cpSync(whole, dataDir, { recursive: true })
    damage(join(dataDir, 'postgres'))
    return dataDir
  }
  const filesIn = (folder: string): string[] => readdirSync(folder).map((name) => join(folder, name))
  const remedy = 'Restore the folder from a backup, or move it away to begin anew.'

  const cases: [string, (postgres: string) => void, RegExp][] = [
    ['without PG_VERSION', (at) => rmSync(join(at, 'PG_VERSION')), /is damaged \(PG_VERSION is missing\)/],
    [
      'with a truncated pg_control',
      (at) => truncateSync(join(at, 'global/pg_control'), 100),
      /is damaged \(could not read file "global\/pg_control"/,
    ],
    [
      'with an overwritten pg_control',
      (at) => writeFileSync(join(at, 'global/pg_control'), Buffer.alloc(8_192, 'x')),
      /is damaged \(database files are incompatible/,
    ],
    ['without its log', (at) => rmSync(join(at, 'pg_wal'), { recursive: true }), /is damaged \(required WAL directory/],
    [
      'whose log is empty',
      (at) =>
        filesIn(join(at, 'pg_wal'))
          .filter((file) => /[0-9A-F]{24}$/.test(file))
          .forEach((file) => truncateSync(file)),
      /is damaged \(could not locate a valid checkpoint/,
    ],
    [
      'whose tables are empty',
      (at) =>
        filesIn(join(at, 'base/5'))
          .filter((file) => /\/1[6-9]\d{3}$/.test(file))
          .forEach((file) => truncateSync(file)),
      /is damaged \(could not read block/,
    ],
    [
      'whose tables are overwritten',
      (at) =>
        filesIn(join(at, 'base/5'))
          .filter((file) => /\/1[6-9]\d{3}$/.test(file))
          .forEach((file) => writeFileSync(file, Buffer.alloc(8_192, 'x'))),
      /is damaged \(invalid page/,
    ],
  ]
  test.each(cases)('%s is not started on, and the sentence says what to do', async (_name, damage, sentence) => {
    const dataDir = damaged(damage)
    const hadVersion = existsSync(join(dataDir, 'postgres/PG_VERSION'))
    const { code, output } = await failedStart({ dataDir })
    expect({ code, lines: output.trimEnd().split('\n') }).toEqual({ code: 1, lines: [expect.stringMatching(sentence)] })
    expect(output).toContain(`DATA_DIR ${dataDir}: `)
    expect(output).toContain(remedy)
    expect(existsSync(join(dataDir, 'postgres/PG_VERSION'))).toBe(hadVersion) // nothing was made over it
  })

  test('of another version of PostgreSQL names both', async () => {
    const dataDir = damaged((at) => writeFileSync(join(at, 'PG_VERSION'), '16\n'))
    expect(await failedStart({ dataDir })).toEqual({
      code: 1,
      output: expect.stringMatching(
        /: the database there is one of PostgreSQL 16, and this gateway embeds PostgreSQL \d+\. Start the version .*\.\n$/,
      ),
    })
  })

  test('that is a file is named', async () => {
    const dataDir = damaged((at) => (rmSync(at, { recursive: true }), writeFileSync(at, '')))
    expect(await failedStart({ dataDir })).toEqual({
      code: 1,
      output: expect.stringMatching(/^DATA_DIR .*: a file is in the place of a folder\..*\n$/),
    })
    const file = join(place, 'file')
    writeFileSync(file, '')
    expect(await failedStart({ dataDir: file })).toEqual({
      code: 1,
      output: `DATA_DIR ${file}: a file is in the place of a folder. Move it away, or set DATA_DIR to another folder.\n`,
    })
  })

  test('that may not be read is named', async ({ skip }) => {
    if (process.getuid?.() === 0) return skip('root may read everything')
    const dataDir = damaged(() => {})
    chmodSync(join(dataDir, 'postgres'), 0)
    const { code, output } = await failedStart({ dataDir })
    chmodSync(join(dataDir, 'postgres'), 0o700)
    expect({ code, output }).toEqual({
      code: 1,
      output: expect.stringMatching(/^DATA_DIR .*: this process may not read and write there\..*\n$/),
    })
  })
})

test('a start that is killed while it makes the folder is begun anew by the next one', async () => {
  for (const mark of ['PG_VERSION', 'postmaster.pid']) {
    const dataDir = join(place, `killed-${mark}`)
    const { child } = launch({ dataDir }, {})
    while (!existsSync(join(dataDir, 'postgres.unfinished', mark))) await wait(5)
    child.kill('SIGKILL')
    await once(child, 'exit')
    expect(existsSync(join(dataDir, 'postgres'))).toBe(false)
    const gateway = await start(dataDir)
    expect(gateway.output()).toContain('This is the first start')
    await stop(gateway)
    expect(readdirSync(dataDir)).toEqual(['postgres'])
  }
})

test('a folder that is there and empty is a place to begin in', async () => {
  const dataDir = join(place, 'empty')
  mkdirSync(join(dataDir, 'postgres'), { recursive: true })
  const gateway = await start(dataDir)
  expect(gateway.output()).toContain('This is the first start')
  await stop(gateway)
})

describe('a statement', () => {
  test('that meets a full disk is refused for now, alone and in a transaction', async () => {
    const db = await openEmbedded(undefined)
    const fails = `do $$ begin raise exception 'could not extend file: No space left on device' using errcode = '53100'; end $$`
    const refused = { reason: 'UNAVAILABLE', details: { retryAfter: 3 } }
    await expect(db.query(rowsAs([fails]))).rejects.toMatchObject(refused)
    await expect(db.transaction((tx) => tx.query(rowsAs([fails])))).rejects.toMatchObject(refused)
    expect(await db.query(rowsAs`select 1 as one`)).toEqual([{ one: 1 }])
    await db.close()
  })

  test('that grows PostgreSQL’s log is followed by a checkpoint within a minute, so that the log does not grow for ever', async () => {
    vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] })
    onTestFinished(() => void vi.useRealTimers())
    const db = await openEmbedded(undefined)
    const begun = async () => (await db.query(rowsAs<{ at: string }>`select redo_lsn::text as at from pg_control_checkpoint()`))[0]!.at
    const before = await begun()
    await db.query(rowsAs`select pg_logical_emit_message(true, 'test', repeat('x', 34 * 1024 * 1024))`)
    expect(await begun()).toBe(before)
    vi.advanceTimersByTime(60_000)
    await vi.waitUntil(async () => (await begun()) !== before, { timeout: 60_000 })
    await db.close()
  })
})
