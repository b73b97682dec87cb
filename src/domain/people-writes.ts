/**
 * Adding and changing people of a district. Nobody reaches above themselves: what decides who somebody is and what they may (e-mail,
 * roles, archived) is changed by those alone whose own powers include all of that person's, before and after.
 */
import { isDeepStrictEqual } from 'node:util'
import type { Sql } from 'sql-template-tag'
import { z } from 'zod'
import { reaches } from '../access/reach.ts'
import { powersOf, type SignedInViewer } from '../access/viewer.ts'
import { type Deps, Duplicate, type Queryable } from '../deps.ts'
import type { Prisma } from '../generated/prisma/client.ts'
import { statement } from '../sql/statement.ts'
import { actorOf, auditing } from './audit.ts'
import type { Caller } from './client.ts'
import { emailSchema } from './email.ts'
import { type Settings, settingsOf } from './districts.ts'
import { type Created, createOnce } from './idempotency.ts'
import { filledIn, isId, languageSchema, listOf, parse } from './input.ts'
import { peopleInsert } from './bulk-insert.ts'
import { type Person, personColumns } from './people.ts'
import { personIndex } from './people-index.ts'
import { invalid, Problem } from './problem.ts'
import { quote } from './quote.ts'
import { endSignIns, holdLoginRequests, MailPreparedMeanwhile } from './end-sign-ins.ts'

const most = { roles: 50, tags: 50 }

const roleSchema = z.object({ roleId: z.string(), rank: z.union([z.literal(1), z.literal(2)], 'The rank is primary or secondary.') })

/** The members of a person that are written, as they are checked. */
const members = {
  first: filledIn(100),
  last: filledIn(100),
  email: emailSchema,
  language: languageSchema,
  roles: listOf(roleSchema, most.roles, `At most ${most.roles} roles.`)
    .refine((roles) => new Set(roles.map(({ roleId }) => roleId)).size === roles.length, 'Each role is given once.')
    .nullable()
    .transform((roles) => Object.fromEntries((roles ?? []).map(({ roleId, rank }): [string, number] => [roleId, rank]))),
  tags: listOf(filledIn(100), most.tags, `At most ${most.tags} tags.`)
    .nullable()
    .transform((tags) => [...new Set(tags)]),
  archived: z.boolean('Archived is true or false.'),
}

/** A person to be, with what is taken for what is left out. */
export const newPersonSchema = z.object({
  ...members,
  language: members.language.nullish().transform((language) => language ?? 'en'), // PORTAL-API: "default `en`"
  roles: members.roles.default({}),
  tags: members.tags.default([]),
  archived: members.archived.nullish().transform((archived) => archived ?? false),
})
export type NewPersonInput = z.input<typeof newPersonSchema>

const changesSchema = z.object(members).partial()
export type PersonChanges = Readonly<Partial<Record<keyof typeof members, unknown>>>

type WriteDeps = Pick<Deps, 'db' | 'random' | 'secrets'>

/**
 * Adds a person; under an Idempotency-Key once, however often it is sent.
 * @param claim which creation of its request it is
 * @throws Problem INVALID_INPUT naming the member, EMAIL_TAKEN, ABOVE_YOURSELF, IDEMPOTENCY_KEY_REUSED
 */
export function createPerson(
  deps: WriteDeps,
  caller: Caller,
  input: NewPersonInput,
  claim = 'createPerson',
): Promise<Created<Person, Settings>> {
  const { viewer, client } = caller
  const { districtId } = viewer
  const person = parse(newPersonSchema, input, 'input')
  return deps.db.transaction((tx) =>
    createOnce(tx, deps, caller, claim, person, settingsOf(districtId), async (id, { roles }) => {
      demandReach(viewer, roles, person.roles)
      const record = { type: 'PERSON', id } as const
      const remembered = auditing(deps.random, client, { districtId, actor: actorOf(viewer), action: 'PERSON_CREATE', record })
      const [added] = await withFreeEmail(() =>
        tx.query(
          statement`with added as (${peopleInsert([{ districtId, id, ...person }])} returning *), remembered as (${remembered})
              select ${personColumns()} from added p`,
        ),
      )
      return added!
    }),
  )
}

/** What a change did to the sign-ins of its person. */
export interface ChangedPerson {
  readonly id: string
  /** Whether a session of this person is another one now, or none: by what they may do, can sign in with, or are written to in. */
  readonly sessionsChanged: boolean
}

/**
 * Changes the members that are given. Archiving somebody, or changing the address, ends their sessions and sign-in mails at once.
 * @throws Problem NO_SUCH_RECORD, INVALID_INPUT naming the member, EMAIL_TAKEN, ABOVE_YOURSELF, and what the caller's precondition throws
 */
export async function updatePerson(deps: WriteDeps, caller: Caller, id: string, input: PersonChanges): Promise<ChangedPerson> {
  const given = parse(changesSchema, withoutUndefined(input), 'input')
  if (!isId(id)) throw new Problem('NO_SUCH_RECORD')
  for (;;) {
    try {
      return await deps.db.transaction((tx) => change(tx, deps, caller, id, given))
    } catch (error) {
      if (!(error instanceof MailPreparedMeanwhile)) throw error
    }
  }
}

async function change(
  tx: Queryable,
  { random }: WriteDeps,
  { viewer, client, precondition }: Caller,
  id: string,
  given: z.output<typeof changesSchema>,
): Promise<ChangedPerson> {
  const { districtId } = viewer
  const mayEndSignIns = given.email !== undefined || given.archived !== undefined
  const held = mayEndSignIns ? await holdLoginRequests(tx, { districtId, personId: id }) : []
  const [before] = await tx.query(
    statement`select ${personColumns()} from people p where p.district_id = ${districtId} and p.id = ${id} for update`,
  )
  if (!before) throw new Problem('NO_SUCH_RECORD')
  await precondition?.(tx)
  const after = { ...before, ...withoutUndefined(given) }
  const changed = (Object.keys(members) as (keyof typeof members)[]).filter((name) => !isDeepStrictEqual(before[name], after[name]))
  if (changed.length === 0) return { id, sessionsChanged: false }

  const endsSignIns = changed.includes('email') || (after.archived && !before.archived)
  const standingChanged = endsSignIns || changed.includes('roles') || changed.includes('archived')
  if (standingChanged) {
    const roles = await rolesOf(tx, districtId)
    demandReach(viewer, roles, before.roles, { mayBeUnknown: true })
    demandReach(viewer, roles, after.roles, { mayBeUnknown: !changed.includes('roles') })
  }
  const remembered = auditing(random, client, {
    districtId,
    actor: actorOf(viewer),
    action: 'PERSON_UPDATE',
    record: { type: 'PERSON', id },
    members: changed,
  })
  await withFreeEmail(() => update(tx, after, remembered))
  if (endsSignIns) await endSignIns(tx, random, { viewer, client }, id, held)
  return { id, sessionsChanged: standingChanged || changed.includes('language') }
}

/** The row is locked: of two changes in the same millisecond the second is still later. */
async function update(tx: Queryable, person: Person, remembered: Sql): Promise<void> {
  const { emailKey, sortName, terms } = personIndex(person)
  await tx.query(
    statement`with remembered as (${remembered})
        update people p set first = ${person.first}, last = ${person.last}, email = ${person.email}, email_key = ${emailKey},
          language = ${person.language}, roles = ${JSON.stringify(person.roles)}::jsonb, tags = ${person.tags}::text[],
          archived = ${person.archived}, sort_name = ${sortName}, terms = ${terms}::text[],
          updated_at = greatest(date_trunc('milliseconds', now()), p.updated_at + interval '1 millisecond')
        where p.district_id = ${person.districtId} and p.id = ${person.id}`,
  )
}

const roleMembers = { id: true, permissions: true } satisfies Prisma.RoleSelect
type Roles = readonly Prisma.RoleGetPayload<{ select: typeof roleMembers }>[]

const rolesOf = (tx: Queryable, districtId: string): Promise<Roles> =>
  tx.tables.role.findMany({ where: { districtId }, select: roleMembers })

/** @throws Problem ABOVE_YOURSELF, or INVALID_INPUT for a role that the district does not have */
function demandReach(viewer: SignedInViewer, known: Roles, held: Readonly<Record<string, number>>, { mayBeUnknown = false } = {}): void {
  const permissions = Object.keys(held).map((roleId) => {
    const role = known.find(({ id }) => id === roleId)
    if (!role && !mayBeUnknown) throw invalid(`input.roles.${quote(roleId)}`, 'This district has no such role.')
    return role?.permissions ?? {}
  })
  if (!reaches(viewer, powersOf(permissions))) throw new Problem('ABOVE_YOURSELF')
}

/** The address is the only thing of a person that no two may share. */
async function withFreeEmail<Result>(write: () => Promise<Result>): Promise<Result> {
  try {
    return await write()
  } catch (error) {
    if (error instanceof Duplicate) throw new Problem('EMAIL_TAKEN', { field: 'input.email' })
    throw error
  }
}

const withoutUndefined = <Members extends object>(given: Members) =>
  Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined)) as {
    [Name in keyof Members]: Exclude<Members[Name], undefined>
  }
