/** Adding and changing interviews of a district; what they refer to is there, and what is answered fits the form. */
import { isDeepStrictEqual } from 'node:util'
import sql from 'sql-template-tag'
import { z } from 'zod'
import type { Deps } from '../deps.ts'
import { statement } from '../sql/statement.ts'
import { actorOf, auditing } from './audit.ts'
import type { Caller } from './client.ts'
import { getSettings, type Settings, settingsOf } from './districts.ts'
import { type Answers, answersSchema, demandNoneLeft, mergeAnswers } from './form-answers.ts'
import { type Created, createOnce } from './idempotency.ts'
import { idSchema, isId, parse } from './input.ts'
import { dateSchema, type Interview, interviewColumns } from './interviews.ts'
import { invalid, Problem } from './problem.ts'

const members = {
  date: dateSchema,
  boardId: idSchema,
  formId: idSchema,
  profileId: idSchema,
  published: z.boolean('Published is true or false.'),
  /** Merged by field id. */
  responses: answersSchema.optional(),
}

const newInterviewSchema = z.object({
  ...members,
  personId: idSchema,
  published: members.published.nullish().transform((published) => published ?? false),
})
export type NewInterviewInput = z.input<typeof newInterviewSchema>

const changesSchema = z.object(members).partial()
export type InterviewChanges = Readonly<Partial<Record<keyof typeof members, unknown>>>

type WriteDeps = Pick<Deps, 'db' | 'random' | 'secrets'>

/**
 * Adds an interview; under an Idempotency-Key once, however often it is sent.
 * @param claim which creation of its request it is
 * @throws Problem NO_SUCH_RECORD for a person who is not there, INVALID_INPUT naming the member, IDEMPOTENCY_KEY_REUSED
 */
export function createInterview(
  deps: WriteDeps,
  caller: Caller,
  input: NewInterviewInput,
  claim = 'createInterview',
): Promise<Created<Interview, Settings>> {
  const { viewer, client } = caller
  const { districtId } = viewer
  const wanted = parse(newInterviewSchema, input, 'input')
  return deps.db.transaction((tx) =>
    createOnce(tx, deps, caller, claim, wanted, settingsOf(districtId), async (id, settings) => {
      const form = referencesIn(settings, wanted)
      const answers = mergeAnswers(form, {}, wanted.responses ?? null, 'input.responses')
      const record = { type: 'INTERVIEW', id } as const
      const entry = { districtId, actor: actorOf(viewer), action: 'INTERVIEW_CREATE', record } as const
      const [added] = await tx.query(
        statement`with added as (
              insert into interviews (district_id, id, person_id, date, board_id, form_id, profile_id, published, responses)
              select p.district_id, ${id}::text, p.id, ${wanted.date}::date, ${wanted.boardId}::text, ${wanted.formId}::text,
                ${wanted.profileId}::text, ${wanted.published}::boolean, ${JSON.stringify(answers)}::jsonb
              from people p where p.district_id = ${districtId} and p.id = ${wanted.personId} returning *
            ), remembered as (${auditing(deps.random, client, entry, sql`from added`)})
            select ${interviewColumns()} from added i`,
      )
      if (!added) throw new Problem('NO_SUCH_RECORD', { sentence: 'There is no such person.' })
      return added
    }),
  )
}

/**
 * Changes the members that are given; `responses` merge by field id, and `null` clears one.
 * @param of the candidate whom it must be of, where one is named
 * @throws Problem NO_SUCH_RECORD, INVALID_INPUT naming the member, and what the caller's precondition throws
 */
export async function updateInterview(
  deps: WriteDeps,
  { viewer, client, precondition }: Caller,
  { id, personId }: { id: string; personId?: string | null | undefined },
  input: InterviewChanges,
): Promise<string> {
  const given = parse(changesSchema, input, 'input')
  const { districtId } = viewer
  await deps.db.transaction(async (tx) => {
    const [before] = isId(id)
      ? await tx.query(
          statement`select ${interviewColumns()} from interviews i where i.district_id = ${districtId} and i.id = ${id} for update`,
        )
      : []
    if (!before || (personId != null && personId !== before.personId)) throw new Problem('NO_SUCH_RECORD')
    await precondition?.(tx)
    const { responses, ...rest } = given
    const plain = { ...before, ...Object.fromEntries(Object.entries(rest).filter(([, value]) => value !== undefined)) }
    const form = referencesIn(await getSettings({ db: tx }, districtId), plain)
    const answers = responses === undefined ? before.responses : mergeAnswers(form, before.responses, responses, 'input.responses')
    if (plain.formId !== before.formId) demandNoneLeft(before.responses, responses, 'input.formId')
    const changed = changedMembers(before, { ...plain, responses: answers })
    if (changed.length === 0) return
    const remembered = auditing(deps.random, client, {
      districtId,
      actor: actorOf(viewer),
      action: 'INTERVIEW_UPDATE',
      record: { type: 'INTERVIEW', id },
      members: changed,
    })
    // The row is locked: of two changes in the same millisecond the second is still later.
    await tx.query(
      statement`with remembered as (${remembered})
          update interviews i set date = ${plain.date}::date, board_id = ${plain.boardId}, form_id = ${plain.formId},
            profile_id = ${plain.profileId}, published = ${plain.published}, responses = ${JSON.stringify(answers)}::jsonb,
            updated_at = greatest(date_trunc('milliseconds', now()), i.updated_at + interval '1 millisecond')
          where i.district_id = ${districtId} and i.id = ${id}`,
    )
  })
  return id
}

/** The form; board and profile are there as well. */
function referencesIn(settings: Settings, { boardId, formId, profileId }: Pick<Interview, 'boardId' | 'formId' | 'profileId'>) {
  if (!settings.boards.some(({ id }) => id === boardId)) throw invalid('input.boardId', 'This district has no such board.')
  const form = settings.forms.find(({ id }) => id === formId)
  if (!form) throw invalid('input.formId', 'This district has no such form.')
  if (!settings.profiles.some(({ id }) => id === profileId))
    throw invalid('input.profileId', 'This district has no such interview profile.')
  return form
}

/** Names alone; of the answers, the fields that were answered otherwise. */
function changedMembers(before: Interview, after: Interview): string[] {
  const plain = (['date', 'boardId', 'formId', 'profileId', 'published'] as const).filter((name) => before[name] !== after[name])
  return [...plain, ...changedAnswers(before.responses, after.responses).map((id) => `responses.${id}`)]
}

const changedAnswers = (before: Answers, after: Answers): string[] =>
  [...new Set([...Object.keys(before), ...Object.keys(after)])].filter((id) => !isDeepStrictEqual(before[id], after[id]))
