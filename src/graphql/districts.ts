/** A district and its settings in the schema. */
import { type Level, powersOf, type RolePermissions } from '../access/viewer.ts'
import type { Named } from '../domain/districts.ts'
import { seesPrivateFields } from '../domain/visibility.ts'
import type { Builder } from './builder.ts'
import { defineLocalizedText, nameFields } from './language.ts'
import type { Refs } from './refs.ts'

export function defineDistricts(builder: Builder, refs: Refs): void {
  const localizedText = defineLocalizedText(builder)
  const level = builder.enumType('PermissionLevel', {
    description: 'How far a permission goes.',
    values: {
      NONE: { value: 0, description: 'Not at all.' },
      VIEW: { value: 1, description: 'Look at everything in the district.' },
      EDIT: { value: 2, description: 'Look at and change everything in the district.' },
    },
  })
  const permissions = builder.objectRef<RolePermissions>('RolePermissions').implement({
    description: 'What a role permits. With several roles the highest counts.',
    fields: (t) => ({
      people: t.field({ type: level, description: 'People.', resolve: (flags): Level => flags.p ?? 0 }),
      interviews: t.field({ type: level, description: 'Interviews.', resolve: (flags): Level => flags.i ?? 0 }),
      settings: t.boolean({
        description: 'The settings of the district, its API keys and its audit trail.',
        resolve: (flags) => flags.s === 1,
      }),
      roles: t.boolean({ description: 'The roles of the district.', resolve: (flags) => flags.r === 1 }),
      broadcasts: t.boolean({ description: 'Broadcasts.', resolve: (flags) => flags.g === 1 }),
      billing: t.boolean({ description: 'Billing.', resolve: (flags) => flags.B === 1 }),
      mentor: t.boolean({ description: 'Is a mentor: sees the candidates assigned to them.', resolve: (flags) => flags.m === 1 }),
      candidate: t.boolean({ description: 'Is a candidate: limited to their own data.', resolve: (flags) => flags.c === 1 }),
      boards: t.field({
        type: [refs.board],
        description: 'The boards whose members hold this role.',
        resolve: async (flags, _args, { viewer, loaders }) => {
          if (viewer.kind === 'anonymous') return []
          const { boards } = await loaders.districtSettings(viewer.districtId)
          const seats = powersOf([flags]).boards
          return boards.filter(({ id }) => seats.has(id))
        },
      }),
    }),
  })

  refs.role.implement({
    description: 'A role of a district, and what it permits.',
    fields: (t) => ({
      id: t.exposeID('id', { description: 'Short, and unique within the district: `1a`.' }),
      ...nameFields(t, localizedText, 'What the role is called.'),
      permissions: t.field({ type: permissions, description: 'What it permits.', resolve: (role) => role.permissions }),
    }),
  })
  refs.board.implement({
    description: 'A board that meets candidates.',
    fields: (t) => ({
      id: t.exposeID('id', { description: 'Short, and unique within the district.' }),
      ...nameFields(t, localizedText, 'What the board is called.'),
    }),
  })
  refs.profile.implement({
    description: 'A kind of interview.',
    fields: (t) => ({
      id: t.exposeID('id', { description: 'Short, and unique within the district.' }),
      ...nameFields(t, localizedText, 'What this kind of interview is called.'),
    }),
  })

  const fieldType = builder.enumType('FormFieldType', {
    description: 'What a field of a form takes.',
    values: {
      SHORT_TEXT: { value: 'short_text', description: 'A line of text, in several languages.' },
      LONG_TEXT: { value: 'long_text', description: 'Paragraphs of text, in several languages.' },
      CHECKBOX: { value: 'checkbox', description: 'Yes (1) or no (0).' },
      SELECT: { value: 'select', description: 'One of the options, by its id.' },
      FILE: { value: 'file', description: 'A file.' },
    } as const,
  })
  const option = builder.objectRef<Named>('FormFieldOption').implement({
    description: 'One of the choices of a select field.',
    fields: (t) => ({
      id: t.exposeID('id', { description: 'What is stored when it is chosen.' }),
      ...nameFields(t, localizedText, 'What a reader chooses.'),
    }),
  })
  refs.formField.implement({
    description: 'A field of a form.',
    fields: (t) => ({
      id: t.exposeID('id', { description: 'Short, and unique within the form.' }),
      ...nameFields(t, localizedText, 'What is asked.'),
      type: t.field({ type: fieldType, description: 'What it takes.', resolve: (field) => field.type }),
      private: t.exposeBoolean('private', { description: 'Whether only administrators and board members see it.' }),
      options: t.field({
        type: [option],
        nullable: true,
        description: 'The choices of a select field; null for the others.',
        resolve: ({ options }) => options && [...options],
      }),
    }),
  })
  refs.form.implement({
    description: 'A form that is filled in at an interview.',
    fields: (t) => ({
      id: t.exposeID('id', { description: 'Short, and unique within the district.' }),
      ...nameFields(t, localizedText, 'What the form is called.'),
      fields: t.field({
        type: [refs.formField],
        description: 'Its fields in order; private ones only for those who may see their answers.',
        resolve: ({ fields }, _args, { viewer }) => fields.filter((field) => !field.private || seesPrivateFields(viewer)),
      }),
    }),
  })

  refs.district.implement({
    description: 'A tenant: a church district that credentials its ministers.',
    fields: (t) => ({
      id: t.exposeID('id', { description: 'Opaque.' }),
      ...nameFields(t, localizedText, 'What the district is called.'),
      accent: t.exposeString('accent', { description: 'Its colour, as `#rrggbb`.' }),
      languages: t.field({
        type: ['LanguageTag'],
        description: 'The languages it works in, the main one first.',
        resolve: ({ languages }) => [...languages],
      }),
      billingPlan: t.exposeString('billingPlan', { description: 'Its plan: `trial`, `pro`, or `inactive`.' }),
      trialEndsAt: t.expose('trialEndsAt', { type: 'DateTime', nullable: true, description: 'When its trial ends or ended.' }),
      roles: t.field({
        type: [refs.role],
        description: 'The roles its people can hold.',
        resolve: async ({ id }, _args, { loaders }) => [...(await loaders.districtSettings(id)).roles],
      }),
      boards: t.field({
        type: [refs.board],
        description: 'Its boards.',
        resolve: async ({ id }, _args, { loaders }) => [...(await loaders.districtSettings(id)).boards],
      }),
      forms: t.field({
        type: [refs.form],
        description: 'Its forms.',
        resolve: async ({ id }, _args, { loaders }) => [...(await loaders.districtSettings(id)).forms],
      }),
      profiles: t.field({
        type: [refs.profile],
        description: 'Its kinds of interviews.',
        resolve: async ({ id }, _args, { loaders }) => [...(await loaders.districtSettings(id)).profiles],
      }),
      createdAt: t.expose('createdAt', { type: 'DateTime', description: 'When it was created.' }),
    }),
  })

  builder.queryFields((t) => ({
    district: t.field({
      type: refs.district,
      nullable: true,
      description: 'The district of the credential.',
      resolve: (_root, _args, { viewer, loaders }) => (viewer.kind === 'anonymous' ? null : loaders.district(viewer.districtId)),
    }),
  }))
}
