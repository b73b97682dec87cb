/** A list is walked without missing or repeating anybody, however it is sorted and whatever happens to it in between. */
import { randomBytes } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { insertInterviews, insertPeople } from '../src/domain/bulk-insert.ts'
import { type InterviewOrder, interviewOrders } from '../src/domain/interviews.ts'
import { type PersonOrder, personOrders } from '../src/domain/people.ts'
import { personIndex } from '../src/domain/people-index.ts'
import { makeId } from '../src/domain/tokens.ts'
import { createTestDistrict } from './support/fixtures.ts'
import { startGateway } from './support/gateway.ts'

const gateway = await startGateway()
const { db } = gateway

interface Row {
  readonly id: string
  readonly sortName: string
  readonly date: string
  readonly createdAt: Date
  readonly updatedAt: Date
}
interface AnsweredPage {
  readonly edges: { readonly cursor: string; readonly node: { readonly id: string } }[]
  readonly pageInfo: {
    readonly hasNextPage: boolean
    readonly hasPreviousPage: boolean
    readonly startCursor: string | null
    readonly endCursor: string | null
  }
  readonly totalCount?: number
}
type List = 'people' | 'interviews'

const day = (n: number): Date => new Date(Date.UTC(2026, 0, 1 + n, 12, 0, 0, n % 3))
const lasts = ['Núñez', 'nunez', 'Žižek', '김', 'Ó Briain', "d'Arc", 'Zola']

/** People of whom several share a name, a day of arrival and a day of change; one interview each. */
const madePerson = (districtId: string, n: number) => ({
  districtId,
  id: makeId(randomBytes),
  first: ['Jo', 'jó', 'Ann'][n % 3]!,
  last: lasts[n % lasts.length]!,
  email: `p${n}-${makeId(randomBytes)}@example.org`,
  language: 'en',
  roles: {},
  tags: [],
  createdAt: day(n % 5),
  updatedAt: day((n * 7) % 11),
})
const madeInterview = (districtId: string, n: number, personId: string) => ({
  districtId,
  id: makeId(randomBytes),
  personId,
  date: day(n % 6)
    .toISOString()
    .slice(0, 10),
  boardId: '1a',
  formId: '1a',
  profileId: '1a',
  published: n % 2 === 0,
  responses: {},
  recordings: {},
  createdAt: day(n % 5),
  updatedAt: day((n * 7) % 11),
})

/** A district with this many people and interviews, and how to add and remove some. */
async function peopled(count: number) {
  const district = await createTestDistrict(db)
  const token = await district.key()
  const addPeople = async (from: number, to: number): Promise<Row[]> => {
    const people = Array.from({ length: to - from }, (_, i) => madePerson(district.id, from + i))
    await insertPeople(db, people)
    return people.map((person) => ({ ...person, ...personIndex(person), date: '' }))
  }
  const [holder] = await addPeople(0, 1)
  const addInterviews = async (from: number, to: number): Promise<Row[]> => {
    const added = Array.from({ length: to - from }, (_, i) => madeInterview(district.id, from + i, holder!.id))
    await insertInterviews(db, added)
    return added.map((interview) => ({ ...interview, sortName: '' }))
  }
  const lists = {
    people: {
      add: addPeople,
      remove: (id: string) => db.tables.person.delete({ where: { districtId_id: { districtId: district.id, id } } }),
    },
    interviews: {
      add: addInterviews,
      remove: (id: string) => db.tables.interview.delete({ where: { districtId_id: { districtId: district.id, id } } }),
    },
  }
  const page = async (list: List, args: string): Promise<AnsweredPage> => {
    const { json, text } = await gateway.graphql(
      `{ ${list}(${args}) { edges { cursor node { id } } pageInfo { hasNextPage hasPreviousPage startCursor endCursor } } }`,
      { token },
    )
    expect(json.errors, text).toBeUndefined()
    return json.data[list]
  }
  const refused = async (list: List, args: string) => {
    const { status, json } = await gateway.graphql(`{ ${list}(${args}) { nodes { id } } }`, { token })
    expect(status).toBe(200)
    expect(json.data).toEqual({ [list]: null })
    return json.errors[0].extensions
  }
  const rows = { people: [holder!, ...(await addPeople(1, count))], interviews: await addInterviews(0, count) }
  return { district, token, holder: holder!, lists, rows, page, refused }
}

const keyOf: Record<string, (row: Row) => string | number> = {
  NAME: ({ sortName }) => sortName,
  DATE: ({ date }) => date,
  CREATED_AT: ({ createdAt }) => createdAt.getTime(),
  UPDATED_AT: ({ updatedAt }) => updatedAt.getTime(),
}
/** As PostgreSQL sorts with COLLATE "C": by bytes; where two are equal, by id. */
function sorted(rows: readonly Row[], order: string): string[] {
  const [, column, direction] = /^(.*)_(ASC|DESC)$/.exec(order)!
  const key = keyOf[column!]!
  const bytes = (value: string | number) => (typeof value === 'number' ? value : Buffer.from(value))
  const compare = (a: string | number | Buffer, b: string | number | Buffer): number =>
    typeof a === 'number' ? a - (b as number) : Buffer.compare(a as Buffer, b as Buffer)
  const ascending = [...rows].sort((a, b) => compare(bytes(key(a)), bytes(key(b))) || compare(Buffer.from(a.id), Buffer.from(b.id)))
  return (direction === 'ASC' ? ascending : ascending.toReversed()).map(({ id }) => id)
}

const orders: [List, PersonOrder | InterviewOrder][] = [
  ...Object.keys(personOrders).map((order): [List, PersonOrder] => ['people', order as PersonOrder]),
  ...Object.keys(interviewOrders).map((order): [List, InterviewOrder] => ['interviews', order as InterviewOrder]),
]

describe('walking a list of which many rows are equal', async () => {
  const still = await peopled(40)

  test.each(orders)('%s in order %s: forward, everybody once and in order; the ends are told', async (list, order) => {
    const seen: string[] = []
    for (let after = '', pages = 0; ; pages++) {
      const { edges, pageInfo } = await still.page(list, `orderBy: ${order}, first: 7${after}`)
      seen.push(...edges.map(({ node }) => node.id))
      expect(pageInfo).toEqual({
        hasNextPage: seen.length < 40,
        hasPreviousPage: pages > 0,
        startCursor: edges[0]!.cursor,
        endCursor: edges.at(-1)!.cursor,
      })
      if (!pageInfo.hasNextPage) break
      after = `, after: "${pageInfo.endCursor}"`
    }
    expect(seen).toEqual(sorted(still.rows[list], order))
  })

  test.each(orders)('%s in order %s: backward, everybody once and in the same order; the ends are told', async (list, order) => {
    const seen: string[] = []
    for (let before = '', pages = 0; ; pages++) {
      const { edges, pageInfo } = await still.page(list, `orderBy: ${order}, last: 7${before}`)
      seen.unshift(...edges.map(({ node }) => node.id))
      expect(pageInfo).toEqual({
        hasPreviousPage: seen.length < 40,
        hasNextPage: pages > 0,
        startCursor: edges[0]!.cursor,
        endCursor: edges.at(-1)!.cursor,
      })
      if (!pageInfo.hasPreviousPage) break
      before = `, before: "${pageInfo.startCursor}"`
    }
    expect(seen).toEqual(sorted(still.rows[list], order))
  })

  test('between two cursors lies what lies between them, from either end', async () => {
    for (const [list, order] of orders) {
      const { edges } = await still.page(list, `orderBy: ${order}, first: 200`)
      const between = `orderBy: ${order}, after: "${edges[9]!.cursor}", before: "${edges[20]!.cursor}"`
      const ids = async (args: string) => (await still.page(list, args)).edges.map(({ node }) => node.id)
      const expected = edges.slice(10, 20).map(({ node }) => node.id)
      expect(await ids(between)).toEqual(expected)
      expect(await ids(`${between}, first: 4`)).toEqual(expected.slice(0, 4))
      expect(await ids(`${between}, last: 4`)).toEqual(expected.slice(-4))
      expect(await ids(`orderBy: ${order}, after: "${edges[20]!.cursor}", before: "${edges[9]!.cursor}"`)).toEqual([])
    }
  })

  test('the interviews of a person are walked like any list', async () => {
    const seen: string[] = []
    for (let after: string | null = null; ;) {
      const { json } = await gateway.graphql(
        'query ($id: ID!, $after: String) { person(id: $id) { interviews(first: 9, after: $after, orderBy: UPDATED_AT_ASC) { nodes { id } pageInfo { hasNextPage endCursor } } } }',
        {
          token: still.token,
          variables: { id: still.holder.id, after },
        },
      )
      const { nodes, pageInfo } = json.data.person.interviews
      seen.push(...nodes.map(({ id }: { id: string }) => id))
      after = pageInfo.endCursor
      if (!pageInfo.hasNextPage) break
    }
    expect(seen).toEqual(sorted(still.rows.interviews, 'UPDATED_AT_ASC'))
  })
})

describe('walking a list that changes between the pages', async () => {
  const moving = await peopled(30)

  test.each(
    orders.flatMap(
      ([list, order]) =>
        [
          [list, order, 'forward'],
          [list, order, 'backward'],
        ] as const,
    ),
  )('%s in order %s, %s: who is there all the time is seen once, and nobody twice', async (list, order, way) => {
    const { add, remove } = moving.lists[list]
    const lasting = moving.rows[list]
    // Enough of them that each step can remove one that was seen, one that may not have been, and the cursor's own row.
    const passing = (await add(100, 130)).map(({ id }) => id)
    const seen: string[] = []
    for (let from = '', step = 0; ; step++) {
      const { edges, pageInfo } = await moving.page(list, `orderBy: ${order}, ${way === 'forward' ? 'first' : 'last'}: 6${from}`)
      seen[way === 'forward' ? 'push' : 'unshift'](...edges.map(({ node }) => node.id))
      if (!(way === 'forward' ? pageInfo.hasNextPage : pageInfo.hasPreviousPage)) break
      from = way === 'forward' ? `, after: "${pageInfo.endCursor}"` : `, before: "${pageInfo.startCursor}"`
      const atCursor = (way === 'forward' ? edges.at(-1) : edges[0])!.node.id
      for (const leaving of new Set([atCursor, passing.find((id) => seen.includes(id)), passing.find((id) => !seen.includes(id))])) {
        if (leaving === undefined || !passing.includes(leaving)) continue
        passing.splice(passing.indexOf(leaving), 1)
        await remove(leaving)
      }
      passing.push(...(await add(200 + step, 202 + step)).map(({ id }) => id))
    }
    expect(new Set(seen).size).toBe(seen.length)
    const ofLasting = new Set(lasting.map(({ id }) => id))
    expect(seen.filter((id) => ofLasting.has(id))).toEqual(sorted(lasting, order))
    for (const id of passing) await remove(id)
  })
})

describe('the size of a page', async () => {
  const large = await peopled(230)

  test('is 50 when nothing is said, and at most 200', async () => {
    for (const list of ['people', 'interviews'] as const) {
      expect((await large.page(list, 'after: null')).edges).toHaveLength(50)
      expect((await large.page(list, 'first: null, last: null')).edges).toHaveLength(50)
      expect((await large.page(list, 'first: 200')).edges).toHaveLength(200)
      expect((await large.page(list, 'last: 200')).edges).toHaveLength(200)
      expect((await large.page(list, 'first: 1')).edges).toHaveLength(1)
    }
  })

  test('may be 0: nothing, and whether there would be more', async () => {
    expect(await large.page('people', 'first: 0')).toEqual({
      edges: [],
      pageInfo: { hasNextPage: true, hasPreviousPage: false, startCursor: null, endCursor: null },
    })
    expect(await large.page('interviews', 'last: 0')).toEqual({
      edges: [],
      pageInfo: { hasNextPage: false, hasPreviousPage: true, startCursor: null, endCursor: null },
    })
  })

  test('that is out of range is refused with the argument’s name, and first beside last too', async () => {
    for (const list of ['people', 'interviews'] as const) {
      for (const size of [201, -1, 2_147_483_647, -2_147_483_648]) {
        expect(await large.refused(list, `first: ${size}`)).toEqual({ code: 'BAD_USER_INPUT', field: 'first' })
        expect(await large.refused(list, `last: ${size}`)).toEqual({ code: 'BAD_USER_INPUT', field: 'last' })
      }
      expect(await large.refused(list, 'first: 1, last: 1')).toEqual({ code: 'BAD_USER_INPUT', field: 'last' })
    }
  })

  test('inside a relation is refused for that relation alone', async () => {
    const { json } = await gateway.graphql(`{ person(id: "${large.holder.id}") { id interviews(first: 201) { totalCount } } }`, {
      token: large.token,
    })
    expect(json.data).toEqual({ person: { id: large.holder.id, interviews: null } })
    expect(json.errors[0]).toMatchObject({ path: ['person', 'interviews'], extensions: { code: 'BAD_USER_INPUT', field: 'first' } })
  })
})

describe('a cursor', async () => {
  const home = await peopled(12)
  const bad = (field: string) => ({ code: 'BAD_USER_INPUT', field })
  const cursorOf = async (list: List, args: string) => (await home.page(list, args)).edges[0]!.cursor

  test('of a row that is gone still marks its place', async () => {
    const { edges } = await home.page('people', 'first: 12')
    const [leaving] = await home.lists.people.add(50, 51)
    const withIt = await home.page('people', 'first: 200')
    const place = withIt.edges.findIndex(({ node }) => node.id === leaving!.id)
    await home.lists.people.remove(leaving!.id)
    expect((await home.page('people', `after: "${withIt.edges[place]!.cursor}"`)).edges).toEqual(edges.slice(place))
    expect((await home.page('people', `last: 200, before: "${withIt.edges[place]!.cursor}"`)).edges).toEqual(edges.slice(0, place))
  })

  test('is the same for the same row, from whichever page it was taken', async () => {
    const { edges } = await home.page('interviews', 'first: 12')
    expect((await home.page('interviews', 'last: 12')).edges).toEqual(edges)
    expect((await home.page('interviews', `first: 3, after: "${edges[4]!.cursor}"`)).edges).toEqual(edges.slice(5, 8))
  })

  test('of another order is refused', async () => {
    for (const [list, order] of orders) {
      for (const [otherList, other] of orders) {
        if (list !== otherList || order === other) continue
        expect(await home.refused(list, `orderBy: ${other}, after: "${await cursorOf(list, `orderBy: ${order}`)}"`)).toEqual(bad('after'))
      }
    }
  })

  test('of another filter is refused, and of an equal one taken', async () => {
    const ofAll = await cursorOf('people', 'filter: { archived: null }')
    expect(await home.refused('people', `after: "${ofAll}"`)).toEqual(bad('after'))
    expect(await home.refused('people', `filter: { archived: null, search: "jo" }, before: "${ofAll}"`)).toEqual(bad('before'))
    expect((await home.page('people', `filter: { search: null, archived: null }, after: "${ofAll}"`)).edges.length).toBeGreaterThan(0)
    const published = await cursorOf('interviews', 'filter: { published: true }')
    expect(await home.refused('interviews', `after: "${published}"`)).toEqual(bad('after'))
    expect((await home.page('interviews', `filter: { published: true }, after: "${published}"`)).edges.length).toBeGreaterThan(0)
  })

  test('of another list is refused', async () => {
    for (const order of ['CREATED_AT_ASC', 'UPDATED_AT_DESC']) {
      const ofPeople = await cursorOf('people', `orderBy: ${order}`)
      const ofInterviews = await cursorOf('interviews', `orderBy: ${order}`)
      expect(await home.refused('interviews', `orderBy: ${order}, after: "${ofPeople}"`)).toEqual(bad('after'))
      expect(await home.refused('people', `orderBy: ${order}, after: "${ofInterviews}"`)).toEqual(bad('after'))
      const { json } = await gateway.graphql(
        `{ person(id: "${home.holder.id}") { interviews(orderBy: ${order}, before: "${ofInterviews}") { nodes { id } } } }`,
        { token: home.token },
      )
      expect(json.errors[0].extensions).toEqual(bad('before'))
    }
  })

  test('that is none is refused, whatever it is', async () => {
    const encoded = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url')
    for (const text of [
      '',
      ' ',
      'x',
      'null',
      '%%%',
      '😀',
      '\\u0000',
      'x'.repeat(2_000),
      encoded(null),
      encoded({}),
      encoded([]),
      encoded(['x']),
      encoded([[], {}, []]),
    ]) {
      expect(await home.refused('people', `after: "${text}"`)).toEqual(bad('after'))
      expect(await home.refused('interviews', `last: 3, before: "${text}"`)).toEqual(bad('before'))
    }
  })

  test('made by hand is refused or marks some place, and never breaks anything', async () => {
    const keys = [
      '',
      'x',
      'a\0b',
      'x'.repeat(3_000),
      '\ud800',
      0,
      1.5,
      -1,
      8.64e15,
      -8.64e15,
      8.64e15 - 1,
      1 - 8.64e15,
      1e300,
      null,
      true,
      [],
      {},
      '2026-02-30',
      '0000-01-01',
      '9999-12-31',
      '0001-01-01',
      '-271821-04-20',
      'infinity',
      'now',
      "'",
    ]
    const ids = ['', 'x', '\0', 'x'.repeat(3_000), '\ud800', null, 7, {}, "' or true --"]
    for (const [list, order] of orders) {
      const [binding, key, id] = JSON.parse(Buffer.from(await cursorOf(list, `orderBy: ${order}`), 'base64url').toString()) as [
        string,
        unknown,
        string,
      ]
      const forged = [
        ...keys.map((each) => [binding, each, id]),
        ...ids.map((each) => [binding, key, each]),
        [binding, key, id, 'more'],
        [binding, key],
      ]
      for (const parts of forged) {
        const cursor = Buffer.from(JSON.stringify(parts)).toString('base64url')
        const { status, json } = await gateway.graphql(`{ ${list}(orderBy: ${order}, after: "${cursor}") { nodes { id } } }`, {
          token: home.token,
        })
        expect(status).toBe(200)
        if (json.errors) expect(json.errors[0].extensions, `${order} ${JSON.stringify(parts).slice(0, 60)}`).toEqual(bad('after'))
      }
    }
  })
})

describe('the total', async () => {
  const counted = await peopled(15)

  test('counts all pages, whichever page is read, and obeys the filter', async () => {
    const total = async (list: List, args: string) =>
      (await gateway.graphql(`{ ${list}(${args}) { totalCount } }`, { token: counted.token })).json.data[list].totalCount
    const { edges } = await counted.page('people', 'first: 10')
    expect(await total('people', 'first: 2')).toBe(15)
    expect(await total('people', `first: 2, after: "${edges[9]!.cursor}"`)).toBe(15)
    expect(await total('people', 'last: 0')).toBe(15)
    expect(await total('people', 'first: 2, filter: { search: "ann" }')).toBe(5)
    expect(await total('interviews', 'first: 2, filter: { published: true }')).toBe(8)
  })
})

test('a cursor that was given out stays good: its text is part of the contract', async () => {
  const district = await createTestDistrict(db, { id: 'd' })
  const [ada, grace] = [
    await district.person({ id: 'a1', first: 'Ada', last: 'Lovelace' }),
    await district.person({ id: 'g1', first: 'Grace', last: 'Hopper' }),
  ]
  const cursor = 'WyJub1puR01PeCIsIkxPVkVMQUNFIEFEQSIsImExIl0' // ["noZnGMOx","LOVELACE ADA","a1"]
  const { json } = await gateway.graphql(
    `{ people { edges { cursor node { id } } } before: people(last: 1, before: "${cursor}") { nodes { id } } }`,
    {
      token: await district.key(),
    },
  )
  expect(json.data.people.edges.find(({ node }: { node: { id: string } }) => node.id === ada.id).cursor).toBe(cursor)
  expect(json.data.before.nodes).toEqual([{ id: grace.id }])
})
