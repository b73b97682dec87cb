/** What was decided about a viewer: at once, once a field, and kept no longer than the operation, however that ends. */
import { RequestCache } from '@pothos/plugin-scope-auth'
import { execute, getNamedType, isObjectType, parse } from 'graphql'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { member, open } from '../src/access/rules.ts'
import { anonymous, type KeyViewer, type Viewer } from '../src/access/viewer.ts'
import { createBuilder } from '../src/graphql/builder.ts'
import type { Context } from '../src/graphql/context.ts'
import { Documents } from '../src/graphql/documents.ts'
import { executeOperation, refusedWhole } from '../src/graphql/execution.ts'
import { buildSchema } from '../src/graphql/schema.ts'
import { createTestDistrict } from './support/fixtures.ts'
import { startGateway } from './support/gateway.ts'
import { raw } from './support/http.ts'
import { ownSchema } from './support/planned/own-schema.ts'

const gateway = await startGateway()
const district = await createTestDistrict(gateway.db)
const person = await district.person({ roles: { '1c': 1 } })
const [reader, writer] = [await district.key('read:people'), await district.key('write:people', 'read:people')]
const own = await ownSchema(gateway)
const keyViewer: KeyViewer = { kind: 'key', keyId: 'key', districtId: district.id, scopes: new Set(['read:people']), lapsed: false }

describe('a guarded field', () => {
  const builder = createBuilder({ 'Query.secret': member, 'Query.later': member, 'Query.free': open })
  builder.queryType({
    fields: (t) => ({
      secret: t.string({ nullable: true, resolve: () => 'told' }),
      later: t.string({ nullable: true, resolve: async () => 'told' }),
      free: t.string({ nullable: true, resolve: () => 'told' }),
    }),
  })
  const schema = builder.toSchema()
  const run = (query: string, viewer: Viewer) => execute({ schema, document: parse(query), contextValue: { viewer } })

  test('is decided within the turn: what resolves at once is there at once, and so is a refusal', async () => {
    expect(run('{ secret free }', keyViewer)).toEqual({ data: { secret: 'told', free: 'told' } })
    expect(run('{ secret free }', anonymous)).toMatchObject({ data: { secret: null, free: 'told' }, errors: [{ path: ['secret'] }] })
    expect(run('{ later }', keyViewer)).toBeInstanceOf(Promise)
    expect(run('{ later }', anonymous)).not.toBeInstanceOf(Promise)
  })

  test('is one that enters what is guarded: rows, scalars and types ask nothing', () => {
    const types = Object.values(buildSchema().getTypeMap()).filter(isObjectType)
    const fields = types.flatMap((type) => Object.values(type.getFields()).map((field) => ({ type, field })))
    const asking = fields.filter(({ field }) => field.extensions['pothosResolveWrapped'] === true)
    expect(asking.map(({ field }) => field.extensions['pothosOptions'])).toEqual(
      asking.map(() => expect.objectContaining({ authScopes: expect.anything() })),
    )
    expect(asking.map(({ type, field }) => `${type.name}.${field.name}`)).toEqual(
      expect.arrayContaining(['Query.people', 'Person.interviews', 'Mutation.createPerson', 'ApiKey.createdBy']),
    )
    const inside = /^(Person|Interview)(Connection|Edge)$|^(Board|Form|Role|PageInfo|District)$/
    expect(asking.filter(({ type }) => inside.test(type.name))).toEqual([])
    expect(asking.filter(({ field }) => !isObjectType(getNamedType(field.type)) && !('getTypes' in getNamedType(field.type)))).toEqual([])
    expect(types.filter(({ isTypeOf }) => isTypeOf != null)).toEqual([])
  })
})

describe('after a request nothing of it is kept:', () => {
  const builder = createBuilder()
  const fromContext = RequestCache.fromContext.bind(RequestCache)
  const contexts = new Set<object>()
  beforeEach(() => {
    contexts.clear()
    vi.spyOn(RequestCache, 'fromContext').mockImplementation((context, by) => {
      contexts.add(context)
      return fromContext(context, by)
    })
  })
  afterEach(() => vi.restoreAllMocks())

  /** How many contexts were decided about, none of which is remembered. */
  function expectForgotten(): number {
    for (const context of contexts) {
      const { mapCache, scopes } = fromContext(context, builder as never)
      expect([mapCache.size, scopes]).toEqual([0, undefined])
      RequestCache.clearForContext(context)
    }
    return contexts.size
  }

  const graphql: Record<string, [query: string, token: string | undefined]> = {
    'a query that is answered': ['{ people { nodes { id mentors { id } } } }', reader],
    'one that is refused': ['{ people { nodes { id interviews { totalCount } } } interviews { totalCount } }', reader],
    'one that nobody may ask': ['{ me { districtId } }', undefined],
    'one whose arguments are wrong': ['{ people(first: 201) { totalCount } }', reader],
    'a mutation that is refused whole': ['mutation { logout { ok } revokeOtherSessions { revokedCount } }', reader],
    'a mutation that is permitted': [`mutation { updatePerson(id: "${person.id}", input: { tags: ["a"] }) { id } }`, writer],
    'one that finds no record': ['mutation { updatePerson(id: "nobody", input: { tags: ["a"] }) { id } }', writer],
  }
  test.each(Object.entries(graphql))('%s, by either door', async (_what, [query, token]) => {
    for (const door of ['', '?']) {
      const headers = { 'Content-Type': 'application/json', ...(token === undefined ? {} : { Authorization: `Bearer ${token}` }) }
      await raw(`${gateway.url}/graphql${door}`, { method: 'POST', headers, body: JSON.stringify({ query }) })
      expect(expectForgotten()).toBe(1)
      contexts.clear()
    }
  })

  const path = `/api/people/${person.id}`
  const rest: Record<string, [method: string, path: string, token: string | undefined, body?: unknown, headers?: Record<string, string>]> =
    {
      'a GET': ['GET', '/api/people', reader],
      'one that is refused': ['GET', '/api/interviews', reader],
      'one without a credential': ['GET', '/api/people', undefined],
      'a body that is no JSON': ['PATCH', path, writer, '{'],
      'a body with a mistake': ['PATCH', path, writer, { first: '' }],
      'a change': ['PATCH', path, writer, { first: 'Ann' }],
      'a change of another version': [
        'PATCH',
        path,
        writer,
        { first: 'Ann' },
        { 'If-Match': '"47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU"' },
      ],
    }
  test.each(Object.entries(rest))('of REST, %s', async (_what, [method, at, token, body, headers]) => {
    await gateway.rest(method, at, { token, body, ...(headers ? { headers } : {}) })
    expect(expectForgotten()).toBe(headers ? 2 : 1) // of a precondition, its own context in the write's transaction
  })
})

describe('of an operation that ends with an exception nothing is kept either:', () => {
  const documents = new Documents(own.schema)
  const builder = createBuilder()
  const remembered = (context: Context): number => {
    const { size } = RequestCache.fromContext(context, builder).mapCache
    RequestCache.clearForContext(context)
    return size
  }
  const prepared = (query: string, viewer = keyViewer) => {
    const document = documents.get(query)
    expect(document.mistakes).toEqual([])
    const { contextValue: context } = own.contextOf(viewer)
    return { document, operation: document.operation(undefined), context }
  }

  test('the execution itself', async () => {
    const { document, operation, context } = prepared('{ people { totalCount } interviews { totalCount } }')
    const plan = document.planOf(operation)
    const run = plan.run.bind(plan)
    let decided = 0
    plan.run = async (args) => {
      await run(args)
      decided = RequestCache.fromContext(context, builder).mapCache.size
      throw new Error('broken off')
    }
    await expect(executeOperation(document, operation, context, {}, { suggestions: false })).rejects.toThrow('broken off')
    expect([decided, remembered(context)]).toEqual([expect.any(Number), 0])
    expect(decided).toBeGreaterThan(0)
  })

  test('the denial that cannot be remembered', async () => {
    const { document, operation, context } = prepared('mutation { logout { ok } }', { ...keyViewer, districtId: 'no\0where' })
    await expect(refusedWhole(document, operation, context)).rejects.toThrow('0x00')
    expect(remembered(context)).toBe(0)
  })
})

test('a context is judged anew when its viewer changes', () => {
  const { contextValue: context } = own.contextOf(own.viewers.find(({ kind }) => kind === 'anonymous')!)
  const builder = createBuilder()
  const failureNow = () => RequestCache.fromContext(context, builder).evaluateScopeMap(member)
  expect(failureNow()).not.toBeNull()
  context.become(keyViewer)
  expect(failureNow()).toBeNull()
  context.become(anonymous)
  expect(failureNow()).not.toBeNull()
})
