/** Every filter finds what it says and nothing else, alone and together with others; texts are read in the best language. */
import { describe, expect, test } from 'vitest'
import { createTestDistrict } from './support/fixtures.ts'
import { startGateway } from './support/gateway.ts'

const gateway = await startGateway()
const district = await createTestDistrict(gateway.db, { languages: ['es', 'en'], name: { en: 'North', es: 'Norte', fr: 'Nord' } })
const token = await district.key()

const firstDay = new Date('2026-01-01T00:00:00.000Z')
const lastChange = new Date('2026-02-01T12:00:00.123Z')
const people = {
  jose: await district.person({
    first: 'José',
    last: 'Núñez',
    email: 'Jose.Nunez+Mail@Example.ORG',
    roles: { '1c': 1 },
    tags: ['2026', 'North'],
    updatedAt: firstDay,
  }),
  josefina: await district.person({
    first: 'Josefina',
    last: 'Nuñez de la Cruz',
    email: 'jo@other.example',
    roles: { '1c': 2, '1b': 1 },
    tags: ['north'],
    updatedAt: lastChange,
  }),
  kim: await district.person({
    first: '민준',
    last: '김',
    email: 'minjun@example.kr',
    roles: { '1d': 1 },
    tags: ['2026', 'with space', "it's"],
    updatedAt: firstDay,
  }),
  obrien: await district.person({
    first: 'Conan',
    last: "O'Brien-Smith",
    email: 'c.obrien@example.ie',
    tags: ['a&b', 'c\\d', ':*'],
    updatedAt: firstDay,
  }),
  fi: await district.person({ first: 'Soﬁa', last: 'STRAẞE', email: 'sofia@example.de', updatedAt: firstDay }),
  greek: await district.person({ first: 'Οδυσσεύς', last: 'Laertou', email: 'o@ithaca.invalid', updatedAt: firstDay }),
  gone: await district.person({
    first: 'Old',
    last: 'Núñez',
    email: 'old@example.org',
    roles: { '1c': 1 },
    tags: ['2026'],
    archived: true,
    updatedAt: firstDay,
  }),
}
type Name = keyof typeof people
const nameOf = (id: string): string => Object.entries(people).find(([, person]) => person.id === id)?.[0] ?? id

interface Answered {
  readonly totalCount: number
  readonly nodes: readonly { readonly id: string }[]
}
const found = async (filter: Record<string, unknown>): Promise<string[]> => {
  const { json, text } = await gateway.graphql('query ($filter: PersonFilter) { people(filter: $filter) { totalCount nodes { id } } }', {
    token,
    variables: { filter },
  })
  expect(json.errors, text).toBeUndefined()
  const { totalCount, nodes } = json.data.people as Answered
  expect(totalCount).toBe(nodes.length)
  return nodes.map(({ id }) => nameOf(id)).sort()
}
const names = (...expected: Name[]): string[] => [...expected].sort()

describe('people are found', () => {
  test.each<[string, Name[]]>([
    ['Núñez', ['jose', 'josefina']],
    ['NUNEZ', ['jose', 'josefina']],
    ['nuñez', ['jose', 'josefina']],
    ['Nu\u0301n\u0303ez', ['jose', 'josefina']],
    ['jo nun', ['jose', 'josefina']],
    ['nun jo', ['jose', 'josefina']],
    ['josefina nun', ['josefina']],
    ['  jo   NUN   mail ', ['jose']],
    ['josé cruz', ['josefina']],
    ['jose kim', []],
    ['cruz', ['josefina']],
    ['de la', ['josefina']],
    ['unez', []],
    ['김', ['kim']],
    ['민', ['kim']],
    ['김 민준', ['kim']],
    ['김'.normalize('NFD'), ['kim']],
    ['sofia', ['fi']],
    ['SOﬁA', ['fi']],
    ['sofia strasse', ['fi']],
    ['straß', ['fi']],
    ['STRASS', ['fi']],
    ['οδυσσευσ', ['greek']],
    ['ΟΔΥΣΣΕΎΣ', ['greek']],
    ['οδυς', ['greek']],
    ['example', ['jose', 'josefina', 'kim', 'obrien', 'fi']],
    ['jose.nunez+mail@example.org', ['jose']],
    ['jose nunez mail example org', ['jose']],
    ['nunez mail', ['jose']],
    ['minjun@example.kr', ['kim']],
    ['o brien', ['obrien']],
    ["o'brien", ['obrien']],
    ['O’Brien', ['obrien']],
    ['smith', ['obrien']],
    ['brien-smith', ['obrien']],
  ])('by the words that begin with those of %j', async (search, expected) => {
    expect(await found({ search })).toEqual(names(...expected))
  })

  test('by no word at all: everybody, as without a search', async () => {
    const everybody = names('jose', 'josefina', 'kim', 'obrien', 'fi', 'greek')
    for (const search of ['', '   ', "'", '&|!', ':*', '"', '\\', '-- ;', '@.', '😀', null])
      expect(await found({ search }), JSON.stringify(search)).toEqual(everybody)
  })

  test('by words among characters that mean something to the database, which mean nothing here', async () => {
    for (const search of [
      "jose'",
      '"jose"',
      'jose\\',
      'jose:*',
      'jose & nunez',
      'jose | kim',
      '!jose',
      '(jose',
      'jose)',
      'jose:A',
      'jose <-> nunez',
      "' jose",
      "jose'':*",
      '%jose%',
      'jose;',
      '$1 jose',
      '${jose}',
      '\\jose',
      'jose*',
    ]) {
      const result = await found({ search })
      expect(['jose', 'jose,josefina', ''], JSON.stringify(search)).toContain(result.join())
    }
    expect(await found({ search: 'jose & mail' })).toEqual(['jose'])
    expect(await found({ search: 'jose | 김' })).toEqual([])
    expect(await found({ search: '!jose' })).toEqual(names('jose', 'josefina'))
  })

  test('by an address, whatever its case, and by the whole of it only', async () => {
    expect(await found({ email: 'Jose.Nunez+Mail@Example.ORG' })).toEqual(['jose'])
    expect(await found({ email: ' jose.nunez+mail@example.org ' })).toEqual(['jose'])
    expect(await found({ email: 'jose.nunez' })).toEqual([])
    expect(await found({ email: '%' })).toEqual([])
  })

  test('by a role, primary or not', async () => {
    expect(await found({ roleId: '1c' })).toEqual(names('jose', 'josefina'))
    expect(await found({ roleId: '1b' })).toEqual(['josefina'])
    expect(await found({ roleId: '1' })).toEqual([])
    expect(await found({ roleId: '1C' })).toEqual([])
  })

  test('by a tag, exactly as written', async () => {
    expect(await found({ tag: '2026' })).toEqual(names('jose', 'kim'))
    expect(await found({ tag: 'North' })).toEqual(['jose'])
    expect(await found({ tag: 'north' })).toEqual(['josefina'])
    expect(await found({ tag: 'nort' })).toEqual([])
    expect(await found({ tag: 'with space' })).toEqual(['kim'])
    expect(await found({ tag: "it's" })).toEqual(['kim'])
    for (const tag of ['a&b', 'c\\d', ':*']) expect(await found({ tag }), tag).toEqual(['obrien'])
    expect(await found({ tag: '' })).toEqual([])
  })

  test('active ones unless archived ones are asked for, or both', async () => {
    const active = names('jose', 'josefina', 'kim', 'obrien', 'fi', 'greek')
    expect(await found({})).toEqual(active)
    expect(await found({ archived: false })).toEqual(active)
    expect(await found({ archived: true })).toEqual(['gone'])
    expect(await found({ archived: null })).toEqual([...active, 'gone'].sort())
    const { json } = await gateway.graphql(
      '{ none: people(filter: null) { totalCount } empty: people(filter: {}) { totalCount } people { totalCount } }',
      { token },
    )
    expect(json.data).toEqual({ none: { totalCount: 6 }, empty: { totalCount: 6 }, people: { totalCount: 6 } })
  })

  test('by the moment of their last change, that moment included', async () => {
    expect(await found({ updatedSince: lastChange.toISOString() })).toEqual(['josefina'])
    expect(await found({ updatedSince: '2026-02-01T13:00:00.123+01:00' })).toEqual(['josefina'])
    expect(await found({ updatedSince: '2026-02-01T12:00:00.124Z' })).toEqual([])
    expect((await found({ updatedSince: firstDay.toISOString() })).length).toBe(6)
    expect((await found({ updatedSince: '0001-01-01T00:00:00Z' })).length).toBe(6)
    expect(await found({ updatedSince: '9999-12-31T23:59:59.999Z' })).toEqual([])
  })

  test('by several members at once, which must all hold', async () => {
    expect(await found({ search: 'nunez', tag: '2026' })).toEqual(['jose'])
    expect(await found({ search: 'nunez', tag: '2026', archived: null })).toEqual(names('gone', 'jose'))
    expect(await found({ search: 'nunez', roleId: '1b', updatedSince: lastChange.toISOString() })).toEqual(['josefina'])
    expect(await found({ tag: '2026', roleId: '1d' })).toEqual(['kim'])
    expect(await found({ tag: '2026', roleId: '1b' })).toEqual([])
    expect(await found({ email: people.jose.email, search: 'kim' })).toEqual([])
    expect(
      await found({
        search: 'nunez',
        email: people.gone.email,
        archived: true,
        roleId: '1c',
        tag: '2026',
        updatedSince: firstDay.toISOString(),
      }),
    ).toEqual(['gone'])
  })
})

describe('interviews are found', async () => {
  const { jose, josefina } = people
  const interviews = {
    a: await district.interview(jose.id, { date: '2026-01-31', updatedAt: firstDay }),
    b: await district.interview(jose.id, { date: '2026-02-01', boardId: '1b', published: false, updatedAt: firstDay }),
    c: await district.interview(josefina.id, { date: '2026-02-01', profileId: '1b', updatedAt: lastChange }),
    d: await district.interview(josefina.id, {
      date: '2026-03-01',
      boardId: '1b',
      profileId: '1b',
      published: false,
      updatedAt: lastChange,
    }),
  }
  const short = (id: string): string => Object.entries(interviews).find(([, each]) => each === id)?.[0] ?? id
  const held = async (filter: Record<string, unknown>) => {
    const { json, text } = await gateway.graphql(
      'query ($filter: InterviewFilter) { interviews(filter: $filter, orderBy: DATE_ASC) { totalCount nodes { id } } }',
      { token, variables: { filter } },
    )
    expect(json.errors, text).toBeUndefined()
    const { totalCount, nodes } = json.data.interviews as Answered
    expect(totalCount).toBe(nodes.length)
    return nodes
      .map(({ id }) => short(id))
      .sort()
      .join('')
  }

  test.each<[Record<string, unknown>, string]>([
    [{}, 'abcd'],
    [{ personId: jose.id }, 'ab'],
    [{ personId: 'nosuchid' }, ''],
    [{ boardId: '1a' }, 'ac'],
    [{ boardId: '1b' }, 'bd'],
    [{ boardId: '9z' }, ''],
    [{ profileId: '1a' }, 'ab'],
    [{ profileId: '1b' }, 'cd'],
    [{ published: true }, 'ac'],
    [{ published: false }, 'bd'],
    [{ published: null }, 'abcd'],
    [{ dateFrom: '2026-02-01' }, 'bcd'],
    [{ dateTo: '2026-02-01' }, 'abc'],
    [{ dateFrom: '2026-02-01', dateTo: '2026-02-01' }, 'bc'],
    [{ dateFrom: '2026-03-01', dateTo: '2026-02-01' }, ''],
    [{ dateFrom: '0001-01-01', dateTo: '9999-12-31' }, 'abcd'],
    [{ updatedSince: lastChange.toISOString() }, 'cd'],
    [{ updatedSince: '2026-02-01T12:00:00.124Z' }, ''],
    [{ personId: jose.id, published: true }, 'a'],
    [{ personId: jose.id, boardId: '1b', profileId: '1a' }, 'b'],
    [
      {
        personId: josefina.id,
        boardId: '1b',
        profileId: '1b',
        published: false,
        dateFrom: '2026-03-01',
        dateTo: '2026-03-01',
        updatedSince: lastChange.toISOString(),
      },
      'd',
    ],
    [{ personId: jose.id, profileId: '1b' }, ''],
  ])('by %j', async (filter, expected) => {
    expect(await held(filter)).toBe(expected)
  })

  test('by the same members within a person', async () => {
    const { json } = await gateway.graphql(
      `{ person(id: "${jose.id}") { all: interviews { totalCount } published: interviews(filter: { published: true }) { totalCount nodes { id } }
         second: interviews(filter: { boardId: "1b" }) { nodes { id } } late: interviews(filter: { dateFrom: "2026-02-01" }) { nodes { id } } } }`,
      { token },
    )
    expect(json.data.person).toEqual({
      all: { totalCount: 2 },
      published: { totalCount: 1, nodes: [{ id: interviews.a }] },
      second: { nodes: [{ id: interviews.b }] },
      late: { nodes: [{ id: interviews.b }] },
    })
  })
})

describe('a filter that is none', () => {
  const refused = async (list: string, type: string, filter: Record<string, unknown>) => {
    const { status, json } = await gateway.graphql(`query ($filter: ${type}) { ${list}(filter: $filter) { totalCount } }`, {
      token,
      variables: { filter },
    })
    return { status, ...json.errors?.[0]?.extensions }
  }

  test('is refused with the member’s name', async () => {
    expect(await refused('people', 'PersonFilter', { updatedSince: '2026-02-30T00:00:00Z' })).toMatchObject({
      status: 400,
      code: 'BAD_USER_INPUT',
      field: 'filter.updatedSince',
    })
    for (const updatedSince of [
      '2026-02-01',
      '2026-02-01T00:00:00',
      'yesterday',
      '',
      '+010000-01-01T00:00:00Z',
      '0001-01-01T00:00:00+14:00',
      '9999-12-31T23:59:59-14:00',
      '0000-06-01T00:00:00Z',
      5,
    ]) {
      expect(await refused('interviews', 'InterviewFilter', { updatedSince }), String(updatedSince)).toMatchObject({
        status: 400,
        code: 'BAD_USER_INPUT',
        field: 'filter.updatedSince',
      })
    }
    for (const dateFrom of ['2026-02-30', '2026-2-1', '0000-01-01', '20260201', '2026-02-01T00:00:00Z', '', 'now', 'infinity', 20260201]) {
      expect(await refused('interviews', 'InterviewFilter', { dateFrom }), String(dateFrom)).toMatchObject({
        status: 400,
        code: 'BAD_USER_INPUT',
        field: 'filter.dateFrom',
      })
    }
    expect(await refused('people', 'PersonFilter', { archived: 'no' })).toMatchObject({ status: 400, field: 'filter.archived' })
    expect(await refused('people', 'PersonFilter', { search: 'x'.repeat(201) })).toEqual({
      status: 200,
      code: 'BAD_USER_INPUT',
      field: 'filter.search',
    })
    expect(await refused('people', 'PersonFilter', { search: 'a\0b' })).toEqual({
      status: 200,
      code: 'BAD_USER_INPUT',
      field: 'filter.search',
    })
    expect(await refused('people', 'PersonFilter', { email: { startsWith: '' } })).toMatchObject({ status: 400, field: 'filter.email' })
  })
})

describe('a text in several languages is read', () => {
  const reader = (language: string) => district.person({ language }).then((person) => person.token())
  const nameFor = async (credential: string, language?: string) => {
    const argument = language === undefined ? '' : `(language: "${language}")`
    const { json, text } = await gateway.graphql(`{ district { name${argument} boards { name${argument} } } }`, { token: credential })
    expect(json.errors, text).toBeUndefined()
    return [json.data.district.name, ...json.data.district.boards.map(({ name }: { name: string }) => name)]
  }

  test('in the language asked for', async () => {
    expect(await nameFor(token, 'fr')).toEqual(['Nord', 'Junta', 'Second board'])
    expect(await nameFor(token, 'en')).toEqual(['North', 'Board', 'Second board'])
    expect(await nameFor(await reader('fr'), 'en')).toEqual(['North', 'Board', 'Second board'])
  })

  test('in a regional form of it by the base language, whatever its case', async () => {
    expect(await nameFor(token, 'fr-CA')).toEqual(['Nord', 'Junta', 'Second board'])
    expect(await nameFor(token, 'EN-us')).toEqual(['North', 'Board', 'Second board'])
  })

  test('else in the caller’s, then the district’s first, then any', async () => {
    expect(await nameFor(await reader('fr'), 'pt')).toEqual(['Nord', 'Junta', 'Second board'])
    expect(await nameFor(await reader('fr'))).toEqual(['Nord', 'Junta', 'Second board'])
    expect(await nameFor(await reader('ko'))).toEqual(['Norte', 'Junta', 'Second board'])
    expect(await nameFor(token)).toEqual(['Norte', 'Junta', 'Second board'])
  })

  test('and so is what was answered in an interview, in words and by choice', async () => {
    const id = await district.interview(people.jose.id, { responses: { '1a': 1, '1b': { en: 'Her calm', fr: 'Son calme' }, '1f': 1 } })
    const texts = async (language: string) =>
      (await gateway.graphql(`{ interview(id: "${id}") { responses { text(language: "${language}") value } } }`, { token })).json.data
        .interview.responses
    expect(await texts('fr')).toEqual([
      { text: 'Recomendar', value: 1 },
      { text: 'Son calme', value: { en: 'Her calm', fr: 'Son calme' } },
      { text: null, value: 1 },
    ])
    expect((await texts('en')).map(({ text }: { text: string | null }) => text)).toEqual(['Recommend', 'Her calm', null])
  })

  test('a tag that is no language is refused', async () => {
    const { status, json } = await gateway.graphql('query ($language: LanguageTag) { district { name(language: $language) } }', {
      token,
      variables: { language: 'not a language' },
    })
    expect(status).toBe(400)
    expect(json.errors[0].extensions).toEqual({ code: 'BAD_USER_INPUT', field: 'language' })
  })
})
