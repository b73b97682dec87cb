/** A district as the portal documents it: in short when somebody signs in, with its settings by itself. */
import { z } from 'zod'
import { byLanguage, type LocalizedTextResult, multilingualSchema, unixMs, unixMsSchema } from './pieces.ts'

export const districtFields = 'id names { language text } accent languages billingPlan'
const names = 'names { language text }'
export const wholeDistrictFields = `${districtFields} trialEndsAt
  roles { id ${names} permissions { people interviews settings roles broadcasts billing mentor candidate boards { id } } }
  boards { id ${names} }
  forms { id ${names} fields { id ${names} type private options { id ${names} } } }
  profiles { id ${names} }
  createdAt`

export interface DistrictResult {
  readonly id: string
  readonly names: readonly LocalizedTextResult[]
  readonly accent: string
  readonly languages: readonly string[]
  readonly billingPlan: string
}

interface NamedResult {
  readonly id: string
  readonly names: readonly LocalizedTextResult[]
}
type LevelResult = 'NONE' | 'VIEW' | 'EDIT'

interface PermissionsResult extends Readonly<
  Record<'settings' | 'roles' | 'broadcasts' | 'billing' | 'mentor' | 'candidate', boolean> & Record<'people' | 'interviews', LevelResult>
> {
  readonly boards: readonly { readonly id: string }[]
}

interface FieldResult extends NamedResult {
  readonly type: 'SHORT_TEXT' | 'LONG_TEXT' | 'CHECKBOX' | 'SELECT' | 'FILE'
  readonly private: boolean
  readonly options: readonly NamedResult[] | null
}

export interface WholeDistrictResult extends DistrictResult {
  readonly trialEndsAt: string | null
  readonly roles: readonly (NamedResult & { readonly permissions: PermissionsResult })[]
  readonly boards: readonly NamedResult[]
  readonly forms: readonly (NamedResult & { readonly fields: readonly FieldResult[] })[]
  readonly profiles: readonly NamedResult[]
  readonly createdAt: string
}

const members = {
  id: z.string().meta({ description: 'Opaque.' }),
  name: multilingualSchema('What the district is called.'),
  accent: z.string().meta({ description: 'Its colour, as `#rrggbb`.' }),
  languages: z.array(z.string()).meta({ description: 'The languages it works in, the main one first.' }),
  billing_plan: z.string().meta({ description: 'Its plan: `trial`, `pro`, or `inactive`.' }),
}
const named = z.object({ name: multilingualSchema('What it is called.') })
const level = (what: string) =>
  z
    .literal([1, 2])
    .optional()
    .meta({ description: `${what}: 1 view, 2 edit.` })
const may = (what: string) =>
  z
    .literal(1)
    .optional()
    .meta({ description: `${what}.` })

const roleSchema = named.extend({
  p: level('People'),
  i: level('Interviews'),
  s: may('Settings'),
  r: may('Roles'),
  g: may('Broadcasts'),
  B: may('Billing'),
  m: may('Is a mentor: sees assigned candidates'),
  c: may('Is a candidate: limited to own data'),
  b: z.record(z.string(), z.literal(1)).optional().meta({ description: 'Sits on these boards.' }),
})
const fieldSchema = named.extend({
  type: z.literal(['short_text', 'long_text', 'checkbox', 'select', 'file']).meta({ description: 'What it takes.' }),
  p: z.literal(1).optional().meta({ description: 'Only administrators and board members see it.' }),
  options: z
    .array(z.object({ id: z.string(), name: multilingualSchema('What a reader chooses.') }))
    .optional()
    .meta({ description: 'The choices of a select field.' }),
})
const settingsSchema = z.object({
  roles: z.record(z.string(), roleSchema).meta({ description: 'Roles by id, with the permissions that they give.' }),
  boards: z.record(z.string(), named).meta({ description: 'Boards by id.' }),
  forms: z
    .record(
      z.string(),
      named.extend({ fields: z.record(z.string(), fieldSchema).meta({ description: 'Its fields by id, in their order.' }) }),
    )
    .meta({ description: 'Forms by id.' }),
  profiles: z.record(z.string(), named).meta({ description: 'Kinds of interviews by id.' }),
})

export const districtSchema = z.object(members).meta({ id: 'District', description: 'The district that was signed in to.' })

export const wholeDistrictSchema = z
  .object({
    ...members,
    trial_ends_at: unixMsSchema('When its trial ends or ended, in Unix milliseconds.').nullable(),
    settings: settingsSchema,
    created_at: unixMsSchema('When it was created, in Unix milliseconds.'),
  })
  .meta({ id: 'WholeDistrict', description: 'A district with its settings.' })

export const districtBody = ({ id, names: name, accent, languages, billingPlan }: DistrictResult): z.output<typeof districtSchema> => ({
  id,
  name: byLanguage(name),
  accent,
  languages: [...languages],
  billing_plan: billingPlan,
})

export const wholeDistrictBody = (district: WholeDistrictResult): z.output<typeof wholeDistrictSchema> => ({
  ...districtBody(district),
  trial_ends_at: district.trialEndsAt === null ? null : unixMs(district.trialEndsAt),
  settings: {
    roles: byId(district.roles, ({ permissions }) => flagsBody(permissions)),
    boards: byId(district.boards),
    forms: byId(district.forms, ({ fields }) => ({ fields: byId(fields, fieldBody) })),
    profiles: byId(district.profiles),
  },
  created_at: unixMs(district.createdAt),
})

function byId(items: readonly NamedResult[]): Record<string, { name: Record<string, string> }>
function byId<Item extends NamedResult, Rest>(
  items: readonly Item[],
  rest: (item: Item) => Rest,
): Record<string, { name: Record<string, string> } & Rest>
function byId<Item extends NamedResult>(items: readonly Item[], rest?: (item: Item) => object) {
  return Object.fromEntries(items.map((item) => [item.id, { name: byLanguage(item.names), ...rest?.(item) }]))
}

const letters = {
  people: 'p',
  interviews: 'i',
  settings: 's',
  roles: 'r',
  broadcasts: 'g',
  billing: 'B',
  mentor: 'm',
  candidate: 'c',
} as const
const levels = { NONE: 0, VIEW: 1, EDIT: 2 } as const

/** The flags that are not 0, under their documented letters. */
function flagsBody({ boards, ...permissions }: PermissionsResult): Omit<z.output<typeof roleSchema>, 'name'> {
  const flags = Object.entries(letters).flatMap(([permission, letter]) => {
    const given = permissions[permission as keyof typeof letters]
    const value = typeof given === 'boolean' ? Number(given) : levels[given]
    return value === 0 ? [] : [[letter, value]]
  })
  return { ...Object.fromEntries(flags), ...(boards.length === 0 ? {} : { b: Object.fromEntries(boards.map(({ id }) => [id, 1])) }) }
}

const fieldBody = ({ type, private: isPrivate, options }: FieldResult): Omit<z.output<typeof fieldSchema>, 'name'> => ({
  type: type.toLowerCase() as z.output<typeof fieldSchema>['type'],
  ...(isPrivate ? { p: 1 } : {}),
  ...(options === null ? {} : { options: options.map(({ id, names: name }) => ({ id, name: byLanguage(name) })) }),
})

export const exampleDistrict: z.output<typeof districtSchema> = {
  id: 'xyz99',
  name: { en: 'My District' },
  accent: '#6e5dec',
  languages: ['en'],
  billing_plan: 'pro',
}

export const exampleWholeDistrict: z.output<typeof wholeDistrictSchema> = {
  ...exampleDistrict,
  trial_ends_at: null,
  settings: {
    roles: {
      '1a': { name: { en: 'Admin' }, p: 2, i: 2, s: 1, r: 1, g: 1, B: 1 },
      '1b': { name: { en: 'Mentor' }, m: 1 },
      '1c': { name: { en: 'Candidate' }, c: 1 },
      '1d': { name: { en: 'Credentials Board' }, i: 2, b: { '1a': 1 } },
    },
    boards: { '1a': { name: { en: 'Credentials Board' } } },
    forms: {
      '1a': {
        name: { en: 'Interview form' },
        fields: {
          '1a': {
            name: { en: 'Recommendation' },
            type: 'select',
            options: [
              { id: '1', name: { en: 'Recommend' } },
              { id: '2', name: { en: 'Do not recommend' } },
            ],
          },
          '1b': { name: { en: 'What excited the committee' }, type: 'long_text' },
          '1d': { name: { en: 'Board notes' }, type: 'long_text', p: 1 },
        },
      },
    },
    profiles: { '1a': { name: { en: 'Interview' } } },
  },
  created_at: 1_767_225_600_000,
}
