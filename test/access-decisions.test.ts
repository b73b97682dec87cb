/** What was decided about a viewer: at once, once a field, and kept no longer than the operation, however that ends. */
import { queryObjects } from 'node:v8'
import { RequestCache } from '@pothos/plugin-scope-auth'
import { execute, getNamedType, type GraphQLResolveInfo, isObjectType, parse } from 'graphql'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { member, open } from '../src/access/rules.ts'
import { anonymous, type KeyViewer, type Viewer } from '../src/access/viewer.ts'
import { obstacleAt } from '../src/graphql/access-refusals.ts'
import { createBuilder } from '../src/graphql/builder.ts'
import { Context } from '../src/graphql/context.ts'
import { Documents } from '../src/graphql/documents.ts'
import { executeOperation } from '../src/graphql/execution.ts'
import { buildSchema } from '../src/graphql/schema.ts'
import { createTestDistrict } from './support/fixtures.ts'
import { type RequestOptions, startGateway } from './support/gateway.ts'
import { raw } from './support/http.ts'
import { ownSchema } from './support/planned/own-schema.ts'

const gateway = await startGateway()
const district = await createTestDistrict(gateway.db)
const person = await district.person({ roles: { '1c': 1 } })
const reader = await district.key('read:people')
const writer = await district.key('write:people', 'read:people')
const writeOnly = await district.key('write:people')
const own = await ownSchema(gateway)
const keyViewer: KeyViewer = { kind: 'key', keyId: 'key', districtId: district.id, scopes: new Set(['read:people']), lapsed: false }

afterEach(() => vi.restoreAllMocks())

describe('a guarded field', () => {
  const promise = Promise.resolve('told')
  const builder = createBuilder({ 'Query.secret': member, 'Query.later': member, 'Query.free': open })
  builder.queryType({
    fields: (t) => ({
      secret: t.string({ nullable: true, resolve: () => 'told' }),
      later: t.string({ nullable: true, resolve: () => promise }),
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

  test('that is permitted answers its resolver’s very promise, a turn no later', () => {
    const { resolve } = schema.getQueryType()!.getFields()['later']!
    expect(resolve!(undefined, {}, { viewer: keyViewer }, {} as GraphQLResolveInfo)).toBe(promise)
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

  /** How many contexts scope-auth was asked about, none of which is remembered. */
  function expectForgotten(): number {
    for (const context of contexts) {
      const { mapCache, scopes } = fromContext(context, builder as never)
      expect([mapCache.size, scopes]).toEqual([0, undefined])
      RequestCache.clearForContext(context)
    }
    return contexts.size
  }

  /** A permitted field asks nothing of the context, nor does a mutation that is refused whole. */
  const graphql: Record<string, [asked: number, query: string, token: string | undefined]> = {
    'a query that is answered': [0, '{ people { nodes { id mentors { id } } } }', reader],
    'one that is refused': [1, '{ people { nodes { id interviews { totalCount } } } interviews { totalCount } }', reader],
    'one that nobody may ask': [1, '{ me { districtId } }', undefined],
    'one whose arguments are wrong': [0, '{ people(first: 201) { totalCount } }', reader],
    'a mutation that is refused whole': [0, 'mutation { logout { ok } revokeOtherSessions { revokedCount } }', reader],
    'a mutation that is permitted': [0, `mutation { updatePerson(id: "${person.id}", input: { tags: ["a"] }) { id } }`, writer],
    'one that finds no record': [0, 'mutation { updatePerson(id: "nobody", input: { tags: ["a"] }) { id } }', writer],
  }
  test.each(Object.entries(graphql))('%s, by either door', async (_what, [asked, query, token]) => {
    for (const door of ['', '?']) {
      const headers = { 'Content-Type': 'application/json', ...(token === undefined ? {} : { Authorization: `Bearer ${token}` }) }
      await raw(`${gateway.url}/graphql${door}`, { method: 'POST', headers, body: JSON.stringify({ query }) })
      expect(expectForgotten()).toBe(asked)
      contexts.clear()
    }
  })

  const path = `/api/people/${person.id}`
  const elsewhen = { 'If-Match': '"47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU"' }
  const rest: Record<string, [asked: number, method: string, path: string, RequestOptions & { body?: unknown }]> = {
    'a GET': [0, 'GET', '/api/people', { token: reader }],
    'one that is refused': [0, 'GET', '/api/interviews', { token: reader }],
    'a body with a mistake': [0, 'PATCH', path, { token: writer, body: { first: '' } }],
    'a change whose record may not be read': [1, 'PATCH', path, { token: writeOnly, body: { first: 'Ann' } }],
    // Its version is read in the write's transaction, by a context of its own.
    'a change of a version that may not be read': [1, 'PATCH', path, { token: writeOnly, body: { first: 'Ann' }, headers: elsewhen }],
  }
  test.each(Object.entries(rest))('of REST, %s', async (_what, [asked, method, at, options]) => {
    await gateway.rest(method, at, options)
    expect(expectForgotten()).toBe(asked)
  })
})

describe('an operation', () => {
  const documents = new Documents(own.schema)
  const document = documents.get('{ people { totalCount } interviews { totalCount } }')
  const operation = document.operation(undefined)
  const executed = (context: Context) => executeOperation(document, operation, context, {}, { suggestions: false })

  test('that ends with an exception leaves nothing in the context either', async () => {
    const builder = createBuilder()
    const { contextValue: context } = own.contextOf(keyViewer)
    const asked = vi.spyOn(RequestCache, 'fromContext')
    const plan = document.planOf(operation)
    const broken = Object.assign(Object.create(document) as typeof document, {
      planOf: () =>
        Object.assign(Object.create(plan) as typeof plan, {
          async run(args: Parameters<typeof plan.run>[0]) {
            await plan.run(args)
            throw new Error('broken off')
          },
        }),
    })
    await expect(executeOperation(broken, operation, context, {}, { suggestions: false })).rejects.toThrow('broken off')
    expect(asked).toHaveBeenCalledWith(context, expect.anything())
    expect(RequestCache.fromContext(context, builder).mapCache.size).toBe(0)
  })

  test('is not held by what is kept of its viewer, with whom decisions are', async () => {
    const counted = () => queryObjects(Context) as number
    const viewers = Array.from({ length: 20 }, () => ({ ...keyViewer }))
    const before = counted()
    for (const viewer of viewers) {
      const { errors } = await executed(own.contextOf(viewer).contextValue)
      expect(errors).toMatchObject([{ path: ['interviews'] }])
    }
    // Less than half: the last context or two may still lie on a stack.
    await vi.waitFor(() => expect(counted() - before).toBeLessThan(viewers.length / 2), { timeout: 30_000, interval: 100 })
    expect(viewers).toHaveLength(20) // which are still there
  })
})

test('a context is judged anew when its viewer changes, and changes back', async () => {
  const { contextValue: context } = own.contextOf(anonymous)
  const people = own.schema.getQueryType()!.getFields()['people']!
  const reason = async () => (await obstacleAt(people, context))?.reason
  expect(await reason()).toBe('SIGN_IN_FIRST')
  context.become(keyViewer)
  expect(await reason()).toBeUndefined()
  context.become({ ...keyViewer, lapsed: true })
  expect(await reason()).toBe('PLAN_LAPSED')
  context.become(anonymous)
  expect(await reason()).toBe('SIGN_IN_FIRST')
})
