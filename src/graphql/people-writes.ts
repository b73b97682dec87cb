/** Adding and changing people, in the schema. */
import { foundation } from '../domain/credentials.ts'
import type { Person } from '../domain/people.ts'
import { createPerson, updatePerson } from '../domain/people-writes.ts'
import type { Builder } from './builder.ts'
import { claimOf } from './claims.ts'
import { callerOf } from './context.ts'
import { neededOf } from './needs.ts'
import type { Refs } from './refs.ts'

export function definePeopleWrites(builder: Builder, refs: Refs): void {
  const payload = builder.objectRef<{ id: string; record?: Person }>('PersonPayload').implement({
    description: 'A person who was added or changed.',
    fields: (t) => ({
      id: t.exposeID('id', { description: 'The id of the person; a write scope is enough for it.' }),
      person: t.field({
        type: refs.person,
        nullable: true,
        description: 'The person as they are now, for those who may read people.',
        // Who may add people, and read them, sees whom they have added.
        resolve: ({ id, record }, _args, { loaders }, info) => record ?? loaders.person(id, neededOf('Person', info)),
      }),
    }),
  })
  const roleInput = builder.inputType('RoleAssignmentInput', {
    description: 'A role to hold.',
    fields: (t) => ({
      roleId: t.id({ required: true, description: 'A role of the district.' }),
      rank: t.field({ type: refs.roleRank, required: true, description: 'Whether it is the primary one.' }),
    }),
  })
  const createInput = builder.inputType('CreatePersonInput', {
    description: 'A person to be added.',
    fields: (t) => ({
      first: t.string({ required: true, description: 'Given name: 1 to 100 characters.' }),
      last: t.string({ required: true, description: 'Family name: 1 to 100 characters.' }),
      email: t.string({ required: true, description: 'Unique within the district, whatever its case.' }),
      language: t.field({ type: 'LanguageTag', description: 'The language to write in; `en` when nothing is said.' }),
      roles: t.field({ type: [roleInput], description: 'The roles to hold: none above the caller’s own powers.' }),
      tags: t.stringList({ description: 'Free labels, of 1 to 100 characters.' }),
      archived: t.boolean({ description: 'Whether to add this person archived.' }),
    }),
  })
  const updateInput = builder.inputType('UpdatePersonInput', {
    description: 'Changes to a person: only the members that are given change. Roles and tags are replaced as a whole; null empties them.',
    fields: (t) => ({
      first: t.string({ description: 'Given name: 1 to 100 characters.' }),
      last: t.string({ description: 'Family name: 1 to 100 characters.' }),
      email: t.string({ description: 'Unique within the district, whatever its case. A change ends this person’s sessions.' }),
      language: t.field({ type: 'LanguageTag', description: 'The language to write in.' }),
      roles: t.field({ type: [roleInput], description: 'The roles to hold: none above the caller’s own powers.' }),
      tags: t.stringList({ description: 'Free labels, of 1 to 100 characters.' }),
      archived: t.boolean({ description: 'Whether this person is archived: kept, but unable to sign in, and signed out at once.' }),
    }),
  })

  builder.mutationFields((t) => ({
    createPerson: t.field({
      type: payload,
      nullable: true,
      description: 'Adds a person to the district. With the header `Idempotency-Key`, once within 24 hours, however often it is sent.',
      args: { input: t.arg({ type: createInput, required: true, description: 'The person.' }) },
      resolve: async (_root, { input }, context, info) => {
        const caller = callerOf(context)
        const { basis, ...created } = await createPerson(context.deps, caller, input, claimOf(info))
        context.forget()
        context.loaders.knowSettings(caller.viewer.districtId, basis)
        return created
      },
    }),
    updatePerson: t.field({
      type: payload,
      nullable: true,
      description:
        'Changes a person. E-mail, roles and archived are changed by those alone whose own powers include all of that person’s, before and after.',
      args: {
        id: t.arg.id({ required: true, description: 'The id of the person.' }),
        input: t.arg({ type: updateInput, required: true, description: 'What changes.' }),
      },
      resolve: async (_root, { id, input }, context) => {
        const caller = callerOf(context)
        const theirs = [foundation.person({ districtId: caller.viewer.districtId, personId: id })]
        const { sessionsChanged } = await context.ending(theirs, updatePerson(context.deps, caller, id, input))
        const isSelf = caller.viewer.kind === 'session' && caller.viewer.personId === id
        if (isSelf && sessionsChanged) await context.lookAgain()
        else context.forget()
        return { id }
      },
    }),
  }))
}
