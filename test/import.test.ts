/** Importing people from CSV: what is in the file is what is in the district; every wrong row is named, and none or only the good ones stay. */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { createWriteStream } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type ImportedPeople, importPeople } from '../src/domain/people-import.ts'
import { newPersonSchema } from '../src/domain/people-writes.ts'
import { Problem } from '../src/domain/problem.ts'
import { isServer } from './support/database.ts'
import { createTestDistrict, type TestDistrict } from './support/fixtures.ts'
import { startGateway } from './support/gateway.ts'

const gateway = await startGateway()
const { db } = gateway
const secret = 'a-secret-key-for-tests-of-32-bytes!'

interface Outcome extends ImportedPeople {
  /** Each refused row, as the command prints it. */
  readonly lines: readonly string[]
}

type Content = string | Buffer | Iterable<Buffer> | AsyncIterable<Buffer>

/** Imports a file of this content; a sequence comes in these pieces. */
async function run({ id }: { id: string }, content: Content, { partial = false } = {}): Promise<Outcome> {
  const lines: string[] = []
  const file = Readable.from(typeof content === 'string' || Buffer.isBuffer(content) ? [Buffer.from(content)] : content)
  const counts = await importPeople(
    { db, random: randomBytes },
    { districtId: id, file, partial },
    { refused: ({ line, column, sentence }) => void lines.push(`${line} ${column}: ${sentence}`) },
  )
  return { ...counts, lines }
}

async function refused(work: Promise<unknown>): Promise<Problem> {
  const error: unknown = await work.then(
    () => undefined,
    (reason: unknown) => reason,
  )
  if (!(error instanceof Problem)) throw new Error(`Expected a Problem, not ${String(error)}`)
  return error
}

/** Everybody in the district, archived people too, by their last names, as an integration reads them. */
async function everybody(district: TestDistrict) {
  const token = await district.key('read:people')
  const { json, text: body } = await gateway.graphql(
    `{ people(first: 200, filter: { archived: null }) { nodes {
         first last email language tags archived roles { role { id } rank } } } }`,
    { token },
  )
  expect(json.errors, body).toBeUndefined()
  return json.data.people.nodes as Record<string, unknown>[]
}
const emails = async (district: TestDistrict) => (await everybody(district)).map(({ email }) => email)

/** What an administrator reads in the trail of the district. */
async function trail(district: TestDistrict) {
  const admin = await district.admin()
  const { json, text: body } = await gateway.graphql('{ auditEvents { nodes { action actorType recordType } } }', {
    token: await admin.token(),
  })
  expect(json.errors, body).toBeUndefined()
  return json.data.auditEvents.nodes as unknown[]
}

const lines = (...each: string[]): string => each.map((line) => `${line}\n`).join('')
const many = (from: number, to: number): string[] =>
  Array.from({ length: to - from }, (_, index) => `Ann,Lee,person.${from + index}@example.org`)

describe('what is in the file is what is in the district', () => {
  test('columns in any order, cells with commas, quotes and line breaks, a byte order mark, and any line ends', async () => {
    const district = await createTestDistrict(db)
    const content =
      '\uFEFF"email",tags,last,first\r\nada@example.org,2026; north ;2026,Lovelace,"Ada ""the first"", Countess"\nbo@example.org,,"Two\r\nlines",Bo\r\ncy@example.org,,Zed,Łucja 한'
    expect(await run(district, content)).toEqual({ imported: 3, refused: 0, lines: [] })
    expect(await everybody(district)).toEqual([
      expect.objectContaining({ first: 'Ada "the first", Countess', last: 'Lovelace', email: 'ada@example.org', tags: ['2026', 'north'] }),
      expect.objectContaining({ first: 'Bo', last: 'Two\r\nlines' }),
      expect.objectContaining({ first: 'Łucja 한', last: 'Zed' }),
    ])
  })

  test('what is left out or empty is what the API takes for it', async () => {
    const district = await createTestDistrict(db)
    const plain = { language: 'en', roles: [], tags: [], archived: false }
    await run(district, lines('first,last,email', 'A,A,a@example.org'))
    await run(district, lines('first,last,email,language,roles,tags,archived', 'B,B,b@example.org,, , ;,'))
    expect(await everybody(district)).toEqual([
      { first: 'A', last: 'A', email: 'a@example.org', ...plain },
      { first: 'B', last: 'B', email: 'b@example.org', ...plain },
    ])
  })

  test('roles come with their ranks, or the first is primary; an operator gives any role', async () => {
    const district = await createTestDistrict(db)
    const rows = ['A,A,a@example.org,1c', 'B,B,b@example.org,1c;1b;1a', 'C,C,c@example.org,1b:2; 1c : 1 ;']
    expect(await run(district, lines('first,last,email,roles', ...rows))).toMatchObject({ imported: 3 })
    const ranks = (await everybody(district)).map(({ roles }) =>
      Object.fromEntries((roles as { role: { id: string }; rank: string }[]).map(({ role, rank }) => [role.id, rank])),
    )
    expect(ranks).toEqual([
      { '1c': 'PRIMARY' },
      { '1c': 'PRIMARY', '1b': 'SECONDARY', '1a': 'SECONDARY' },
      { '1b': 'SECONDARY', '1c': 'PRIMARY' },
    ])
  })

  test('archived is written as in REST or by a spreadsheet, and a language in its canonical form', async () => {
    const district = await createTestDistrict(db)
    const rows = ['0', '1', 'true', 'FALSE', 'True', ''].map((archived, n) => `A,${n},p${n}@example.org,pt-br,${archived}`)
    await run(district, lines('first,last,email,language,archived', ...rows))
    const people = await everybody(district)
    expect(people.map(({ archived }) => archived)).toEqual([false, true, true, false, true, false])
    expect(new Set(people.map(({ language }) => language))).toEqual(new Set(['pt-BR']))
  })

  test('each of them is in the audit trail, as added by an operator', async () => {
    const district = await createTestDistrict(db)
    await run(district, lines('first,last,email', ...many(0, 2)))
    const added = { action: 'PERSON_CREATE', actorType: 'OPERATOR', recordType: 'PERSON' }
    expect(await trail(district)).toEqual([added, added])
  })

  test('a row passes if and only if the API would take it, whatever is in it and however the file arrives', async () => {
    const district = await createTestDistrict(db)
    let serial = 0
    const cell = fc.oneof(
      fc.string({ unit: 'binary', maxLength: 12 }),
      fc.string({ unit: fc.constantFrom('"', ',', '\r', '\n', ' ', ';', 'é', '\0'), maxLength: 6 }),
      fc.string({ minLength: 99, maxLength: 102 }),
    )
    const person = fc.record({ first: cell, last: cell, email: fc.oneof(cell, fc.constant('')) })
    await fc.assert(
      fc.asyncProperty(fc.array(person, { minLength: 1, maxLength: 8 }), fc.integer({ min: 1, max: 40 }), async (drawn, pieceLength) => {
        const people = drawn.map(({ email, ...names }) => ({ ...names, email: email || `p${serial++}@example.org` }))
        const full = people.filter((each) => Object.values(each).some((value) => value.trim() !== ''))
        fc.pre(full.length > 0 && !people.some((each) => Object.values(each).join('').includes('\uFFFD')))
        const quoted = people.map((each) =>
          [each.first, each.last, each.email].map((value) => `"${value.replaceAll('"', '""')}"`).join(','),
        )
        const bytes = Buffer.from(lines('first,last,email', ...quoted))
        const pieces = Array.from({ length: Math.ceil(bytes.length / pieceLength) }, (_, n) =>
          bytes.subarray(n * pieceLength, (n + 1) * pieceLength),
        )
        const good = full.filter((each) => newPersonSchema.safeParse(each).success).length
        expect(await run(district, pieces, { partial: true })).toMatchObject({ imported: good, refused: full.length - good })
      }),
      { numRuns: 60 },
    )
  })
})

describe('a row that cannot be a person', () => {
  const header = 'first,last,email,language,roles,tags,archived'

  test.each([
    ['Ann,,a@example.org,,,,', 'last: This must not be empty.'],
    ['Ann,Lee,,,,,', 'email: This is not an e-mail address.'],
    ['Ann,Lee,a@example,,,,', 'email: This is not an e-mail address.'],
    ['Ann,Lee,a@example.org,klingon_x,,,', 'language: This is not a BCP 47 language tag, such as en or pt-BR.'],
    [`Ann,${'x'.repeat(101)},a@example.org,,,,`, 'last: At most 100 characters.'],
    ['Ann,Lee,a@example.org,,9z,,', 'roles: This district has no role "9z".'],
    ['Ann,Lee,a@example.org,,__proto__,,', 'roles: This district has no role "__proto__".'],
    ['Ann,Lee,a@example.org,,1c;1c,,', 'roles: Each role is given once.'],
    ['Ann,Lee,a@example.org,,1c:3,,', 'roles: "1c:3" is not a role: write 1a, or with its rank 1a:1 (primary) or 1a:2 (secondary).'],
    ['Ann,Lee,a@example.org,,1c:1:2,,', 'roles: "1c:1:2" is not a role: write 1a, or with its rank 1a:1 (primary) or 1a:2 (secondary).'],
    ['Ann,Lee,a@example.org,,:1,,', 'roles: ":1" is not a role: write 1a, or with its rank 1a:1 (primary) or 1a:2 (secondary).'],
    [`Ann,Lee,a@example.org,,,fine;${'x'.repeat(101)},`, 'tags: At most 100 characters.'],
    ['Ann,Lee,a@example.org,,,,yes', 'archived: Archived is 0, 1, true, false or empty.'],
    ['Ann,Lee,a@example.org', ': The row has 3 cells, and the header has 7.'],
    ['Ann,Lee,a@example.org,,,,,', ': The row has 8 cells, and the header has 7.'],
  ])('%s', async (row, sentence) => {
    const district = await createTestDistrict(db)
    expect(await run(district, lines(header, row))).toEqual({ imported: 0, refused: 1, lines: [`2 ${sentence}`] })
    expect(await emails(district)).toEqual([])
  })

  test('is named by the line on which it begins, whatever lies before it', async () => {
    const district = await createTestDistrict(db)
    const content = 'first,last,email\r\n"1\r\n2\r\n3",Lee,a@example.org\r\n\r\n,,\r\nAnn,Lee,x\r\n"1\n2",Lee,y\r\nAnn,Lee,z'
    const sentence = 'email: This is not an e-mail address.'
    expect((await run(district, content)).lines).toEqual([`7 ${sentence}`, `8 ${sentence}`, `10 ${sentence}`])
  })

  test('is one whose address another person has: archived, in other letters, or on an earlier line; other districts count for nothing', async () => {
    const district = await createTestDistrict(db)
    const elsewhere = await createTestDistrict(db)
    await district.person({ email: 'Ann@example.org', archived: true })
    await elsewhere.person({ email: 'bo@example.org' })
    const rows = ['A,A,ANN@example.org', 'B,B,Bo@Example.org', 'C,C,ＢＯ@example.org', 'D,D,bo@example.org', 'E,E,new@example.org']
    expect(await run(district, lines('first,last,email', ...rows), { partial: true })).toEqual({
      imported: 2,
      refused: 3,
      lines: [
        '2 email: Another person of this district has this e-mail address.',
        '4 email: Line 3 has the same address.',
        '5 email: Line 3 has the same address.',
      ],
    })
  })

  test('leaves its address to a later row that is good', async () => {
    const district = await createTestDistrict(db)
    const rows = ['A,,a@example.org', 'A,Lee,a@example.org']
    expect(await run(district, lines('first,last,email', ...rows), { partial: true })).toMatchObject({ imported: 1, refused: 1 })
  })
})

describe('all or none', () => {
  test('one refused row keeps all others out, before it and after it, and out of the trail; each mistake is named', async () => {
    const district = await createTestDistrict(db)
    await district.person({ email: 'person.3@example.org' })
    await district.person({ email: 'person.1500@example.org' })
    const rows = [...many(0, 700), 'Ann,Lee,nonsense', ...many(700, 1_600), 'Ann,Lee,PERSON.5@example.org']
    expect(await run(district, lines('first,last,email', ...rows))).toEqual({
      imported: 0,
      refused: 4,
      lines: [
        '5 email: Another person of this district has this e-mail address.',
        '702 email: This is not an e-mail address.',
        '1503 email: Another person of this district has this e-mail address.',
        '1603 email: Line 7 has the same address.',
      ],
    })
    expect(await emails(district)).toHaveLength(2)
    expect(await trail(district)).toEqual([])
  })

  test('with partial the good rows stay, each with its row of the trail', async () => {
    const district = await createTestDistrict(db)
    await district.person({ email: 'person.3@example.org' })
    const rows = [...many(0, 40), 'Ann,Lee,nonsense', ...many(40, 45)]
    expect(await run(district, lines('first,last,email', ...rows), { partial: true })).toMatchObject({ imported: 44, refused: 2 })
    expect(await emails(district)).toHaveLength(45)
    expect(await trail(district)).toHaveLength(44)
  })

  test('an import of many batches tells its progress and ends with every row', async () => {
    const district = await createTestDistrict(db)
    const progress: number[] = []
    const file = Readable.from([Buffer.from(lines('first,last,email', ...many(0, 1_234)))])
    const counts = await importPeople(
      { db, random: randomBytes },
      { districtId: district.id, file, partial: false },
      { progressed: (rows) => void progress.push(rows) },
    )
    expect(counts).toEqual({ imported: 1_234, refused: 0 })
    expect(progress.length).toBeGreaterThan(1)
    expect(progress.reduce((sum, rows) => sum + rows, 0)).toBe(1_234)
  })

  test.runIf(isServer)('an address that the gateway gives away meanwhile is refused like any other', async () => {
    const district = await createTestDistrict(db)
    const token = await district.key('write:people')
    async function* file() {
      yield Buffer.from(lines('first,last,email', ...many(0, 600)))
      const taken = await gateway.graphql(
        'mutation { createPerson(input: { first: "A", last: "B", email: "person.700@example.org" }) { id } }',
        { token },
      )
      expect(taken.json.errors).toBeUndefined()
      yield Buffer.from(lines(...many(600, 800)))
    }
    const outcome = { lines: ['702 email: Another person of this district has this e-mail address.'] }
    expect(await run(district, file(), { partial: true })).toMatchObject({ imported: 799, refused: 1, ...outcome })
  })

  test.runIf(isServer)('two imports into one district do not wait for each other: the second is told', async () => {
    const district = await createTestDistrict(db)
    const other = await createTestDistrict(db)
    const content = lines('first,last,email', ...many(0, 3))
    let second: Problem | undefined
    async function* file() {
      yield Buffer.from(content)
      second = await refused(run(district, content))
      expect(await run(other, content)).toMatchObject({ imported: 3 })
    }
    expect(await run(district, file())).toMatchObject({ imported: 3 })
    expect(second?.reason).toBe('IMPORT_UNDER_WAY')
  })
})

describe('a file that is no CSV file of people is refused as a whole, with the good rows before the mistake', () => {
  const header = 'first,last,email\n'
  const exist = 'needed are first, last, email, and there may be language, roles, tags, archived.'
  const notUtf8 = 'This is not UTF-8. Save the file as CSV in UTF-8.'
  const quote = 'A quote is not closed or stands inside a cell. A cell with quotes in it is put into quotes, and those in it are doubled.'

  test.each<[string, string | Buffer, string]>([
    ['nothing in it', '', 'The file is empty.'],
    ['only a byte order mark', '\uFEFF', 'The file is empty.'],
    ['blank lines alone', '\n\r\n  \n', 'The file is empty.'],
    ['a header and no rows', header, 'The file has a header and no rows.'],
    ['a header and blank rows', `${header}\n,,\n`, 'The file has a header and no rows.'],
    ['a needed column missing', 'first,email\n', `line 1: The column last is missing: ${exist}`],
    ['a column that nobody knows', 'first,last,email,phone\n', `line 1: There is no column "phone": ${exist}`],
    ['a column in capitals', 'First,last,email\n', `line 1: There is no column "First": ${exist}`],
    ['a column without a name', 'first,last,email,\n', `line 1: There is no column "": ${exist}`],
    ['a column twice', 'first,last,email,last\n', `line 1: The column last comes twice: ${exist}`],
    ['semicolons', 'first;last;email\na;b;c@example.org\n', 'line 1: The cells are to be separated by commas. Save the file so.'],
    ['Latin-1', Buffer.from(`${header}A,B,c@example.org\nA,Müller,d@example.org\n`, 'latin1'), `line 3: ${notUtf8}`],
    ['a character cut in half', Buffer.from(`${header}A,B,é`).subarray(0, -1), `line 2: ${notUtf8}`],
    ['a character lost before', `${header}A,M\uFFFDller,d@example.org\n`, `line 2: ${notUtf8}`],
    ['UTF-16', Buffer.from(`${header}A,B,c@example.org\n`, 'utf16le'), `line 1: ${notUtf8}`],
    ['UTF-16 with its mark', Buffer.from(`\uFEFF${header}A,B,c@example.org\n`, 'utf16le'), `line 1: ${notUtf8}`],
    ['a quote that is not closed', `${header}A,B,c@example.org\n"A\r\nB,C,d@example.org\n`, `line 3: ${quote}`],
    ['a quote after a cell', `${header}A,B,c@example.org\n"A\r\nB"C,D,d@example.org\n`, `line 3: ${quote}`],
    ['a quote in a cell', `${header}A,B"C",d@example.org\n`, `line 2: ${quote}`],
    [
      'a row without an end',
      `${header}A,"${'x\n'.repeat(60_000)}`,
      'line 2: The row that begins here has more than 100000 bytes. Maybe a quote is not closed.',
    ],
  ])('%s', async (_, content, sentence) => {
    const district = await createTestDistrict(db)
    for (const partial of [false, true]) {
      const problem = await refused(run(district, content, { partial }))
      expect([problem.reason, problem.message]).toEqual(['INVALID_INPUT', sentence])
    }
    expect(await emails(district)).toEqual([])
  })

  test('also after batches that were written', async () => {
    const district = await createTestDistrict(db)
    const content = lines('first,last,email', ...many(0, 3_000), '"Ann,Lee,a@example.org')
    expect((await refused(run(district, content, { partial: true }))).message).toBe(`line 3002: ${quote}`)
    expect(await emails(district)).toEqual([])
  })
})

describe('the command', () => {
  const cli = fileURLToPath(new URL('../dist/cli.js', import.meta.url)) // `npm ci` builds it
  let folder: string
  let environment: Record<string, string>
  let districtId: string

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'credentials-gateway-import-'))
    environment = db.url ? { DATABASE_URL: db.url, SECRET_KEY: secret, DEV_MAIL: 'on' } : { DATA_DIR: join(folder, 'data') }
    const admin = ['--admin-email', 'jane@example.org', '--admin-first', 'Jane', '--admin-last', 'Doe']
    expect(await command('migrate')).toMatchObject({ code: 0 })
    const made = await command('district', 'create', '--name', 'Río', ...admin, '--json')
    districtId = JSON.parse(made.stdout).districtId
  })
  afterAll(() => rm(folder, { recursive: true }))

  const begin = (...args: string[]): ChildProcess =>
    spawn(process.execPath, [cli, ...args], { env: { PATH: process.env['PATH'], ...environment }, cwd: folder })

  async function command(...args: string[]): Promise<{ code: number | null; stdout: string; stderr: string }> {
    const child = begin(...args)
    const [stdout, stderr, [code]] = await Promise.all([
      text(child.stdout!),
      text(child.stderr!),
      once(child, 'exit') as Promise<[number | null]>,
    ])
    return { code, stdout, stderr }
  }
  const importing = async (content: string, ...options: string[]) => {
    await writeFile(join(folder, 'people.csv'), content)
    return command('import', 'people', 'people.csv', '--district', districtId, ...options)
  }

  test('imports a file, and refuses it the second time: a line a row on stderr, the counts on stdout, exit code 1', async () => {
    const content = lines('first,last,email', 'Ann,Lee,ann@example.org', 'Bo,Lee,bo@example.org')
    expect(await importing(content)).toEqual({
      code: 0,
      stdout: `Imported into the district ${districtId}: people 2, rows refused 0.\n`,
      stderr: '',
    })
    const taken = 'email: Another person of this district has this e-mail address.'
    const stderr = lines(
      `line 2: ${taken}`,
      `line 3: ${taken}`,
      'Nothing was imported: rows refused 2. Correct them, or keep the good rows with --partial.',
    )
    expect(await importing(content)).toEqual({ code: 1, stdout: '', stderr })
    const { code, stdout } = await importing(content, '--json')
    expect([code, JSON.parse(stdout)]).toEqual([1, { imported: 0, refused: 2, districtId }])
  })

  test('keeps the good rows with --partial, with exit code 0 if there is one', async () => {
    const content = lines('first,last,email', 'Cy,Lee,nonsense', 'Cy,Lee', 'Cy,Lee,cy@example.org')
    const stderr = lines('line 2: email: This is not an e-mail address.', 'line 3: The row has 2 cells, and the header has 3.')
    const { stdout, ...ended } = await importing(content, '--partial', '--json')
    expect({ ...ended, counts: JSON.parse(stdout) }).toEqual({ code: 0, stderr, counts: { imported: 1, refused: 2, districtId } })
    expect(await importing(content, '--partial')).toMatchObject({ code: 1, stdout: '' })
  })

  test('says in a sentence what is wrong with the file or the district', async () => {
    const failure = async (file: string, district = districtId) => {
      const { code, stdout, stderr } = await command('import', 'people', file, '--district', district)
      expect({ code, stdout }).toEqual({ code: 1, stdout: '' })
      return stderr
    }
    expect(await failure('nowhere.csv')).toBe('nowhere.csv cannot be read: there is no such file.\n')
    expect(await failure(folder)).toBe(`${folder} cannot be read: it is a folder.\n`)
    await writeFile(join(folder, 'empty.csv'), '')
    expect(await failure('empty.csv')).toBe('empty.csv: The file is empty.\n')
    await writeFile(join(folder, 'good.csv'), lines('first,last,email', 'Di,Lee,di@example.org'))
    expect(await failure('good.csv', 'nowhere')).toBe('There is no such district.\n')
  })

  test.each([['import'], ['import people'], ['import people people.csv'], ['import people people.csv more.csv --district d']])(
    '"%s" is wrong usage: exit code 2, said on stderr alone',
    async (line) => {
      const { code, stdout, stderr } = await command(...line.split(' '))
      expect({ code, stdout }).toEqual({ code: 2, stdout: '' })
      expect(stderr).not.toBe('')
    },
  )

  test('explains with --help what the file looks like and what the exit codes mean', async () => {
    const { code, stdout } = await command('import', 'people', '--help')
    expect(code).toBe(0)
    for (const told of ['first, last, email', 'archived', '--partial', 'Exit codes']) expect(stdout).toContain(told)
  })

  test.each(['SIGINT', 'SIGKILL'] as const)('%s half way leaves nothing', async (signal) => {
    const pipe = join(folder, signal)
    execFileSync('mkfifo', [pipe])
    const content = lines('first,last,email', 'Ed,Lee,nonsense', ...many(0, 700).map((row) => `${row}.${signal.toLowerCase()}`))
    const child = begin('import', 'people', pipe, '--district', districtId, '--partial')
    const ended = once(child, 'exit')
    const writer = createWriteStream(pipe)
    writer.write(content) // the pipe stays open: more is to come
    const [said] = (await once(child.stderr!, 'data')) as [Buffer]
    expect(said.toString()).toBe('line 2: email: This is not an e-mail address.\n') // so the first batch is written
    child.kill(signal)
    expect(await ended).toEqual([null, signal])
    writer.destroy()
    expect(await importing(content, '--partial')).toMatchObject({
      code: 0,
      stdout: `Imported into the district ${districtId}: people 700, rows refused 1.\n`,
    })
  })
})
