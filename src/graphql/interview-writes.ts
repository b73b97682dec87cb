/** Adding and changing interviews, in the schema. */
import { createInterview, updateInterview } from '../domain/interview-writes.ts'
import { findInterview, type Interview } from '../domain/interviews.ts'
import type { Builder } from './builder.ts'
import { claimOf } from './claims.ts'
import { callerOf } from './context.ts'
import { neededOf } from './needs.ts'
import type { Refs } from './refs.ts'

export function defineInterviewWrites(builder: Builder, refs: Refs): void {
  const payload = builder.objectRef<{ id: string; record?: Interview }>('InterviewPayload').implement({
    description: 'An interview that was added or changed.',
    fields: (t) => ({
      id: t.exposeID('id', { description: 'The id of the interview; a write scope is enough for it.' }),
      interview: t.field({
        type: refs.interview,
        nullable: true,
        description: 'The interview as it is now, for those who may read interviews.',
        // Who may add interviews, and read them, sees what they have added.
        resolve: ({ id, record }, _args, context, info) =>
          record ?? findInterview(context.deps, context.viewer, { id }, neededOf('Interview', info)),
      }),
    }),
  })
  const responses =
    'Answers by form field id: 1 or 0 for a checkbox, the id of an option for a select, a text by language (`{"en": "…"}`) for the rest.'
  const createInput = builder.inputType('CreateInterviewInput', {
    description: 'An interview to be added.',
    fields: (t) => ({
      personId: t.id({ required: true, description: 'The candidate.' }),
      date: t.field({ type: 'Date', required: true, description: 'The day of the meeting.' }),
      boardId: t.id({ required: true, description: 'The board that met the candidate.' }),
      formId: t.id({ required: true, description: 'The form that was filled in.' }),
      profileId: t.id({ required: true, description: 'The kind of interview.' }),
      published: t.boolean({ description: 'Whether the candidate and their mentors may see it; not, when nothing is said.' }),
      responses: t.field({ type: 'JSON', description: responses }),
    }),
  })
  const updateInput = builder.inputType('UpdateInterviewInput', {
    description: 'Changes to an interview: only the members that are given change.',
    fields: (t) => ({
      date: t.field({ type: 'Date', description: 'The day of the meeting.' }),
      boardId: t.id({ description: 'The board that met the candidate.' }),
      formId: t.id({ description: 'The form that was filled in. Answers to the one before must be cleared or given anew with it.' }),
      profileId: t.id({ description: 'The kind of interview.' }),
      published: t.boolean({ description: 'Whether the candidate and their mentors may see it.' }),
      responses: t.field({
        type: 'JSON',
        description: `${responses} Merged into those there are; null clears one. With \`formId\` beside them they are answers to that form, whoever changes it meanwhile.`,
      }),
    }),
  })

  builder.mutationFields((t) => ({
    createInterview: t.field({
      type: payload,
      nullable: true,
      description: 'Adds an interview. With the header `Idempotency-Key`, once within 24 hours, however often it is sent.',
      args: { input: t.arg({ type: createInput, required: true, description: 'The interview.' }) },
      resolve: async (_root, { input }, context, info) => {
        const caller = callerOf(context)
        const { basis, ...created } = await createInterview(context.deps, caller, input, claimOf(info))
        context.forget()
        context.loaders.knowSettings(caller.viewer.districtId, basis)
        return created
      },
    }),
    updateInterview: t.field({
      type: payload,
      nullable: true,
      description: 'Changes an interview.',
      args: {
        id: t.arg.id({ required: true, description: 'The id of the interview.' }),
        personId: t.arg.id({ description: 'The candidate whom it must be of; anybody, when nothing is said.' }),
        input: t.arg({ type: updateInput, required: true, description: 'What changes.' }),
      },
      resolve: async (_root, { id, personId, input }, context) => {
        await updateInterview(context.deps, callerOf(context), { id, personId }, input)
        context.forget()
        return { id }
      },
    }),
  }))
}
