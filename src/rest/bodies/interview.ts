/** An interview as the portal documents one: short in lists, with responses and recordings by itself. */
import { z } from 'zod'
import { flag, flagSchema, unixMs, unixMsSchema, writtenIdSchema } from './pieces.ts'

export const interviewFields = 'id personId districtId date board { id } form { id } profile { id } published createdAt updatedAt'
export const wholeInterviewFields = `${interviewFields} responses { field { id } value } recordings { id name url transcript summary }`

interface IdResult {
  readonly id: string
}

export interface InterviewResult extends IdResult {
  readonly personId: string
  readonly districtId: string
  readonly date: string
  readonly board: IdResult
  readonly form: IdResult
  readonly profile: IdResult
  readonly published: boolean
  readonly createdAt: string
  readonly updatedAt: string
}

export interface WholeInterviewResult extends InterviewResult {
  readonly responses: readonly { readonly field: IdResult; readonly value: unknown }[]
  readonly recordings: readonly (IdResult & z.output<typeof recordingSchema>)[]
}

const members = {
  id: z.string().meta({ description: 'Opaque.' }),
  person_id: z.string().meta({ description: 'The candidate.' }),
  district_id: z.string().meta({ description: 'The district it belongs to.' }),
  date: z.iso.date().meta({ description: 'The day of the meeting.' }),
  board_id: z.string().meta({ description: 'The board that met the candidate.' }),
  form_id: z.string().meta({ description: 'The form that was filled in.' }),
  profile_id: z.string().meta({ description: 'The kind of interview.' }),
  published: flagSchema('1 when the candidate and their mentors may see it.'),
}
const times = {
  created_at: unixMsSchema('When it was added, in Unix milliseconds.'),
  updated_at: unixMsSchema('When anything of it last changed, in Unix milliseconds.'),
}

const recordingSchema = z.object({
  name: z.string().nullable().meta({ description: 'What it is called.' }),
  url: z.string().nullable().meta({ description: 'Where it can be heard.' }),
  transcript: z.string().nullable().meta({ description: 'What was said, word by word.' }),
  summary: z.string().nullable().meta({ description: 'What was said, in short.' }),
})

export const interviewSchema = z
  .object({ ...members, ...times })
  .meta({ id: 'Interview', description: 'A meeting of one candidate with a board, as lists show it.' })

export const wholeInterviewSchema = z
  .object({
    ...members,
    responses: z.record(z.string(), z.unknown()).meta({
      description:
        'The answers by field of the form: a number, or a text in several languages as an object. Private fields only for those who may see them.',
    }),
    audio: z.record(z.string(), recordingSchema).meta({ description: 'The recordings by their ids.' }),
    ...times,
  })
  .meta({ id: 'WholeInterview', description: 'A meeting of one candidate with a board, with what was answered and recorded.' })

export const writtenInterviewSchema = z
  .union([wholeInterviewSchema, writtenIdSchema])
  .meta({ id: 'WrittenInterview', description: 'The interview as it is now, for those who may read interviews; its id for the others.' })

const ownMembers = ({ id, personId, districtId, date, board, form, profile, published }: InterviewResult) => ({
  id,
  person_id: personId,
  district_id: districtId,
  date,
  board_id: board.id,
  form_id: form.id,
  profile_id: profile.id,
  published: flag(published),
})
const timesOf = ({ createdAt, updatedAt }: InterviewResult) => ({ created_at: unixMs(createdAt), updated_at: unixMs(updatedAt) })

export const interviewBody = (interview: InterviewResult): z.output<typeof interviewSchema> => ({
  ...ownMembers(interview),
  ...timesOf(interview),
})

export const wholeInterviewBody = (interview: WholeInterviewResult): z.output<typeof wholeInterviewSchema> => ({
  ...ownMembers(interview),
  responses: Object.fromEntries(interview.responses.map(({ field, value }) => [field.id, value])),
  audio: Object.fromEntries(interview.recordings.map(({ id, name, url, transcript, summary }) => [id, { name, url, transcript, summary }])),
  ...timesOf(interview),
})

export const writtenInterviewBody = ({
  id,
  interview,
}: {
  id: string
  interview: WholeInterviewResult | null
}): z.output<typeof writtenInterviewSchema> => (interview ? wholeInterviewBody(interview) : { id })

const exampleMembers = {
  id: 'def34',
  person_id: 'abc12',
  district_id: 'xyz99',
  date: '2026-03-14',
  board_id: '1a',
  form_id: '1a',
  profile_id: '1a',
  published: 1 as const,
}
const exampleTimes = { created_at: 1_773_446_400_000, updated_at: 1_773_532_800_000 }

export const exampleInterview: z.output<typeof interviewSchema> = { ...exampleMembers, ...exampleTimes }

export const exampleWholeInterview: z.output<typeof wholeInterviewSchema> = {
  ...exampleMembers,
  responses: { '1a': 1, '1b': { en: 'Her calm' } },
  audio: { '1a': { name: 'Whole meeting', url: null, transcript: 'Welcome.', summary: 'A good beginning.' } },
  ...exampleTimes,
}
