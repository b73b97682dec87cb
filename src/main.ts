/** Starts the gateway: configuration → listen → database → app; shutdown.ts ends it. */
import { randomBytes } from 'node:crypto'
import type { Server } from 'node:http'
import { setFlagsFromString } from 'node:v8'
import pino, { type Logger } from 'pino'
import { developmentSecret, holdFolder } from './adapters/data-folder.ts'
import { databaseDriver } from './adapters/database.ts'
import { devMailbox } from './adapters/dev-mailbox.ts'
import { type Config, readConfig } from './config.ts'
import type { Deps } from './deps.ts'
import { startSealing } from './domain/audit-seal.ts'
import { createDemo } from './domain/demo.ts'
import { startHousekeeping } from './domain/housekeeping.ts'
import { startMailer } from './domain/mailer.ts'
import { failureSentence, mayHeal } from './failure.ts'
import { Draining } from './http/draining.ts'
import { type App, createHttpServer } from './http/server.ts'
import { onceASecond } from './repeated-log.ts'
import { endWhenAsked } from './shutdown.ts'
import { onceItAnswers } from './starting.ts'
import { type WelcomeFacts, welcomeFacts, welcomeText } from './welcome.ts'

/** Requests under way are still answered (503) where the database has broken down. */
const lastAnswersMs = 200

// V8 takes rows of the database for objects that live long, and puts them where only a collection of everything finds them again: of the
// time that a list takes, a tenth went into that.
setFlagsFromString('--no-allocation-site-pretenuring')

/** What is answered before there is a database to answer from. */
const starting: App = {
  answer(req, res) {
    const isAlive = req.url === '/livez'
    const body = JSON.stringify(isAlive ? { ok: true } : { error: 'The gateway is starting. Try again in a moment.' })
    res.writeHead(isAlive ? 200 : 503, { 'Content-Type': 'application/json; charset=utf-8', 'Retry-After': '1' }).end(body)
  },
  refusal: (_target, { status, message }) => ({
    status,
    headers: { 'Content-Type': 'application/json; charset=utf-8' },
    body: JSON.stringify({ error: message }),
  }),
  broken() {},
}

try {
  await run(readConfig(process.env, { isTerminal: process.stdout.isTTY }))
} catch (error) {
  process.stderr.write(`${failureSentence(error, process.env)}\n`)
  process.exit(1)
}

async function run(config: Config): Promise<void> {
  const log = createLog(config)
  const flush = () => onceASecond(log).flush()
  process.prependListener('beforeExit', flush).prependListener('exit', flush) // before pino, which writes for the last time then
  process.on('unhandledRejection', (error) => log.error({ err: error }, 'unhandled rejection')) // graphql-js can leave one behind
  process.on('exit', config.databaseUrl === undefined ? holdFolder(config.dataDir, process.pid) : () => {})

  // The address is taken first: whoever cannot have it has touched nothing.
  let app = starting
  const draining = new Draining()
  const server = createHttpServer(
    {
      answer: (req, res) => app.answer(req, res),
      refusal: (...args) => app.refusal(...args),
      broken: (error) => app.broken(error),
    },
    { draining },
  )
  const works = endWhenAsked({ server, draining, log, graceSeconds: config.shutdownGraceSeconds, exit: (code) => process.exit(code) })
  await listen(server, config)
  const open = await databaseDriver(config, { log })
  const [db, { createApp }] = await Promise.all([open(), import('./app.ts')]) // beside each other: the database is the slower one
  void db.broken?.then((error) => {
    log.fatal({ err: error }, 'the embedded database has broken down; the process ends, and the next start recovers what was answered')
    setTimeout(() => process.exit(1), lastAnswersMs)
  })
  const once = <Result>(work: () => Promise<Result>): Promise<Result> =>
    onceItAnswers(work, {
      log,
      mayHeal: (error) => db.kind === 'server' && mayHeal(error),
      explain: (error) => failureSentence(error, process.env),
    })
  const applied = await once(() => db.migrate())
  await once(() => db.examine())
  if (applied.length > 0 && db.kind === 'server') log.info({ applied }, 'migrations applied')
  const demo = db.kind === 'embedded' ? await createDemo({ db, random: randomBytes }) : undefined

  const mailbox = devMailbox((text) => process.stdout.write(text))
  const deps: Deps = {
    db,
    mail: config.postmark ? (await import('./adapters/postmark.ts')).postmarkMail(config.postmark) : mailbox,
    clock: Date,
    random: randomBytes,
    log,
    config,
    secrets: config.secretKeys ?? [developmentSecret(config.dataDir)],
  }
  app = createApp(deps, config.postmark ? undefined : mailbox, draining)
  const mailer = startMailer(deps)
  const stopHousekeeping = startHousekeeping(deps)
  const stopSealing = startSealing(deps)
  const welcomed = once(() => welcomeFacts(deps, demo)).then(welcome)
  works({ stop: () => Promise.all([mailer.stop(), stopHousekeeping(), stopSealing(), welcomed]), close: () => db.close() })
  await welcomed
}

function welcome(facts: WelcomeFacts): void {
  process.stdout.write(process.argv.includes('--json') ? `${JSON.stringify(facts)}\n` : welcomeText(facts))
}

/** JSON lines, or something for people where a person is watching. */
function createLog({ logLevel }: Config): Logger {
  return process.stdout.isTTY
    ? pino({ level: logLevel, transport: { target: 'pino-pretty', options: { ignore: 'pid,hostname' } } })
    : pino({ level: logLevel })
}

function listen(server: Server, { host, port }: Config): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, host, () => {
      server.off('error', reject)
      resolve()
    })
  })
}
