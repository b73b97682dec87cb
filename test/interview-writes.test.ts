/** Adding and changing interviews: what is answered fits the form, merges field by field, and never shows to those from whom it was kept. */
import fc from 'fast-check'
import sql from 'sql-template-tag'
import { describe, expect, test } from 'vitest'
import { createTestDistrict } from './support/fixtures.ts'
import { startGateway } from './support/gateway.ts'
import { json, type Json, raw } from './support/http.ts'
import { expectNothingChanges, expectRefused, expectWritten, refusalsIn, writesThrough } from './support/writes.ts'

const gateway = await startGateway()
const { db } = gateway
const { createInterview, updateInterview, updatePerson } = writesThrough(gateway)
const district = await createTestDistrict(db)
const elsewhere = await createTestDistrict(db)
const key = await district.key()
const admin = await (await district.admin()).token()
const candidate = await district.person({ roles: { '1c': 1 } })
const stranger = await elsewhere.person()

const name = { en: 'A name' }
/** A form with a field of each type. */
await db.tables.form.create({
  data: {
    districtId: district.id,
    id: 'all',
    name,
    fields: {
      create: [
        { id: 'check', position: 1, name, type: 'checkbox' },
        { id: 'pick', position: 2, name, type: 'select', options: ['1', '2', 'maybe', '007'].map((id) => ({ id, name })) },
        { id: 'short', position: 3, name, type: 'short_text' },
        { id: 'long', position: 4, name, type: 'long_text' },
        { id: 'file', position: 5, name, type: 'file' },
        { id: 'note', position: 6, name, type: 'short_text', private: true },
      ],
    },
  },
})
/** A form in which everything is public; it knows `1d`, which is private in the district's first form, and not `1a`. */
await db.tables.form.create({
  data: {
    districtId: district.id,
    id: 'open',
    name,
    fields: {
      create: [
        { id: '1d', position: 1, name, type: 'long_text' },
        { id: '1f', position: 2, name, type: 'checkbox' },
      ],
    },
  },
})
// What only the other district has.
for (const table of [db.tables.board, db.tables.profile, db.tables.form] as { create(row: object): Promise<unknown> }[])
  await table.create({ data: { districtId: elsewhere.id, id: '9z', name } })

const meeting = (changes: object = {}) => ({
  personId: candidate.id,
  date: '2026-03-14',
  boardId: '1a',
  formId: '1a',
  profileId: '1a',
  ...changes,
})
async function rowOf(id: string): Promise<Json> {
  const [row] = await db.query<Json>(sql`select * from interviews where district_id = ${district.id} and id = ${id}`)
  return row
}
/** A new interview on the form with all types. */
const answered = async (responses: object = {}) => expectWritten(await createInterview(key, meeting({ formId: 'all', responses })))

describe('an interview that is added', () => {
  test('is what was asked for, and what was left out is as documented', async () => {
    const { id, record } = expectWritten(await createInterview(key, meeting()))
    expect(record).toEqual({
      id,
      districtId: district.id,
      personId: candidate.id,
      date: '2026-03-14',
      board: { id: '1a' },
      form: { id: '1a' },
      profile: { id: '1a' },
      published: false,
      responses: [],
      createdAt: record.updatedAt,
      updatedAt: record.createdAt,
    })
    expect(Math.abs(Date.parse(record.createdAt) - Date.now())).toBeLessThan(60_000)
  })

  test('is found by all that is known of it, and by nothing else', async () => {
    const person = await district.person()
    const input = meeting({ personId: person.id, date: '2020-02-29', boardId: '1b', profileId: '1b', published: true })
    const { id } = expectWritten(await createInterview(key, input))
    const found = async (filter: string) => {
      const answer = await gateway.graphql(`{ interviews(filter: { personId: "${person.id}", ${filter} }) { nodes { id } } }`, {
        token: key,
      })
      return answer.json.data.interviews.nodes
    }
    for (const filter of ['', 'boardId: "1b"', 'profileId: "1b"', 'published: true', 'dateFrom: "2020-02-29", dateTo: "2020-02-29"'])
      expect(await found(filter)).toEqual([{ id }])
    for (const filter of ['boardId: "1a"', 'profileId: "1a"', 'published: false', 'dateFrom: "2020-03-01"', 'dateTo: "2020-02-28"'])
      expect(await found(filter)).toEqual([])
  })

  test('can be published with its responses, and takes null for what may be left out', async () => {
    const responses = { '1a': 1, '1b': { en: 'Calm', es: 'Calma' }, '1d': { en: 'Ask again' }, '1f': true }
    const { record } = expectWritten(await createInterview(key, meeting({ published: true, responses })))
    expect(record).toMatchObject({
      published: true,
      responses: [
        { field: { id: '1a', private: false }, value: 1 },
        { field: { id: '1b', private: false }, value: { en: 'Calm', es: 'Calma' } },
        { field: { id: '1d', private: true }, value: { en: 'Ask again' } },
        { field: { id: '1f', private: false }, value: 1 },
      ],
    })
    const none = expectWritten(await createInterview(key, meeting({ published: null, responses: null })))
    expect(none.record).toMatchObject({ published: false, responses: [] })
    expectWritten(await createInterview(key, meeting({ responses: {} })))
  })
})

describe('a change', () => {
  const changes: [string, object][] = [
    ['the date', { date: '2027-01-01' }],
    ['the board', { boardId: '1b' }],
    ['the profile', { profileId: '1b' }],
    ['published', { published: true }],
    ['the form, where nothing is answered,', { formId: 'all' }],
  ]
  test.each(changes)('of %s changes that, and nothing else', async (_what, change) => {
    const { id } = expectWritten(await createInterview(key, meeting()))
    const [before, others] = [await rowOf(id), await db.query(sql`select * from interviews where id <> ${id} order by id`)]
    const { record } = expectWritten(await updateInterview(key, id, change))
    const [member, value] = Object.entries(change)[0]!
    expect(record).toMatchObject(member.endsWith('Id') ? { [member.slice(0, -2)]: { id: value } } : { [member]: value })
    const after = await rowOf(id)
    const column = member.replace('Id', '_id')
    expect(after).toEqual({ ...before, [column]: value, updated_at: after.updated_at })
    expect(after.updated_at.getTime()).toBeGreaterThan(before.updated_at.getTime())
    expect(await db.query(sql`select * from interviews where id <> ${id} order by id`)).toEqual(others)
  })

  test('that changes nothing leaves no trace', async () => {
    const { id } = await answered({ check: 1, pick: 2, long: { en: 'x', es: 'y' } })
    await expectNothingChanges(db, async () => {
      for (const same of [
        {},
        { date: '2026-03-14', boardId: '1a', formId: 'all', profileId: '1a', published: false },
        { responses: {} },
        { responses: { long: { es: 'y', EN: 'x' }, pick: '2', check: true } },
        { responses: { short: null, file: null } },
      ])
        expectWritten(await updateInterview(key, id, same))
    })
  })

  test('names in the trail what changed, and no more', async () => {
    const { id } = await answered({ check: 1, short: { en: 'x' } })
    expectWritten(await updateInterview(key, id, { published: true, responses: { check: 0, short: null, long: { en: 'y' }, pick: null } }))
    expect(await db.query(sql`select members from audit_events where record_id = ${id} and action = 'INTERVIEW_UPDATE'`)).toEqual([
      { members: ['published', 'responses.check', 'responses.short', 'responses.long'] },
    ])
  })

  test('moves updatedAt each time, also twice in the same millisecond and many at once, and createdAt never', async () => {
    const { id, record } = expectWritten(await createInterview(key, meeting()))
    await db.query(sql`update interviews set updated_at = date_trunc('milliseconds', now()) + interval '1 hour' where id = ${id}`)
    const before = (await rowOf(id)).updated_at.getTime()
    for (const published of [true, false]) expectWritten(await updateInterview(key, id, { published }))
    expect((await rowOf(id)).updated_at.getTime() - before).toBe(2)
    const days = Array.from({ length: 20 }, (_, n) => `2027-01-${String(n + 1).padStart(2, '0')}`)
    for (const change of await Promise.all(days.map((date) => updateInterview(key, id, { date })))) expectWritten(change)
    expect((await rowOf(id)).updated_at.getTime() - before).toBe(22)
    expect((await rowOf(id)).created_at).toEqual(new Date(record.createdAt))
  })
})

describe('a response', () => {
  const kept: [string, unknown, unknown][] = [
    ['check', true, 1],
    ['check', 1, 1],
    ['check', false, 0],
    ['check', 0, 0],
    ['pick', 1, 1],
    ['pick', '1', 1],
    ['pick', 2, 2],
    ['pick', 'maybe', 'maybe'],
    ['pick', '007', '007'],
    ['short', { en: 'Yes' }, { en: 'Yes' }],
    ['short', { 'pt-br': 'Sim', ES: 'Sí', 'zh-hant-tw': '是' }, { 'pt-BR': 'Sim', es: 'Sí', 'zh-Hant-TW': '是' }],
    ['short', { en: '' }, { en: '' }],
    ['short', { en: ' as it is ' }, { en: ' as it is ' }],
    ['short', { en: 'x'.repeat(1_000) }, { en: 'x'.repeat(1_000) }],
    ['long', { en: '🎈'.repeat(10_000), es: 'Sí' }, { en: '🎈'.repeat(10_000), es: 'Sí' }],
    ['note', { en: 'Between us' }, { en: 'Between us' }],
  ]
  test.each(kept)('to %s may be %j', async (field, given, stored) => {
    const { id, record } = await answered({ [field]: given })
    expect(record.responses).toEqual([{ field: { id: field, private: field === 'note' }, value: stored }])
    expect((await rowOf(id)).responses).toEqual({ [field]: stored })
    const other = await answered({ check: 1 })
    expectWritten(await updateInterview(key, other.id, { responses: { [field]: given } }))
    expect((await rowOf(other.id)).responses).toEqual({ check: 1, [field]: stored })
  })

  const wrong: [string, unknown, string?][] = [
    ...[2, -1, 0.5, '1', '', 'true', [], [1], {}, { en: 'yes' }].map((value): [string, unknown] => ['check', value]),
    ...[3, 0, 7, 1.5, '3', '', ' 1', '01', 'Maybe', true, [1], { id: 1 }, '__proto__', 'constructor'].map((value): [string, unknown] => [
      'pick',
      value,
    ]),
    ...['Yes', 1, true, [], ['Yes'], {}].map((value): [string, unknown] => ['short', value]),
    ['short', { en: 1 }, 'en'],
    ['short', { en: null }, 'en'],
    ['short', { es: 'Sí', en: true }, 'en'],
    ['short', { en: { en: 'x' } }],
    ['short', { en: 'x'.repeat(1_001) }, 'en'],
    ['short', { en: 'a\0b' }, 'en'],
    ['short', { en: 'a\ud83d' }, 'en'],
    ['short', { 'not a language!': 'x' }, 'not a language!'],
    ['short', { '': 'x' }, ''],
    ['short', { en: 'x', EN: 'y' }, 'EN'],
    ['short', { en: 'x', constructor: 'y' }, 'constructor'],
    ['short', JSON.parse('{"en":"x","__proto__":"y"}'), '__proto__'],
    ['short', { ['x'.repeat(500)]: 'y' }, `${'x'.repeat(99)}…`],
    ['long', { en: 'x'.repeat(20_001) }, 'en'],
    ['note', 'Between us'],
    ...['x', 1, { en: 'x' }, { name: 'x', url: 'https://example.org' }].map((value): [string, unknown] => ['file', value]),
    ...['nope', '', ' check', 'CHECK', '1d', '__proto__', 'constructor', 'hasOwnProperty', 'toString', 'check\0'].flatMap(
      (id): [string, unknown][] => [
        [id, 1],
        [id, null],
        [id, { en: 'x' }],
      ],
    ),
  ]
  const cases = wrong.map(([field, value, below]) => ({
    field,
    value: JSON.stringify(value).slice(0, 60),
    // As it comes over the wire, where `__proto__` is a member like any other.
    responses: JSON.parse(`{${JSON.stringify(field)}:${JSON.stringify(value)}}`) as object,
    path: ['input.responses', field, ...(below === undefined ? [] : [below])].join('.'),
  }))
  test.each(cases)('to $field may not be $value', async ({ responses, path }) => {
    const { id } = await target
    const beside = Object.defineProperties({ check: 0 }, Object.getOwnPropertyDescriptors(responses))
    await expectNothingChanges(db, async () => {
      expectRefused(await createInterview(key, meeting({ formId: 'all', responses })), 'BAD_USER_INPUT', path)
      expectRefused(await createInterview(key, meeting({ formId: 'all', responses }), { idempotencyKey: 'x' }), 'BAD_USER_INPUT', path)
      expectRefused(await updateInterview(key, id, { published: true, responses }), 'BAD_USER_INPUT', path)
      expectRefused(await updateInterview(key, id, { responses: beside }), 'BAD_USER_INPUT', path)
    })
  })
  const target = answered({ check: 1, short: { en: 'kept' } })
  test.each([[[]], ['text'], [1], [true], [['check']]])('is none in what is no object: %j', async (responses) => {
    const { id } = await target
    await expectNothingChanges(db, async () => {
      expectRefused(await createInterview(key, meeting({ formId: 'all', responses })), 'BAD_USER_INPUT', 'input.responses')
      expectRefused(await updateInterview(key, id, { responses }), 'BAD_USER_INPUT', 'input.responses')
    })
  })

  test.each(
    (['check', 'short', 'nope', undefined] as const).flatMap((field) => [
      [field, 90, `input.responses${field === undefined ? '' : `.${field}`}`] as const,
      [field, 20_000, undefined] as const, // refused before the body is parsed
    ]),
  )('to %s may not be %i levels deep', async (field, levels, path) => {
    const { id } = await target
    for (const [open, close] of [
      ['[', ']'],
      ['{"en":', '}'],
    ] as const) {
      const deep = `${open.repeat(levels)}1${close.repeat(levels)}`
      const responses = field === undefined ? deep.replace(open, '[').replace(/.$/, ']') : `{"check":0,"${field}":${deep}}`
      const document = (name: string, args: string, input: object) =>
        `{"query":"mutation ($input: ${name[0]!.toUpperCase()}${name.slice(1)}Input!) { ${name}(${args}input: $input) { id } }",
          "variables":{"input":${JSON.stringify(input).replace('"…"', responses)}}}`
      await expectNothingChanges(db, async () => {
        for (const body of [
          document('createInterview', '', meeting({ formId: 'all', responses: '…' })),
          document('updateInterview', `id: \\"${id}\\", `, { responses: '…' }),
        ]) {
          for (const more of [{}, { 'Idempotency-Key': 'deep' }]) {
            const answer = await raw(`${gateway.url}/graphql`, json(body, { Authorization: `Bearer ${key}`, ...more }))
            expect(refusalsIn(answer)).toMatchObject([{ code: 'BAD_USER_INPUT', ...(path === undefined ? {} : { field: path }) }])
          }
        }
      })
    }
  })

  test('merges into those that there are: null clears one, null in place of the object all', async () => {
    const { id } = await answered({ check: 1, pick: 1, short: { en: 'a', es: 'b' } })
    const after = async (responses: object | null) => {
      expectWritten(await updateInterview(key, id, { responses }))
      return (await rowOf(id)).responses
    }
    expect(await after({ pick: 2 })).toEqual({ check: 1, pick: 2, short: { en: 'a', es: 'b' } })
    expect(await after({ check: null, long: { en: 'c' } })).toEqual({ pick: 2, short: { en: 'a', es: 'b' }, long: { en: 'c' } })
    // A text is one answer, in all its languages.
    expect(await after({ short: { en: 'd' } })).toEqual({ pick: 2, short: { en: 'd' }, long: { en: 'c' } })
    expect(await after({})).toEqual({ pick: 2, short: { en: 'd' }, long: { en: 'c' } })
    expect(await after(null)).toEqual({})
    expect(await after({ check: false })).toEqual({ check: 0 })
  })

  test('is read where it is written into the document as well', async () => {
    const { id } = await answered()
    const write = (responses: string) =>
      gateway.graphql(
        `mutation ($note: JSON) { updateInterview(id: "${id}", input: { responses: ${responses} }) { interview { responses { value } } } }`,
        { token: key, variables: { note: { en: 'of a variable' } } },
      )
    expect(
      (await write('{ check: true, pick: "2", short: { en: "x" }, note: $note }')).json.data.updateInterview.interview.responses,
    ).toEqual([1, 2, { en: 'x' }, { en: 'of a variable' }].map((value) => ({ value })))
    expect(refusalsIn(await write('{ note: $note, __proto__: { en: "x" } }'))).toEqual([
      { code: 'BAD_USER_INPUT', field: 'input.responses.__proto__', at: 'updateInterview' },
    ])
  })

  test('of an answer to a field that the form has no more can be cleared, and is in no way otherwise', async () => {
    const { id } = await answered({ check: 1 })
    await db.query(sql`update interviews set responses = '{"check": 1, "gone": 1}' where id = ${id}`)
    expectRefused(await updateInterview(key, id, { responses: { gone: 2 } }), 'BAD_USER_INPUT', 'input.responses.gone')
    expectWritten(await updateInterview(key, id, { responses: { gone: null } }))
    expect((await rowOf(id)).responses).toEqual({ check: 1 })
  })

  test('whatever is sent is kept as the form has it or refused by its path, and never breaks anything', async () => {
    const id = (await answered()).id
    const fields = ['check', 'pick', 'short', 'long', 'file', 'note', 'nope', '__proto__', '1d']
    const value = fc.oneof(
      fc.jsonValue(),
      fc.constantFrom(0, 1, '1', true, null),
      fc.dictionary(fc.constantFrom('en', 'ES', 'pt-br', 'x', '__proto__'), fc.oneof(fc.string({ unit: 'binary' }), fc.jsonValue())),
    )
    await fc.assert(
      fc.asyncProperty(fc.array(fc.tuple(fc.constantFrom(...fields), value), { maxLength: 4 }), async (entries) => {
        const before = await rowOf(id)
        const written = await updateInterview(key, id, { responses: Object.fromEntries(entries) })
        const after = await rowOf(id)
        if (written.refusals.length > 0) {
          expect(written.refusals).toMatchObject([
            { code: 'BAD_USER_INPUT', field: expect.stringMatching(/^input\.responses\./) as string },
          ])
          expect(after).toEqual(before)
          return
        }
        const given = new Map(entries)
        const expected = new Set([...Object.keys(before.responses), ...given.keys()])
        for (const [field, each] of given) if (each === null) expected.delete(field)
        expect(new Set(Object.keys(after.responses))).toEqual(expected)
        for (const [field, each] of Object.entries(after.responses)) {
          if (!given.has(field)) expect(each).toEqual(before.responses[field])
          else if (field === 'check' || field === 'pick') expect(each).toBe(Number(given.get(field)))
          else expect(new Set(Object.values(each as object))).toEqual(new Set(Object.values(given.get(field) as object))) // jsonb has an order of its own
        }
      }),
      { numRuns: 150 },
    )
    expect(gateway.logLines.filter((line) => JSON.parse(line).level >= 50)).toEqual([])
  })
})

describe('a private answer', () => {
  const secret = 'Not before next year'
  /** A published interview of a candidate, and what the candidate sees of it. */
  async function published(responses: object = { '1a': 1, '1d': { en: secret }, '1f': 1 }) {
    const { id } = expectWritten(await createInterview(key, meeting({ published: true, responses })))
    const token = await candidate.token()
    const seen = async () => {
      const { text } = await gateway.graphql(
        `{ interview(id: "${id}") { responses { value text field { id } } } me { person { interviews(first: 200) { nodes { id responses { value text } } } } } }`,
        { token },
      )
      return text
    }
    expect(await seen()).not.toContain(secret)
    expect((await gateway.graphql(`{ interview(id: "${id}") { responses { value } } }`, { token: key })).text).toContain(secret)
    return { id, seen }
  }

  const refused: [string, object, string?][] = [
    ['by the form alone', { formId: 'open' }],
    ['with no answers', { formId: 'open', responses: {} }],
    ['with other answers', { formId: 'open', responses: { '1f': 0 } }],
    ['with the others cleared', { formId: 'open', responses: { '1a': null, '1f': null } }],
    ['with it cleared and the others left', { formId: 'open', responses: { '1d': null } }],
    ['together with everything else', { formId: 'open', published: true, date: '2026-05-01', boardId: '1b', profileId: '1b' }],
    ['with something that looks like it', { formId: 'open', responses: { ' 1d': null } }, 'input.responses. 1d'],
    ['with a prototype in its place', { formId: 'open', responses: JSON.parse('{"__proto__":{"1d":null}}') }, 'input.responses.__proto__'],
    ['with a list in place of the answers', { formId: 'open', responses: ['1d'] }, 'input.responses'],
    ['to a form that is none', { formId: 'nope' }],
    ['to a form of another district', { formId: '9z' }],
  ]
  test.each(refused)('does not turn public when the form is changed %s', async (_how, change, field = 'input.formId') => {
    const { id, seen } = await published()
    await expectNothingChanges(db, async () => expectRefused(await updateInterview(key, id, change), 'BAD_USER_INPUT', field))
    expect(await seen()).not.toContain(secret)
  })

  const cleared: [string, object, object][] = [
    ['null in place of all', { responses: null }, {}],
    ['null for each, also for those that the new form does not know', { responses: { '1a': null, '1d': null, '1f': null } }, {}],
    ['an answer anew', { responses: { '1a': null, '1d': { en: 'For all to read' }, '1f': null } }, { '1d': { en: 'For all to read' } }],
  ]
  test.each(cleared)('goes with its form: %s', async (_how, change, left) => {
    const { id, seen } = await published()
    expectWritten(await updateInterview(key, id, { formId: 'open', ...change }))
    expect(await rowOf(id)).toMatchObject({ form_id: 'open', responses: left })
    expect(await seen()).not.toContain(secret)
    // And does not come back with it.
    expectWritten(await updateInterview(key, id, { formId: '1a', responses: null }))
    expect((await rowOf(id)).responses).toEqual({})
  })

  test('does not turn public in two steps, nor in two fields of one document', async () => {
    const { id, seen } = await published()
    const { json: answer } = await gateway.graphql(
      `mutation {
        a: updateInterview(id: "${id}", input: { responses: { _1a: null } }) { id }
        b: updateInterview(id: "${id}", input: { formId: "open", responses: {} }) { id }
        c: updateInterview(id: "${id}", input: { formId: "all" }) { id }
        d: updateInterview(id: "${id}", input: { published: false }) { id }
        e: updateInterview(id: "${id}", input: { formId: "open", published: true }) { id }
      }`,
      { token: key },
    )
    expect(answer.data).toEqual({ a: null, b: null, c: null, d: { id }, e: null })
    expect(await rowOf(id)).toMatchObject({ form_id: '1a', published: false })
    expect(await seen()).not.toContain(secret)
  })

  test('that is sent with its form is never kept under another, whatever happened in between', async () => {
    const { id } = expectWritten(await createInterview(key, meeting({ published: true })))
    const [, late] = await Promise.all([
      updateInterview(key, id, { formId: 'open', responses: null }),
      updateInterview(key, id, { formId: '1a', responses: { '1d': { en: secret } } }),
    ])
    expectWritten(late)
    const row = await rowOf(id)
    expect([
      { form: '1a', responses: { '1d': { en: secret } } },
      { form: 'open', responses: {} },
    ]).toContainEqual({ form: row.form_id, responses: row.responses })
  })

  test('is shown to whoever wrote it only if they see private fields', async () => {
    const editor = await district.person({ roles: { '1d': 1 } })
    const { record } = expectWritten(await createInterview(await editor.token(), meeting({ responses: { '1d': { en: secret } } })))
    expect(record.responses).toEqual([{ field: { id: '1d', private: true }, value: { en: secret } }])
    const writeOnly = await createInterview(await district.key('write:interviews'), meeting({ responses: { '1d': { en: secret } } }))
    expect(writeOnly.answer.text).not.toContain(secret)
  })
})

describe('bad input', () => {
  const wrong: [string, object, string][] = [
    ...[
      '2026-02-30',
      '2026-13-01',
      '2026-00-10',
      '2026-1-1',
      '14.03.2026',
      '2026-03-14T00:00:00Z',
      '',
      ' 2026-03-14',
      '2026-03-14\0',
      20260314,
      ['2026-03-14'],
      {},
      null,
    ].map((date): [string, object, string] => [`the date ${JSON.stringify(date)}`, { date }, 'input.date']),
    ...['boardId', 'formId', 'profileId'].flatMap((member) =>
      [
        'nope',
        '9z',
        '',
        ' ',
        '1A',
        '1a ',
        '1a\0',
        '__proto__',
        'constructor',
        'x'.repeat(100_000),
        '%',
        12,
        null,
        { not: '' },
        ['1a', '1b'],
        true,
      ].map((id): [string, object, string] => [`${JSON.stringify(id).slice(0, 40)} as ${member}`, { [member]: id }, `input.${member}`]),
    ),
    ...['yes', 1, 0, [true], {}].map((published): [string, object, string] => [
      `${JSON.stringify(published)} as published`,
      { published },
      'input.published',
    ]),
    ['a member that is none', { recordings: {} }, 'input.recordings'],
    ['a district', { districtId: elsewhere.id }, 'input.districtId'],
    ['a prototype', JSON.parse('{"__proto__":{"published":true}}'), 'input.__proto__'],
  ]
  const target = createInterview(key, meeting({ responses: { '1f': 1 } }))
  /** The members of both, `__proto__` among them. */
  const both = (one: object, other: object): object =>
    Object.defineProperties({}, { ...Object.getOwnPropertyDescriptors(one), ...descriptors(other) })
  const descriptors = (object: object) =>
    Object.fromEntries(
      Object.entries(object).map(([member, value]): [string, PropertyDescriptor] => [
        member,
        { value, enumerable: true, configurable: true },
      ]),
    )

  test.each(wrong)('%s adds nothing and changes nothing', async (_what, change, field) => {
    const { id } = await target
    await expectNothingChanges(db, async () => {
      for (const written of [
        await createInterview(key, both(meeting(), change)),
        await updateInterview(key, id, both({ responses: { '1f': 0 } }, change)),
      ]) {
        expect(written.refusals[0]).toMatchObject({ code: 'BAD_USER_INPUT', field })
        expect(written.id).toBeUndefined()
      }
    })
  })

  test('that is left out, or null in a change, is named', async () => {
    const { id } = await target
    await expectNothingChanges(db, async () => {
      for (const member of ['personId', 'date', 'boardId', 'formId', 'profileId']) {
        const { [member]: _left, ...rest } = meeting() as Record<string, unknown>
        expectRefused(await createInterview(key, rest), 'BAD_USER_INPUT', `input.${member}`)
        expectRefused(await createInterview(key, { ...rest, [member]: null }), 'BAD_USER_INPUT', `input.${member}`)
      }
      expectRefused(await updateInterview(key, id, { published: null }), 'BAD_USER_INPUT', 'input.published')
      expectRefused(await updateInterview(key, id, { personId: candidate.id }), 'BAD_USER_INPUT', 'input.personId')
    })
  })

  test('leaves nothing in the log that is worth an alarm, and a gateway that works on', async () => {
    expect(gateway.logLines.filter((line) => JSON.parse(line).level >= 50)).toEqual([])
    expectWritten(await createInterview(key, meeting()))
  })
})

describe('what is of another district', () => {
  const odd = ['', ' ', '__proto__', 'x'.repeat(65), '../1', '%', '\0', '\ud800']

  test('answers byte for byte like what is missing: a person, an interview, its candidate', async () => {
    const foreign = await elsewhere.interview(stranger.id)
    const mine = expectWritten(await createInterview(key, meeting()))
    const tokens = [key, admin, await district.key('write:interviews')]
    const asks: ((token: string, id: string) => ReturnType<typeof createInterview>)[] = [
      (token, id) => createInterview(token, meeting({ personId: id, responses: { '1f': 1 } })),
      (token, id) => createInterview(token, meeting({ personId: id }), { idempotencyKey: 'foreign' }),
      (token, id) => updateInterview(token, id, { published: true }),
      (token, id) => updateInterview(token, id, {}),
      (token, id) => updateInterview(token, id, { formId: 'open', responses: { '1d': { en: 'x' } } }),
      (token, id) => updateInterview(token, id, { published: true }, { personId: candidate.id }),
      (token, id) => updateInterview(token, mine.id, { published: true }, { personId: id }),
      (token, id) => updateInterview(token, foreign, { published: true }, { personId: id }),
    ]
    await expectNothingChanges(db, async () => {
      for (const token of tokens) {
        for (const ask of asks) {
          const missing = await ask(token, 'nosuchid')
          expectRefused(missing, 'NOT_FOUND')
          for (const id of [foreign, stranger.id, elsewhere.id, ...odd])
            expect({ id, text: (await ask(token, id)).answer.text }).toEqual({ id, text: missing.answer.text })
        }
      }
    })
  })

  test('answers like what is missing: a board, a form, a profile', async () => {
    const { id } = expectWritten(await createInterview(key, meeting()))
    for (const member of ['boardId', 'formId', 'profileId']) {
      const asks = [
        (named: string) => createInterview(key, meeting({ [member]: named })),
        (named: string) => updateInterview(key, id, { [member]: named }),
        // Nor does it tell more of a person who is not there.
        (named: string) => createInterview(key, meeting({ [member]: named, personId: stranger.id })),
      ]
      for (const ask of asks) {
        const missing = (await ask('nope')).answer.text
        for (const named of ['9z', ...odd]) expect((await ask(named)).answer.text).toBe(missing)
      }
    }
  })

  test('an interview is changed where its candidate is named, and only then', async () => {
    const { id } = expectWritten(await createInterview(key, meeting()))
    const other = await district.person()
    expectWritten(await updateInterview(key, id, { published: true }, { personId: candidate.id }))
    await expectNothingChanges(db, async () => {
      expectRefused(await updateInterview(key, id, { published: false }, { personId: other.id }), 'NOT_FOUND')
      expectRefused(await updateInterview(key, id, { published: false }, { personId: '' }), 'NOT_FOUND')
    })
  })
})

describe('who may write interviews', () => {
  test('a key that only writes gets the id, and is refused the record beside it', async () => {
    const token = await district.key('write:interviews', 'write:people', 'read:people')
    const forbidden = (at: string) => [{ code: 'FORBIDDEN', requiredScopes: ['read:interviews'], at }]
    const created = await createInterview(token, meeting({ responses: { '1f': 1 } }))
    expect(created.refusals).toEqual(forbidden('createInterview.interview'))
    expect(created.answer.json.data).toEqual({ createInterview: { id: created.id, interview: null } })
    const updated = await updateInterview(token, created.id, { published: true })
    expect(updated.refusals).toEqual(forbidden('updateInterview.interview'))
    expect(updated.answer.json.data).toEqual({ updateInterview: { id: created.id, interview: null } })
    expect(await rowOf(created.id)).toMatchObject({ published: true, responses: { '1f': 1 } })
  })

  test('a key without the scope does nothing, and learns which one it lacks', async () => {
    const { id } = expectWritten(await createInterview(key, meeting()))
    for (const token of [await district.key('read:interviews'), await district.key('read:interviews', 'read:people', 'write:people')]) {
      await expectNothingChanges(db, async () => {
        for (const { id: written, refusals } of [
          await createInterview(token, meeting()),
          await updateInterview(token, id, { published: true }),
        ])
          expect({ written, refusals }).toMatchObject({
            written: undefined,
            refusals: [{ code: 'FORBIDDEN', requiredScopes: ['write:interviews'] }],
          })
      })
    }
  })

  test('a session writes with Interviews = edit, and with nothing less', async () => {
    await db.tables.role.create({ data: { districtId: district.id, id: 'view', name, permissions: { i: 1, p: 2 } } })
    await db.tables.role.create({ data: { districtId: district.id, id: 'edit', name, permissions: { i: 2 } } })
    const { id } = expectWritten(await createInterview(key, meeting()))
    const may = { '1a': true, '1b': false, '1c': false, '1d': true, '1e': false, '1f': false, view: false, edit: true }
    for (const [role, allowed] of Object.entries(may)) {
      const self = await district.person({ roles: { [role]: 1 } })
      await district.mentors(self.id, candidate.id)
      const token = await self.token()
      if (allowed) {
        expectWritten(await createInterview(token, meeting({ personId: self.id })))
        expect(expectWritten(await updateInterview(token, id, { responses: { '1d': { en: role } } })).record.responses).toHaveLength(1)
        continue
      }
      await expectNothingChanges(db, async () => {
        expectRefused(await createInterview(token, meeting()), 'FORBIDDEN')
        expectRefused(await createInterview(token, meeting({ personId: self.id })), 'FORBIDDEN')
        expectRefused(await updateInterview(token, id, { published: true }), 'FORBIDDEN')
      })
    }
    const own = expectWritten(await createInterview(key, meeting({ published: true })))
    const itsCandidate = await candidate.token()
    await expectNothingChanges(db, async () => {
      expectRefused(await updateInterview(itsCandidate, own.id, { published: false }), 'FORBIDDEN')
      expectRefused(await createInterview(undefined, meeting()), 'UNAUTHENTICATED')
      expectRefused(await updateInterview(undefined, id, { published: true }), 'UNAUTHENTICATED')
    })
  })

  test('nobody writes in a district whose plan has lapsed', async () => {
    for (const there of [
      await createTestDistrict(db, { plan: 'trial', trialEndsAt: new Date(Date.now() - 1_000) }),
      await createTestDistrict(db, { plan: 'inactive' }),
    ]) {
      const person = await there.person()
      const id = await there.interview(person.id)
      for (const token of [await there.key(), await (await there.admin()).token()]) {
        await expectNothingChanges(db, async () => {
          expectRefused(await createInterview(token, meeting({ personId: person.id })), 'PAYMENT_REQUIRED')
          expectRefused(await updateInterview(token, id, { published: false }), 'PAYMENT_REQUIRED')
        })
      }
    }
  })

  test('an archived person has interviews as before: they are kept, and can be added to', async () => {
    const person = await district.person()
    expectWritten(await updatePerson(key, person.id, { archived: true }))
    const { id } = expectWritten(await createInterview(key, meeting({ personId: person.id })))
    expectWritten(await updateInterview(key, id, { published: true }))
  })
})
