/**
 * Starts on a database that is not there, or not yet as it must be: what heals by itself is waited for, and the log says so; what somebody
 * must change first ends the start with one sentence. An operator's command does not wait.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import { afterAll, describe, expect, onTestFinished, test } from 'vitest'
import { type Cluster, migratedOn, startCluster } from '../support/cluster.ts'
import { raw } from '../support/http.ts'
import { holdOpen } from '../support/postgres.ts'
import { freePort } from '../support/ports.ts'
import { failedStart, launch } from '../support/process.ts'
import { startTcpProxy } from '../support/tcp-proxy.ts'

const cluster = await startCluster()
afterAll(() => cluster.close())
await (await migratedOn(cluster)).close()

/** A database on the cluster without any table. */
const emptyUrl = cluster.url.replace(/postgres$/, 'empty')
/** A role that may not do everything, as a superuser may. */
const clerkUrl = cluster.url.replace('//postgres@', '//clerk:hunter2@')
await cluster.run("create role clerk login password 'hunter2'", 'grant pg_read_all_data, pg_write_all_data to clerk')

/** "cred" in ASCII: what whoever migrates holds. */
const migrationLock = 'select pg_advisory_lock(1668441444)'

/** A server that does this with whoever connects, until the test is over. @returns its address */
async function pretending(greet: (socket: Socket) => void): Promise<string> {
  const sockets = new Set<Socket>()
  const server: Server = createServer((socket) => {
    sockets.add(socket.on('error', () => {}))
    greet(socket)
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(() => {
    server.close()
    for (const socket of sockets) socket.destroy()
  })
  return `postgresql://postgres@127.0.0.1:${(server.address() as AddressInfo).port}/postgres`
}

/** Refuses everybody with this error, as PostgreSQL does (protocol 3.0, ErrorResponse). */
const refusingWith = (code: string, message: string) =>
  pretending((socket) =>
    socket.on('data', () => {
      const fields = Buffer.from(`SFATAL\0VFATAL\0C${code}\0M${message}\0\0`)
      const head = Buffer.alloc(5)
      head.write('E')
      head.writeInt32BE(fields.length + 4, 1)
      socket.end(Buffer.concat([head, fields]))
    }),
  )

interface Trouble {
  readonly url: string
  readonly heal: () => Promise<unknown>
}

/** An address that leads to a pretender at first, and then to the real server. */
async function untilLed(pretender: string): Promise<Trouble> {
  const proxy = await startTcpProxy(pretender)
  onTestFinished(() => proxy.close())
  return {
    url: proxy.url,
    async heal() {
      proxy.leadTo(cluster.url)
      proxy.cut()
    },
  }
}

let spare: Promise<Cluster> | undefined
afterAll(async () => (await spare)?.close())

/** What a start waits for: how it comes about, and what is said of it. */
const troubles: Record<string, { make: () => Promise<Trouble>; sentence: RegExp }> = {
  'a server that is down': {
    async make() {
      const server = await (spare ??= startCluster())
      await server.stop()
      return { url: server.url, heal: () => server.start() }
    },
    sentence: /DATABASE_URL: the database at 127\.0\.0\.1:\d+ does not answer \(ECONNREFUSED\)\./,
  },
  'a server that takes connections and is silent': {
    make: async () => untilLed(await pretending(() => {})),
    sentence: /DATABASE_URL: the database at 127\.0\.0\.1:\d+ does not answer \(.*time.*\)\./,
  },
  'a server that is starting up': {
    make: async () => untilLed(await refusingWith('57P03', 'the database system is starting up')),
    sentence: /DATABASE_URL: the database at 127\.0\.0\.1:\d+ does not answer \(57P03\)\./,
  },
  'a server with no connection left': {
    async make() {
      await cluster.run('alter role clerk connection limit 0')
      return { url: clerkUrl, heal: () => cluster.run('alter role clerk connection limit -1') }
    },
    sentence: /DATABASE_URL: the database at 127\.0\.0\.1:\d+ has no room for more: too many connections for role \\?"clerk\\?"\./,
  },
  'a standby': {
    async make() {
      const standby = await cluster.standby()
      onTestFinished(() => standby.close())
      return { url: standby.url, heal: () => standby.promote() }
    },
    sentence: /DATABASE_URL: the database at 127\.0\.0\.1:\d+ takes no writes: it is a standby, or was made read-only\./,
  },
  'a read-only database that lacks migrations': {
    async make() {
      await cluster.run(
        'drop database if exists empty with (force)',
        'create database empty',
        'alter database empty set default_transaction_read_only = on',
      )
      return { url: emptyUrl, heal: () => cluster.run('alter database empty reset default_transaction_read_only') }
    },
    sentence: /DATABASE_URL: the database at 127\.0\.0\.1:\d+ takes no writes: it is a standby, or was made read-only\./,
  },
}

/** Starts a gateway and does not wait until it is ready. */
async function begun(url: string) {
  const base = `http://127.0.0.1:${await freePort()}`
  const gateway = launch(url, { PORT: new URL(base).port })
  onTestFinished(() => void gateway.child.kill('SIGKILL'))
  const statusOf = (path: string) =>
    raw(base + path).then(
      ({ status }) => status,
      () => 0,
    )
  return { ...gateway, statusOf }
}
const soon = <Value>(what: () => Value | Promise<Value>) => expect.poll(what, { timeout: 60_000, interval: 20 })
/** How often the log says that it waits. */
const waits = (output: string): number => output.split('waiting for the database. ').length - 1

const cli = fileURLToPath(new URL('../../dist/cli.js', import.meta.url))
const district = ['district', 'create', '--name', 'N', '--admin-email', 'a@example.org', '--admin-first', 'A', '--admin-last', 'B']
const commands: Record<string, readonly string[]> = { migrate: ['migrate'], 'district create': district, doctor: ['doctor'] }
/** "A few seconds": several attempts to connect would take longer. */
const fastMs = 10_000

async function command(url: string, args: readonly string[]) {
  const startedAt = performance.now()
  const child = spawn(process.execPath, [cli, ...args], {
    env: { PATH: process.env['PATH'], DATABASE_URL: url, SECRET_KEY: 'a-secret-key-for-tests-of-32-bytes!', DEV_MAIL: 'on' },
  })
  const [stdout, stderr, [code]] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'exit') as Promise<[number]>])
  return { code, output: stdout + stderr, ms: performance.now() - startedAt }
}

describe.each(Object.entries(troubles))('%s', (_name, { make, sentence }) => {
  test('is waited for with a line in the log, and the gateway starts by itself when it heals', async () => {
    const { url, heal } = await make()
    const { child, output, statusOf } = await begun(url)
    await soon(() => waits(output())).toBeGreaterThanOrEqual(2)
    expect(output()).toMatch(sentence)
    expect(output()).not.toMatch(/hunter2|\\n +at /)
    expect([await statusOf('/livez'), await statusOf('/readyz'), child.exitCode]).toEqual([200, 503, null])
    await heal()
    await soon(() => statusOf('/readyz')).toBe(200)
  })

  test.each(Object.entries(commands))('is not waited for by %s, which says it in a sentence', async (_command, args) => {
    const { url, heal } = await make()
    const { code, output, ms } = await command(url, args)
    await heal()
    expect(code, output).toBe(1)
    // A command on tables that are not there says that first.
    if (!(url === emptyUrl && args === district)) expect(output).toMatch(sentence)
    expect(output).not.toMatch(/hunter2|\n +at /)
    expect(ms).toBeLessThan(fastMs)
  })
})

test('a name that is not known is waited for; a command says it', async () => {
  const url = 'postgresql://postgres@database.invalid/postgres'
  const { child, output, statusOf } = await begun(url)
  await soon(() => waits(output())).toBeGreaterThanOrEqual(2)
  const sentence = /DATABASE_URL: the database at database\.invalid:5432 does not answer \((ENOTFOUND|EAI_AGAIN)\)\./
  expect(output()).toMatch(sentence)
  expect([await statusOf('/livez'), await statusOf('/readyz'), child.exitCode]).toEqual([200, 503, null])
  for (const args of Object.values(commands)) {
    const { code, output: said, ms } = await command(url, args)
    expect(code).toBe(1)
    expect(said).toMatch(sentence)
    expect(said).not.toMatch(/\n +at /)
    expect(ms).toBeLessThan(fastMs)
  }
})

test('another process that migrates is waited for, however long it takes; a command says so', async () => {
  const letGo = await holdOpen(cluster.url, migrationLock)
  const { output, statusOf } = await begun(cluster.url)
  await soon(output).toContain('another process is migrating the database: waiting until it has finished')
  const { code, output: said, ms } = await command(cluster.url, ['migrate'])
  expect([code, said]).toEqual([1, 'Another process is migrating this database. Wait until it has finished, and run this again.\n'])
  expect(ms).toBeLessThan(fastMs)
  expect([await statusOf('/livez'), await statusOf('/readyz')]).toEqual([200, 503])
  await letGo()
  await soon(() => statusOf('/readyz')).toBe(200)
})

test('where the server falls silent while another process is waited for, the start goes on when it is back', async () => {
  const proxy = await startTcpProxy(cluster.url)
  onTestFinished(() => proxy.close())
  const letGo = await holdOpen(cluster.url, migrationLock)
  const { output, statusOf } = await begun(proxy.url)
  await soon(output).toContain('another process is migrating the database')
  proxy.leadTo(await pretending(() => {}))
  proxy.hold()
  await letGo()
  await soon(() => waits(output())).toBeGreaterThanOrEqual(1)
  expect(await statusOf('/readyz')).toBe(503)
  proxy.cut()
  proxy.letGo()
  proxy.leadTo(cluster.url)
  await soon(() => statusOf('/readyz')).toBe(200)
})

const at = new URL(cluster.url).host
/** What somebody must change before a start can go on. */
const mistakes: Record<string, { url: () => Promise<string>; sentence: RegExp }> = {
  'a wrong password': {
    url: () => refusingWith('28P01', 'password authentication failed for user "postgres"'),
    sentence: /^DATABASE_URL: the server at 127\.0\.0\.1:\d+ refuses user "postgres"\. Check the user and the password\.\n$/,
  },
  'a role that is not there': {
    url: async () => cluster.url.replace('//postgres@', '//nobody@'),
    sentence: /^DATABASE_URL: the server at 127\.0\.0\.1:\d+ refuses user "nobody"\. Check the user and the password\.\n$/,
  },
  'a database that is not there': {
    url: async () => cluster.url.replace(/postgres$/, 'nothing'),
    sentence: /^DATABASE_URL: the server at 127\.0\.0\.1:\d+ has no database "nothing"\. Create it, or name another\.\n$/,
  },
  'an address that is none': { url: async () => 'postgres', sentence: /^DATABASE_URL must be a postgresql:\/\/ address\n$/ },
  'a password with a percent sign that means nothing': {
    url: async () => `postgresql://postgres:hunter2%zz@${at}/postgres`,
    sentence: /^DATABASE_URL .*%25.*\n$/,
  },
  'a database with a percent sign that means nothing': {
    url: async () => `postgresql://postgres@${at}/100%`,
    sentence: /^DATABASE_URL .*%25.*\n$/,
  },
  'a file of certificates that is not there': {
    url: async () => `postgresql://postgres@${at}/postgres?sslmode=verify-full&sslrootcert=/nowhere/root.crt`,
    sentence: /^DATABASE_URL: .*\/nowhere\/root\.crt.*\n$/,
  },
  'a setting that is none': {
    url: async () => `postgresql://postgres@${at}/postgres?options=-c%20nonsense%3D1`,
    sentence: /^DATABASE_URL: the server at 127\.0\.0\.1:\d+ refuses the connection: unrecognized configuration parameter "nonsense"\.\n$/,
  },
}

describe.each(Object.entries(mistakes))('%s', (_name, { url, sentence }) => {
  test('ends a start with exit code 1 and one sentence', async () => {
    const { code, output } = await failedStart(await url())
    expect(output).toMatch(sentence)
    expect(output).not.toContain('hunter2')
    expect(code).toBe(1)
  })

  test.each(Object.entries(commands))('ends %s with exit code 1 and the sentence', async (_command, args) => {
    const { code, output, ms } = await command(await url(), args)
    expect(code).toBe(1)
    expect(output).toMatch(new RegExp(sentence.source.replace(/^\^|\\n\$$/g, ''), 'm'))
    expect(output).not.toMatch(/hunter2|\n +at /)
    expect(ms).toBeLessThan(fastMs)
  })
})
