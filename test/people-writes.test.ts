/** Adding and changing people: what is asked for is what is kept, and what cannot be kept is refused by name, with nothing half done. */
import fc from 'fast-check'
import sql from 'sql-template-tag'
import { describe, expect, test } from 'vitest'
import { personIndex, wordsOf } from '../src/domain/people-index.ts'
import { createTestDistrict } from './support/fixtures.ts'
import { startGateway } from './support/gateway.ts'
import type { Json } from './support/http.ts'
import { expectNothingChanges, expectRefused, expectWritten, refusalsIn, rowsOf, writesThrough } from './support/writes.ts'

const gateway = await startGateway()
const { db } = gateway
const { createPerson, updatePerson } = writesThrough(gateway)
const district = await createTestDistrict(db)
const elsewhere = await createTestDistrict(db)
// A role that only the other district has.
await db.tables.role.create({ data: { districtId: elsewhere.id, id: '9z', name: { en: 'Elsewhere' }, permissions: {} } })
const admin = await (await district.admin()).token()
const key = await district.key()

let made = 0
/** A person who is well and has an address of their own. */
const somebody = (changes: object = {}) => ({ first: 'Grace', last: 'Hopper', email: `grace${++made}@example.org`, ...changes })
/** A person as the table holds them. */
async function rowOf(id: string): Promise<Json> {
  const [row] = await db.query<Json>(sql`select * from people where district_id = ${district.id} and id = ${id}`)
  return row
}
const holds = (...roles: [string, 'PRIMARY' | 'SECONDARY'][]) => roles.map(([roleId, rank]) => ({ roleId, rank }))
const shown = (roles: ReturnType<typeof holds>) => roles.map(({ roleId, rank }) => ({ role: { id: roleId }, rank }))

describe('a person who is added', () => {
  test('is who was asked for, and what was left out is as documented', async () => {
    const { id, record } = expectWritten(await createPerson(admin, somebody({ email: 'new@example.org' })))
    expect(record).toEqual({
      id,
      districtId: district.id,
      first: 'Grace',
      last: 'Hopper',
      email: 'new@example.org',
      language: 'en',
      roles: [],
      tags: [],
      archived: false,
      createdAt: record.updatedAt,
      updatedAt: record.createdAt,
    })
    expect(Math.abs(Date.parse(record.createdAt) - Date.now())).toBeLessThan(60_000)
    expect((await gateway.graphql(`{ person(id: "${id}") { first } }`, { token: key })).json.data.person).toEqual({ first: 'Grace' })
  })

  test('takes null for what may be left out as left out', async () => {
    const { record } = expectWritten(await createPerson(key, somebody({ language: null, roles: null, tags: null, archived: null })))
    expect(record).toMatchObject({ language: 'en', roles: [], tags: [], archived: false })
  })

  test('can be added archived, with roles and tags, and is then found among the archived alone', async () => {
    const roles = holds(['1c', 'SECONDARY'], ['1b', 'PRIMARY'])
    const input = somebody({ archived: true, language: 'pt-br', roles, tags: ['b', ' a ', 'b'] })
    const { id, record } = expectWritten(await createPerson(admin, input))
    expect(record).toMatchObject({ archived: true, language: 'pt-BR', roles: shown(roles.toReversed()), tags: ['b', 'a'] })
    const { json } = await gateway.graphql(
      `{ active: people(filter: { email: "${input.email}" }) { nodes { id } } archived: people(filter: { email: "${input.email}", archived: true }) { nodes { id } } }`,
      { token: key },
    )
    expect(json.data).toEqual({ active: { nodes: [] }, archived: { nodes: [{ id }] } })
  })

  test('belongs to the district of the credential, whatever the document says', async () => {
    for (const member of ['districtId', 'id', 'createdAt', 'emailKey', '__proto__']) {
      const input = JSON.parse(`{"${member}":"x"}`) as object
      await expectNothingChanges(db, async () => {
        expectRefused(await createPerson(admin, Object.assign(input, somebody())), 'BAD_USER_INPUT', `input.${member}`)
      })
    }
  })
})

describe('a change', () => {
  const full = () => ({
    ...somebody({ first: 'Ada', last: 'Byron', language: 'es', tags: ['one', 'two'], archived: false }),
    roles: holds(['1b', 'PRIMARY'], ['1c', 'SECONDARY']),
  })
  /** What is asked for, and what is shown where that is written otherwise. */
  const changes: [string, object, object?][] = [
    ['first', { first: 'Augusta' }],
    ['last', { last: 'King' }],
    ['email', { email: 'augusta.king@example.org' }],
    ['language', { language: 'fr' }],
    ['roles', { roles: holds(['1c', 'PRIMARY']) }, { roles: shown(holds(['1c', 'PRIMARY'])) }],
    ['a rank', { roles: holds(['1c', 'PRIMARY'], ['1b', 'SECONDARY']) }, { roles: shown(holds(['1c', 'PRIMARY'], ['1b', 'SECONDARY'])) }],
    ['tags', { tags: ['three'] }],
    ['the order of tags', { tags: ['two', 'one'] }],
    ['archived', { archived: true }],
    ['roles that null empties', { roles: null }, { roles: [] }],
    ['tags that null empties', { tags: null }, { tags: [] }],
    ['roles that an empty list empties', { roles: [] }],
    ['tags that an empty list empties', { tags: [] }],
  ]
  test.each(changes.map(([what, change, expected]) => ({ what, change, expected: expected ?? change })))(
    'of $what changes that, and nothing else',
    async ({ change, expected }) => {
      const { id, record: before } = expectWritten(await createPerson(admin, full()))
      const others = await db.query(sql`select * from people where id <> ${id} order by id`)
      const { record } = expectWritten(await updatePerson(admin, id, change))
      expect(record).toEqual({ ...before, ...expected, updatedAt: record.updatedAt })
      expect(Date.parse(record.updatedAt)).toBeGreaterThan(Date.parse(before.updatedAt))
      expect(await db.query(sql`select * from people where id <> ${id} order by id`)).toEqual(others)
      const row = await rowOf(id)
      expect(row).toMatchObject({ created_at: new Date(before.createdAt), updated_at: new Date(record.updatedAt) })
    },
  )

  test('of several members is one change', async () => {
    const { id } = expectWritten(await createPerson(admin, full()))
    const { record } = expectWritten(await updatePerson(admin, id, { first: 'Augusta', tags: null, roles: null, archived: true }))
    expect(record).toMatchObject({ first: 'Augusta', last: 'Byron', tags: [], roles: [], archived: true })
    const trail = await db.query(sql`select members from audit_events where record_id = ${id} and action = 'PERSON_UPDATE'`)
    expect(trail).toEqual([{ members: ['first', 'roles', 'tags', 'archived'] }])
  })

  test('that changes nothing leaves no trace: neither in the row, nor in the trail, nor for the sessions', async () => {
    const person = full()
    const { id } = expectWritten(await createPerson(admin, person))
    const { email } = person
    await db.query(
      sql`insert into sessions (id, token_hash, district_id, person_id, email_key, expires_at)
          values ('untouched', 'untouched', ${district.id}, ${id}, ${email}, now() + interval '1 day')`,
    )
    await expectNothingChanges(db, async () => {
      const nothing: object[] = [
        {},
        person,
        { first: ' Ada ', last: '\tByron\n', email: ` ${email} ` },
        { email: email.replace('g', 'ｇ') },
        { roles: person.roles.toReversed() },
        { tags: ['one', 'two', 'one', ' two'] },
        { language: 'ES' },
        { archived: false },
      ]
      for (const same of nothing) expect(expectWritten(await updatePerson(admin, id, same)).record.first).toBe('Ada')
    })
  })

  test('is seen by the rest of its document, and by nobody before', async () => {
    const { id } = expectWritten(await createPerson(admin, somebody()))
    const { json } = await gateway.graphql(
      `mutation { a: updatePerson(id: "${id}", input: { first: "A" }) { person { first } } b: updatePerson(id: "${id}", input: { first: "B" }) { person { first } } }`,
      { token: admin },
    )
    expect(json).toEqual({ data: { a: { person: { first: 'A' } }, b: { person: { first: 'B' } } } })
  })

  test('of one’s own language counts for the rest of its document', async () => {
    await db.tables.role.update({
      where: { districtId_id: { districtId: district.id, id: '1a' } },
      data: { name: { en: 'Admin', es: 'Administradora' } },
    })
    const self = await district.admin()
    const { json } = await gateway.graphql(
      `mutation { updatePerson(id: "${self.id}", input: { language: "es" }) { person { roles { role { name } } } } }`,
      { token: await self.token() },
    )
    expect(json).toEqual({ data: { updatePerson: { person: { roles: [{ role: { name: 'Administradora' } }] } } } })
  })
})

describe('updatedAt', () => {
  test('moves with each of two changes in the same millisecond', async () => {
    const { id } = expectWritten(await createPerson(admin, somebody()))
    // What would be the same moment again: the row is already later than any clock.
    await db.query(sql`update people set updated_at = date_trunc('milliseconds', now()) + interval '1 hour' where id = ${id}`)
    const moments = [(await rowOf(id)).updated_at.getTime() as number]
    for (const first of ['A', 'B', 'C']) moments.push(Date.parse(expectWritten(await updatePerson(admin, id, { first })).record.updatedAt))
    expect(moments.map((moment) => moment - moments[0]!)).toEqual([0, 1, 2, 3])
  })

  test('is another one after each of many changes at once: whoever reads what has changed since misses none', async () => {
    const { id } = expectWritten(await createPerson(admin, somebody()))
    await db.query(sql`update people set updated_at = date_trunc('milliseconds', now()) + interval '1 hour' where id = ${id}`)
    const before = (await rowOf(id)).updated_at.getTime()
    const changes = await Promise.all(Array.from({ length: 20 }, (_, n) => updatePerson(admin, id, { tags: [`${n}`] })))
    for (const change of changes) expectWritten(change)
    expect((await rowOf(id)).updated_at.getTime() - before).toBe(20)
  })
})

describe('bad input', () => {
  const long = 'x'.repeat(101)
  const role = (roleId: unknown, rank: unknown = 'PRIMARY') => [{ roleId, rank }]
  /** What is wrong, and the member that is named for it. */
  const wrong: [string, object, string][] = [
    ...['first', 'last'].flatMap((name): [string, object, string][] => [
      [`an empty ${name}`, { [name]: '' }, `input.${name}`],
      [`a ${name} of spaces`, { [name]: ' \u00a0\u3000\ufeff' }, `input.${name}`],
      [`a ${name} of 101 characters`, { [name]: long }, `input.${name}`],
      [`a ${name} of 900,000 characters`, { [name]: 'x'.repeat(900_000) }, `input.${name}`],
      [`a ${name} with U+0000`, { [name]: 'a\0b' }, `input.${name}`],
      [`a ${name} with half a surrogate pair`, { [name]: 'a\ud83db' }, `input.${name}`],
      [`a number as ${name}`, { [name]: 12 }, `input.${name}`],
      [`a list as ${name}`, { [name]: ['a'] }, `input.${name}`],
      [`an object as ${name}`, { [name]: { startsWith: '' } }, `input.${name}`],
      [`null as ${name}`, { [name]: null }, `input.${name}`],
    ]),
    ...[
      '',
      ' ',
      'x',
      'x@',
      '@x.org',
      'x@y',
      'x@y..org',
      'x@.org',
      'x@y.org.',
      'x y@example.org',
      'x@example.org,y@example.org',
      'x@example.org;y@example.org',
      'x@example.org\uff0cy@example.org',
      'x@example.org y@example.org',
      '"x"@example.org',
      'X <x@example.org>',
      'x@example.org\n',
      '\rx@example.org',
      'x@example.org\u2029',
      'x@example.org\r\nBcc: y@example.org',
      'x@example.org\ny',
      'x@@example.org',
      'x\0@example.org',
      'x\ud83d@example.org',
      `${'x'.repeat(243)}@example.org`,
      'x'.repeat(500_000),
    ].map((email): [string, object, string] => [`${JSON.stringify(email).slice(0, 40)} as e-mail`, { email }, 'input.email']),
    ...[12, ['x@example.org'], { contains: '@' }, null, true].map((email): [string, object, string] => [
      `${JSON.stringify(email)} as e-mail`,
      { email },
      'input.email',
    ]),
    ...['', 'e', 'english!', 'en_US', 'xx-', 'en-', 'not a language', 'en\0', `en-${'x'.repeat(40)}`, 12, ['en'], {}].map(
      (language): [string, object, string] => [`${JSON.stringify(language)} as language`, { language }, 'input.language'],
    ),
    ['51 tags', { tags: Array.from({ length: 51 }, (_, n) => `${n}`) }, 'input.tags'],
    ['an empty tag', { tags: ['a', ''] }, 'input.tags.1'],
    ['a tag of spaces', { tags: ['  '] }, 'input.tags.0'],
    ['a tag of 101 characters', { tags: ['a', 'b', long] }, 'input.tags.2'],
    ['a tag with U+0000', { tags: ['a\0'] }, 'input.tags.0'],
    ['a tag with half a surrogate pair', { tags: ['\udc00'] }, 'input.tags.0'],
    ['null as a tag', { tags: ['a', null] }, 'input.tags.1'],
    ['a number as a tag', { tags: [1] }, 'input.tags.0'],
    ['a list as a tag', { tags: [['a']] }, 'input.tags.0'],
    ['an object as tags', { tags: { a: 1 } }, 'input.tags'],
    ...['nope', '9z', '', ' ', '1A', '1a ', '1a\0', '__proto__', 'constructor', 'hasOwnProperty', 'toString'].map(
      (roleId): [string, object, string] => [`the role ${JSON.stringify(roleId)}`, { roles: role(roleId) }, `input.roles.${roleId}`],
    ),
    ['a role of 900,000 characters', { roles: role('r'.repeat(900_000)) }, `input.roles.${'r'.repeat(99)}…`],
    ['a good role and one of another district', { roles: [...role('1c'), ...role('9z')] }, 'input.roles.9z'],
    ['a role twice', { roles: [...role('1c'), ...role('1c', 'SECONDARY')] }, 'input.roles'],
    ['51 roles', { roles: Array.from({ length: 51 }, (_, n) => role(`${n}`)[0]) }, 'input.roles'],
    ['a rank that is none', { roles: role('1c', 'TERTIARY') }, 'input.roles.0.rank'],
    ['a rank as a number', { roles: role('1c', 1) }, 'input.roles.0.rank'],
    ['a role without a rank', { roles: [...role('1b'), { roleId: '1c' }] }, 'input.roles.1.rank'],
    ['a rank without a role', { roles: [{ rank: 'PRIMARY' }] }, 'input.roles.0.roleId'],
    ['null as a role', { roles: [null] }, 'input.roles.0'],
    ['null as the id of a role', { roles: role(null) }, 'input.roles.0.roleId'],
    ['an object as the id of a role', { roles: role({ not: null }) }, 'input.roles.0.roleId'],
    ['a text as roles', { roles: '1a' }, 'input.roles'],
    ['a text as archived', { archived: 'no' }, 'input.archived'],
    ['a number as archived', { archived: 1 }, 'input.archived'],
    ['a list as archived', { archived: [true] }, 'input.archived'],
    ['a member that is none', { nick: 'Amazing Grace' }, 'input.nick'],
  ]

  test.each(wrong)('%s adds nobody', async (_what, change, field) => {
    await expectNothingChanges(db, async () => {
      const written = await createPerson(admin, somebody(change))
      expect(written.refusals[0]).toMatchObject({ code: 'BAD_USER_INPUT', field })
      expect(written.id).toBeUndefined()
    })
  })

  const wrongChanges: typeof wrong = [
    ...wrong,
    ['null as language', { language: null }, 'input.language'],
    ['null as archived', { archived: null }, 'input.archived'],
  ]
  test.each(wrongChanges)('%s changes nobody, nor does what comes with it', async (_what, change, field) => {
    const { id } = await target
    await expectNothingChanges(db, async () => {
      const written = await updatePerson(admin, id, { last: 'Changed', ...change })
      expect(written.refusals[0]).toMatchObject({ code: 'BAD_USER_INPUT', field })
      expect(written.id).toBeUndefined()
    })
  })
  const target = district.person({ tags: ['kept'], roles: { '1c': 1 } })

  test('is refused when first, last or e-mail is left out', async () => {
    for (const member of ['first', 'last', 'email']) {
      const { [member]: _left, ...rest } = somebody() as Record<string, unknown>
      await expectNothingChanges(db, async () => expectRefused(await createPerson(admin, rest), 'BAD_USER_INPUT', `input.${member}`))
    }
  })

  test('is named alike where it is written into the document', async () => {
    const { id } = await target
    for (const [input, field] of [
      ['{ tags: ["a", ""] }', 'input.tags.1'],
      ['{ roles: [{ roleId: "9z", rank: PRIMARY }] }', 'input.roles.9z'],
      ['{ email: "x" }', 'input.email'],
      ['{ first: null }', 'input.first'],
    ]) {
      const answer = await gateway.graphql(`mutation { updatePerson(id: "${id}", input: ${input}) { id } }`, { token: admin })
      expect(refusalsIn(answer)).toEqual([{ code: 'BAD_USER_INPUT', field, at: 'updatePerson' }])
    }
  })

  test('leaves nothing in the log that is worth an alarm, and a gateway that works on', async () => {
    expect(gateway.logLines.filter((line) => JSON.parse(line).level >= 50)).toEqual([])
    expectWritten(await createPerson(admin, somebody()))
  })
})

describe('the largest that is taken', () => {
  test('is taken: 100 characters, 50 tags of 100, every role, an address of 254', async () => {
    const first = '𝒳'.repeat(50)
    const tags = Array.from({ length: 50 }, (_, n) => `${n}`.padEnd(100, 'ﷺ'))
    const roles = holds(...['1a', '1b', '1c', '1d', '1e', '1f'].map((id): [string, 'PRIMARY'] => [id, 'PRIMARY']))
    const email = `${'x'.repeat(242)}@example.org`
    const { id, record } = expectWritten(await createPerson(admin, { first, last: 'ﷺ'.repeat(100), email, tags, roles }))
    expect(record).toMatchObject({ first, last: 'ﷺ'.repeat(100), email, tags, roles: shown(roles) })
    expect(expectWritten(await updatePerson(admin, id, { last: 'Short' })).record.tags).toEqual(tags)
  })
})

describe('whatever is asked for', () => {
  // Of every script and none, with marks, signs, white space, and what search and SQL have a meaning for.
  const text = fc.oneof(
    { weight: 3, arbitrary: fc.string({ unit: 'binary', maxLength: 40 }) },
    fc.string({ unit: 'grapheme', maxLength: 20 }),
    fc.string({ unit: fc.constantFrom(...Array.from(`aÉßẞİıςΣ '"\\:*&|!()<>%_-‑\u0301\u200d\u00a0\u2028ﬁ㌀ﷺ한字🎈`)), maxLength: 20 }),
    fc.string({ unit: 'binary', minLength: 50, maxLength: 50 }),
  )
  const filled = text.filter((each) => !each.includes('\0') && each.trim() !== '' && each.length <= 100)
  const ranks = fc.constantFrom('PRIMARY', 'SECONDARY')
  const roles = fc.uniqueArray(fc.record({ roleId: fc.constantFrom('1a', '1b', '1c', '1d', '1e', '1f'), rank: ranks }), {
    selector: ({ roleId }) => roleId,
  })
  const local = fc.string({ unit: fc.constantFrom(...Array.from(`abcXYZ019._+-'éÉßñﬁＡｚ한`)), minLength: 1, maxLength: 20 })
  const members = {
    first: filled,
    last: filled,
    email: fc.record({
      local,
      domain: fc.constantFrom('example.org', 'Example.ORG', 'MÜNCHEN.example', 'ex\uff41mple.org'),
      space: fc.constantFrom('', ' ', '\t'),
    }),
    language: fc.constantFrom('en', 'ES', 'pt-br', 'zh-hant-tw', 'KO', 'sr-Latn'),
    roles: fc.oneof(roles, fc.constant(null)),
    tags: fc.oneof(fc.array(filled, { maxLength: 4 }), fc.constant(null)),
    archived: fc.boolean(),
  }
  type Members = {
    first: string
    last: string
    email: string
    language: string
    roles: { roleId: string; rank: string }[] | null
    tags: string[] | null
    archived: boolean
  }
  const withAddress = ({
    email,
    ...rest
  }: Partial<Omit<Members, 'email'>> & { email?: { local: string; domain: string; space: string } }) => ({
    ...rest,
    ...(email === undefined ? {} : { email: `${email.space}${++made}${email.local}@${email.domain}${email.space}` }),
  })

  const languages: Record<string, string> = { ES: 'es', 'pt-br': 'pt-BR', 'zh-hant-tw': 'zh-Hant-TW', KO: 'ko' }
  /** Normalised: space around it is gone, one spelling an address and a language, no tag twice. */
  function normalised({ first, last, email, language, roles: held, tags, archived }: Members) {
    const [name, domain] = email.normalize('NFKC').trim().split('@') as [string, string]
    return {
      first: first.trim(),
      last: last.trim(),
      email: `${name}@${domain.toLowerCase()}`,
      language: languages[language] ?? language,
      roles: (held ?? [])
        .toSorted((a, b) => (a.rank + a.roleId < b.rank + b.roleId ? -1 : 1))
        .map(({ roleId, rank }) => ({ role: { id: roleId }, rank })),
      tags: (tags ?? []).map((tag) => tag.trim()).filter((tag, n, all) => all.indexOf(tag) === n),
      archived,
    }
  }

  async function expectKept(id: string, record: Json, asked: Members): Promise<void> {
    const kept = normalised(asked)
    expect(record).toMatchObject(kept)
    const row = await rowOf(id)
    const stored = {
      first: kept.first,
      last: kept.last,
      email: kept.email,
      language: kept.language,
      tags: kept.tags,
      archived: kept.archived,
    }
    const byRole = Object.fromEntries(kept.roles.map(({ role, rank }) => [role.id, rank === 'PRIMARY' ? 1 : 2]))
    const { emailKey, sortName, terms } = personIndex({ districtId: district.id, ...stored, roles: byRole })
    expect(row).toMatchObject({ ...stored, roles: byRole, email_key: emailKey, sort_name: sortName })
    expect(row.terms.toSorted()).toEqual(terms.toSorted())

    // As whoever looks for this person would write it, and by nobody else's address.
    const words = [asked.first, asked.last, kept.email]
      .flatMap((each) => each.split(/\s+/u))
      .filter((word) => wordsOf(word).length in { 1: 0, 2: 0, 3: 0 })
    const filters = [
      ...words.map((search) => ({ search })),
      ...kept.tags.map((tag) => ({ tag })),
      ...kept.roles.map(({ role }) => ({ roleId: role.id })),
      { email: asked.email.normalize('NFD') },
    ].map((filter) => ({ email: kept.email, archived: kept.archived, ...filter }))
    const { json } = await gateway.graphql(
      `query (${filters.map((_, n) => `$f${n}: PersonFilter`).join(' ')}) { ${filters.map((_, n) => `f${n}: people(first: 2, filter: $f${n}) { nodes { id } }`).join(' ')} }`,
      { token: key, variables: Object.fromEntries(filters.map((filter, n) => [`f${n}`, filter])) },
    )
    expect(json).toEqual({ data: Object.fromEntries(filters.map((_, n) => [`f${n}`, { nodes: [{ id }] }])) })
  }

  test('is answered and kept as it is, normalised, and finds its person by every word, tag and role', async () => {
    await fc.assert(
      fc.asyncProperty(fc.record(members), fc.record(members, { requiredKeys: [] }), async (one, other) => {
        const asked = withAddress(one) as Members
        const { id, record } = expectWritten(await createPerson(admin, asked))
        await expectKept(id, record, asked)

        const changes = withAddress(other)
        const changed = expectWritten(await updatePerson(admin, id, changes))
        await expectKept(id, changed.record, { ...asked, ...changes })
        expect(changed.record).toMatchObject({ id, createdAt: record.createdAt })
        expect(changed.record.updatedAt >= record.updatedAt).toBe(true)
      }),
      { numRuns: 60 },
    )
  })
})

describe('an e-mail address', () => {
  const spellings: readonly (readonly [string, string, string])[] = [
    ['in capitals', 'one@example.org', 'ONE@EXAMPLE.ORG'],
    ['with space around it', 'two@example.org', ' \t two@example.org\u3000'],
    ['in full-width letters', 'three@example.org', 'ｔｈｒｅｅ＠ｅｘａｍｐｌｅ．ｏｒｇ'],
    ['with a ligature', 'office@example.org', 'oﬃce@example.org'],
    ['composed', 'josé@example.org', 'jose\u0301@example.org'],
    ['composed, in capitals', 'zoë@example.org', 'ZOE\u0308@EXAMPLE.ORG'],
    ['with a letter whose capital is not composed', 'ǰ@example.org', 'J\u030c@example.org'],
    ['with a letter whose capital is two', 'ẖ@example.org', 'H\u0331@example.org'],
    ['with other digits', 'room101@example.org', 'room①⓪①@example.org'],
    ['with a superscript', 'x2@example.org', 'x²@example.org'],
    ['of another script, in capitals', 'анна@пример.example', 'АННА@ПРИМЕР.EXAMPLE'],
  ]
  test.each(spellings)('%s is the same address', async (_how, email, spelling) => {
    for (const [first, second] of [
      [email, spelling],
      [spelling, email],
    ] as const) {
      const there = await createTestDistrict(db)
      const token = await there.key()
      const { id } = expectWritten(await createPerson(token, somebody({ email: first })))
      const other = expectWritten(await createPerson(token, somebody()))
      await expectNothingChanges(db, async () => {
        expectRefused(await createPerson(token, somebody({ email: second })), 'CONFLICT', 'input.email')
        expectRefused(await updatePerson(token, other.id, { email: second, first: 'Changed' }), 'CONFLICT', 'input.email')
      })
      // One's own, spelt otherwise, is no conflict, and the spelling is kept.
      const { record } = expectWritten(await updatePerson(token, id, { email: second }))
      expect(record.email.toLowerCase()).toBe(second.normalize('NFKC').trim().toLowerCase())
      expectRefused(await createPerson(token, somebody({ email: first })), 'CONFLICT', 'input.email')
      await updatePerson(token, id, { archived: true })
      expectRefused(await createPerson(token, somebody({ email: second })), 'CONFLICT', 'input.email')
      expectRefused(await updatePerson(token, other.id, { email: first }), 'CONFLICT', 'input.email')
      // In another district it is free, and there it is free once.
      const elsewhereKey = await (await createTestDistrict(db)).key()
      expectWritten(await createPerson(elsewhereKey, somebody({ email: second })))
      expectRefused(await createPerson(elsewhereKey, somebody({ email: first })), 'CONFLICT', 'input.email')
    }
  })

  test.each([
    ['a letter more', 'anna@example.org', 'annaa@example.org'],
    ['another letter', 'ana@example.org', 'aña@example.org'],
    ['a dot', 'anna.b@example.org', 'annab@example.org'],
    ['a tag', 'anna@example.org', 'anna+1@example.org'],
    ['ß for ss', 'strasse@example.org', 'straße@example.org'],
    ['another domain', 'anna@example.org', 'anna@example.com'],
    ['a look-alike', 'anna@example.org', 'аnna@example.org'],
  ])('with %s is another one', async (_how, email, other) => {
    const token = await (await createTestDistrict(db)).key()
    expectWritten(await createPerson(token, somebody({ email })))
    expect(expectWritten(await createPerson(token, somebody({ email: other }))).record.email).toBe(other)
  })

  test("is kept as it is written, but for its domain: mail for one address goes to one domain, however that one's case is mapped", async () => {
    const token = await (await createTestDistrict(db)).key()
    for (const [written, kept] of [
      ["Conan.O'Brien@Example.ORG", "Conan.O'Brien@example.org"],
      ['x@STRAẞE.example', 'x@straße.example'],
    ])
      expect(expectWritten(await createPerson(token, somebody({ email: written }))).record.email).toBe(kept)
    expectRefused(await createPerson(token, somebody({ email: 'x@straße.example' })), 'CONFLICT', 'input.email')
  })

  test('that is given up is free from then on', async () => {
    const { id } = expectWritten(await createPerson(key, somebody({ email: 'given-up@example.org' })))
    expectWritten(await updatePerson(key, id, { email: 'taken-instead@example.org' }))
    expectWritten(await createPerson(key, somebody({ email: 'given-up@example.org' })))
    expectRefused(await updatePerson(key, id, { email: 'Given-Up@example.org' }), 'CONFLICT', 'input.email')
  })
})

describe('who may write people', () => {
  const roles = ['2a', '2b'] as const
  const permissions = { '2a': { p: 2 }, '2b': { i: 2 } } as const
  const ready = Promise.all(
    roles.map((id) => db.tables.role.create({ data: { districtId: district.id, id, name: { en: id }, permissions: permissions[id] } })),
  )

  test('a key that only writes gets the id, and is refused the record beside it', async () => {
    const token = await district.key('write:people')
    const forbidden = (at: string) => [{ code: 'FORBIDDEN', requiredScopes: ['read:people'], at }]
    const created = await createPerson(token, somebody({ first: 'Unseen' }))
    expect(created.refusals).toEqual(forbidden('createPerson.person'))
    expect(created.answer.json.data).toEqual({ createPerson: { id: created.id, person: null } })
    expect(await rowOf(created.id)).toMatchObject({ first: 'Unseen' })
    const updated = await updatePerson(token, created.id, { first: 'Changed' })
    expect(updated.refusals).toEqual(forbidden('updatePerson.person'))
    expect(updated.answer.json.data).toEqual({ updatePerson: { id: created.id, person: null } })
    expect(await rowOf(created.id)).toMatchObject({ first: 'Changed' })
  })

  test('a key without the scope does nothing, and learns which one it lacks', async () => {
    const { id } = await district.person()
    for (const token of [await district.key('read:people'), await district.key('read:people', 'read:interviews', 'write:interviews')]) {
      await expectNothingChanges(db, async () => {
        for (const [at, written] of [
          ['createPerson', await createPerson(token, somebody())],
          ['updatePerson', await updatePerson(token, id, { first: 'Changed' })],
        ] as const)
          expect({ id: written.id, refusals: written.refusals }).toEqual({
            id: undefined,
            refusals: [{ code: 'FORBIDDEN', requiredScopes: ['write:people'], at }],
          })
      })
    }
  })

  test('a session writes with People = edit, and with nothing less', async () => {
    await ready
    const { id } = await district.person()
    for (const [role, may] of Object.entries({
      '1a': true,
      '1b': false,
      '1c': false,
      '1d': false,
      '1e': false,
      '1f': false,
      '2a': true,
      '2b': false,
    })) {
      const self = await district.person({ roles: { [role]: 1 } })
      const token = await self.token()
      if (may) {
        expectWritten(await createPerson(token, somebody()))
        expect(expectWritten(await updatePerson(token, id, { first: role })).record.first).toBe(role)
        expectWritten(await updatePerson(token, self.id, { first: 'Myself' }))
        continue
      }
      await expectNothingChanges(db, async () => {
        expectRefused(await createPerson(token, somebody()), 'FORBIDDEN')
        expectRefused(await updatePerson(token, id, { first: 'Changed' }), 'FORBIDDEN')
        expectRefused(await updatePerson(token, self.id, { first: 'Myself' }), 'FORBIDDEN')
      })
    }
    await expectNothingChanges(db, async () => {
      expectRefused(await createPerson(undefined, somebody()), 'UNAUTHENTICATED')
      expectRefused(await updatePerson(undefined, id, { first: 'Changed' }), 'UNAUTHENTICATED')
    })
  })

  test('with several roles the highest permission counts, and a role that is taken away is gone at once', async () => {
    await ready
    const self = await district.person({ roles: { '1c': 1, '2a': 2 } })
    const token = await self.token()
    const { id } = expectWritten(await createPerson(token, somebody()))
    expectWritten(await updatePerson(admin, self.id, { roles: holds(['1c', 'PRIMARY']) }))
    expectRefused(await updatePerson(token, id, { first: 'Changed' }), 'FORBIDDEN')
  })

  test('nobody writes in a district whose plan has lapsed', async () => {
    const lapsed = await createTestDistrict(db, { plan: 'trial', trialEndsAt: new Date(Date.now() - 1_000) })
    const inactive = await createTestDistrict(db, { plan: 'inactive' })
    for (const there of [lapsed, inactive]) {
      const { id } = await there.person()
      for (const token of [await there.key(), await (await there.admin()).token()]) {
        await expectNothingChanges(db, async () => {
          expectRefused(await createPerson(token, somebody()), 'PAYMENT_REQUIRED')
          expectRefused(await updatePerson(token, id, { first: 'Changed' }), 'PAYMENT_REQUIRED')
        })
      }
    }
  })
})

describe('a person of another district', () => {
  test('answers byte for byte like one that is missing, and stays who they are', async () => {
    const foreign = await elsewhere.person({ email: 'foreign@example.org' })
    const changes: object[] = [
      {},
      { first: 'Changed' },
      { email: 'mine@example.org' },
      { email: 'foreign@example.org' },
      { roles: holds(['1a', 'PRIMARY']) },
      { roles: null, archived: true },
    ]
    const tokens = [admin, key, await district.key('write:people')]
    const before = await rowsOf(db)
    for (const token of tokens) {
      for (const change of changes) {
        const missing = await updatePerson(token, 'nosuchperson', change)
        expectRefused(missing, 'NOT_FOUND')
        for (const id of [foreign.id, '', ' ', '__proto__', 'x'.repeat(65), `${foreign.id}\0`, '../1', '%', '\ud800']) {
          const { answer } = await updatePerson(token, id, change)
          expect({ status: answer.status, text: answer.text }, id).toEqual({ status: missing.answer.status, text: missing.answer.text })
        }
      }
    }
    expect(await rowsOf(db)).toEqual(before)
  })

  test("has a role that answers like one that is missing, and an address that is nobody's here", async () => {
    const { id } = await district.person()
    const said = async (roleId: string) => {
      const { answer } = await updatePerson(admin, id, { roles: holds([roleId, 'PRIMARY']) })
      return answer.text.replaceAll(roleId, '…')
    }
    expect(await said('9z')).toBe(await said('nope'))
    const foreign = await elsewhere.person()
    expectWritten(await createPerson(key, somebody({ email: foreign.email })))
    expectWritten(await updatePerson(key, id, { email: `other-${foreign.email}` }))
  })
})
