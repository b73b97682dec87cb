/** The data that is measured on, made once a server: a database, its largest district, and a key for that. */
import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import pg from 'pg'

const run = promisify(execFile)
const program = new URL('../../dist/cli.js', import.meta.url).pathname
const scopes = ['read:people', 'read:interviews'].flatMap((scope) => ['--scope', scope])

/** A quarter of the people are in one district. */
const sizes = {
  small: { people: 20_000, interviews: 60_000, districts: 10 },
  large: { people: 200_000, interviews: 600_000, districts: 100 },
}

/** What every server of ours needs beside the database. */
export const settings = {
  NODE_ENV: 'production',
  SECRET_KEY: 'a-secret-key-for-a-benchmark-of-32-bytes',
  LOG_LEVEL: 'warn',
  SHUTDOWN_GRACE: '0',
}
const mail = { POSTMARK_SERVER_TOKEN: 'none', MAIL_FROM: 'bench@example.org' }

/** @returns `{ url, districtId, key, env }` of a database of that size, filled unless it is there already */
export async function dataset(size) {
  const name = `bench_${size}`
  const url = Object.assign(new URL(process.env.TEST_DATABASE_URL), { pathname: `/${name}` }).href
  const env = { ...process.env, ...settings, ...mail, DATABASE_URL: url }
  const command = async (...args) => {
    const { stdout } = await run(process.execPath, [program, ...args], { env, maxBuffer: 1e8 })
    return JSON.parse(stdout.trim().split('\n').at(-1))
  }
  const { people, interviews, districts } = sizes[size]
  const { rowCount } = await asAdmin(process.env.TEST_DATABASE_URL, 'select from pg_database where datname = $1', [name])
  if (rowCount === 0) {
    console.error(`filling ${name}: ${people} people, ${interviews} interviews, ${districts} districts`)
    await asAdmin(process.env.TEST_DATABASE_URL, `create database ${name}`)
    await command('migrate', '--json')
    await command('seed', `--people=${people}`, `--interviews=${interviews}`, `--districts=${districts}`, '--seed=1', '--json')
    await asAdmin(url, 'vacuum analyze')
  }
  const { rows } = await asAdmin(url, 'select district_id as id from people group by district_id order by count(*) desc limit 1')
  const districtId = rows[0].id
  const { key } = await command('api-key', 'create', '--district', districtId, '--name', 'Benchmark', ...scopes, '--json')
  return { url, districtId, key, env }
}

async function asAdmin(url, text, values) {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  try {
    return await client.query(text, values)
  } finally {
    await client.end()
  }
}
