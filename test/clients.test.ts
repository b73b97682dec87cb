/** Client libraries that know nothing of this gateway work with it unchanged, and typed from its schema.graphql. */
import { ApolloClient, CombinedGraphQLErrors, HttpLink, InMemoryCache } from '@apollo/client'
import { PersistedQueryLink } from '@apollo/client/link/persisted-queries'
import { cacheExchange, Client, fetchExchange } from '@urql/core'
import { persistedExchange } from '@urql/exchange-persisted'
import type { ResultOf } from 'gql.tada'
import { createHash } from 'node:crypto'
import { print } from 'graphql'
import { ClientError, GraphQLClient } from 'graphql-request'
import { describe, expect, test } from 'vitest'
import { createPerson, graphql, known, peopleAndInterviews, peoplePage, requestLogin, verifyCode, whoAmI } from './support/documents.ts'
import { createTestDistrict } from './support/fixtures.ts'
import { startGateway } from './support/gateway.ts'

const gateway = await startGateway()
const url = `${gateway.url}/graphql`
const district = await createTestDistrict(gateway.db)
const key = await district.key('read:people')
const writer = await district.key('read:people', 'write:people')
const filter = { tag: 'listed' }
for (const last of ['Adams', 'Baker', 'Clark']) await district.person({ last, tags: ['listed'], roles: { '1c': 1 } })

/** What the libraries said and heard on the wire, beneath what they show. */
const heard: { method: string | undefined; status: number; type: string | null }[] = []
const listening: typeof fetch = async (input, init) => {
  const response = await fetch(input, init)
  heard.push({ method: init?.method, status: response.status, type: response.headers.get('content-type') })
  return response
}
const modern = 'application/graphql-response+json; charset=utf-8'

type Page = ResultOf<typeof peoplePage>['people'] | undefined

/** What a page holds. */
const inBrief = (page: Page) => ({
  people: page?.edges.map(({ node }) => node.last),
  roles: page?.nodes.map(({ roles }) => roles.map(({ rank }) => rank)),
  total: page?.totalCount,
  more: page?.pageInfo.hasNextPage,
})
const firstPage = { people: ['Adams', 'Baker'], roles: [['PRIMARY'], ['PRIMARY']], total: 3, more: true }
const secondPage = { people: ['Clark'], roles: [['PRIMARY']], total: 3, more: false }

/** A person to add, and what a program sees of them then. */
const newcomer = (first: string) => {
  const input = { first, last: 'Newcomer', email: `${first}@example.org`, roles: [{ roleId: '1c', rank: 'PRIMARY' as const }] }
  return { input, seen: { first, email: input.email, roles: [{ rank: 'PRIMARY', role: { id: '1c' } }] } }
}
const taken = [{ path: 'createPerson', code: 'CONFLICT', field: 'input.email' }]

/** The errors of an answer, as far as a program acts on them. */
const refusals = (
  errors: readonly {
    readonly path?: readonly (string | number)[] | undefined
    readonly extensions?: Readonly<Record<string, unknown>>
  }[] = [],
) => errors.map(({ path, extensions }) => ({ path: path?.join('.'), ...extensions }))
const forbidden = [{ path: 'interviews', code: 'FORBIDDEN', requiredScopes: ['read:interviews'] }]
const invalidToken = [{ code: 'UNAUTHENTICATED' }]
const badVariable = [{ code: 'BAD_USER_INPUT', field: 'first' }]

describe('@apollo/client', () => {
  const as = (token?: string) =>
    new ApolloClient({
      link: new HttpLink({ uri: url, fetch: listening, headers: token === undefined ? {} : { Authorization: `Bearer ${token}` } }),
      cache: new InMemoryCache(),
    })
  const shown = (error: unknown) => (CombinedGraphQLErrors.is(error) ? refusals(error.errors) : error)

  test('reads page after page', async () => {
    const client = as(key)
    const first = await client.query({ query: peoplePage, variables: { first: 2, filter } })
    expect(inBrief(first.data?.people)).toEqual(firstPage)
    const after = first.data?.people?.pageInfo.endCursor ?? null
    const second = await client.query({ query: peoplePage, variables: { first: 2, after, filter } })
    expect(inBrief(second.data?.people)).toEqual(secondPage)
    expect(heard.at(-1)).toEqual({ method: 'POST', status: 200, type: modern })

    // @ts-expect-error A list may be refused and be null.
    expect(first.data?.people.totalCount).toBe(3)
    // @ts-expect-error A person has no such field.
    expect(first.data?.people?.nodes[0]?.surname).toBeUndefined()
  })

  test('signs in by the code of a mail', async () => {
    const person = await district.person()
    const asked = await as().mutate({ mutation: requestLogin, variables: { email: person.email } })
    expect(asked.data?.requestLogin?.ok).toBe(true)
    const { code } = await gateway.nextMail(person.email)
    const { data } = await as().mutate({ mutation: verifyCode, variables: { code, email: person.email } })
    expect(data?.verifyCode?.person?.id).toBe(person.id)
    const me = await as(data?.verifyCode?.token ?? '').query({ query: whoAmI })
    expect(me.data).toMatchObject({ me: { person: { id: person.id }, credential: { __typename: 'Session', current: true } } })
  })

  test('adds a person, and shows that an address is taken', async () => {
    const { input, seen } = newcomer('apollo')
    const { data } = await as(writer).mutate({ mutation: createPerson, variables: { input } })
    expect(data?.createPerson?.person).toMatchObject(seen)
    const again = await as(writer).mutate({ mutation: createPerson, variables: { input }, errorPolicy: 'all' })
    expect(shown(again.error)).toEqual(taken)

    // @ts-expect-error A person has an address.
    const asked = as(writer).mutate({ mutation: createPerson, variables: { input: { first: 'a', last: 'b' } } })
    expect(shown(await asked.catch((error: unknown) => error))).toEqual([{ code: 'BAD_USER_INPUT', field: 'input.email' }])
  })

  test('shows what stands beside a refusal, and which scope is missing', async () => {
    const { data, error } = await as(key).query({ query: peopleAndInterviews, variables: { filter }, errorPolicy: 'all' })
    expect(data).toMatchObject({ people: { totalCount: 3 }, interviews: null })
    expect(shown(error)).toEqual(forbidden)
  })

  test('shows a token that is wrong as such', async () => {
    const asked = as('nope').query({ query: peoplePage, variables: { first: 2 } })
    expect(shown(await asked.catch((error: unknown) => error))).toEqual(invalidToken)
    expect(heard.at(-1)).toEqual({ method: 'POST', status: 401, type: modern })
  })

  test('does not compile with a variable of another type, and shows its refusal', async () => {
    // @ts-expect-error It is a number.
    const asked = as(key).query({ query: peoplePage, variables: { first: 'two' } })
    expect(shown(await asked.catch((error: unknown) => error))).toEqual(badVariable)
  })
})

describe('@urql/core', () => {
  const as = (token?: string) =>
    new Client({
      url,
      fetch: listening,
      fetchOptions: { headers: token === undefined ? {} : { Authorization: `Bearer ${token}` } },
      exchanges: [cacheExchange, fetchExchange],
    })

  test('reads page after page, by GET', async () => {
    const client = as(key)
    const first = await client.query(peoplePage, { first: 2, filter })
    expect(inBrief(first.data?.people)).toEqual(firstPage)
    const after = first.data?.people?.pageInfo.endCursor ?? null
    const second = await client.query(peoplePage, { first: 2, after, filter })
    expect(inBrief(second.data?.people)).toEqual(secondPage)
    expect(heard.at(-1)).toEqual({ method: 'GET', status: 200, type: modern })

    // @ts-expect-error A list may be refused and be null.
    expect(first.data?.people.totalCount).toBe(3)
    // @ts-expect-error A person has no such field.
    expect(first.data?.people?.nodes[0]?.surname).toBeUndefined()
  })

  test('signs in by the code of a mail', async () => {
    const person = await district.person()
    const asked = await as().mutation(requestLogin, { email: person.email })
    expect(asked.data?.requestLogin?.ok).toBe(true)
    const { code } = await gateway.nextMail(person.email)
    const { data } = await as().mutation(verifyCode, { code, email: person.email })
    expect(data?.verifyCode?.person?.id).toBe(person.id)
    const me = await as(data?.verifyCode?.token ?? '').query(whoAmI, {})
    expect(me.data).toMatchObject({ me: { person: { id: person.id }, credential: { __typename: 'Session', current: true } } })
  })

  test('adds a person, and shows that an address is taken', async () => {
    const { input, seen } = newcomer('urql')
    const { data } = await as(writer).mutation(createPerson, { input })
    expect(data?.createPerson?.person).toMatchObject(seen)
    const again = await as(writer).mutation(createPerson, { input })
    expect(refusals(again.error?.graphQLErrors)).toEqual(taken)

    // @ts-expect-error A rank is PRIMARY or SECONDARY.
    const { error } = await as(writer).mutation(createPerson, { input: { ...input, roles: [{ roleId: '1c', rank: 'FIRST' }] } })
    expect(refusals(error?.graphQLErrors)).toMatchObject([{ code: 'BAD_USER_INPUT' }])
  })

  test('shows what stands beside a refusal, and which scope is missing', async () => {
    const { data, error } = await as(key).query(peopleAndInterviews, { filter })
    expect(data).toMatchObject({ people: { totalCount: 3 }, interviews: null })
    expect(refusals(error?.graphQLErrors)).toEqual(forbidden)
    expect(error?.networkError).toBeUndefined()
  })

  test('shows a token that is wrong as such', async () => {
    const { data, error } = await as('nope').query(peoplePage, { first: 2 })
    expect([data, error?.networkError]).toEqual([undefined, undefined])
    expect(refusals(error?.graphQLErrors)).toEqual(invalidToken)
    expect(error?.response).toMatchObject({ status: 401 })
  })

  test('does not compile with a variable of another type, and shows its refusal', async () => {
    // @ts-expect-error It is a number.
    const { error } = await as(key).query(peoplePage, { first: 'two' })
    expect(refusals(error?.graphQLErrors)).toEqual(badVariable)
  })
})

describe('graphql-request', () => {
  const as = (token?: string, errorPolicy: 'none' | 'all' = 'none') =>
    new GraphQLClient(url, {
      errorPolicy,
      fetch: listening,
      headers: token === undefined ? {} : { Authorization: `Bearer ${token}` },
    })
  const failure = async (request: Promise<unknown>) => {
    const error = await request.catch((thrown: unknown) => thrown)
    if (error instanceof ClientError) return error.response
    throw error
  }

  test('reads page after page', async () => {
    const client = as(key)
    const first = await client.request(peoplePage, { first: 2, filter })
    expect(inBrief(first.people)).toEqual(firstPage)
    const after = first.people?.pageInfo.endCursor ?? null
    const second = await client.request(peoplePage, { first: 2, after, filter })
    expect(inBrief(second.people)).toEqual(secondPage)
    expect(heard.at(-1)).toEqual({ method: 'POST', status: 200, type: modern })

    // @ts-expect-error A list may be refused and be null.
    expect(first.people.totalCount).toBe(3)
    // @ts-expect-error A person has no such field.
    expect(first.people?.nodes[0]?.surname).toBeUndefined()
  })

  test('signs in by the code of a mail', async () => {
    const person = await district.person()
    const asked = await as().request(requestLogin, { email: person.email })
    expect(asked.requestLogin?.ok).toBe(true)
    const { code } = await gateway.nextMail(person.email)
    const data = await as().request(verifyCode, { code, email: person.email })
    expect(data.verifyCode?.person?.id).toBe(person.id)
    const me = await as(data.verifyCode?.token ?? '').request(whoAmI)
    expect(me).toMatchObject({ me: { person: { id: person.id }, credential: { __typename: 'Session', current: true } } })
  })

  test('adds a person, and shows that an address is taken', async () => {
    const { input, seen } = newcomer('request')
    const added = await as(writer).request(createPerson, { input })
    expect(added.createPerson?.person).toEqual(seen)
    expect(refusals((await failure(as(writer).request(createPerson, { input }))).errors)).toEqual(taken)

    // @ts-expect-error A name is a text.
    const { errors } = await failure(as(writer).request(createPerson, { input: { ...input, first: 1 } }))
    expect(refusals(errors)).toEqual([{ code: 'BAD_USER_INPUT', field: 'input.first' }])
  })

  test('shows what stands beside a refusal, and which scope is missing', async () => {
    const thrown = await failure(as(key).request(peopleAndInterviews, { filter }))
    const returned = await as(key, 'all').rawRequest<ResultOf<typeof peopleAndInterviews>>(print(peopleAndInterviews), { filter })
    for (const { data, errors, status } of [thrown, returned]) {
      expect(data).toEqual({ people: { totalCount: 3 }, interviews: null })
      expect(refusals(errors)).toEqual(forbidden)
      expect(status).toBe(200)
    }
    expect(await as(key, 'all').request(peopleAndInterviews, { filter })).toEqual(returned.data)
  })

  test('shows a token that is wrong as such', async () => {
    const { data, errors, status } = await failure(as('nope').request(peoplePage, { first: 2 }))
    expect([data, status]).toEqual([undefined, 401])
    expect(refusals(errors)).toEqual(invalidToken)
  })

  test('does not compile with a variable of another type, and shows its refusal', async () => {
    // @ts-expect-error It is a number.
    const { errors } = await failure(as(key).request(peoplePage, { first: 'two' }))
    expect(refusals(errors)).toEqual(badVariable)
  })
})

describe('a document', () => {
  test('that asks for a field which is not there does not compile, and is refused', async () => {
    // @ts-expect-error A person has no such field.
    const document = known(graphql(`query Misnamed { people { nodes { id surname } } }`))
    const { status, json } = await gateway.graphql(print(document), { token: key })
    expect([status, refusals(json.errors)]).toEqual([400, [{ code: 'BAD_USER_INPUT' }]])
  })

  test('whose variable is of a type that is not there takes no value for it', async () => {
    const document = graphql(`query Mistyped($filter: PeopleFilter) { people(filter: $filter) { totalCount } }`)
    // @ts-expect-error There is no such type, so nothing is of it.
    const { error } = await new Client({ url, exchanges: [fetchExchange] }).query(document, { filter })
    expect(refusals(error?.graphQLErrors)).toEqual([{ code: 'BAD_USER_INPUT' }])
  })
})

describe('a client that sends the hash of a document in its place is told that none is known here, and sends the document', () => {
  const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex')
  const Authorization = `Bearer ${key}`

  test.each([false, true])('@apollo/client, with GET for hashes: %s', async (useGETForHashedQueries) => {
    const client = new ApolloClient({
      link: new PersistedQueryLink({ sha256, useGETForHashedQueries }).concat(
        new HttpLink({ uri: url, fetch: listening, headers: { Authorization } }),
      ),
      cache: new InMemoryCache(),
    })
    const before = heard.length
    expect(inBrief((await client.query({ query: peoplePage, variables: { first: 2, filter } })).data?.people)).toEqual(firstPage)
    const first = useGETForHashedQueries ? 'GET' : 'POST'
    expect(heard.slice(before).map(({ method, status }) => [method, status])).toEqual([
      [first, 400],
      [expect.stringMatching(/GET|POST/), 200],
    ])
    // It does not ask with a hash again.
    const { data } = await client.query({ query: whoAmI, fetchPolicy: 'no-cache', errorPolicy: 'all' })
    expect(data?.me).not.toBeNull()
    expect(heard.slice(before).map(({ status }) => status)).toEqual([400, 200, 200])
  })

  test.each([false, true])('@urql/core, with GET for hashes: %s', async (asGet) => {
    const client = new Client({
      url,
      fetch: listening,
      fetchOptions: { headers: { Authorization } },
      preferGetMethod: asGet ? 'within-url-limit' : false,
      exchanges: [
        cacheExchange,
        persistedExchange({ preferGetForPersistedQueries: asGet, generateHash: (text) => Promise.resolve(sha256(text)) }),
        fetchExchange,
      ],
    })
    const before = heard.length
    expect(inBrief((await client.query(peoplePage, { first: 2, filter })).data?.people)).toEqual(firstPage)
    expect(heard.slice(before).map(({ status }) => status)).toEqual([400, 200])
  })
})
