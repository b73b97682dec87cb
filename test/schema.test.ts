/** The build of the schema is a check of its own: what is not in the access table, or not described, does not start. */
import {
  getNamedType,
  type GraphQLNamedType,
  type GraphQLSchema,
  isEnumType,
  isInputObjectType,
  isIntrospectionType,
  isInterfaceType,
  isNonNullType,
  isObjectType,
  isSpecifiedScalarType,
  validateSchema,
} from 'graphql'
import { describe, expect, test } from 'vitest'
import { open, type Rule, signedIn } from '../src/access/rules.ts'
import { accessTable } from '../src/access/table.ts'
import { type Builder, createBuilder } from '../src/graphql/builder.ts'
import { buildSchema } from '../src/graphql/schema.ts'

const schema = buildSchema()
const without = (...names: string[]) => Object.fromEntries(Object.entries(accessTable).filter(([name]) => !names.includes(name)))

test('a type without a row fails the build, whichever it is', () => {
  for (const name of Object.keys(accessTable).filter((row) => !row.includes('.'))) {
    expect(() => buildSchema(without(name)), name).toThrow(`${name} has no row in the access table`)
  }
})

test('a root field that leads to nothing guarded and has no row fails the build', () => {
  for (const name of ['Mutation.requestLogin', 'Mutation.verifyCode', 'Mutation.verifyMagicLink', 'Mutation.logout']) {
    expect(() => buildSchema(without(name)), name).toThrow(`${name} has no row in the access table`)
  }
})

test('a root field that returns a plain value and has no row fails the build', () => {
  const builder = createBuilder({})
  builder.queryType({ fields: (t) => ({ secret: t.string({ resolve: () => 'x' }) }) })
  expect(() => builder.toSchema()).toThrow('Query.secret has no row in the access table')
})

test('a row for a type or a field that is not there fails the build', () => {
  for (const name of ['Persn', 'Query.persons', 'Person.salary', 'Nothing.at.all', 'Person.']) {
    expect(() => buildSchema({ ...accessTable, [name]: open }), name).toThrow(`The access table has rows for nothing: ${name}`)
  }
})

test('a row named like a method of every object is no row', () => {
  const builder = createBuilder({})
  const odd = builder.objectRef<object>('constructor').implement({ fields: (t) => ({ id: t.id({ resolve: () => '1' }) }) })
  builder.queryType({ fields: (t) => ({ odd: t.field({ type: odd, nullable: true, resolve: () => ({}) }) }) })
  expect(() => builder.toSchema()).toThrow('constructor has no row in the access table')
})

describe('what scope-auth is told beside the access table fails the build:', () => {
  const authScopes = signedIn
  const grantScopes = (): [] => []
  const resolve = (): string => 'x'
  const cases: Record<string, [at: string, says: string, define: (builder: Builder) => void]> = {
    'scopes of a type': ['Thing', 'authScopes', (b) => b.objectRef('Thing').implement({ authScopes })],
    'scopes of a type that let everybody pass': ['Thing', 'authScopes', (b) => b.objectRef('Thing').implement({ authScopes: {} })],
    'scopes of a type, by a function': ['Thing', 'authScopes', (b) => b.objectRef('Thing').implement({ authScopes: () => true })],
    'scopes of an interface': ['Thing', 'authScopes', (b) => b.interfaceRef('Thing').implement({ authScopes })],
    'scopes of Query': ['Query', 'authScopes', (b) => b.queryType({ authScopes })],
    'scopes of Mutation': ['Mutation', 'authScopes', (b) => b.mutationType({ authScopes })],
    'scopes of Subscription': ['Subscription', 'authScopes', (b) => b.subscriptionType({ authScopes })],
    'what a type grants': ['Thing', 'grantScopes', (b) => b.objectRef('Thing').implement({ grantScopes })],
    'what an interface grants': ['Thing', 'grantScopes', (b) => b.interfaceRef('Thing').implement({ grantScopes })],
    'what Query grants': ['Query', 'grantScopes', (b) => b.queryType({ grantScopes })],
    'when a type asks': ['Thing', 'runScopesOnType', (b) => b.objectRef('Thing').implement({ runScopesOnType: true })],
    'when an interface asks': ['Thing', 'runScopesOnType', (b) => b.interfaceRef('Thing').implement({ runScopesOnType: true })],
    'which scopes a type does without': [
      'Thing',
      'skipInterfaceScopes',
      (b) => b.objectRef('Thing').implement({ skipInterfaceScopes: true }),
    ],
    'scopes of a field': ['Query.text', 'authScopes', (b) => b.queryFields((t) => ({ text: t.string({ authScopes, resolve }) }))],
    'scopes of a field, by a function': [
      'Query.text',
      'authScopes',
      (b) => b.queryFields((t) => ({ text: t.string({ authScopes: () => true, resolve }) })),
    ],
    withAuth: ['Query.text', 'authScopes', (b) => b.queryFields((t) => ({ text: t.withAuth(authScopes).string({ resolve }) }))],
    authField: ['Query.text', 'authScopes', (b) => b.queryFields((t) => ({ text: t.authField({ type: 'String', authScopes, resolve }) }))],
    'scopes of a field of a mutation': [
      'Mutation.text',
      'authScopes',
      (b) => {
        b.mutationType({})
        b.mutationFields((t) => ({ text: t.string({ authScopes, resolve }) }))
      },
    ],
    'scopes of a type’s field': [
      'Thing.text',
      'authScopes',
      (b) => b.objectRef('Thing').implement({ fields: (t) => ({ text: t.string({ authScopes, resolve }) }) }),
    ],
    'scopes of an interface’s field': [
      'Thing.text',
      'authScopes',
      (b) => b.interfaceRef('Thing').implement({ fields: (t) => ({ text: t.string({ authScopes, resolve }) }) }),
    ],
    'what a field grants': [
      'Query.text',
      'grantScopes',
      (b) => b.queryFields((t) => ({ text: t.string({ grantScopes: ['x'], resolve }) })),
    ],
    'that a field does without its type’s scopes': [
      'Query.text',
      'skipTypeScopes',
      (b) => b.queryFields((t) => ({ text: t.string({ skipTypeScopes: true, resolve }) })),
    ],
    'that a field does without an interface’s scopes': [
      'Thing.text',
      'skipInterfaceScopes',
      (b) => b.objectRef('Thing').implement({ fields: (t) => ({ text: t.string({ skipInterfaceScopes: true, resolve }) }) }),
    ],
    'a refusal of a field’s own': [
      'Query.text',
      'unauthorizedError',
      (b) => b.queryFields((t) => ({ text: t.string({ unauthorizedError: () => 'no', resolve }) })),
    ],
    'an answer in a refusal’s place': [
      'Query.text',
      'unauthorizedResolver',
      (b) => b.queryFields((t) => ({ text: t.string({ unauthorizedResolver: () => 'no', resolve }) })),
    ],
  }

  test.each(Object.entries(cases))('%s', (_what, [at, says, define]) => {
    const builder = createBuilder({ Thing: open, 'Query.text': open, 'Mutation.text': open })
    if (at !== 'Query') builder.queryType({})
    define(builder)
    expect(() => builder.toSchema()).toThrow(`${at} says ${says} itself: remove it, and write its rule as a row of the access table`)
  })

  test('that it be switched off', () => {
    const builder = createBuilder({ 'Query.text': open })
    builder.queryType({ fields: (t) => ({ text: t.string({ resolve }) }) })
    expect(() => builder.toSchema({ disableScopeAuth: true })).toThrow('disableScopeAuth')
  })
})

test('the schema is valid GraphQL', () => {
  expect(validateSchema(schema)).toEqual([])
})

test('every type, field, argument, input field and enum value says what it is', () => {
  const silent = ownTypes(schema).flatMap((type) => [
    ...(type.description?.trim() ? [] : [type.name]),
    ...partsOf(type)
      .filter(({ description }) => !description?.trim())
      .map(({ coordinate }) => coordinate),
  ])
  expect(silent).toEqual([])
})

test('every field that a rule guards is nullable, so that a refusal costs that field alone', () => {
  const rule = (name: string): Rule | undefined => (Object.hasOwn(accessTable, name) ? accessTable[name] : undefined)
  // A connection is guarded where it is entered, like what it carries.
  const carried = (name: string) => name.replace(/(Connection|Edge)$/, '')
  const guarded = ownTypes(schema)
    .filter(isObjectType)
    .flatMap((type) =>
      Object.values(type.getFields()).flatMap((field) => {
        const isRoot = type === schema.getQueryType() || type === schema.getMutationType()
        if (!isRoot && carried(type.name) !== type.name) return []
        const target = getNamedType(field.type).name
        const applied = rule(`${type.name}.${field.name}`) ?? rule(target) ?? rule(carried(target))
        return applied && applied !== open ? [{ name: `${type.name}.${field.name}`, applied, nullable: !isNonNullType(field.type) }] : []
      }),
    )
  expect(guarded.map(({ name }) => name)).toEqual(
    expect.arrayContaining(['Query.people', 'Person.interviews', 'Interview.person', 'Me.memberships', 'ApiKey.createdBy']),
  )
  // Whoever is past `Query.me` is past these as well: same rule, so they can never refuse.
  const implied = (applied: Rule, name: string) => name.startsWith('Me.') && applied === accessTable['Me']
  expect(guarded.filter(({ nullable, applied, name }) => !nullable && !implied(applied, name)).map(({ name }) => name)).toEqual([])
})

test('every root field is nullable', () => {
  const roots = [schema.getQueryType()!, schema.getMutationType()!].flatMap((type) => Object.values(type.getFields()))
  expect(roots.filter(({ type }) => isNonNullType(type)).map(({ name }) => name)).toEqual([])
})

function ownTypes(from: GraphQLSchema): GraphQLNamedType[] {
  return Object.values(from.getTypeMap()).filter((type) => !isIntrospectionType(type) && !isSpecifiedScalarType(type))
}

function partsOf(type: GraphQLNamedType): { coordinate: string; description: string | null | undefined }[] {
  if (isEnumType(type)) return type.getValues().map(({ name, description }) => ({ coordinate: `${type.name}.${name}`, description }))
  if (isInputObjectType(type))
    return Object.values(type.getFields()).map(({ name, description }) => ({ coordinate: `${type.name}.${name}`, description }))
  if (!isObjectType(type) && !isInterfaceType(type)) return []
  return Object.values(type.getFields()).flatMap(({ name, description, args }) => [
    { coordinate: `${type.name}.${name}`, description },
    ...args.map((arg) => ({ coordinate: `${type.name}.${name}(${arg.name})`, description: arg.description })),
  ])
}
