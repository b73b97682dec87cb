/** Statements know their rows: what is not selected, or is something else, does not compile; and what a statement says is what comes. */
import sql from 'sql-template-tag'
import { describe, expect, expectTypeOf, it } from 'vitest'
import { type Column, columns, computed, days } from '../src/sql/columns.ts'
import { jsonList, jsonMember } from '../src/sql/json.ts'
import { type RowOf, statement, together } from '../src/sql/statement.ts'
import { takeDifferences, testDatabase } from './support/database.ts'
import { differences, modelColumns } from './support/rows.ts'

const db = await testDatabase()

describe('the type of a row', () => {
  it('is that of its columns', () => {
    const list = together(
      columns('Session', 's', 'districtId', { sessionId: 'id' }, 'userAgent'),
      columns('Interview', 'i', 'date', 'createdAt'),
    )
    expectTypeOf<RowOf<typeof list>>().toEqualTypeOf<{
      readonly districtId: string
      readonly sessionId: string
      readonly userAgent: string | null
      readonly date: string
      readonly createdAt: Date
    }>()
    expectTypeOf<Column<'FormField', 'type'>>().toEqualTypeOf<'short_text' | 'long_text' | 'checkbox' | 'select' | 'file'>()
    expectTypeOf<Column<'ApiKey', 'scopes'>[number]>().toEqualTypeOf<
      'read:people' | 'write:people' | 'read:interviews' | 'write:interviews'
    >()
    expectTypeOf<Column<'Role', 'permissions'>>().toHaveProperty('p')
    expect(list.text).toBe(
      's.district_id as "districtId", s.id as "sessionId", s.user_agent as "userAgent", i.date, i.created_at as "createdAt"',
    )
  })

  it('has what is computed, by its type in SQL', () => {
    const selected = statement`select ${computed('all', 'int', sql`1`)}, ${computed('some', 'float8?', sql`null::float8`)}`
    expectTypeOf<RowOf<typeof selected>>().toEqualTypeOf<{ readonly all: number; readonly some: number | null }>()
  })

  it('has moments as texts in JSON', () => {
    const inside = jsonMember('keys', jsonList(columns('ApiKey', 'k', 'id', 'revokedAt'), { from: sql`api_keys k`, order: sql`k.id` }))
    expectTypeOf<RowOf<typeof inside>['keys'][number]>().toEqualTypeOf<{ readonly id: string; readonly revokedAt: string | null }>()
  })

  it('is not said by whoever asks', async () => {
    // @ts-expect-error no such column
    columns('Session', 's', 'token')
    // @ts-expect-error no such column, under another name
    columns('Session', 's', { token: 'tokenHashed' })
    // @ts-expect-error no such model
    columns('Sessions', 's', 'id')
    // @ts-expect-error no type that both drivers answer alike
    computed('total', 'int8', sql`count(*)`)
    const [row] = await db.query(statement`select ${columns('District', 'd', 'id', 'trialEndsAt')} from districts d`)
    // @ts-expect-error it is not selected
    void row?.accent
    // @ts-expect-error it may be null
    void row?.trialEndsAt.getTime()
    // @ts-expect-error it is a moment
    const text: string | undefined = row?.trialEndsAt
    expect(text).toBeUndefined()
  })

  it('has no members where nothing is selected', async () => {
    const [row] = await db.query(statement`delete from sessions where id = 'none'`)
    // @ts-expect-error nothing is selected
    void row?.id
    expect(row).toBeUndefined()
  })
})

describe('in tests, what comes is compared with what is said', () => {
  const said = statement`select ${columns('Person', 'p', 'id', 'avatarUrl')}, ${computed('total', 'int', sql`1`)} from people p`
  const [id, avatarUrl, total] = [
    { name: 'id', dataTypeID: 25 },
    { name: 'avatarUrl', dataTypeID: 25 },
    { name: 'total', dataTypeID: 23 },
  ]

  it('and is the same', () => {
    expect(differences(said, [id, avatarUrl, total], [{ id: 'x', avatarUrl: null, total: 1 }])).toEqual([])
  })

  it.each([
    ['a member that does not come', [id, total], [], '"avatarUrl" does not come'],
    ['one that nobody said', [id, avatarUrl, total, { name: 'more', dataTypeID: 25 }], [], '"more" comes'],
    ['one of another type', [id, avatarUrl, { name: 'total', dataTypeID: 20 }], [], '"total" is said to be int'],
    ['null where there is none', [id, avatarUrl, total], [{ id: null, avatarUrl: null, total: 1 }], '"id" is null'],
  ])('or differs: %s', (_what, fields, rows, sentence) => {
    expect(differences(said, fields, rows)).toEqual([expect.stringContaining(sentence)])
  })

  it('by the database itself', async () => {
    await expect(db.query(statement`select ${computed('total', 'int', sql`count(*)`)} from people p`)).rejects.toThrow('has the type id 20')
    expect(takeDifferences()).toHaveLength(1)
  })

  it('and days are the columns that have no time of day', () => {
    expect([...modelColumns].filter(([, { type }]) => type === 'date').map(([name]) => name)).toEqual(days)
  })
})
