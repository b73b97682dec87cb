/** Interviews: listed, of the district or of one person, read one by one, added and changed. */
import { z } from 'zod'
import {
  exampleInterview,
  exampleWholeInterview,
  interviewBody,
  interviewFields,
  type InterviewResult,
  interviewSchema,
  wholeInterviewBody,
  wholeInterviewFields,
  type WholeInterviewResult,
  wholeInterviewSchema,
  writtenInterviewBody,
  writtenInterviewSchema,
} from '../bodies/interview.ts'
import { flagIn, inputOf } from '../members.ts'
import { pageArgs, pageOf, type PageResult } from '../page.ts'
import { idempotencyKeyReused, noSuchRecord } from '../refusals.ts'
import { idempotencyKey, list, record, type Route } from '../route.ts'

const changeableMembers = {
  date: ['date'],
  board_id: ['boardId'],
  form_id: ['formId'],
  profile_id: ['profileId'],
  published: ['published', flagIn],
  responses: ['responses'],
} as const
const changeableSchema = z.object({
  date: z.iso.date().meta({ description: 'The day of the meeting.' }),
  board_id: z.string().meta({ description: 'The board that met the candidate.' }),
  form_id: z.string().meta({ description: 'The form that was filled in.' }),
  profile_id: z.string().meta({ description: 'The kind of interview.' }),
  published: z.union([z.literal([0, 1]), z.boolean()]).meta({ description: 'Whether the candidate and their mentors may see it.' }),
  responses: z
    .record(z.string(), z.unknown())
    .nullable()
    .meta({ description: 'Answers by field of the form, merged into those there are; null clears one, or all of them.' }),
})
const ids = {
  personId: { description: 'The id of the candidate.', schema: z.string(), example: 'abc12' },
  id: { description: 'The id of the interview.', schema: z.string(), example: 'def34' },
}
const noSuchBoard = 'board_id: This district has no such board.'
export const interviewRoutes: readonly Route[] = [
  list({
    name: 'listInterviews',
    method: 'GET',
    path: '/api/interviews',
    document: `query ($after: String) { interviews(${pageArgs}) ${pageOf(interviewFields)} }`,
    page: ({ interviews }: { interviews: PageResult<InterviewResult> }) => interviews,
    item: interviewBody,
    docs: {
      tag: 'Interviews',
      summary: 'List interviews',
      description: 'Every interview of the district that the caller sees, the first added first.',
      access: 'read:interviews',
      answer: { description: 'All of them.', schema: interviewSchema, example: exampleInterview },
    },
  }),
  list({
    name: 'listInterviewsOfPerson',
    method: 'GET',
    path: '/api/interviews/:personId',
    document: `query ($personId: ID!, $after: String) { interviews(${pageArgs}, filter: { personId: $personId }) ${pageOf(interviewFields)} }`,
    variables: ({ params }) => ({ personId: params['personId'] }),
    page: ({ interviews }: { interviews: PageResult<InterviewResult> }) => interviews,
    item: interviewBody,
    docs: {
      tag: 'Interviews',
      summary: 'List the interviews of a person',
      description: 'Every interview of this candidate that the caller sees, the first added first; none for somebody who is not there.',
      access: 'read:interviews',
      params: { personId: ids.personId },
      answer: { description: 'All of them.', schema: interviewSchema, example: exampleInterview },
    },
  }),
  record({
    name: 'getInterview',
    method: 'GET',
    path: '/api/interviews/:personId/:id',
    document: `query ($personId: ID!, $id: ID!) { interview(id: $id, personId: $personId) { ${wholeInterviewFields} } }`,
    variables: ({ params }) => params,
    body: ({ interview }: { interview: WholeInterviewResult | null }) => interview && wholeInterviewBody(interview),
    revalidated: true,
    docs: {
      tag: 'Interviews',
      summary: 'Get an interview',
      description: 'One interview of this candidate, with its responses and recordings, if the caller sees it.',
      access: 'read:interviews',
      params: ids,
      answer: { description: 'The interview.', schema: wholeInterviewSchema, example: exampleWholeInterview },
      refusals: { 404: noSuchRecord({ id: 'nope0' }) },
    },
  }),
  record({
    name: 'createInterview',
    method: 'POST',
    path: '/api/interviews/:personId',
    document: `mutation ($input: CreateInterviewInput!) { createInterview(input: $input) { id interview { ${wholeInterviewFields} } } }`,
    variables: ({ params, body }) => ({ input: { ...inputOf(body, changeableMembers), personId: params['personId'] } }),
    status: 201,
    body: ({ createInterview }: { createInterview: Parameters<typeof writtenInterviewBody>[0] }) => writtenInterviewBody(createInterview),
    idAlone: true,
    docs: {
      tag: 'Interviews',
      summary: 'Create an interview',
      description: 'Adds an interview of this candidate. It is not published unless that is said.',
      access: 'write:interviews',
      params: { personId: ids.personId },
      headers: idempotencyKey,
      body: {
        schema: changeableSchema
          .partial({ published: true, responses: true })
          .meta({ id: 'CreateInterview', description: 'An interview to be.' }),
        example: { date: '2026-03-14', board_id: '1a', form_id: '1a', profile_id: '1a' },
      },
      answer: {
        description: 'The interview.',
        schema: writtenInterviewSchema,
        example: { ...exampleWholeInterview, id: 'mno90', published: 0, responses: {}, audio: {} },
      },
      refusals: {
        400: {
          description: 'A member is missing or wrong.',
          example: 'board_id is required.',
          request: { body: { date: '2026-03-14', form_id: '1a', profile_id: '1a' } },
        },
        404: { ...noSuchRecord({ personId: 'nope0' }), example: 'There is no such person.' },
        409: idempotencyKeyReused,
      },
    },
  }),
  record({
    name: 'updateInterview',
    method: 'PATCH',
    path: '/api/interviews/:personId/:id',
    document: `mutation ($personId: ID!, $id: ID!, $input: UpdateInterviewInput!) {
      updateInterview(personId: $personId, id: $id, input: $input) { id interview { ${wholeInterviewFields} } }
    }`,
    variables: ({ params, body }) => ({ ...params, input: inputOf(body, changeableMembers) }),
    body: ({ updateInterview }: { updateInterview: Parameters<typeof writtenInterviewBody>[0] }) => writtenInterviewBody(updateInterview),
    idAlone: true,
    versioned: true,
    docs: {
      tag: 'Interviews',
      summary: 'Change an interview',
      description: 'Only the members that are given change.',
      access: 'write:interviews',
      params: ids,
      body: {
        schema: changeableSchema.partial().meta({ id: 'UpdateInterview', description: 'Changes to an interview.' }),
        example: { published: 1, responses: { '1a': 1, '1b': { en: 'Her calm' } } },
      },
      answer: { description: 'The interview.', schema: writtenInterviewSchema, example: exampleWholeInterview },
      refusals: {
        400: { description: 'A member is wrong.', example: noSuchBoard, request: { body: { board_id: '9z' } } },
        404: noSuchRecord({ id: 'nope0' }),
      },
    },
  }),
]
