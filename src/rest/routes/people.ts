/** People: listed, read one by one, added and changed. */
import { z } from 'zod'
import { invalid, Problem } from '../../domain/problem.ts'
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
  writtenPersonBody,
  writtenPersonSchema,
} from '../bodies/person.ts'
import { flagIn, inputOf, rolesIn } from '../members.ts'
import { cursorAfter, pageArgs, pageOf, type PageResult } from '../page.ts'
import { noSuchRecord } from '../refusals.ts'
import { idempotencyKey, list, record, type Route } from '../route.ts'

const changeableMembers = {
  first: ['first'],
  last: ['last'],
  email: ['email'],
  language: ['language'],
  roles: ['roles', rolesIn],
  tags: ['tags'],
  archived: ['archived', flagIn],
} as const
const changeableSchema = z.object({
  first: z.string().min(1).max(100).meta({ description: 'Given name.' }),
  last: z.string().min(1).max(100).meta({ description: 'Family name.' }),
  email: z.string().meta({ description: 'Unique within the district. A change ends the sessions of this person.', format: 'email' }),
  language: z.string().meta({ description: 'The language to write in, as a BCP 47 tag; `en` for a new person.' }),
  roles: z
    .record(z.string(), z.literal([1, 2]))
    .nullable()
    .meta({ description: 'Rank by role id: 1 primary, 2 secondary. They replace those there are. None is above the caller’s own powers.' }),
  tags: z.array(z.string().min(1).max(100)).nullable().meta({ description: 'Free labels. They replace those there are.' }),
  archived: z
    .union([z.literal([0, 1]), z.boolean()])
    .meta({ description: 'Whether this person is archived: kept, but unable to sign in.' }),
})
const emailTaken = new Problem('EMAIL_TAKEN').message

const archivedSentence = 'archived must be true or false.'
const exampleNew = { id: 'jkl78', first: 'Ruth', last: 'Okafor', email: 'ruth@example.com', roles: { '1c': 1 as const } }
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
      description: 'One person of the district whom the caller sees, archived ones among them.',
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
  record({
    name: 'createPerson',
    method: 'POST',
    path: '/api/people',
    document: `mutation ($input: CreatePersonInput!) { createPerson(input: $input) { id person { ${personFields} } } }`,
    variables: ({ body }) => ({ input: inputOf(body, changeableMembers) }),
    status: 201,
    body: ({ createPerson }: { createPerson: Parameters<typeof writtenPersonBody>[0] }) => writtenPersonBody(createPerson),
    idAlone: true,
    docs: {
      tag: 'People',
      summary: 'Create a person',
      description: 'Adds a person to the district. A role that is given reaches no further than the caller’s own powers.',
      access: 'write:people',
      headers: idempotencyKey,
      body: {
        schema: changeableSchema
          .partial()
          .required({ first: true, last: true, email: true })
          .meta({ id: 'CreatePerson', description: 'A person to be.' }),
        example: { first: 'Ruth', last: 'Okafor', email: 'ruth@example.com', language: 'en', roles: { '1c': 1 }, tags: ['2026'] },
      },
      answer: { description: 'The person.', schema: writtenPersonSchema, example: { ...examplePerson, ...exampleNew } },
      refusals: {
        400: {
          description: 'A member is missing or wrong.',
          example: 'first is required.',
          request: { body: { last: 'Okafor', email: 'ruth@example.com' } },
        },
        409: {
          description: 'Another person has this address, or the Idempotency-Key came with another body before.',
          example: `email: ${emailTaken}`,
          request: { body: { first: 'Ruth', last: 'Okafor', email: 'user@example.com' } },
        },
      },
    },
  }),
  record({
    name: 'updatePerson',
    method: 'PATCH',
    path: '/api/people/:id',
    document: `mutation ($id: ID!, $input: UpdatePersonInput!) { updatePerson(id: $id, input: $input) { id person { ${personFields} } } }`,
    variables: ({ params, body }) => ({ id: params['id'], input: inputOf(body, changeableMembers) }),
    body: ({ updatePerson }: { updatePerson: Parameters<typeof writtenPersonBody>[0] }) => writtenPersonBody(updatePerson),
    idAlone: true,
    versioned: true,
    docs: {
      tag: 'People',
      summary: 'Change a person',
      description: 'Only the members that are given change.',
      access: 'write:people',
      params: { id: personId },
      body: {
        schema: changeableSchema.partial().meta({ id: 'UpdatePerson', description: 'Changes to a person.' }),
        example: { tags: ['2026'] },
      },
      answer: { description: 'The person.', schema: writtenPersonSchema, example: examplePerson },
      refusals: {
        400: {
          description: 'A member is wrong.',
          example: 'roles.1a must be 1 (primary) or 2 (secondary).',
          request: { body: { roles: { '1a': 3 } } },
        },
        404: noSuchRecord({ id: 'nope0' }),
        409: {
          description: 'Another person has this address.',
          example: `email: ${emailTaken}`,
          request: { body: { email: 'admin@example.com' } },
        },
      },
    },
  }),
]

/** @throws Problem INVALID_INPUT for what is neither yes nor no */
function withArchived(query: URLSearchParams): boolean {
  const [value = 'false', ...more] = query.getAll('archived').map((each) => each.toLowerCase())
  if (more.length > 0 || !['true', '1', 'false', '0'].includes(value)) throw invalid('archived', archivedSentence)
  return value === 'true' || value === '1'
}

function included(query: URLSearchParams): Record<'files' | 'interviews' | 'photoUrl', boolean> {
  const names = new Set(query.getAll('include').flatMap((value) => value.split(',').map((name) => name.trim())))
  return { files: names.has('files'), interviews: names.has('interviews'), photoUrl: names.has('photo_url') }
}
