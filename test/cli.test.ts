/** The operator's commands, as a shell meets them: real processes of the built program, their output and exit codes. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { holdFolder } from '../src/adapters/data-folder.ts'
import { readMigrations } from '../src/adapters/migrations.ts'
import { isServer, testDatabase } from './support/database.ts'
import { freePort } from './support/ports.ts'
import { createDatabase } from './support/postgres.ts'

const cli = fileURLToPath(new URL('../dist/cli.js', import.meta.url)) // `npm ci` builds it
const secret = 'a-secret-key-for-tests-of-32-bytes!'

interface Ended {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

let folder: string
/** The database that the tests of this file share, as the environment names it; no balancer has to find out that a gateway ends. */
let environment: Record<string, string>

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'credentials-gateway-cli-'))
  environment = isServer
    ? { DATABASE_URL: (await testDatabase()).url!, SECRET_KEY: secret, DEV_MAIL: 'on', SHUTDOWN_GRACE: '0' }
    : { DATA_DIR: join(folder, 'data'), SHUTDOWN_GRACE: '0' }
  expect(await run(['migrate'])).toMatchObject({ code: 0 })
})
afterAll(() => rm(folder, { recursive: true }))

function begin(args: readonly string[], variables: Record<string, string>): ChildProcess {
  return spawn(process.execPath, [cli, ...args], { env: { PATH: process.env['PATH'], ...variables }, cwd: folder })
}

async function run(args: readonly string[], variables: Record<string, string> = environment): Promise<Ended> {
  const child = begin(args, variables)
  const [stdout, stderr, [code]] = await Promise.all([
    text(child.stdout!),
    text(child.stderr!),
    once(child, 'exit') as Promise<[number | null]>,
  ])
  return { code, stdout, stderr }
}

/** The object in the last line of stdout. */
async function json(...args: string[]): Promise<Record<string, unknown>> {
  const { code, stdout, stderr } = await run([...args, '--json'])
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
  return JSON.parse(stdout.trimEnd().split('\n').at(-1)!) as Record<string, unknown>
}

const district = () =>
  json(
    'district',
    'create',
    '--name',
    'Río',
    '--admin-email',
    'jane@example.org',
    '--admin-first',
    'Jane',
    '--admin-last',
    'Doe',
    '--language',
    'es',
  )

describe('usage', () => {
  const commands = ['', 'start', 'migrate', 'district', 'district create', 'api-key', 'api-key create', 'api-key revoke', 'seed', 'doctor']

  test('every command explains itself with --help', async () => {
    for (const command of commands) {
      const { code, stdout, stderr } = await run([...command.split(' ').filter(Boolean), '--help'])
      expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
      expect(stdout).toMatch(`Usage: credentials-gateway${command && ` ${command}`}`)
    }
  })

  test.each([
    [''],
    ['nonsense'],
    ['district'],
    ['migrate --nonsense'],
    ['migrate surplus'],
    ['api-key create --district d --name n'],
    ['api-key create --district d --name n --scope read:everything'],
    ['api-key revoke'],
    ['seed --people many --interviews 1'],
    ['seed --people 1 --interviews 5'],
    ['district create --name n --admin-email nonsense --admin-first a --admin-last b'],
  ])('"%s" is wrong usage: exit code 2, said on stderr alone', async (line) => {
    const { code, stdout, stderr } = await run(line.split(' ').filter(Boolean))
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' })
    expect(stderr).not.toBe('')
    expect(stderr).not.toContain('    at ')
  })
})

describe('what goes wrong ends with 1 and a sentence on stderr', () => {
  const failure = async (args: string, variables?: Record<string, string>): Promise<string> => {
    const { code, stdout, stderr } = await run(args.split(' '), variables)
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' })
    expect(stderr).not.toContain('    at ')
    return stderr
  }

  test('a record that is not there', async () => {
    expect(await failure('api-key create --district nowhere --name n --scope read:people --json')).toBe('There is no such district.\n')
    expect(await failure('api-key revoke --id nowhere')).toBe('There is no such API key.\n')
  })

  test('every wrong setting, each in a line', async () => {
    expect(await failure('migrate', { PORT: 'x', DATABASE_URL: 'mysql://localhost/a', LOG_LEVEL: 'loud' })).toMatch(
      /^PORT .*\nDATABASE_URL .*\nLOG_LEVEL .*\n/,
    )
  })

  test('a database that does not answer, by its host and port and never its password', async () => {
    const stderr = await failure('seed --people 1 --interviews 0', {
      DATABASE_URL: 'postgresql://jane:hunter2@127.0.0.1:1/gateway',
      SECRET_KEY: secret,
      DEV_MAIL: 'on',
    })
    expect(stderr).toContain('127.0.0.1:1')
    expect(stderr).not.toContain('hunter2')
    expect(stderr.trimEnd().split('\n')).toHaveLength(1)
  })

  test('an embedded database that another process works on, by that process', async () => {
    const held = join(folder, 'held')
    const release = holdFolder(held, process.pid)
    expect(await failure('migrate', { DATA_DIR: held })).toContain(`in use by process ${process.pid}`)
    release()
  })

  test.runIf(isServer)('a server whose schema is behind', async () => {
    const { url, drop } = await createDatabase()
    const behind = { DATABASE_URL: url, SECRET_KEY: secret, DEV_MAIL: 'on' }
    expect(await failure('api-key revoke --id k', behind)).toContain('Run "credentials-gateway migrate" first')
    expect(await run(['doctor'], behind)).toMatchObject({ code: 1, stdout: expect.stringMatching(/✗ migrations: +pending: .*migrate/) })
    expect(await run(['migrate'], behind)).toMatchObject({ code: 0 })
    expect(await failure('api-key revoke --id k', behind)).toBe('There is no such API key.\n')
    await drop()
  })
})

describe('what is done', () => {
  test('migrate applies once, and --status says so', async () => {
    expect(await json('migrate')).toEqual({ applied: [] })
    const status = await json('migrate', '--status')
    expect(status).toEqual({ applied: expect.any(Array), pending: [], changed: [], failed: [] })
    expect(status['applied']).toContain('20261124000000_init')
  })

  test('a district is made, then a key for it, which is revoked', async () => {
    const made = await district()
    expect(Object.entries(made)).toEqual([
      ['districtId', expect.stringMatching(/^[a-z0-9]{12}$/)],
      ['name', 'Río'],
      ['adminId', expect.stringMatching(/^[a-z0-9]{12}$/)],
    ])

    const key = await json(
      'api-key',
      'create',
      '--district',
      made['districtId'] as string,
      '--name',
      'Sync',
      '--scope',
      'read:people',
      '--scope',
      'write:interviews',
    )
    expect(Object.entries(key)).toEqual([
      ['id', expect.stringMatching(/^[a-z0-9]{12}$/)],
      ['name', 'Sync'],
      ['key', expect.stringMatching(/^ck_[a-z0-9]{32}$/)],
      ['hint', (key['key'] as string).slice(-4)],
      ['scopes', ['read:people', 'write:interviews']],
    ])

    const revoked = await json('api-key', 'revoke', '--id', key['id'] as string)
    expect(revoked).toEqual({ id: key['id'], revokedAt: expect.stringMatching(/^\d{4}-\d\d-\d\dT/) })
    expect(await json('api-key', 'revoke', '--id', key['id'] as string)).toEqual(revoked)
  })

  test('without --json a person reads the key, once', async () => {
    const { districtId } = await district()
    const { code, stdout, stderr } = await run([
      'api-key',
      'create',
      '--district',
      districtId as string,
      '--name',
      'Sync',
      '--scope',
      'read:people',
    ])
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
    expect(stdout.match(/ck_[a-z0-9]{32}/g)).toHaveLength(1)
  })

  test('seed makes up what it was asked for', async () => {
    const made = await json('seed', '--people', '300', '--interviews', '900', '--districts', '12', '--seed', '1')
    expect(made).toEqual({ districts: expect.any(Array), largestDistrictId: expect.any(String), people: 300, interviews: 900 })
    expect(made['districts']).toHaveLength(10)
    expect(made['districts']).toContain(made['largestDistrictId'])
  })

  test.runIf(!isServer)('migrate --status looks, and makes no database where there is none yet', async () => {
    const untouched = join(folder, 'looked-at')
    const { code, stdout } = await run(['migrate', '--status', '--json'], { DATA_DIR: untouched })
    expect(code).toBe(0)
    expect(JSON.parse(stdout)).toMatchObject({ applied: [], pending: readMigrations().map(({ name }) => name) })
    expect(existsSync(untouched)).toBe(false)
  })

  test.runIf(!isServer)('a gateway that is still starting is alive and not ready, and SIGTERM ends it with 0', async () => {
    const port = await freePort()
    const child = begin(['start'], { DATA_DIR: join(folder, 'first-start'), PORT: String(port), SHUTDOWN_GRACE: '0' })
    child.stdout!.resume()
    const ended = once(child, 'exit')
    const status = (path: string) =>
      fetch(`http://127.0.0.1:${port}${path}`).then(
        (answer) => answer.status,
        () => 0,
      )
    await expect.poll(() => status('/livez'), { timeout: 60_000, interval: 20 }).toBe(200)
    expect([200, 503]).toContain(await status('/readyz'))
    child.kill('SIGTERM')
    expect(await ended).toEqual([0, null])
  })

  test('start --json says in one line of JSON what the welcome says', async () => {
    const child = begin(['start', '--json'], { ...environment, PORT: String(await freePort()) })
    const ended = once(child, 'exit')
    let stdout = ''
    for await (const chunk of child.stdout!.iterator({ destroyOnReturn: false })) {
      stdout += String(chunk)
      if (stdout.includes('"publicUrl"') && stdout.endsWith('\n')) break
    }
    child.stdout!.resume()
    child.kill('SIGTERM')
    expect(await ended).toEqual([0, null])
    const line = stdout.split('\n').find((each) => each.includes('"publicUrl"'))!
    expect(JSON.parse(line)).toMatchObject({
      publicUrl: expect.stringMatching(/^http:/),
      database: isServer ? 'server' : 'embedded',
      found: expect.any(Object),
    })
  })

  test('start runs the gateway until SIGTERM, and then ends with 0', async () => {
    const port = await freePort()
    const child = begin(['start'], { ...environment, PORT: String(port) })
    const ended = once(child, 'exit')
    let stdout = ''
    for await (const chunk of child.stdout!.iterator({ destroyOnReturn: false })) {
      stdout += String(chunk)
      if (stdout.includes('Stop with Ctrl+C')) break
    }
    child.stdout!.resume()
    const answer = await fetch(`http://127.0.0.1:${port}/readyz`)
    child.kill('SIGTERM')
    expect(await ended).toEqual([0, null])
    expect(answer.status).toBe(200)
    expect(stdout).toContain(`http://127.0.0.1:${port}/graphql`)
  })
})

describe('doctor', () => {
  const checks = ({ stdout }: Ended) =>
    (JSON.parse(stdout) as { checks: { name: string; ok: boolean }[] }).checks.map(({ name, ok }) => [name, ok])

  const ofServer = ['settings', 'announcements', 'connections', 'rights', 'encryption', 'encoding']

  test('ticks what is well', async () => {
    const examined = await run(['doctor', '--json'])
    expect(examined).toMatchObject({ code: 0, stderr: '' })
    expect(checks(examined)).toEqual([
      ['configuration', true],
      ['database', true],
      ...(isServer ? ofServer : []).map((name) => [name, true]),
      ['migrations', true],
      ['clock', true],
      ['mail', true],
    ])
    expect((await run(['doctor'])).stdout.match(/^✓ /gm)).toHaveLength(isServer ? 5 + ofServer.length : 5)
  })

  test('makes no database where there is none yet', async () => {
    const untouched = join(folder, 'untouched')
    expect(await run(['doctor'], { DATA_DIR: untouched })).toMatchObject({ code: 0 })
    expect(existsSync(untouched)).toBe(false)
  })

  test('says what to do about a wrong setting, a database that is away, and mail that cannot go out', async () => {
    expect(await run(['doctor'], { PORT: 'x' })).toMatchObject({
      code: 1,
      stdout: expect.stringMatching(/^✗ configuration: +PORT must be/),
    })
    const away = {
      DATABASE_URL: 'postgresql://jane:hunter2@127.0.0.1:1/gateway',
      SECRET_KEY: secret,
      POSTMARK_SERVER_TOKEN: 'nonsense',
      MAIL_FROM: 'a@example.org',
    }
    const examined = await run(['doctor', '--json'], away)
    expect(examined.code).toBe(1)
    expect(examined.stdout).not.toContain('hunter2')
    expect(checks(examined)).toEqual([
      ['configuration', true],
      ['database', false],
      ['mail', false],
    ])
  })
})
