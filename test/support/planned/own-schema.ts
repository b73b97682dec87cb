/** The gateway's own schema on a real database, asked by callers of every kind; what its resolvers and statements do is written to a log. */
import { randomBytes } from 'node:crypto'
import { Socket } from 'node:net'
import { type GraphQLSchema, isObjectType, OperationTypeNode, responsePathAsArray } from 'graphql'
import { anonymous, type Viewer } from '../../../src/access/viewer.ts'
import type { Dice } from '../../../src/domain/made-up-dice.ts'
import { rememberedCredentials } from '../../../src/domain/credentials.ts'
import { Context } from '../../../src/graphql/context.ts'
import { Deadline } from '../../../src/http/deadline.ts'
import { buildSchema } from '../../../src/graphql/schema.ts'
import type { Gateway } from '../gateway.ts'
import { createWorld } from '../world.ts'
import type { Hints } from './documents.ts'
import type { Statement } from '../../../src/sql/statement.ts'
import { tablesThrough } from '../database.ts'

export async function ownSchema(gateway: Pick<Gateway, 'db' | 'deps'>) {
  const { deps } = gateway
  const world = await createWorld(gateway)
  const credentials = rememberedCredentials(deps)
  const viewers: Viewer[] = []
  // One after the other: while one asks whose trial is over, the district's is.
  for (const caller of world.callers)
    await world.as(caller, async () => {
      const secret = await caller.token()
      viewers.push(secret === undefined ? anonymous : await credentials.authenticate(secret))
    })
  const ids = [world.candidate.id, world.mentor.id, world.other.id, world.both.id, world.admin.id, ...Object.values(world.interviews)]
  const logs = new WeakMap<object, string[]>()
  const client = {
    requestId: 'request',
    network: '127.0.0.1',
    userAgent: null,
    browserToken: undefined,
    deviceToken: undefined,
    keepsCookies: false,
    idempotencyKey: undefined,
  }
  return {
    schema: logging(buildSchema(), (context, line) => logs.get(context)!.push(line)),
    viewers,
    contextOf(viewer: Viewer) {
      const log: string[] = []
      let before: Promise<unknown> = Promise.resolve()
      // One after the other, as an embedded database answers: a server's connections race, and with them what follows.
      const inTurn = <Result>(call: () => Promise<Result>): Promise<Result> => {
        const answer = before.then(call)
        before = answer.catch(() => {})
        return answer
      }
      const db = {
        ...deps.db,
        tables: tablesThrough(deps.db.tables, (operation, call) => {
          log.push(operation)
          return inTurn(call)
        }),
        query<Row>(statement: Statement<Row>): Promise<Row[]> {
          log.push(statement.text)
          return inTurn(() => deps.db.query(statement))
        },
      }
      const deadline = new Deadline({ socket: new Socket() })
      const outgoing = { keepBrowser() {}, keepDevice() {}, keepSession: () => false }
      const contextValue = new Context({ deps: { ...deps, db, random: randomBytes }, deadline, credentials, viewer, client, outgoing })
      logs.set(contextValue, log)
      return { contextValue, log }
    },
    hints: (dice: Dice): Hints => ({
      // What a write leaves behind another execution would find: mutations are the odd schema's.
      operations: [OperationTypeNode.QUERY],
      likely: () => undefined,
      maxFields: 25,
      scalar(type, name) {
        if (type === 'Int') return dice.pick([1, 2, 3, 5, 50, ...(dice.chance(0.1) ? [-1, 1_000] : [])])
        if (type === 'Boolean') return dice.chance(0.5)
        if (type === 'Date') return dice.pick(['2026-04-01', '2026-06-14'])
        if (type === 'DateTime') return dice.pick(['2020-01-01T00:00:00Z', '2099-01-01T00:00:00+01:00'])
        if (type === 'LanguageTag') return dice.pick(['en', 'es', 'pt-BR'])
        if (name === 'search') return dice.pick(['a', 'Cara', 'Otto O', 'nobody'])
        if (name === 'name') return dice.pick(['Person', 'Credential', 'DateTime', 'Nothing'])
        if (name === 'after' || name === 'before') return 'no cursor'
        return dice.pick([...ids, 'nowhere'])
      },
    }),
  }
}

/** Every resolver tells that it was called, and where. */
function logging(schema: GraphQLSchema, log: (context: object, line: string) => void): GraphQLSchema {
  for (const type of Object.values(schema.getTypeMap()))
    if (isObjectType(type) && !type.name.startsWith('__'))
      for (const field of Object.values(type.getFields())) {
        const { resolve } = field
        if (!resolve) continue
        field.resolve = (source, args, context: object, info) => {
          log(context, `${responsePathAsArray(info.path).join('.')} ${JSON.stringify(args)}`)
          return resolve(source, args, context, info) as unknown
        }
      }
  return schema
}
