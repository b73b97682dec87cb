/** A person, as the portal documents one; and the same person in short, as signing in and `/api/me` show them. */
import { z } from 'zod'
import { exampleInterview, type InterviewResult, interviewBody, interviewSchema } from './interview.ts'
import type { PageResult } from '../page.ts'
import { flag, flagSchema, unixMs, unixMsSchema, writtenIdSchema } from './pieces.ts'

export const selfFields = 'id first last email language roles { role { id } rank } districtId'
export const personFields = `${selfFields} tags archived avatarUrl createdAt`

export interface SelfResult {
  readonly id: string
  readonly first: string
  readonly last: string
  readonly email: string
  readonly language: string
  readonly roles: readonly { readonly role: { readonly id: string }; readonly rank: 'PRIMARY' | 'SECONDARY' }[]
  readonly districtId: string
}

export interface PersonResult extends SelfResult {
  readonly tags: readonly string[]
  readonly archived: boolean
  readonly avatarUrl: string | null
  readonly createdAt: string
}

/** What `?include=` adds. Only what was asked for is there. */
export interface IncludedResult {
  readonly files?: string
  readonly interviews?: PageResult<InterviewResult>
  readonly photoUrl?: string | null
}

const nameMembers = {
  id: z.string().meta({ description: 'Opaque.' }),
  first: z.string().meta({ description: 'Given name.' }),
  last: z.string().meta({ description: 'Family name.' }),
  email: z.string().meta({ description: 'The address that sign-in mail goes to; unique within the district.' }),
  language: z.string().meta({ description: 'The language this person is written to in, as a BCP 47 tag.' }),
  roles: z
    .record(z.string(), z.literal([1, 2]))
    .meta({ description: 'Rank by role id: 1 primary, 2 secondary. The primary ones come first.' }),
}
const districtId = z.string().meta({ description: 'The district this person belongs to.' })

export const selfSchema = z.object({ ...nameMembers, district_id: districtId }).meta({ id: 'Self', description: 'Who is signed in.' })

export const personSchema = z
  .object({
    ...nameMembers,
    tags: z.array(z.string()).meta({ description: 'Free labels, in the order they were given.' }),
    archived: flagSchema('1 for a person who is archived: kept, but unable to sign in.'),
    avatar_url: z.string().nullable().meta({ description: 'Address of a picture.' }),
    district_id: districtId,
    created_at: unixMsSchema('When this person was added, in Unix milliseconds.'),
  })
  .meta({ id: 'Person', description: 'A member of a district.' })

export const personWithIncludedSchema = personSchema
  .extend({
    files: z.array(z.unknown()).max(0).optional().meta({ description: 'With `include=files`: empty, for files are not served here.' }),
    interviews: z
      .array(interviewSchema)
      .optional()
      .meta({ description: 'With `include=interviews`: all interviews of this person that the caller sees, the first added first.' }),
    photo_url: z.string().nullable().optional().meta({ description: 'With `include=photo_url`: the address of a picture.' }),
  })
  .meta({ id: 'PersonWithIncluded', description: 'A person, and what was asked for besides.' })

export const writtenPersonSchema = z
  .union([personSchema, writtenIdSchema])
  .meta({ id: 'WrittenPerson', description: 'The person as it is now, for those who may read people; its id for the others.' })

const rolesBody = (roles: SelfResult['roles']): Record<string, 1 | 2> =>
  Object.fromEntries(roles.map(({ role, rank }) => [role.id, rank === 'PRIMARY' ? 1 : 2]))

export const selfBody = ({ id, first, last, email, language, roles, districtId: ofDistrict }: SelfResult): z.output<typeof selfSchema> => ({
  id,
  first,
  last,
  email,
  language,
  roles: rolesBody(roles),
  district_id: ofDistrict,
})

export const personBody = (person: PersonResult): z.output<typeof personSchema> => ({
  id: person.id,
  first: person.first,
  last: person.last,
  email: person.email,
  language: person.language,
  roles: rolesBody(person.roles),
  tags: [...person.tags],
  archived: flag(person.archived),
  avatar_url: person.avatarUrl,
  district_id: person.districtId,
  created_at: unixMs(person.createdAt),
})

export const writtenPersonBody = ({ id, person }: { id: string; person: PersonResult | null }): z.output<typeof writtenPersonSchema> =>
  person ? personBody(person) : { id }

/** @param pages the same person, with one page of interviews after the other */
export function personWithIncludedBody(...pages: readonly (PersonResult & IncludedResult)[]): z.output<typeof personWithIncludedSchema> {
  const [person] = pages
  const { files, interviews, photoUrl } = person!
  return {
    ...personBody(person!),
    ...(files === undefined ? {} : { files: [] }),
    ...(interviews === undefined ? {} : { interviews: pages.flatMap((page) => page.interviews!.nodes.map(interviewBody)) }),
    ...(photoUrl === undefined ? {} : { photo_url: photoUrl }),
  }
}

export const exampleSelf: z.output<typeof selfSchema> = {
  id: 'abc12',
  first: 'Jane',
  last: 'Doe',
  email: 'user@example.com',
  language: 'en',
  roles: { '1a': 1 },
  district_id: 'xyz99',
}

export const examplePerson: z.output<typeof personSchema> = {
  id: 'abc12',
  first: 'Jane',
  last: 'Doe',
  email: 'user@example.com',
  language: 'en',
  roles: { '1a': 1 },
  tags: ['2026'],
  archived: 0,
  avatar_url: null,
  district_id: 'xyz99',
  created_at: 1_772_323_200_000,
}

export const examplePersonWithIncluded: z.output<typeof personWithIncludedSchema> = {
  ...examplePerson,
  files: [],
  interviews: [exampleInterview],
  photo_url: null,
}
