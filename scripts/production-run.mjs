/** Runs an installed gateway, in the folder that is given, as its operator would: every command, every way in, on both databases. */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { json, text } from 'node:stream/consumers'
import { setTimeout as wait } from 'node:timers/promises'
import pg from 'pg'

const patienceMs = 120_000
const folder = process.argv[2]
const temp = mkdtempSync(join(tmpdir(), 'credentials-gateway-run-'))
process.on('exit', () => rmSync(temp, { recursive: true }))

const begin = (program, args, variables) =>
  spawn(program, args, {
    cwd: folder,
    // npx keeps a link to each folder that it has run from.
    env: { PATH: process.env.PATH, HOME: process.env.HOME, npm_config_cache: join(temp, 'npm'), SHUTDOWN_GRACE: '0', ...variables },
    stdio: ['ignore', 'pipe', 'inherit'],
  })

/** A command of the operator's, to its end. @returns the object that `--json` prints */
async function command(variables, ...args) {
  const child = begin('npx', ['credentials-gateway', ...args, '--json'], variables)
  const [said, [code]] = await Promise.all([text(child.stdout), once(child, 'exit')])
  assert.equal(code, 0, `${args.join(' ')}: ${said}`)
  return JSON.parse(said.trimEnd().split('\n').at(-1))
}

async function freePort() {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address()
  await new Promise((resolve) => server.close(resolve))
  return port
}

/** Starts the gateway, calls `use` with its address and its welcome (welcome.ts), and stops it: it must end with exit code 0. */
async function gateway(variables, use) {
  const port = await freePort()
  const child = begin('node', ['dist/main.js', '--json'], { ...variables, PORT: String(port) })
  const ended = once(child, 'exit')
  let said = ''
  child.stdout.on('data', (chunk) => (said += chunk))
  try {
    const url = `http://127.0.0.1:${port}`
    let welcome
    await until(() => {
      assert.equal(child.exitCode, null, `the gateway did not start: ${said}`)
      welcome = said.split('\n').find((line) => line.startsWith('{"publicUrl"') && line.endsWith('}'))
      return welcome !== undefined
    })
    await ask(`${url}/readyz`, 200)
    await use(url, JSON.parse(welcome))
  } finally {
    child.kill('SIGTERM')
  }
  assert.deepEqual(await ended, [0, null], said)
}

async function until(holds) {
  const end = Date.now() + patienceMs
  while (!(await holds())) {
    assert.ok(Date.now() < end, `not within ${patienceMs} ms: ${holds}`)
    await wait(50)
  }
}

async function ask(url, status, options) {
  const answer = await fetch(url, options)
  assert.equal(answer.status, status, url)
  return answer
}

/** GraphQL, REST, the pages with everything that they load. */
async function everyWayIn(url, key) {
  const headers = { Authorization: `Bearer ${key}` }
  const body = JSON.stringify({ query: '{ people(first: 1) { totalCount nodes { id } } }' })
  const graphql = await ask(`${url}/graphql`, 200, { method: 'POST', headers: { ...headers, 'Content-Type': 'application/json' }, body })
  const { totalCount, nodes } = (await graphql.json()).data.people
  assert.ok(totalCount > 0)
  const person = await ask(`${url}/api/people/${nodes[0].id}`, 200, { headers })
  assert.match(await person.text(), new RegExp(nodes[0].id))
  await ask(`${url}/api/people`, 401)

  for (const path of ['/', '/sign-in', '/graphql']) {
    const page = await (await ask(url + path, 200, { headers: { Accept: 'text/html' } })).text()
    assert.match(page, /<html/)
    const assets = [...page.matchAll(/"(\/assets\/[^"]+)"/g)].map(([, asset]) => asset)
    assert.ok(assets.length > 0)
    for (const asset of assets)
      assert.equal((await ask(url + asset, 200, { headers: { 'Accept-Encoding': 'br' } })).headers.get('content-encoding'), 'br')
  }
}

const askForMail = (url, email) =>
  ask(`${url}/graphql`, 200, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify({ query: 'mutation ($email: String!) { requestLogin(email: $email) { ok } }', variables: { email } }),
  })

/** Every command, and the gateway: its mail by what imitates Postmark. */
async function operate(database) {
  const posted = []
  const postmark = createServer((req, res) => {
    void json(req).then((mail) => {
      posted.push(mail)
      res.setHeader('Content-Type', 'application/json')
      res.end(JSON.stringify({ ErrorCode: 0, Message: 'OK', MessageID: 'a-message', SubmittedAt: new Date().toISOString(), To: mail.To }))
    })
  }).listen(0, '127.0.0.1')
  await once(postmark, 'listening')
  const environment = {
    ...database,
    NODE_ENV: 'production',
    SECRET_KEY: randomBytes(32).toString('hex'),
    POSTMARK_SERVER_TOKEN: 'a-token',
    POSTMARK_API_URL: `http://127.0.0.1:${postmark.address().port}`,
    MAIL_FROM: 'gateway@example.org',
  }

  await command(environment, 'migrate')
  const email = 'jane@example.org'
  const admin = ['--admin-email', email, '--admin-first', 'Jane', '--admin-last', 'Doe']
  const { districtId } = await command(environment, 'district', 'create', '--name', 'North', ...admin)
  writeFileSync(join(temp, 'people.csv'), 'first,last,email\nAnn,Lee,ann@example.org\n')
  assert.equal((await command(environment, 'import', 'people', join(temp, 'people.csv'), '--district', districtId)).imported, 1)
  await command(environment, 'seed', '--people', '20', '--interviews', '20')
  const { key } = await command(environment, 'api-key', 'create', '--district', districtId, '--name', 'CI', '--scope', 'read:people')
  await command(environment, 'doctor')
  await gateway(environment, async (url) => {
    await everyWayIn(url, key)
    await askForMail(url, email)
    await until(() => posted.some(({ To }) => To.includes(email)))
  })
  await command(environment, 'audit', 'verify')
  await new Promise((resolve) => postmark.close(resolve))
}

/** The first start of all, without configuration: a demo on an embedded database, and its mail at /dev/mail. */
async function firstStart() {
  await gateway({ DATA_DIR: join(temp, 'first') }, async (url, { demo }) => {
    await everyWayIn(url, demo.key)
    await askForMail(url, demo.adminEmail)
    await until(async () => (await (await ask(`${url}/dev/mail`, 200)).text()).includes(demo.adminEmail))
  })
}

/** Calls `use` with a new database of the server that TEST_DATABASE_URL names, and drops it. */
async function withServerDatabase(use) {
  const client = new pg.Client({ connectionString: process.env.TEST_DATABASE_URL })
  await client.connect()
  const name = `gateway_production_${randomBytes(8).toString('hex')}`
  const url = new URL(process.env.TEST_DATABASE_URL)
  url.pathname = `/${name}`
  try {
    await client.query(`create database ${name}`)
    await use({ DATABASE_URL: url.href })
  } finally {
    await client.query(`drop database if exists ${name} with (force)`)
    await client.end()
  }
}

console.log(`Node ${process.version}: a first start`)
await firstStart()
console.log(`Node ${process.version}: every command and every way in, on the embedded database`)
await operate({ DATA_DIR: join(temp, 'embedded') })
console.log(`Node ${process.version}: the same on PostgreSQL`)
await withServerDatabase(operate)
