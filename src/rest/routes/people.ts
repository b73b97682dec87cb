/** People: listed, and read one by one. */
import { z } from 'zod'
import { invalid } from '../../domain/problem.ts'
import { interviewFields } from '../bodies/interview.ts'
import {
  examplePerson,
  examplePersonWithIncluded,
  type IncludedResult,
  personBody,
  personFields,
  type PersonResult,
  personSchema,
  personWithIncludedBody,
  personWithIncludedSchema,
} from '../bodies/person.ts'
import { cursorAfter, pageArgs, pageOf, type PageResult } from '../page.ts'
import { noSuchRecord } from '../refusals.ts'
import { list, record, type Route } from '../route.ts'

const archivedSentence = 'archived must be true or false.'
const personId = { description: 'The id of the person.', schema: z.string(), example: 'abc12' }

export const peopleRoutes: readonly Route[] = [
  list({
    name: 'listPeople',
    method: 'GET',
    path: '/api/people',
    document: `query ($archived: Boolean, $after: String) { people(${pageArgs}, filter: { archived: $archived }) ${pageOf(personFields)} }`,
    variables: ({ query }) => ({ archived: withArchived(query) ? null : false }),
    page: ({ people }: { people: PageResult<PersonResult> }) => people,
    item: personBody,
    docs: {
      tag: 'People',
      summary: 'List people',
      description: 'Every person of the district whom the caller sees, the first added first.',
      access: 'read:people',
      query: {
        archived: {
          description: 'Whether archived people are listed too.',
          schema: z.enum(['true', 'false', '1', '0']).default('false'),
          example: 'true',
        },
      },
      answer: { description: 'All of them.', schema: personSchema, example: examplePerson },
      refusals: {
        400: { description: '`archived` is something else.', example: archivedSentence, request: { query: { archived: 'maybe' } } },
      },
    },
  }),
  record({
    name: 'getPerson',
    method: 'GET',
    path: '/api/people/:id',
    document: `query ($id: ID!, $files: Boolean!, $interviews: Boolean!, $photoUrl: Boolean!, $after: String) {
      person(id: $id) {
        ${personFields}
        files: __typename @include(if: $files)
        interviews(${pageArgs}) @include(if: $interviews) ${pageOf(interviewFields)}
        photoUrl: avatarUrl @include(if: $photoUrl)
      }
    }`,
    variables: ({ params, query }) => ({ id: params['id'], ...included(query) }),
    body: (...pages: { person: (PersonResult & IncludedResult) | null }[]) => {
      const people = pages.flatMap(({ person }) => person ?? [])
      return people.length === pages.length ? personWithIncludedBody(...people) : null
    },
    next: ({ person }) => (person?.interviews ? cursorAfter(person.interviews) : null),
    revalidated: true,
    docs: {
      tag: 'People',
      summary: 'Get a person',
      access: 'read:people',
      params: { id: personId },
      query: {
        include: {
          description:
            'What to add after `created_at`, comma-separated: `files`, `interviews` (needs `read:interviews`), `tags` (there in any case), `photo_url`.',
          schema: z.string(),
          example: 'files,interviews,tags,photo_url',
        },
      },
      answer: { description: 'The person.', schema: personWithIncludedSchema, example: examplePersonWithIncluded },
      refusals: { 404: noSuchRecord({ id: 'nope0' }) },
    },
  }),
]

/** @throws Problem INVALID_INPUT for what is neither yes nor no */
function withArchived(query: URLSearchParams): boolean {
  const [value = 'false', ...more] = query.getAll('archived')
  if (more.length > 0 || !['true', '1', 'false', '0'].includes(value)) throw invalid('archived', archivedSentence)
  return value === 'true' || value === '1'
}

function included(query: URLSearchParams): Record<'files' | 'interviews' | 'photoUrl', boolean> {
  const names = new Set(query.getAll('include').flatMap((value) => value.split(',').map((name) => name.trim())))
  return { files: names.has('files'), interviews: names.has('interviews'), photoUrl: names.has('photo_url') }
}
