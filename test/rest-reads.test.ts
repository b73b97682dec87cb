/** What REST reads, to the byte: people, interviews and the district, for whoever sees them, and ETags of single records. */
import sql from 'sql-template-tag'
import { describe, expect, test } from 'vitest'
import { createTestDistrict } from './support/fixtures.ts'
import { startGateway } from './support/gateway.ts'
import { raw } from './support/http.ts'

const gateway = await startGateway()
const { db, url } = gateway
const district = await createTestDistrict(db, { name: { es: 'Mi distrito', en: 'My District' }, languages: ['en', 'es'] })
const elsewhere = await createTestDistrict(db)
const key = await district.key()

const at = (day: number) => new Date(Date.UTC(2026, 0, day))
const cara = await district.person({
  first: 'Cara',
  last: 'Candidate',
  roles: { '1b': 2, '1c': 1 },
  tags: ['2026', 'north'],
  language: 'pt-BR',
  createdAt: at(3),
})
const otto = await district.person({ first: 'Otto', last: 'Other', roles: { '1c': 1 }, createdAt: at(2) })
const ari = await district.person({ first: 'Ari', last: 'Archived', archived: true, createdAt: at(1) })
const admin = await district.person({ first: 'Alma', last: 'Admin', roles: { '1a': 1 }, createdAt: at(4) })
const mentor = await district.person({ first: 'Mia', last: 'Mentor', roles: { '1b': 1 }, createdAt: at(5) })
await district.mentors(mentor.id, cara.id)
await db.query(sql`update people set avatar_url = 'https://example.org/a.png' where id = ${cara.id}`)
const stranger = await elsewhere.person({ roles: { '1c': 1 } })

const interviewOptions = {
  date: '2026-03-14',
  createdAt: at(12),
  updatedAt: at(13),
  responses: {
    '1f': 1,
    '1b': { en: 'Her calm', es: 'Su calma' },
    '1d': { en: 'Ask again' },
    '1a': 2,
    gone: 'a field that the form has no more',
  },
  recordings: {
    '1b': { name: 'Rest', url: 'https://example.org/b', transcript: null, summary: 'Good.' },
    '1a': { name: 'First', url: null, transcript: 'Hi.', summary: null },
  },
}
const published = await district.interview(cara.id, interviewOptions)
const unpublished = await district.interview(cara.id, {
  ...interviewOptions,
  published: false,
  boardId: '1b',
  profileId: '1b',
  createdAt: at(11),
})
const ofOtto = await district.interview(otto.id, { createdAt: at(14), updatedAt: at(14) })
const foreign = await elsewhere.interview(stranger.id)

const person = (
  { id, first, last, email, language, tags, archived }: typeof cara,
  roles: Record<string, number>,
  createdAt: Date,
  avatarUrl: string | null = null,
) => ({
  id,
  first,
  last,
  email,
  language,
  roles,
  tags,
  archived: archived ? 1 : 0,
  avatar_url: avatarUrl,
  district_id: district.id,
  created_at: createdAt.getTime(),
})
const people = {
  ari: person(ari, {}, at(1)),
  otto: person(otto, { '1c': 1 }, at(2)),
  cara: person(cara, { '1c': 1, '1b': 2 }, at(3), 'https://example.org/a.png'),
  admin: person(admin, { '1a': 1 }, at(4)),
  mentor: person(mentor, { '1b': 1 }, at(5)),
}
const interview = (id: string, { personId = cara.id, ids = '1a', isPublished = 1, createdAt = at(12), updatedAt = at(13) } = {}) => ({
  id,
  person_id: personId,
  district_id: district.id,
  date: '2026-03-14',
  board_id: ids,
  form_id: '1a',
  profile_id: ids,
  published: isPublished,
  created_at: createdAt.getTime(),
  updated_at: updatedAt.getTime(),
})
const interviews = {
  unpublished: interview(unpublished, { ids: '1b', isPublished: 0, createdAt: at(11) }),
  published: interview(published),
  ofOtto: interview(ofOtto, { personId: otto.id, createdAt: at(14), updatedAt: at(14) }),
}

const get = (path: string, token: string | undefined = key, headers: Record<string, string> = {}) =>
  gateway.rest('GET', path, { token, headers })
/** The body of a 200, as text: members and their order count. */
async function read(path: string, token?: string): Promise<string> {
  const { status, text, headers } = await get(path, token)
  expect({ path, status, text }).toMatchObject({ status: 200 })
  expect(headers.get('content-type')).toBe('application/json; charset=utf-8')
  return text
}
const missing = JSON.stringify({ error: 'There is no such record.' })

describe('GET /api/people', () => {
  test('lists the active people as they are documented, the first added first', async () => {
    expect(await read('/api/people')).toBe(JSON.stringify([people.otto, people.cara, people.admin, people.mentor]))
  })

  test.each(['true', '1'])('with archived=%s lists archived ones too', async (archived) => {
    expect(await read(`/api/people?archived=${archived}`)).toBe(JSON.stringify(Object.values(people)))
  })

  test.each(['archived=false', 'archived=0', '', 'something=else', 'archive=true', 'include=files'])(
    'with ?%s lists the active ones',
    async (query) => {
      expect(await read(`/api/people?${query}`)).toBe(await read('/api/people'))
    },
  )

  test.each([
    'archived=',
    'archived=yes',
    'archived=2',
    'archived=null',
    'archived=true&archived=false',
    'archived=true%00',
    'archived=true?x',
  ])('with ?%s is refused by the name of the parameter', async (query) => {
    const { status, text } = await get(`/api/people?${query}`)
    expect({ status, text }).toEqual({ status: 400, text: '{"error":"archived must be true or false."}' })
  })

  test('shows each session what it sees, and a district nothing of another', async () => {
    expect(await read('/api/people', await admin.token())).toBe(await read('/api/people'))
    expect(await read('/api/people', await mentor.token())).toBe(JSON.stringify([people.cara, people.mentor]))
    expect(await read('/api/people', await cara.token())).toBe(JSON.stringify([people.cara]))
    expect(JSON.parse(await read('/api/people', await elsewhere.key())).map(({ id }: { id: string }) => id)).toEqual([stranger.id])
  })

  test('is [] where nobody is', async () => {
    expect(await read('/api/people', await (await createTestDistrict(db)).key())).toBe('[]')
  })
})

describe('GET /api/people/:id', () => {
  test('answers one person, archived or not', async () => {
    expect(await read(`/api/people/${cara.id}`)).toBe(JSON.stringify(people.cara))
    expect(await read(`/api/people/${ari.id}`)).toBe(JSON.stringify(people.ari))
  })

  const extra = { files: [], interviews: [interviews.unpublished, interviews.published], photo_url: 'https://example.org/a.png' }
  test.each([
    ['files', { files: extra.files }],
    ['interviews', { interviews: extra.interviews }],
    ['photo_url', { photo_url: extra.photo_url }],
    ['tags', {}],
    ['', {}],
    ['files,interviews,tags,photo_url', extra],
    ['photo_url,tags,interviews,files', extra],
    ['photo_url,%20interviews%20,files,files', extra],
    ['files&include=interviews&include=photo_url', extra],
    ['nothing,__proto__,constructor,FILES,photoUrl', {}],
    ['files%2Cphoto_url', { files: extra.files, photo_url: extra.photo_url }],
  ])('?include=%s adds those members after created_at, in the documented order', async (include, added) => {
    expect(await read(`/api/people/${cara.id}?include=${include}`)).toBe(JSON.stringify({ ...people.cara, ...added }))
  })

  test('adds what is there: no picture is null, no interviews are []', async () => {
    expect(await read(`/api/people/${ari.id}?include=interviews,photo_url`)).toBe(
      JSON.stringify({ ...people.ari, interviews: [], photo_url: null }),
    )
  })

  test('adds only the interviews that the caller sees', async () => {
    const seen = JSON.stringify({ ...people.cara, interviews: [interviews.published] })
    for (const who of [cara, mentor]) expect(await read(`/api/people/${cara.id}?include=interviews`, await who.token())).toBe(seen)
  })

  test('adds all interviews, however many pages they fill', async () => {
    const busy = await district.person({ createdAt: at(6), archived: true })
    await db.query(
      sql`insert into interviews (district_id, id, person_id, date, board_id, form_id, profile_id, published, created_at)
          select ${district.id}, 'busy' || n, ${busy.id}, '2026-03-14', '1a', '1a', '1a', true, now() + n * interval '1 second' from generate_series(1, 450) n`,
    )
    const { interviews: all } = JSON.parse(await read(`/api/people/${busy.id}?include=interviews`))
    expect(all.map(({ id }: { id: string }) => id)).toEqual(Array.from({ length: 450 }, (_, n) => `busy${n + 1}`))
    await db.query(sql`delete from people where id = ${busy.id}`)
  })

  test('with include=interviews needs the scope for them, and says which', async () => {
    const { status, text, headers } = await get(`/api/people/${cara.id}?include=interviews`, await district.key('read:people'))
    expect({ status, text }).toEqual({ status: 403, text: '{"error":"This credential lacks a scope that this needs."}' })
    expect(headers.get('www-authenticate')).toBe('Bearer error="insufficient_scope", scope="read:interviews"')
  })

  test.each(['nope0', 'x'.repeat(500), '%00', '%F0%9F%98%80', "'%20or%201=1", '__proto__', 'null', '%', '.'])(
    'answers what is not there, what is malformed and what is not to be seen alike: %s',
    async (id) => {
      const answers = [
        await raw(`${url}/api/people/${id}`, { headers: { Authorization: `Bearer ${key}` } }),
        await get(`/api/people/${stranger.id}`),
        await get(`/api/people/${otto.id}`, await cara.token()),
      ]
      // "." is another address before it reaches the gateway
      for (const { status, text } of id === '.' ? answers.slice(1) : answers)
        expect({ status, text }).toEqual({ status: 404, text: missing })
    },
  )
})

describe('GET /api/interviews', () => {
  test('lists all of the district as they are documented, the first added first', async () => {
    expect(await read('/api/interviews')).toBe(JSON.stringify(Object.values(interviews)))
  })

  test('of one person lists theirs', async () => {
    expect(await read(`/api/interviews/${cara.id}`)).toBe(JSON.stringify([interviews.unpublished, interviews.published]))
    expect(await read(`/api/interviews/${otto.id}`)).toBe(JSON.stringify([interviews.ofOtto]))
  })

  test('of nobody, of a stranger and of a malformed id are []', async () => {
    for (const id of ['nope0', stranger.id, 'x'.repeat(300), '%00', '%F0%9F%98%80', '__proto__'])
      expect(await read(`/api/interviews/${id}`)).toBe('[]')
  })

  test('shows a mentor and a candidate the published ones that are theirs to see', async () => {
    for (const who of [mentor, cara]) {
      const token = await who.token()
      expect(await read('/api/interviews', token)).toBe(JSON.stringify([interviews.published]))
      expect(await read(`/api/interviews/${cara.id}`, token)).toBe(JSON.stringify([interviews.published]))
      expect(await read(`/api/interviews/${otto.id}`, token)).toBe('[]')
    }
  })
})

describe('GET /api/district', () => {
  const settings = (fields: Record<string, unknown>) => ({
    roles: {
      '1a': { name: { en: 'Role 1a' }, p: 2, i: 2, s: 1, r: 1, g: 1, B: 1 },
      '1b': { name: { en: 'Role 1b' }, m: 1 },
      '1c': { name: { en: 'Role 1c' }, c: 1 },
      '1d': { name: { en: 'Role 1d' }, i: 2, b: { '1a': 1 } },
      '1e': { name: { en: 'Role 1e' }, p: 1 },
      '1f': { name: { en: 'Role 1f' }, b: { '1a': 1 } },
    },
    boards: { '1a': { name: { en: 'Board', es: 'Junta' } }, '1b': { name: { en: 'Second board' } } },
    forms: { '1a': { name: { en: 'Form' }, fields } },
    profiles: { '1a': { name: { en: 'Interview' } }, '1b': { name: { en: 'Second interview' } } },
  })
  const open = {
    '1a': {
      name: { en: 'Recommendation' },
      type: 'select',
      options: [
        { id: '1', name: { en: 'Recommend', es: 'Recomendar' } },
        { id: '2', name: { en: 'Do not recommend' } },
      ],
    },
    '1b': { name: { en: 'What excited the committee' }, type: 'long_text' },
  }
  const withPrivate = { ...open, '1d': { name: { en: 'Board notes' }, type: 'long_text', p: 1 } }
  const quiz = { '1f': { name: { en: 'Quiz completed' }, type: 'checkbox' } }

  test('answers the district with its settings, private fields for those who see their answers', async () => {
    const [{ created } = { created: 0 }] = await db.query<{ created: number }>(
      sql`select (extract(epoch from created_at) * 1000)::float8 as created from districts where id = ${district.id}`,
    )
    const whole = (fields: Record<string, unknown>) =>
      JSON.stringify({
        id: district.id,
        name: { en: 'My District', es: 'Mi distrito' },
        accent: '#6e5dec',
        languages: ['en', 'es'],
        billing_plan: 'pro',
        trial_ends_at: null,
        settings: settings({ ...fields, ...quiz }),
        created_at: created,
      })
    for (const token of [key, await district.key('read:interviews'), await admin.token()])
      expect(await read('/api/district', token)).toBe(whole(withPrivate))
    for (const token of [await district.key('read:people'), await mentor.token(), await cara.token()])
      expect(await read('/api/district', token)).toBe(whole(open))
  })

  test('says in Unix milliseconds when a trial ends', async () => {
    const trialEndsAt = new Date(Date.now() + 86_400_000)
    const onTrial = await createTestDistrict(db, { plan: 'trial', trialEndsAt })
    expect(JSON.parse(await read('/api/district', await onTrial.key()))).toMatchObject({
      billing_plan: 'trial',
      trial_ends_at: trialEndsAt.getTime(),
    })
  })
})

describe('refusals', () => {
  const paths = ['/api/people', `/api/people/${cara.id}`, '/api/interviews', `/api/interviews/${cara.id}`, '/api/district']

  test.each(paths)('GET %s without a credential, and with a wrong one', async (path) => {
    for (const [token, challenge] of [
      [undefined, 'Bearer'],
      [`ck_${'a'.repeat(32)}`, 'Bearer error="invalid_token"'],
    ] as const) {
      const { status, json, headers } = await gateway.rest('GET', path, { token })
      expect([status, headers.get('www-authenticate')]).toEqual([401, challenge])
      expect(json).toEqual({ error: expect.any(String) })
    }
  })

  test.each(paths)('GET %s after the trial', async (path) => {
    await db.query(sql`update districts set billing_plan = 'inactive' where id = ${district.id}`)
    const { status, text } = await get(path)
    await db.query(sql`update districts set billing_plan = 'pro' where id = ${district.id}`)
    expect({ status, text }).toEqual({ status: 402, text: '{"error":"The trial has expired or the subscription is inactive."}' })
  })

  test.each(paths.slice(0, 4))('GET %s with every scope but the one that it needs', async (path) => {
    const scope = path.startsWith('/api/people') ? 'read:people' : 'read:interviews'
    const others = (['read:people', 'write:people', 'read:interviews', 'write:interviews'] as const).filter((each) => each !== scope)
    const { status, text, headers } = await get(path, await district.key(...others))
    expect({ status, text }).toEqual({ status: 403, text: '{"error":"This credential lacks a scope that this needs."}' })
    expect(headers.get('www-authenticate')).toBe(`Bearer error="insufficient_scope", scope="${scope}"`)
  })

  test.each([
    ['/api/people', 'GET, POST'],
    [`/api/people/${cara.id}`, 'GET, PATCH'],
    ['/api/interviews', 'GET'],
    [`/api/interviews/${cara.id}`, 'GET, POST'],
    [`/api/interviews/${cara.id}/${published}`, 'GET, PATCH'],
    ['/api/district', 'GET'],
    ['/api/keys', 'GET, POST'],
    ['/api/keys/x', 'DELETE'],
    ['/api/openapi.json', 'GET'],
  ])('HEAD %s is not answered: it takes %s', async (path, allow) => {
    const { status, headers, text } = await raw(url + path, { method: 'HEAD', headers: { Authorization: `Bearer ${key}` } })
    expect([status, headers['allow'], text]).toEqual([405, allow, ''])
  })
})

describe('an ETag', () => {
  const records = [`/api/people/${cara.id}`, `/api/people/${cara.id}?include=interviews`, '/api/district']

  test.each(records)('of GET %s spares the body while nothing has changed', async (path) => {
    const first = await get(path)
    const etag = first.headers.get('etag')!
    expect(etag).toMatch(/^"[\w-]+"$/)
    expect(first.headers.get('cache-control')).toBe('private, no-cache')
    for (const names of [etag, `W/${etag}`, `"other", ${etag}`, `W/"a,b" , W/${etag}`, '*', ' * ']) {
      const { status, text, headers } = await get(path, key, { 'If-None-Match': names })
      expect([status, text, headers.get('etag'), headers.get('cache-control')]).toEqual([304, '', etag, 'private, no-cache'])
      expect(headers.get('content-type')).toBeNull()
    }
    for (const names of ['"other"', etag.slice(1, -1), `"x${etag.slice(1)}`, '""', '', 'W/', '"*"', etag.toUpperCase()]) {
      const { status, text, headers } = await get(path, key, { 'If-None-Match': names })
      expect([status, text, headers.get('etag')]).toEqual([200, first.text, etag])
    }
  })

  test('changes with the record, and is another for whoever sees something else', async () => {
    const path = `/api/people/${cara.id}?include=interviews`
    const before = (await get(path)).headers.get('etag')!
    const asCandidate = await get(path, await cara.token(), { 'If-None-Match': before })
    expect(asCandidate.status).toBe(200)
    expect(asCandidate.headers.get('etag')).not.toBe(before)
    await db.query(sql`update people set first = 'Carla' where id = ${cara.id}`)
    const after = await get(path, key, { 'If-None-Match': before })
    await db.query(sql`update people set first = 'Cara' where id = ${cara.id}`)
    expect([after.status, after.json.first]).toEqual([200, 'Carla'])
    expect((await get(path, key, { 'If-None-Match': before })).status).toBe(304)
  })

  test('lets nobody past a refusal', async () => {
    for (const [path, token, status] of [
      [`/api/people/${cara.id}`, undefined, 401],
      [`/api/people/${cara.id}`, await district.key('write:people'), 403],
      ['/api/people/nope0', key, 404],
      [`/api/people/${otto.id}`, await cara.token(), 404],
    ] as const) {
      const refused = await gateway.rest('GET', path, { token, headers: { 'If-None-Match': '*' } })
      expect([refused.status, refused.headers.get('etag'), refused.headers.get('cache-control')]).toEqual([status, null, 'no-store'])
    }
  })

  test('is of single records: nothing else may be kept', async () => {
    for (const path of ['/api/people', '/api/interviews', `/api/interviews/${cara.id}`, '/api/me']) {
      const { status, headers } = await get(path, key, { 'If-None-Match': '*' })
      expect([status, headers.get('etag'), headers.get('cache-control')]).toEqual([200, null, 'no-store'])
    }
  })
})

test('an interview of another district is in no list', async () => {
  expect(await read('/api/interviews')).not.toContain(foreign)
})
