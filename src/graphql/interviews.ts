/** Interviews in the schema. */
import type { ArgBuilder } from '@pothos/core'
import { createInterview, updateInterview } from '../domain/interview-writes.ts'
import { findInterview, type interviewOrders, listInterviews, type Recording } from '../domain/interviews.ts'
import { type InterviewResponse, responsesOf, responseText } from '../domain/responses.ts'
import { seesPrivateFields } from '../domain/visibility.ts'
import type { Named } from '../domain/districts.ts'
import type { Builder, SchemaTypes } from './builder.ts'
import { pageArgs } from './connection.ts'
import { callerOf, signedIn } from './context.ts'
import { languageArg, wishes } from './language.ts'
import type { Refs } from './refs.ts'

export function defineInterviews(builder: Builder, refs: Refs, listArgs: InterviewListArgs): void {
  const response = builder.objectRef<InterviewResponse>('InterviewResponse').implement({
    description: 'What was answered to one field of the form.',
    fields: (t) => ({
      field: t.field({ type: refs.formField, description: 'The field of the form.', resolve: (answer) => answer.field }),
      value: t.field({
        type: 'JSON',
        nullable: true,
        description: 'The answer as it is stored: a number, or a text in several languages.',
        resolve: (answer) => answer.value,
      }),
      text: t.string({
        nullable: true,
        description:
          'The answer as a reader would say it: the text in their language, or the name of the chosen option; null for other fields.',
        args: { language: languageArg(t) },
        resolve: async (answer, { language }, context) => responseText(answer, await wishes(context, language)),
      }),
    }),
  })
  const recording = builder.objectRef<Recording & { id: string }>('Recording').implement({
    description: 'A sound recording of an interview.',
    fields: (t) => ({
      id: t.exposeID('id', { description: 'Unique within the interview.' }),
      name: t.exposeString('name', { nullable: true, description: 'What it is called.' }),
      url: t.exposeString('url', { nullable: true, description: 'Where it can be heard.' }),
      transcript: t.exposeString('transcript', { nullable: true, description: 'What was said, word by word.' }),
      summary: t.exposeString('summary', { nullable: true, description: 'What was said, in short.' }),
    }),
  })

  refs.interview.implement({
    description: 'A meeting of one candidate with a board.',
    fields: (t) => ({
      id: t.exposeID('id', { description: 'Opaque, and unique within the district.' }),
      districtId: t.exposeID('districtId', { description: 'The district it belongs to.' }),
      personId: t.exposeID('personId', { description: 'The candidate.' }),
      person: t.field({
        type: refs.person,
        nullable: true,
        description: 'The candidate, when the caller sees them.',
        resolve: ({ personId }, _args, { loaders }) => loaders.person.load(personId),
      }),
      date: t.expose('date', { type: 'Date', description: 'The day of the meeting.' }),
      board: t.field({
        type: refs.board,
        description: 'The board that met the candidate.',
        resolve: async ({ districtId, boardId }, _args, { loaders }) => named((await loaders.districtSettings(districtId)).boards, boardId),
      }),
      form: t.field({
        type: refs.form,
        description: 'The form that was filled in.',
        resolve: async ({ districtId, formId }, _args, { loaders }) => named((await loaders.districtSettings(districtId)).forms, formId),
      }),
      profile: t.field({
        type: refs.profile,
        description: 'The kind of interview.',
        resolve: async ({ districtId, profileId }, _args, { loaders }) =>
          named((await loaders.districtSettings(districtId)).profiles, profileId),
      }),
      published: t.exposeBoolean('published', { description: 'Whether the candidate and their mentors may see it.' }),
      responses: t.field({
        type: [response],
        description: 'The answers, in the order of the form; answers to private fields only for those who may see them.',
        resolve: async (interview, _args, { loaders, viewer }) =>
          responsesOf(interview, await loaders.districtSettings(interview.districtId), seesPrivateFields(viewer)),
      }),
      recordings: t.field({
        type: [recording],
        description: 'The recordings, in order of their ids.',
        resolve: ({ recordings }) =>
          Object.entries(recordings)
            .sort(([a], [b]) => (a < b ? -1 : 1))
            .map(([id, each]) => ({ id, ...each })),
      }),
      createdAt: t.expose('createdAt', { type: 'DateTime', description: 'When it was added.' }),
      updatedAt: t.expose('updatedAt', { type: 'DateTime', description: 'When anything of it last changed.' }),
    }),
  })

  const payload = builder.objectRef<{ id: string }>('InterviewPayload').implement({
    description: 'An interview that was added or changed.',
    fields: (t) => ({
      id: t.exposeID('id', { description: 'The id of the interview; a write scope is enough for it.' }),
      interview: t.field({
        type: refs.interview,
        nullable: true,
        description: 'The interview as it is now, for those who may read interviews.',
        resolve: ({ id }, _args, context) => findInterview(context.deps, context.viewer, { id }),
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
      responses: t.field({ type: 'JSON', description: `${responses} Merged into those there are; null clears one.` }),
    }),
  })

  builder.mutationFields((t) => ({
    createInterview: t.field({
      type: payload,
      nullable: true,
      description: 'Adds an interview. With the header `Idempotency-Key`, once within 24 hours, however often it is sent.',
      args: { input: t.arg({ type: createInput, required: true, description: 'The interview.' }) },
      resolve: async (_root, { input }, context) => {
        const id = await createInterview(context.deps, callerOf(context), input)
        context.forget()
        return { id }
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
  builder.queryFields((t) => ({
    interview: t.field({
      type: refs.interview,
      nullable: true,
      description: 'One interview; null when there is none to see.',
      args: {
        id: t.arg.id({ required: true, description: 'The id of the interview.' }),
        personId: t.arg.id({ description: 'The candidate whom it must be of; anybody, when nothing is said.' }),
      },
      resolve: (_root, args, context) => findInterview(context.deps, context.viewer, args),
    }),
    interviews: t.field({
      type: refs.interviewConnection,
      nullable: true,
      description: 'The interviews that the caller sees.',
      args: listArgs(t.arg),
      resolve: (_root, args, context) => listInterviews(context.deps, signedIn(context), args),
    }),
  }))
}

/** A foreign key holds it: what an interview names is there. */
const named = <Item extends Named>(items: readonly Item[], id: string): Item => items.find((each) => each.id === id)!

export type InterviewListArgs = ReturnType<typeof defineInterviewArgs>

/** The arguments of every list of interviews. */
export function defineInterviewArgs(builder: Builder) {
  const filter = builder.inputType('InterviewFilter', {
    description: 'Which interviews. All members given must hold.',
    fields: (t) => ({
      personId: t.id({ description: 'Those of this candidate.' }),
      boardId: t.id({ description: 'Those with this board.' }),
      profileId: t.id({ description: 'Those of this kind.' }),
      published: t.boolean({ description: 'Published ones, or those that are not.' }),
      dateFrom: t.field({ type: 'Date', description: 'On this day or later.' }),
      dateTo: t.field({ type: 'Date', description: 'On this day or earlier.' }),
      updatedSince: t.field({ type: 'DateTime', description: 'Changed at this moment or later.' }),
    }),
  })
  const order = builder.enumType('InterviewOrder', {
    description: 'How interviews are sorted. Where two are equal, the id decides.',
    values: {
      DATE_ASC: { description: 'Held longest ago.' },
      DATE_DESC: { description: 'Held last.' },
      CREATED_AT_ASC: { description: 'Added first.' },
      CREATED_AT_DESC: { description: 'Added last.' },
      UPDATED_AT_ASC: { description: 'Changed longest ago.' },
      UPDATED_AT_DESC: { description: 'Changed last.' },
    } satisfies Record<keyof typeof interviewOrders, unknown>,
  })
  return (arg: ArgBuilder<PothosSchemaTypes.ExtendDefaultTypes<SchemaTypes>>) => ({
    ...pageArgs(arg),
    filter: arg({ type: filter, description: 'Which of them; all when nothing is said.' }),
    orderBy: arg({ type: order, required: true, defaultValue: 'DATE_DESC' as const, description: 'How they are sorted.' }),
  })
}
