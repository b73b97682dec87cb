/** The writes as a client sends them, what can be told apart in their answers, and every row that they could leave behind. */
import sql, { raw as verbatim } from 'sql-template-tag'
import { expect } from 'vitest'
import type { TestDatabase } from './database.ts'
import type { Answer, Gateway } from './gateway.ts'
import type { Json } from './http.ts'

const personFields = 'id districtId first last email language roles { role { id } rank } tags archived createdAt updatedAt'
const interviewFields =
  'id districtId personId date board { id } form { id } profile { id } published responses { field { id private } value } createdAt updatedAt'

export interface WriteOptions {
  readonly idempotencyKey?: string
}

/** A refusal as a program acts on it. */
export interface Refusal {
  readonly code: string
  readonly field?: string
  readonly requiredScopes?: string[]
  /** Where in the answer; none for a document that was refused before it was executed. */
  readonly at?: string
}

export interface Written {
  readonly answer: Answer
  /** `undefined` when nothing was written. */
  readonly id: string
  /** The person or the interview beside the id; `null` where it is not shown. */
  readonly record: Json
  readonly refusals: readonly Refusal[]
}

type Input = object

/** The four writes, through the door of this gateway. */
export function writesThrough({ graphql }: Pick<Gateway, 'graphql'>) {
  const write = async (
    token: string | undefined,
    document: string,
    variables: Input,
    { idempotencyKey }: WriteOptions,
  ): Promise<Written> => {
    const answer = await graphql(document, {
      token,
      variables: variables as Record<string, unknown>,
      headers: idempotencyKey === undefined ? {} : { 'Idempotency-Key': idempotencyKey },
    })
    const payload = Object.values<Json>(answer.json.data ?? {})[0]
    return { answer, id: payload?.id, record: payload?.person ?? payload?.interview ?? null, refusals: refusalsIn(answer) }
  }
  return {
    createPerson: (token: string | undefined, input: Input, options: WriteOptions = {}) =>
      write(
        token,
        `mutation ($input: CreatePersonInput!) { createPerson(input: $input) { id person { ${personFields} } } }`,
        { input },
        options,
      ),
    updatePerson: (token: string | undefined, id: string, input: Input, options: WriteOptions = {}) =>
      write(
        token,
        `mutation ($id: ID!, $input: UpdatePersonInput!) { updatePerson(id: $id, input: $input) { id person { ${personFields} } } }`,
        { id, input },
        options,
      ),
    createInterview: (token: string | undefined, input: Input, options: WriteOptions = {}) =>
      write(
        token,
        `mutation ($input: CreateInterviewInput!) { createInterview(input: $input) { id interview { ${interviewFields} } } }`,
        { input },
        options,
      ),
    updateInterview: (token: string | undefined, id: string, input: Input, options: WriteOptions & { personId?: string } = {}) =>
      write(
        token,
        `mutation ($id: ID!, $personId: ID, $input: UpdateInterviewInput!) {
          updateInterview(id: $id, personId: $personId, input: $input) { id interview { ${interviewFields} } } }`,
        { id, input, ...(options.personId === undefined ? {} : { personId: options.personId }) },
        options,
      ),
  }
}

export function refusalsIn({ json }: Pick<Answer, 'json'>): Refusal[] {
  return (json.errors ?? []).map(({ path, extensions }: { path?: (string | number)[]; extensions: Refusal }) => ({
    ...extensions,
    ...(path === undefined ? {} : { at: path.join('.') }),
  }))
}

/** Refused as a whole, for one reason. @param field the member of the input, where the reason names one */
export function expectRefused({ id, refusals }: Written, code: string, field?: string): void {
  expect({ id, refusals: refusals.map(({ at: _at, requiredScopes: _scopes, ...refusal }) => refusal) }).toEqual({
    id: undefined,
    refusals: [field === undefined ? { code } : { code, field }],
  })
}

/** Done, with nothing to complain of. */
export function expectWritten(written: Written): Written {
  expect({ refusals: written.refusals, written: typeof written.id }).toEqual({ refusals: [], written: 'string' })
  return written
}

/** What no write may leave behind when it is refused. Denials are remembered, and so is when a credential was last used. */
const traces = {
  people: sql`true`,
  interviews: sql`true`,
  sessions: sql`true`,
  login_requests: sql`true`,
  trusted_devices: sql`true`,
  api_keys: sql`true`,
  idempotency_keys: sql`true`,
  audit_events: sql`t.action <> 'ACCESS_DENIED'`,
}

/** All rows that a write could touch. */
export async function rowsOf(db: Pick<TestDatabase, 'query'>): Promise<Record<string, unknown>> {
  const tables: Record<string, unknown> = {}
  for (const [table, which] of Object.entries(traces)) {
    const [row] = await db.query<{ rows: unknown }>(
      sql`select coalesce(jsonb_agg(to_jsonb(t) - 'last_used_at' - 'last_seen_at' order by to_jsonb(t)::text), '[]') as rows
          from ${verbatim(table)} t where ${which}`,
    )
    tables[table] = row!.rows
  }
  return tables
}

/** Nothing of what there is changes by this work. */
export async function expectNothingChanges<Result>(db: Pick<TestDatabase, 'query'>, work: () => Promise<Result>): Promise<Result> {
  const before = await rowsOf(db)
  const result = await work()
  expect(await rowsOf(db)).toEqual(before)
  return result
}
