/** What an operator runs on a database that was restored (docs/backup.md): what has ended since the backup does not live again. */
import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { sealAll } from '../src/domain/audit-seal.ts'
import { verifyAuditTrail } from '../src/domain/audit-verify.ts'
import { testDatabase } from './support/database.ts'
import { createTestDistrict } from './support/fixtures.ts'
import { startGateway } from './support/gateway.ts'
import { rowsAs } from './support/rows.ts'

const db = await testDatabase()
const gateway = await startGateway({ db })
const district = await createTestDistrict(db)

/** The statements of a script, as one transaction. */
async function runScript(name: string): Promise<void> {
  const script = readFileSync(new URL(`../docs/${name}.sql`, import.meta.url), 'utf8').replaceAll(/^--.*$/gm, '')
  const statements = script.split(/;\s*\n/).filter((statement) => !/^\s*(begin|commit)?\s*$/.test(statement))
  await db.transaction(async (tx) => {
    for (const statement of statements) await tx.query(rowsAs([statement]))
  })
}

const statusOf = async (token: string): Promise<number> => (await gateway.rest('GET', '/api/me', { token })).status

async function verifyTrail() {
  await sealAll(gateway.deps)
  const { chains } = await verifyAuditTrail(gateway.deps, { districtId: district.id })
  expect(chains).toMatchObject([{ districtId: district.id, unsealed: 0, fault: undefined }])
}

const remembered = async (action: string): Promise<(string | null)[]> =>
  (
    await db.query(
      rowsAs<{ id: string }>`select record_id as id from audit_events where district_id = ${district.id} and action = ${action}`,
    )
  ).map(({ id }) => id)

test('sessions, codes, links and known browsers of before end, people sign in again, and the trail goes on', async () => {
  const { email } = await district.person()
  const ask = () => gateway.rest('POST', '/api/auth/request', { body: { email } })
  await ask()
  const used = await gateway.nextMail(email)
  const signedIn = await gateway.rest('GET', `/api/auth/verify/${used.token}`)
  const { token } = signedIn.json as { token: string }
  await ask()
  const waiting = await gateway.nextMail(email, 1)
  expect(await statusOf(token)).toBe(200)

  await runScript('after-restore')
  await expect.poll(() => statusOf(token), { timeout: 60_000 }).toBe(401)
  expect((await gateway.rest('POST', '/api/auth/verify', { body: { code: waiting.code, email } })).status).toBe(401)
  expect((await gateway.rest('GET', `/api/auth/verify/${waiting.token}`)).status).toBe(401)
  expect(
    await db.query(rowsAs`select 1 from trusted_devices union all select 1 from login_requests where mail_due_at is not null`),
  ).toEqual([])
  expect(await remembered('SESSION_REVOKE')).toHaveLength(1)
  await verifyTrail()

  await ask()
  const next = await gateway.nextMail(email, 2)
  expect((await gateway.rest('POST', '/api/auth/verify', { body: { code: next.code, email } })).status).toBe(200)
})

test('all keys end, where nobody knows which were revoked since', async () => {
  const key = await district.key()
  await runScript('after-restore')
  expect(await statusOf(key)).toBe(200)
  await runScript('revoke-all-keys')
  await expect.poll(() => statusOf(key), { timeout: 60_000 }).toBe(401)
  expect(await remembered('API_KEY_REVOKE')).toHaveLength(1)
  await verifyTrail()
})
