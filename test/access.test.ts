/** Who sees what: every field of the schema asked for by every kind of caller, and the promises of the matrix one by one. */
import { isObjectType } from 'graphql'
import { describe, expect, test } from 'vitest'
import { accessTable } from '../src/access/table.ts'
import { buildSchema } from '../src/graphql/schema.ts'
import { startGateway } from './support/gateway.ts'
import { documentOf, outcome, planOf, type Probe, rowsOf } from './support/matrix.ts'
import { createWorld } from './support/world.ts'

const gateway = await startGateway({ config: { trustedProxyHops: 1 } })
const world = await createWorld(gateway)
const { district, interviews, candidate, other } = world
const schema = buildSchema()

describe('the matrix', () => {
  /** Asks for a sign-in mail of somebody new, each from an address of its own, and reads it. */
  let networks = 0
  const mailed = async () => {
    const { email } = await district.person({ roles: { '1c': 1 } })
    await gateway.graphql('mutation ($email: String!) { requestLogin(email: $email) { ok } }', {
      variables: { email },
      headers: { 'X-Forwarded-For': `198.51.100.${++networks}` },
    })
    return { email, ...(await gateway.nextMail(email)) }
  }
  const query = (field: string, title: string, args = '', again: string[] = []): Probe => ({ operation: 'query', field, title, args: () => args, again })
  const mutation = (field: string, title: string, args: Probe['args'] = () => ''): Probe => ({ operation: 'mutation', field, title, args })

  const queries = [
    query('me', 'oneself', '', ['Person']),
    query('person', 'the candidate with a mentor', `(id: "${candidate.id}")`),
    query('person', 'the candidate without a mentor', `(id: "${other.id}")`, ['Person']),
    query('person', 'an administrator', `(id: "${world.admin.id}")`),
    query('person', 'an archived candidate', `(id: "${world.archived.id}")`),
    query('person', 'a candidate of another district', `(id: "${world.foreignCandidate.id}")`),
    query('people', 'everybody active'),
    query('people', 'everybody, archived ones too', '(filter: { archived: null })'),
    query('interview', 'published, of the candidate with a mentor', `(id: "${interviews.published}")`),
    query('interview', 'unpublished, of the candidate with a mentor', `(id: "${interviews.unpublished}")`, ['Interview']),
    query('interview', 'published, of the candidate without a mentor', `(id: "${interviews.ofOther}")`),
    query('interview', 'unpublished, of the candidate without a mentor', `(id: "${interviews.unpublishedOfOther}")`),
    query('interview', 'published, of the one who is mentor and candidate', `(id: "${interviews.ofBoth}")`),
    query('interview', 'of another district', `(id: "${world.foreignInterview}")`),
    query('interviews', 'all'),
    query('interviews', 'those of the candidate without a mentor', `(filter: { personId: "${other.id}" })`),
    query('district', 'its own'),
  ]
  const mutations = [
    mutation('requestLogin', 'for the address of a candidate', () => `(email: "${candidate.email}")`),
    mutation('verifyCode', 'with the code of a candidate’s mail', async () => {
      const { code, email } = await mailed()
      return `(code: "${code}", email: "${email}")`
    }),
    mutation('verifyMagicLink', 'with the link of a candidate’s mail', async () => `(token: "${(await mailed()).token}")`),
    mutation('logout', 'of the session that asks'),
  ]
  const plans = planOf(schema, [...queries, ...mutations])

  test('every field of every object type, every root field and every row of the access table is in it', () => {
    const covered = new Set(plans.flatMap((plan) => rowsOf(plan).map(({ coordinate }) => coordinate)))
    const fields = Object.values(schema.getTypeMap())
      .filter(isObjectType)
      .filter(({ name }) => !name.startsWith('__'))
      .flatMap((type) => Object.keys(type.getFields()).map((field) => `${type.name}.${field}`))
    expect(fields.filter((field) => !covered.has(field))).toEqual([])
    const types = new Set([...covered].map((coordinate) => coordinate.split('.')[0]))
    const rows = Object.keys(accessTable).filter((row) => (row.includes('.') ? !covered.has(row) : !types.has(row) && isObjectType(schema.getType(row))))
    expect(rows).toEqual([])
  })

  test('is what the snapshot says, for every kind of caller', async () => {
    const { callers } = world
    const columns: string[][] = []
    for (const caller of callers) {
      const outcomes: string[] = []
      for (const plan of plans) {
        const token = await caller.token()
        const answer = await world.as(caller, async () => gateway.graphql(await documentOf(plan), { token, headers: { 'X-Forwarded-For': `203.0.113.${columns.length + 1}` } }))
        expect(answer.status, `${caller.title}: ${plan.probe.field}: ${answer.text}`).toBe(200)
        outcomes.push(...rowsOf(plan).map(({ path }) => outcome(answer.json, path)))
      }
      columns.push(outcomes)
    }

    const labels = plans.flatMap((plan) => rowsOf(plan).map(({ path }) => (path.length === 1 ? `${path[0]}: ${plan.probe.title}` : `${'  '.repeat(path.length - 1)}${path.slice(1).join('.')}`)))
    const width = Math.max(...labels.map(({ length }) => length))
    const line = (label: string, cells: string[]) => `${label.padEnd(width)} ${cells.map((cell) => cell.padStart(5)).join(' ')}`.trimEnd()
    const table = labels.map((label, row) => `${label.startsWith(' ') ? '' : '\n'}${line(label, columns.map((column) => column[row]!))}`)
    const legend = [
      'Who sees what: every field of the schema, asked for by every kind of caller. Written by test/access.test.ts.',
      '',
      'yes   a value            [3]  a list of three         (3)  a connection that counts three      null  nothing to see',
      '401   UNAUTHENTICATED    402  PAYMENT_REQUIRED        403  FORBIDDEN                           ·     no way to it',
      '',
      ...callers.map(({ name, title }) => `${name.padEnd(5)} ${title}`),
      '',
      line('', callers.map(({ name }) => name)),
    ]
    await expect(`${[...legend, ...table].join('\n')}\n`).toMatchFileSnapshot('./access-matrix.txt')
  })
})
