/** Statements know their rows: what is not selected, or is something else, does not compile; and what a statement says is what comes. */
import sql from 'sql-template-tag'
import { describe, expect, expectTypeOf, it } from 'vitest'
import { type Column, columns, computed, days } from '../src/sql/columns.ts'
import { jsonList, jsonMember } from '../src/sql/json.ts'
import { type RowOf, statement, together } from '../src/sql/statement.ts'
import { testDatabase } from './support/database.ts'
import { modelColumns } from './support/rows.ts'

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
