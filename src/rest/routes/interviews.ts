/** Interviews: listed, whole or of one person. */
import { z } from 'zod'
import { exampleInterview, interviewBody, interviewFields, type InterviewResult, interviewSchema } from '../bodies/interview.ts'
import { pageArgs, pageOf, type PageResult } from '../page.ts'
import { list, type Route } from '../route.ts'

const personId = { description: 'The id of the candidate.', schema: z.string(), example: 'abc12' }

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
      params: { personId },
      answer: { description: 'All of them.', schema: interviewSchema, example: exampleInterview },
    },
  }),
]
