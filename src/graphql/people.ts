/** People in the schema. */
import type { Role } from '../domain/districts.ts'
import { listPeople, type Person, type personOrders } from '../domain/people.ts'
import type { Builder } from './builder.ts'
import { pageArgs } from './connection.ts'
import { signedIn } from './context.ts'
import type { InterviewListArgs } from './interviews.ts'
import { neededOf, reads } from './needs.ts'
import type { Refs } from './refs.ts'

export function definePeople(builder: Builder, refs: Refs, interviewArgs: InterviewListArgs): void {
  const roleAssignment = builder.objectRef<{ role: Role; rank: number }>('RoleAssignment').implement({
    description: 'A role that a person holds.',
    fields: (t) => ({
      role: t.field({ type: refs.role, description: 'The role.', resolve: (assignment) => assignment.role }),
      rank: t.field({
        type: refs.roleRank,
        description: 'Whether it is the primary one.',
        resolve: (assignment) => (assignment.rank === 1 ? 1 : 2),
      }),
    }),
  })

  refs.person.implement({
    description: 'A member of a district: a candidate, a mentor, a board member, an administrator.',
    fields: (t) => ({
      id: t.exposeID('id', { description: 'Opaque, and unique within the district.' }),
      districtId: t.exposeID('districtId', { description: 'The district this person belongs to.' }),
      first: t.exposeString('first', { description: 'Given name.' }),
      last: t.exposeString('last', { description: 'Family name.' }),
      email: t.exposeString('email', { description: 'The address that sign-in mail goes to; unique within the district.' }),
      language: t.expose('language', { type: 'LanguageTag', description: 'The language this person is written to in.' }),
      roles: t.field({
        type: [roleAssignment],
        description: 'The roles this person holds, the primary ones first.',
        extensions: reads<Person>('roles', 'districtId'),
        resolve: async ({ roles, districtId }, _args, { loaders }) => {
          const settings = await loaders.districtSettings(districtId)
          return settings.roles
            .filter(({ id }) => Object.hasOwn(roles, id))
            .map((role) => ({ role, rank: roles[role.id]! }))
            .sort((a, b) => a.rank - b.rank)
        },
      }),
      tags: t.stringList({ description: 'Free labels, in the order they were given.', resolve: ({ tags }) => [...tags] }),
      archived: t.exposeBoolean('archived', { description: 'Whether this person is archived: kept, but unable to sign in.' }),
      avatarUrl: t.exposeString('avatarUrl', { nullable: true, description: 'Address of a picture.' }),
      mentors: t.field({
        type: [refs.person],
        nullable: true,
        description: 'The mentors assigned to this person, as far as the caller sees them.',
        extensions: reads<Person>('id'),
        resolve: ({ id }, _args, { loaders }, info) => loaders.mentors(id, neededOf('Person', info)),
      }),
      interviews: t.field({
        type: refs.interviewConnection,
        nullable: true,
        description: 'The interviews of this person, as far as the caller sees them.',
        args: interviewArgs(t.arg),
        extensions: reads<Person>('id'),
        resolve: ({ id }, args, { loaders }, info) => loaders.interviewsOf(id, args, neededOf('Interview', info)),
      }),
      createdAt: t.expose('createdAt', { type: 'DateTime', description: 'When this person was added.' }),
      updatedAt: t.expose('updatedAt', { type: 'DateTime', description: 'When anything of this person last changed.' }),
    }),
  })

  const filter = builder.inputType('PersonFilter', {
    description: 'Which people. All members given must hold.',
    fields: (t) => ({
      search: t.string({ description: 'Every word of it begins a word of the name or the e-mail, whatever its case and accents.' }),
      email: t.string({ description: 'This address, whatever its case.' }),
      roleId: t.id({ description: 'Holders of this role.' }),
      tag: t.string({ description: 'Bearers of this tag, exactly as written.' }),
      archived: t.boolean({ defaultValue: false, description: 'false: active people; true: archived people; null: both.' }),
      updatedSince: t.field({ type: 'DateTime', description: 'Changed at this moment or later.' }),
    }),
  })
  const order = builder.enumType('PersonOrder', {
    description: 'How people are sorted. Where two are equal, the id decides.',
    values: {
      NAME_ASC: { description: 'Family name, then given name, from A to Z, whatever its case and accents.' },
      NAME_DESC: { description: 'The same from Z to A.' },
      CREATED_AT_ASC: { description: 'Added first.' },
      CREATED_AT_DESC: { description: 'Added last.' },
      UPDATED_AT_ASC: { description: 'Changed longest ago.' },
      UPDATED_AT_DESC: { description: 'Changed last.' },
    } satisfies Record<keyof typeof personOrders, unknown>,
  })

  builder.queryFields((t) => ({
    person: t.field({
      type: refs.person,
      nullable: true,
      description: 'One person; null when there is none to see.',
      args: { id: t.arg.id({ required: true, description: 'The id of the person.' }) },
      resolve: (_root, { id }, { loaders }, info) => loaders.person(id, neededOf('Person', info)),
    }),
    people: t.field({
      type: refs.personConnection,
      nullable: true,
      description: 'The people whom the caller sees.',
      args: {
        ...pageArgs(t.arg),
        filter: t.arg({ type: filter, description: 'Which of them; active people when nothing is said.' }),
        orderBy: t.arg({ type: order, required: true, defaultValue: 'NAME_ASC', description: 'How they are sorted.' }),
      },
      resolve: (_root, args, context, info) => listPeople(context.deps, signedIn(context), args, neededOf('Person', info)),
    }),
  }))
}
