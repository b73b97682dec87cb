/** Interviews in the schema. */
import type { ArgBuilder } from '@pothos/core'
import { findInterview, type Interview, type interviewOrders, listInterviews, type Recording } from '../domain/interviews.ts'
import { type InterviewResponse, responsesOf, responseText } from '../domain/responses.ts'
import { seesPrivateFields } from '../domain/visibility.ts'
import type { Named } from '../domain/districts.ts'
import type { Builder, SchemaTypes } from './builder.ts'
import { pageArgs } from './connection.ts'
import { signedIn } from './context.ts'
import { languageArg, wishes } from './language.ts'
import { neededOf, reads } from './needs.ts'
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
        extensions: reads<Interview>('personId'),
        resolve: ({ personId }, _args, { loaders }, info) => loaders.person(personId, neededOf('Person', info)),
      }),
      date: t.expose('date', { type: 'Date', description: 'The day of the meeting.' }),
      board: t.field({
        type: refs.board,
        description: 'The board that met the candidate.',
        extensions: reads<Interview>('districtId', 'boardId'),
        resolve: async ({ districtId, boardId }, _args, { loaders }) => named((await loaders.districtSettings(districtId)).boards, boardId),
      }),
      form: t.field({
        type: refs.form,
        description: 'The form that was filled in.',
        extensions: reads<Interview>('districtId', 'formId'),
        resolve: async ({ districtId, formId }, _args, { loaders }) => named((await loaders.districtSettings(districtId)).forms, formId),
      }),
      profile: t.field({
        type: refs.profile,
        description: 'The kind of interview.',
        extensions: reads<Interview>('districtId', 'profileId'),
        resolve: async ({ districtId, profileId }, _args, { loaders }) =>
          named((await loaders.districtSettings(districtId)).profiles, profileId),
      }),
      published: t.exposeBoolean('published', { description: 'Whether the candidate and their mentors may see it.' }),
      responses: t.field({
        type: [response],
        description: 'The answers, in the order of the form; answers to private fields only for those who may see them.',
        extensions: reads<Interview>('districtId', 'formId', 'responses'),
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

  builder.queryFields((t) => ({
    interview: t.field({
      type: refs.interview,
      nullable: true,
      description: 'One interview; null when there is none to see.',
      args: {
        id: t.arg.id({ required: true, description: 'The id of the interview.' }),
        personId: t.arg.id({ description: 'The candidate whom it must be of; anybody, when nothing is said.' }),
      },
      resolve: (_root, args, context, info) => findInterview(context.deps, context.viewer, args, neededOf('Interview', info)),
    }),
    interviews: t.field({
      type: refs.interviewConnection,
      nullable: true,
      description: 'The interviews that the caller sees.',
      args: listArgs(t.arg),
      resolve: (_root, args, context, info) => listInterviews(context.deps, signedIn(context), args, neededOf('Interview', info)),
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
