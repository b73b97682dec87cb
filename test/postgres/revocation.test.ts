/** What ends on one instance has ended on every other: two gateways as processes on one server. */
import { describe, expect, onTestFinished, test } from 'vitest'
import { hashToken } from '../../src/domain/tokens.ts'
import { otherwise, testDatabase } from '../support/database.ts'
import { createTestDistrict } from '../support/fixtures.ts'
import { startGateway } from '../support/gateway.ts'
import { json, raw } from '../support/http.ts'
import { type GatewayProcess, startProcess } from '../support/process.ts'
import { rowsAs } from '../support/rows.ts'

const db = await testDatabase()
const district = await createTestDistrict(db)
const admin = await (await district.admin()).token()
const [here, there] = [await startProcess(db.url!), await startProcess(db.url!)]

const works = async (token: string) => (await there.graphql(token, '{ me { districtId } }')).status === 200
const mayCreate = async (token: string) => {
  const { json } = await there.graphql(token, '{ apiKeys { id } }')
  return json.data?.apiKeys != null
}
/** Long enough in use to be remembered by the other gateway. */
const inUse = async (token: string, accepted: (token: string) => Promise<boolean>) => {
  for (let n = 0; n < 5; n++) expect(await accepted(token)).toBe(true)
}
/** The one that ends credentials. */
let ending: Pick<GatewayProcess, 'graphql'> = here
const run = async (query: string, variables: Record<string, unknown>) => {
  const answer = await ending.graphql(admin, query, variables)
  expect(answer.json.errors, answer.text).toBeUndefined()
}
const keyIdOf = async (key: string) => {
  const [row] = await db.query(rowsAs<{ id: string }>`select id from api_keys where key_hash = ${hashToken(key)}`)
  return row!.id
}

/** Each makes a credential, and ends it on the first gateway. */
const endings: [string, (token: string) => Promise<boolean>, () => Promise<{ token: string; end: () => Promise<void> }>][] = [
  [
    'a revoked key',
    works,
    async () => {
      const token = await district.key()
      const id = await keyIdOf(token)
      return { token, end: () => run('mutation ($id: ID!) { revokeApiKey(id: $id) { apiKey { id } } }', { id }) }
    },
  ],
  [
    'a key with a new secret',
    works,
    async () => {
      const token = await district.key()
      const id = await keyIdOf(token)
      return { token, end: () => run('mutation ($id: ID!) { rotateApiKey(id: $id) { key } }', { id }) }
    },
  ],
  [
    'a session that signed out',
    works,
    async () => {
      const token = await (await district.person()).token()
      return { token, end: async () => void (await ending.graphql(token, 'mutation { logout { ok } }')) }
    },
  ],
  [
    'an archived person',
    works,
    async () => {
      const person = await district.person({ roles: { '1c': 1 } })
      const archive = 'mutation ($id: ID!) { updatePerson(id: $id, input: { archived: true }) { id } }'
      return { token: await person.token(), end: () => run(archive, { id: person.id }) }
    },
  ],
  [
    'a person with another address',
    works,
    async () => {
      const person = await district.person()
      const move = 'mutation ($id: ID!, $email: String!) { updatePerson(id: $id, input: { email: $email }) { id } }'
      return { token: await person.token(), end: () => run(move, { id: person.id, email: `moved-${person.email}` }) }
    },
  ],
  [
    'an administrator who is none any more',
    mayCreate,
    async () => {
      const person = await district.admin()
      return {
        token: await person.token(),
        end: () => run('mutation ($id: ID!) { updatePerson(id: $id, input: { roles: [] }) { id } }', { id: person.id }),
      }
    },
  ],
]

/** Ends it here, and asks there again and again. @returns when the last request that was let in had been sent, in ms after the end */
async function lastLetIn(token: string, accepted: (token: string) => Promise<boolean>, end: () => Promise<void>): Promise<number> {
  await inUse(token, accepted)
  await end()
  const endedAt = performance.now()
  let last = 0
  for (;;) {
    const sentAt = performance.now()
    if (!(await accepted(token))) return last
    last = sentAt - endedAt
  }
}

describe.each(endings)('%s', (_title, accepted, make) => {
  test('is refused on the other instance: no request is let in that was sent a second later', async () => {
    const times: number[] = []
    for (let round = 0; round < 20; round++) {
      const { token, end } = await make()
      times.push(await lastLetIn(token, accepted, end))
    }
    expect(Math.max(...times)).toBeLessThan(1_000)
  })

  test('is refused here by the very next request', async () => {
    for (let round = 0; round < 10; round++) {
      const { token, end } = await make()
      const hereToo = async () => {
        const { status, json } = await here.graphql(token, accepted === works ? '{ me { districtId } }' : '{ apiKeys { id } }')
        return accepted === works ? status === 200 : json.data?.apiKeys != null
      }
      expect(await hereToo()).toBe(true)
      expect(await hereToo()).toBe(true)
      await end()
      expect(await hereToo()).toBe(false)
    }
  })
})

describe('the channel by which instances hear of it', () => {
  /** Ends a key without a word to anybody, as if the word were lost on its way. */
  const endUnheard = (key: string) =>
    db.transaction(async (tx) => {
      await tx.query(rowsAs`set local session_replication_role = replica`)
      await tx.query(rowsAs`update api_keys set revoked_at = now() where key_hash = ${hashToken(key)}`)
    })
  const listeners = () =>
    db.query(
      rowsAs<{
        pid: number
      }>`select pid from pg_stat_activity where datname = current_database() and application_name = 'credentials-gateway listen'`,
    )

  test('is what a remembered credential rests on: one that ended without a word is refused as soon as the channel is cut', async () => {
    const key = await district.key()
    await inUse(key, works)
    await endUnheard(key)
    expect(await works(key)).toBe(true) // remembered: nobody has said that it ended
    await db.query(rowsAs`select pg_terminate_backend(pid) from pg_stat_activity
      where datname = current_database() and application_name = 'credentials-gateway listen' and pid <> pg_backend_pid()`)
    await expect.poll(() => works(key), { timeout: 30_000, interval: 10 }).toBe(false)
  })

  test('that hangs is as good as cut: while it is silent nothing is served from memory', async () => {
    const key = await district.key()
    const id = await keyIdOf(key)
    await expect.poll(async () => (await listeners()).length, { timeout: 30_000 }).toBeGreaterThanOrEqual(2)
    await inUse(key, works)
    const stopped = (await listeners()).map(({ pid }) => pid)
    for (const pid of stopped) process.kill(pid, 'SIGSTOP')
    try {
      const last = await lastLetIn(key, works, () => run('mutation ($id: ID!) { revokeApiKey(id: $id) { apiKey { id } } }', { id }))
      expect(last).toBeLessThan(1_000)
    } finally {
      for (const pid of stopped) process.kill(pid, 'SIGCONT')
    }
  })

  test('comes back by itself, and what is remembered rests on it again', async () => {
    await db.query(rowsAs`select pg_terminate_backend(pid) from pg_stat_activity
      where datname = current_database() and application_name = 'credentials-gateway listen' and pid <> pg_backend_pid()`)
    await expect
      .poll(
        async () => {
          const key = await district.key()
          await inUse(key, works)
          await endUnheard(key)
          return works(key)
        },
        { timeout: 60_000 },
      )
      .toBe(true)
  })
})

describe('whatever the channel does', () => {
  /** One that seems to be fine, on which nothing is ever heard. */
  const deaf = { ...otherwise(db, {}), watch: () => ({ isLive: () => true, caughtUp: async () => {}, trouble: () => undefined }) }

  test.each(endings)('%s is refused by the very next request to the instance that did it', async (_title, accepted, make) => {
    const { url } = await startGateway({ db: deaf })
    const graphql: GatewayProcess['graphql'] = (token, query, variables = {}) =>
      raw(`${url}/graphql`, json({ query, variables }, { Authorization: `Bearer ${token}` }))
    const isLetIn = async (token: string): Promise<boolean> => {
      const { status, json: body } = await graphql(token, accepted === works ? '{ me { districtId } }' : '{ apiKeys { id } }')
      return accepted === works ? status === 200 : body.data?.apiKeys != null
    }
    ending = { graphql }
    onTestFinished(() => void (ending = here))
    const { token, end } = await make()
    for (let n = 0; n < 3; n++) expect(await isLetIn(token)).toBe(true)
    await end()
    expect(await isLetIn(token)).toBe(false)
  })
})
