/** Who sees what: every field of the schema asked for by every kind of caller, and the promises of the matrix one by one. */
import { randomBytes } from 'node:crypto'
import { isObjectType } from 'graphql'
import sql from 'sql-template-tag'
import { describe, expect, test } from 'vitest'
import { accessTable } from '../src/access/table.ts'
import { audit } from '../src/domain/audit.ts'
import { hashToken, makeId } from '../src/domain/tokens.ts'
import { buildSchema } from '../src/graphql/schema.ts'
import { routes } from '../src/rest/routes.ts'
import { createTestDistrict } from './support/fixtures.ts'
import { startGateway } from './support/gateway.ts'
import { documentOf, outcome, planOf, type Probe, rowsOf } from './support/matrix.ts'
import { createWorld } from './support/world.ts'

const gateway = await startGateway({ config: { trustedProxyHops: 1 } })
const world = await createWorld(gateway)
const { district, interviews, candidate, other } = world
const schema = buildSchema()
/** Whoever is interviewed here; the promises below count what the world has, so that this is undone. */
const visited = await district.person({ first: 'Vi', last: 'Visited' })
const undoVisits = () => gateway.db.query(sql`delete from interviews where person_id = ${visited.id}`)
const createdKey = async () => {
  const key = await district.key('read:people')
  const [row] = await gateway.db.query<{ id: string }>(sql`select id from api_keys where key_hash = ${hashToken(key)}`)
  return row!.id
}

describe('the matrix', async () => {
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
  const query = (field: string, title: string, args = '', again: string[] = []): Probe => ({
    operation: 'query',
    field,
    title,
    args: () => args,
    again,
  })
  const mutation = (field: string, title: string, args: Probe['args'] = () => ''): Probe => ({ operation: 'mutation', field, title, args })

  /** One more session of whoever holds this token; none for whoever has none. */
  const otherSession = async (token: string | undefined) => {
    const id = makeId(randomBytes)
    await gateway.db.query(
      sql`insert into sessions (id, token_hash, district_id, person_id, email_key, expires_at)
          select ${id}, ${id}, s.district_id, s.person_id, s.email_key, s.expires_at from sessions s where s.token_hash = ${hashToken(token ?? '')}`,
    )
    return id
  }
  const queries = [
    query('sessions', 'one’s own'),
    query('me', 'oneself', '', ['Person', 'Session', 'ApiKey']),
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
    query('apiKeys', 'those that work'),
    query('auditEvents', 'what was done to the candidate', `(filter: { recordId: "${candidate.id}" })`),
  ]
  const mutations = [
    mutation('requestLogin', 'for the address of a candidate', () => `(email: "${candidate.email}")`),
    mutation('verifyCode', 'with the code of a candidate’s mail', async () => {
      const { code, email } = await mailed()
      return `(code: "${code}", email: "${email}")`
    }),
    mutation('verifyMagicLink', 'with the link of a candidate’s mail', async () => `(token: "${(await mailed()).token}")`),
    mutation(
      'createPerson',
      'without a role',
      () => `(input: { first: "New", last: "Person", email: "${makeId(randomBytes)}@example.org" })`,
    ),
    mutation('updatePerson', 'without a role', async () => `(id: "${(await district.person()).id}", input: { tags: ["changed"] })`),
    mutation(
      'createInterview',
      'of somebody without a role',
      () => `(input: { personId: "${visited.id}", date: "2026-08-14", boardId: "1a", formId: "1a", profileId: "1a" })`,
    ),
    mutation(
      'updateInterview',
      'of somebody without a role',
      async () => `(id: "${await district.interview(visited.id)}", input: { date: "2026-03-15" })`,
    ),
    mutation('createApiKey', 'that reads people', () => '(input: { name: "New", scopes: [READ_PEOPLE] })'),
    mutation('rotateApiKey', 'of the district', async () => `(id: "${await createdKey()}")`),
    mutation('revokeApiKey', 'of the district', async () => `(id: "${await createdKey()}")`),
    mutation('revokeSession', 'another one of one’s own', async (token) => `(id: "${await otherSession(token)}")`),
    mutation('revokeOtherSessions', 'of one’s own'),
    mutation('switchDistrict', 'to the district', () => `(districtId: "${district.id}")`),
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
    const rows = Object.keys(accessTable).filter((row) =>
      row.includes('.') ? !covered.has(row) : !types.has(row) && isObjectType(schema.getType(row)),
    )
    expect(rows).toEqual([])
  })

  test('is what the snapshot says, for every kind of caller', async () => {
    await audit(gateway.db, randomBytes, undefined, [
      {
        districtId: district.id,
        actor: { type: 'PERSON', id: world.admin.id },
        action: 'PERSON_UPDATE',
        record: { type: 'PERSON', id: candidate.id },
        members: ['tags'],
      },
    ])
    const { callers } = world
    const columns: string[][] = callers.map(() => [])
    // Plan by plan: all have read before the first of them changes anything.
    for (const plan of plans) {
      for (const [column, caller] of callers.entries()) {
        const token = await caller.token()
        const headers = { 'X-Forwarded-For': `203.0.113.${column + 1}` }
        const answer = await world.as(caller, async () => gateway.graphql(await documentOf(plan, token), { token, headers }))
        expect(answer.status, `${caller.title}: ${plan.probe.field}: ${answer.text}`).toBe(200)
        columns[column]!.push(...rowsOf(plan).map(({ path }) => outcome(answer.json, path)))
      }
    }

    await undoVisits()

    const labels = plans.flatMap((plan) =>
      rowsOf(plan).map(({ path }) =>
        path.length === 1 ? `${path[0]}: ${plan.probe.title}` : `${'  '.repeat(path.length - 1)}${path.slice(1).join('.')}`,
      ),
    )
    const width = Math.max(...labels.map(({ length }) => length))
    const line = (label: string, cells: string[]) => `${label.padEnd(width)} ${cells.map((cell) => cell.padStart(5)).join(' ')}`.trimEnd()
    const table = labels.map(
      (label, row) =>
        `${label.startsWith(' ') ? '' : '\n'}${line(
          label,
          columns.map((column) => column[row]!),
        )}`,
    )
    const legend = [
      'Who sees what: every field of the schema, asked for by every kind of caller. Written by test/access.test.ts.',
      '',
      'yes   a value            [3]  a list of three         (3)  a connection that counts three      null  nothing to see',
      '401   UNAUTHENTICATED    402  PAYMENT_REQUIRED        403  FORBIDDEN                           404   NOT_FOUND',
      '·     no way to it',
      '',
      ...callers.map(({ name, title }) => `${name.padEnd(5)} ${title}`),
      '',
      line(
        '',
        callers.map(({ name }) => name),
      ),
    ]
    await expect(`${[...legend, ...table].join('\n')}\n`).toMatchFileSnapshot('./access-matrix.txt')
  })
})

describe('the matrix of routes', () => {
  /** What a route is asked, beside its method and path: each is probed, or the test says which is not. */
  const requests: Record<
    string,
    (token: string | undefined) => Promise<{ params?: Record<string, string>; query?: string; body?: unknown }>
  > = {
    requestLogin: async () => ({ body: { email: candidate.email } }),
    verifyCode: async () => ({ body: { code: '000000', email: 'nobody@example.org' } }),
    verifyMagicLink: async () => ({ params: { token: 'A'.repeat(43) } }),
    logout: async () => ({}),
    getMe: async () => ({}),
    listPeople: async () => ({ query: '?archived=true' }),
    getPerson: async () => ({ params: { id: candidate.id }, query: '?include=interviews' }),
    createPerson: async () => ({ body: { first: 'New', last: 'Person', email: `${makeId(randomBytes)}@example.org` } }),
    updatePerson: async () => ({ params: { id: (await district.person()).id }, body: { tags: ['changed'] } }),
    listInterviews: async () => ({}),
    listInterviewsOfPerson: async () => ({ params: { personId: candidate.id } }),
    getInterview: async () => ({ params: { personId: candidate.id, id: interviews.published } }),
    createInterview: async () => ({
      params: { personId: visited.id },
      body: { date: '2026-08-14', board_id: '1a', form_id: '1a', profile_id: '1a' },
    }),
    updateInterview: async () => ({
      params: { personId: visited.id, id: await district.interview(visited.id) },
      body: { date: '2026-03-15' },
    }),
    listApiKeys: async () => ({}),
    createApiKey: async () => ({ body: { name: 'New', scopes: ['read:people'] } }),
    revokeApiKey: async () => ({ params: { id: await createdKey() } }),
    getDistrict: async () => ({}),
    describe: async () => ({}),
  }
  /** The status; `[]` for an empty list; `id` where nothing but the id is told. */
  const shown = (status: number, body: unknown): string => {
    if (status >= 300) return String(status)
    if (Array.isArray(body) && body.length === 0) return '[]'
    return Object.keys(body as object).join() === 'id' ? 'id' : String(status)
  }

  test('is what the snapshot says: every route, for every kind of caller', async () => {
    const { callers } = world
    const lines: string[] = []
    for (const route of routes) {
      const request = requests[route.name]
      expect(request, `${route.name} has no probe`).toBeDefined()
      const cells: string[] = []
      for (const [column, caller] of callers.entries()) {
        const token = await caller.token()
        const { params = {}, query = '', body } = await request!(token)
        const path = route.path.replaceAll(/:(\w+)/g, (_, name: string) => params[name]!) + query
        const headers = { 'X-Forwarded-For': `192.0.2.${column + 1}` }
        const answer = await world.as(caller, () => gateway.rest(route.method, path, { body, token, headers }))
        cells.push(shown(answer.status, answer.json))
      }
      lines.push(`${`${route.method} ${route.path}`.padEnd(38)} ${cells.map((cell) => cell.padStart(5)).join(' ')}`)
    }
    await undoVisits()
    const head = `${''.padEnd(38)} ${callers.map(({ name }) => name.padStart(5)).join(' ')}`
    const legend = [
      'Who gets what by REST: every route, asked by every kind of caller of access-matrix.txt. Written by test/access.test.ts.',
      '',
      '200, 201   an answer      []   an empty list      id   the id alone      4xx   a refusal',
      '',
    ]
    await expect(`${[...legend, head, ...lines].join('\n')}\n`).toMatchFileSnapshot('./route-matrix.txt')
  })
})

/** The data of an answer that refuses nothing. */
const read = async (token: string, query: string) => {
  const { json, text } = await gateway.graphql(query, { token })
  expect(json.errors, text).toBeUndefined()
  return json.data
}
/** What was refused where: code and path. */
const refusals = async (token: string | undefined, query: string) => {
  const { json } = await gateway.graphql(query, { token })
  return {
    data: json.data,
    refused: (json.errors ?? []).map(({ path, extensions }: { path: string[]; extensions: object }) => ({
      at: path.join('.'),
      ...extensions,
    })),
  }
}
const allInterviews = '{ interviews(orderBy: DATE_ASC) { totalCount nodes { id responses { field { id } } form { fields { id } } } } }'
interface SeenInterview {
  readonly id: string
  readonly responses: { readonly field: { readonly id: string } }[]
  readonly form: { readonly fields: { readonly id: string }[] }
}
const seenBy = async (token: string) => {
  const { interviews: page } = await read(token, allInterviews)
  const nodes: SeenInterview[] = page.nodes
  expect(page.totalCount).toBe(nodes.length)
  return {
    ids: nodes.map(({ id }) => id),
    answers: [...new Set(nodes.map(({ responses }) => responses.map(({ field }) => field.id).join(' ')))],
    formFields: [...new Set(nodes.map(({ form }) => form.fields.map(({ id }) => id).join(' ')))],
  }
}
const open = ['1a 1b 1f']
const withPrivate = ['1a 1b 1d 1f']
const every = Object.values(interviews)

describe('interviews', () => {
  test('a mentor sees the published ones of assigned candidates, without private fields', async () => {
    const mentor = await world.mentor.token()
    expect(await seenBy(mentor)).toEqual({ ids: [interviews.published], answers: open, formFields: open })
    const { text } = await gateway.graphql('{ interviews { nodes { responses { value text } } } }', { token: mentor })
    expect(text).not.toContain('Ask again in a year')
  })

  test('a candidate sees their own published ones, without private fields', async () => {
    expect(await seenBy(await candidate.token())).toEqual({ ids: [interviews.published], answers: open, formFields: open })
  })

  test('one who is mentor and candidate sees both kinds, and no others', async () => {
    expect(await seenBy(await world.both.token())).toEqual({
      ids: [interviews.published, interviews.ofBoth],
      answers: open,
      formFields: open,
    })
  })

  test('an assigned candidate’s interviews are not a mentor’s own: a mentor who is no candidate sees none of their own', async () => {
    const own = await district.interview(world.mentor.id)
    expect((await seenBy(await world.mentor.token())).ids).not.toContain(own)
    await gateway.db.tables.interview.delete({ where: { districtId_id: { districtId: district.id, id: own } } })
  })

  test('administrators, the board, whoever has a seat on a board and a key that reads interviews see all, private fields included', async () => {
    const tokens = [await world.admin.token(), await world.board.token(), await world.seat.token(), await district.key('read:interviews')]
    for (const token of tokens) {
      expect(await seenBy(token)).toEqual({ ids: every, answers: withPrivate, formFields: withPrivate })
    }
  })

  test('one without a role and one who views people see none', async () => {
    for (const person of [world.nobody, world.viewer]) {
      expect(await seenBy(await person.token())).toEqual({ ids: [], answers: [], formFields: [] })
    }
  })

  test('an unpublished one ceases to be seen, and a candidate who is assigned no more takes theirs along', async () => {
    const mentor = await world.mentor.token()
    const newcomer = await district.person({ roles: { '1c': 1 } })
    const id = await district.interview(newcomer.id)
    const sees = async () => (await seenBy(mentor)).ids.includes(id)
    expect(await sees()).toBe(false)
    await district.mentors(world.mentor.id, newcomer.id)
    expect(await sees()).toBe(true)
    await gateway.db.tables.interview.update({ where: { districtId_id: { districtId: district.id, id } }, data: { published: false } })
    expect(await sees()).toBe(false)
    await gateway.db.tables.interview.update({ where: { districtId_id: { districtId: district.id, id } }, data: { published: true } })
    await gateway.db.tables.mentorAssignment.delete({
      where: { districtId_mentorId_candidateId: { districtId: district.id, mentorId: world.mentor.id, candidateId: newcomer.id } },
    })
    expect(await sees()).toBe(false)
    await gateway.db.tables.person.delete({ where: { districtId_id: { districtId: district.id, id: newcomer.id } } })
  })
})

describe('people', () => {
  const names = async (token: string) =>
    (await read(token, '{ people(filter: { archived: null }, first: 200) { nodes { first } } }')).people.nodes.map(
      ({ first }: { first: string }) => first,
    )

  test('an administrator, one who views people and a key that reads people see the whole district', async () => {
    const all = await names(await world.admin.token())
    expect(all).toEqual(expect.arrayContaining(['Alma', 'Ari', 'Bea', 'Bo', 'Cara', 'Mia', 'Nora', 'Otto', 'Sara', 'Vera']))
    expect(await names(await world.viewer.token())).toEqual(all)
    expect(await names(await district.key('read:people'))).toEqual(all)
  })

  test('a mentor sees the assigned candidates and themselves, everybody else themselves alone', async () => {
    expect(await names(await world.mentor.token())).toEqual(['Cara', 'Mia'])
    for (const person of [world.board, world.seat, candidate, world.nobody])
      expect(await names(await person.token())).toEqual([person.first])
  })

  test('mentors of a candidate are named as far as the caller sees them', async () => {
    const mentors = async (token: string) =>
      (await read(token, `{ person(id: "${candidate.id}") { mentors { first } } }`)).person.mentors.map(
        ({ first }: { first: string }) => first,
      )
    expect(await mentors(await world.admin.token())).toEqual(['Bea', 'Mia'])
    expect(await mentors(await world.mentor.token())).toEqual(['Mia'])
    expect(await mentors(await candidate.token())).toEqual([])
  })
})

describe('API keys', () => {
  test('a write scope alone reads nothing', async () => {
    for (const scope of ['write:people', 'write:interviews'] as const) {
      const { data, refused } = await refusals(
        await district.key(scope),
        `{ people { totalCount } interviews { totalCount } person(id: "${candidate.id}") { id } interview(id: "${interviews.published}") { id } }`,
      )
      expect(data).toEqual({ people: null, interviews: null, person: null, interview: null })
      expect(refused.map(({ code }: { code: string }) => code)).toEqual(['FORBIDDEN', 'FORBIDDEN', 'FORBIDDEN', 'FORBIDDEN'])
    }
  })

  test('are nobody: me.person is null without an error', async () => {
    expect(await read(await district.key(), '{ me { person { id } districtId credential { __typename } } }')).toEqual({
      me: { person: null, districtId: district.id, credential: { __typename: 'ApiKey' } },
    })
  })

  test('without a scope get null for that field alone, with the scope that is missing, and the rest stands', async () => {
    const { data, refused } = await refusals(
      await district.key('read:people'),
      `{ person(id: "${candidate.id}") { first interviews { totalCount nodes { id } } } interviews { totalCount } district { id } }`,
    )
    expect(data).toEqual({ person: { first: 'Cara', interviews: null }, interviews: null, district: { id: district.id } })
    expect(refused).toEqual([
      { at: 'interviews', code: 'FORBIDDEN', requiredScopes: ['read:interviews'] },
      { at: 'person.interviews', code: 'FORBIDDEN', requiredScopes: ['read:interviews'] },
    ])
  })

  test('that read interviews do not read people by way of them', async () => {
    const { data, refused } = await refusals(
      await district.key('read:interviews'),
      `{ interview(id: "${interviews.published}") { personId person { first email interviews { nodes { person { id } } } } } }`,
    )
    expect(data).toEqual({ interview: { personId: candidate.id, person: null } })
    expect(refused).toEqual([{ at: 'interview.person', code: 'FORBIDDEN', requiredScopes: ['read:people'] }])
  })

  test('that read people do not read interviews by way of them, nor who created the key', async () => {
    const { data, refused } = await refusals(
      await district.key('read:people'),
      '{ people(first: 3, filter: { tag: "2026" }) { totalCount nodes { mentors { interviews { totalCount } } } edges { node { interviews { edges { cursor } pageInfo { hasNextPage } } } } } }',
    )
    expect(data.people).toEqual({
      totalCount: 1,
      nodes: [{ mentors: [{ interviews: null }, { interviews: null }] }],
      edges: [{ node: { interviews: null } }],
    })
    expect(new Set(refused.map(({ requiredScopes }: { requiredScopes: string[] }) => requiredScopes.join(' ')))).toEqual(
      new Set(['read:interviews']),
    )
  })

  test('of which scopes are two needed need both', async () => {
    const query = `{ interview(id: "${interviews.published}") { person { first } } }`
    expect((await refusals(await district.key('read:people'), query)).data).toEqual({ interview: null })
    expect((await refusals(await district.key('read:interviews'), query)).data).toEqual({ interview: { person: null } })
    expect(await read(await district.key('read:people', 'read:interviews'), query)).toEqual({ interview: { person: { first: 'Cara' } } })
  })

  test('see private fields of a form only where they read interviews', async () => {
    const fields = async (token: string) =>
      (await read(token, '{ district { forms { fields { id name private } } } }')).district.forms[0].fields
        .map(({ id }: { id: string }) => id)
        .join(' ')
    expect(await fields(await district.key('read:people', 'write:people', 'write:interviews'))).toBe('1a 1b 1f')
    expect(await fields(await district.key('read:interviews'))).toBe('1a 1b 1d 1f')
  })
})

describe('what a caller does not see tells nothing', () => {
  test('a hidden record answers byte for byte like one that is not there', async () => {
    const token = await candidate.token()
    const hidden = await gateway.graphql(`{ person(id: "${other.id}") { id first } interview(id: "${interviews.unpublished}") { id } }`, {
      token,
    })
    const absent = await gateway.graphql('{ person(id: "nosuchperson00") { id first } interview(id: "nosuchinterview") { id } }', { token })
    expect(hidden.status).toBe(absent.status)
    expect(hidden.text).toBe(absent.text)
  })

  test('filters by what is hidden find an empty page, and its total and cursors are empty too', async () => {
    const token = await candidate.token()
    const page = (args: string) =>
      `{ interviews(${args}) { totalCount edges { cursor } pageInfo { hasNextPage hasPreviousPage startCursor endCursor } } }`
    const empty = {
      interviews: {
        totalCount: 0,
        edges: [],
        pageInfo: { hasNextPage: false, hasPreviousPage: false, startCursor: null, endCursor: null },
      },
    }
    for (const filter of [`personId: "${other.id}"`, 'published: false', 'dateFrom: "2026-04-01"'])
      expect(await read(token, page(`filter: { ${filter} }`))).toEqual(empty)
    expect(await read(token, `{ people(filter: { email: "${other.email}" }) { totalCount edges { cursor } } }`)).toEqual({
      people: { totalCount: 0, edges: [] },
    })
    expect(await read(token, '{ people(filter: { search: "otto" }) { totalCount } }')).toEqual({ people: { totalCount: 0 } })
  })

  test('hasNextPage does not look past what the caller sees', async () => {
    expect(
      await read(
        await candidate.token(),
        '{ interviews(first: 1) { pageInfo { hasNextPage } } people(first: 1) { pageInfo { hasNextPage } } }',
      ),
    ).toEqual({
      interviews: { pageInfo: { hasNextPage: false } },
      people: { pageInfo: { hasNextPage: false } },
    })
  })

  test('totals inside relations count what the caller sees', async () => {
    const query = `{ person(id: "${candidate.id}") { interviews { totalCount } } }`
    const total = async (token: string) => (await read(token, query)).person.interviews.totalCount
    expect(await total(await world.admin.token())).toBe(2)
    expect(await total(await world.mentor.token())).toBe(1)
    expect(await total(await candidate.token())).toBe(1)
    expect(await total(await world.viewer.token())).toBe(0)
  })

  test('private answers are not found by alias, fragment or another language', async () => {
    const { text } = await gateway.graphql(
      `query { a: interview(id: "${interviews.published}") { ...f } me { person { interviews { nodes { ...f } edges { node { ...f } } } } } }
       fragment f on Interview { responses { value en: text(language: "en") fr: text(language: "fr") field { id name private options { name } } } form { fields { id name } } }`,
      { token: await candidate.token() },
    )
    expect(text).toContain('Her calm')
    expect(text).not.toMatch(/Ask again|Board notes|"1d"/)
  })
})

describe('the plan', () => {
  test('once the trial is over district data is PAYMENT_REQUIRED, while me and logout still work', async () => {
    const lapsed = world.callers.find(({ name }) => name === 'lapsA')!
    await world.as(lapsed, async () => {
      const token = (await lapsed.token())!
      const { data, refused } = await refusals(
        token,
        '{ me { person { first mentors { id } } } people { totalCount } interviews { totalCount } district { id } }',
      )
      expect(data).toEqual({ me: { person: { first: 'Alma', mentors: null } }, people: null, interviews: null, district: null })
      expect(refused.map(({ code }: { code: string }) => code)).toEqual(Array.from({ length: 4 }, () => 'PAYMENT_REQUIRED'))
      expect((await gateway.graphql('mutation { logout { ok } }', { token })).json).toEqual({ data: { logout: { ok: true } } })
    })
  })
})

describe('a key of a district whose plan has lapsed', () => {
  test('is told of the scope that it lacks, and only then of the plan', async () => {
    const tenant = await createTestDistrict(gateway.db, { plan: 'inactive' })
    const token = await tenant.key('read:people')
    const { refused } = await refusals(token, '{ people { totalCount } interviews { totalCount } apiKeys { id } }')
    expect(refused).toEqual([
      { at: 'people', code: 'PAYMENT_REQUIRED' },
      { at: 'interviews', code: 'FORBIDDEN', requiredScopes: ['read:interviews'] },
      { at: 'apiKeys', code: 'FORBIDDEN' },
    ])
    expect((await gateway.rest('GET', '/api/people', { token })).status).toBe(402)
    expect((await gateway.rest('GET', '/api/interviews', { token })).status).toBe(403)
    expect((await gateway.rest('POST', '/api/people', { token, body: {} })).status).toBe(403)
    expect((await gateway.rest('POST', '/api/people', { token: await tenant.key('write:people'), body: {} })).status).toBe(402)
  })
})

describe('another plan', () => {
  const answer = async (plan: { plan: string; trialEndsAt?: Date }) => {
    const tenant = await createTestDistrict(gateway.db, plan)
    return outcome((await gateway.graphql('{ people { totalCount } }', { token: await tenant.key('read:people') })).json, ['people'])
  }

  test('a trial that runs is as good as a subscription, an inactive plan as bad as a trial that is over', async () => {
    const hourMs = 3_600_000
    expect(await answer({ plan: 'trial', trialEndsAt: new Date(Date.now() + hourMs) })).toBe('(0)')
    expect(await answer({ plan: 'trial', trialEndsAt: new Date(Date.now() - hourMs) })).toBe('402')
    expect(await answer({ plan: 'pro', trialEndsAt: new Date(Date.now() - hourMs) })).toBe('(0)')
    expect(await answer({ plan: 'inactive' })).toBe('402')
  })
})

describe('within one document', () => {
  test('what follows logout runs as nobody', async () => {
    const token = await world.admin.token()
    const { json } = await gateway.graphql('mutation { first: logout { ok } second: logout { ok } }', { token })
    expect(json.data).toEqual({ first: { ok: true }, second: null })
    expect(json.errors).toMatchObject([{ path: ['second'], extensions: { code: 'UNAUTHENTICATED' } }])
    expect((await gateway.graphql('{ me { districtId } }', { token })).status).toBe(401)
  })

  const add = (alias: string) =>
    `${alias}: createPerson(input: { first: "New", last: "Person", email: "${makeId(randomBytes)}@example.org" }) { person { last } }`
  const done = { person: { last: 'Person' } }

  test('a rule that held before logout does not after it', async () => {
    const { json } = await gateway.graphql(`mutation { ${add('before')} logout { ok } ${add('after')} }`, {
      token: await world.admin.token(),
    })
    expect(json.data).toEqual({ before: done, logout: { ok: true }, after: null })
    expect(json.errors).toMatchObject([{ path: ['after'], extensions: { code: 'UNAUTHENTICATED' } }])
  })

  test('a rule that did not hold before signing in does after it', async () => {
    const newcomer = await district.person({ roles: { '1a': 1 } })
    await gateway.graphql(`mutation { requestLogin(email: "${newcomer.email}") { ok } }`)
    const { token } = await gateway.nextMail(newcomer.email)
    const { json } = await gateway.graphql(`mutation { ${add('before')} verifyMagicLink(token: "${token}") { ok } ${add('after')} }`)
    expect(json.data).toEqual({ before: null, verifyMagicLink: { ok: true }, after: done })
    expect(json.errors).toMatchObject([{ path: ['before'], extensions: { code: 'UNAUTHENTICATED' } }])
  })

  test('a rule is judged by the roles and the plan of the district that the session has moved to', async () => {
    const [email, elsewhere] = [`${makeId(randomBytes)}@example.org`, await createTestDistrict(gateway.db, { plan: 'inactive' })]
    const mover = await district.person({ roles: { '1a': 1 }, email })
    await elsewhere.person({ roles: { '1a': 1 }, email })
    const moves = (alias: string, { id }: { id: string }) => `${alias}: switchDistrict(districtId: "${id}") { ok }`
    const { json } = await gateway.graphql(
      `mutation { ${add('before')} ${moves('there', elsewhere)} ${add('lapsed')} ${moves('back', district)} ${add('after')} }`,
      { token: await mover.token() },
    )
    expect(json.data).toEqual({ before: done, there: { ok: true }, lapsed: null, back: { ok: true }, after: done })
    expect(json.errors).toMatchObject([{ path: ['lapsed'], extensions: { code: 'PAYMENT_REQUIRED' } }])
  })

  test('a rule is judged by the roles that are left after one has changed them', async () => {
    const changed = await district.person({ roles: { '1a': 1 } })
    const { json } = await gateway.graphql(
      `mutation { ${add('before')} updatePerson(id: "${changed.id}", input: { roles: [] }) { id } ${add('after')} }`,
      { token: await changed.token() },
    )
    expect(json.data).toEqual({ before: done, updatePerson: { id: changed.id }, after: null })
    expect(json.errors).toMatchObject([{ path: ['after'], extensions: { code: 'FORBIDDEN' } }])
  })

  test('what follows signing in runs as the new session', async () => {
    const newcomer = await district.person({ roles: { '1c': 1 } })
    await gateway.graphql(`mutation { requestLogin(email: "${newcomer.email}") { ok } }`)
    const { token } = await gateway.nextMail(newcomer.email)
    const { json } = await gateway.graphql(
      `mutation { verifyMagicLink(token: "${token}") { person { id interviews { totalCount } mentors { id } } } logout { ok } }`,
    )
    expect(json).toEqual({
      data: { verifyMagicLink: { person: { id: newcomer.id, interviews: { totalCount: 0 }, mentors: [] } }, logout: { ok: true } },
    })
  })
})
