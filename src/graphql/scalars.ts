/** The schema's own scalars: what they accept is checked here, so that the domain meets only valid values. */
import { GraphQLError, GraphQLScalarType, Kind, type ValueNode, valueFromASTUntyped } from 'graphql'
import { languageSchema } from '../domain/input.ts'
import { isDate, isMoment } from '../domain/calendar.ts'

/** A scalar that is written as a string. */
function textScalar<Value>(
  name: string,
  description: string,
  read: (text: string) => Value,
  write: (value: Value) => string,
  specifiedByURL?: string,
) {
  const parse = (text: unknown): Value => {
    if (typeof text !== 'string') throw new GraphQLError(`${name} is written as a string.`)
    return read(text)
  }
  return new GraphQLScalarType<Value, string>({
    name,
    description,
    specifiedByURL,
    serialize: (value) => write(value as Value),
    parseValue: parse,
    parseLiteral: (node: ValueNode) => parse(node.kind === Kind.STRING ? node.value : undefined),
  })
}

export const DateScalar = textScalar(
  'Date',
  'A day of the calendar, as `YYYY-MM-DD`.',
  (text) => {
    if (!isDate(text)) throw new GraphQLError('Date is a day of the calendar, written as YYYY-MM-DD.')
    return text
  },
  (day) => day,
)

const rfc3339 = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(:\d{2}(\.\d{1,9})?)?(Z|[+-]\d{2}:\d{2})$/i

export const DateTimeScalar = textScalar(
  'DateTime',
  'A moment in time, as an RFC 3339 string: `2026-03-14T15:09:26.535Z`. Answers are in UTC, to the millisecond.',
  (text) => {
    const moment = new Date(rfc3339.test(text) && isDate(text.slice(0, 10)) ? text : Number.NaN)
    if (!isMoment(moment.getTime())) throw new GraphQLError('DateTime is a moment with its time zone, such as 2026-03-14T15:09:26Z.')
    return moment
  },
  (moment) => moment.toISOString(),
  'https://scalars.graphql.org/andimarek/date-time.html',
)

export const LanguageTagScalar = textScalar(
  'LanguageTag',
  'A language, as a BCP 47 tag: `en`, `pt-BR`.',
  (text) => {
    const parsed = languageSchema.safeParse(text)
    if (!parsed.success) throw new GraphQLError('LanguageTag is a BCP 47 tag, such as en or pt-BR.')
    return parsed.data
  },
  (tag) => tag,
  'https://www.rfc-editor.org/info/bcp47',
)

export const JsonScalar = new GraphQLScalarType<unknown, unknown>({
  name: 'JSON',
  description: 'Any JSON value: a number, a string, a list, or an object such as `{"en": "Yes", "es": "Sí"}`.',
  specifiedByURL: 'https://www.rfc-editor.org/info/rfc8259',
  serialize: (value) => value,
  parseValue: (value) => value,
  parseLiteral: (node, variables) => valueFromASTUntyped(node, variables),
})
