/** What the repository keeps of the code for readers: the schema as SDL, and the access table as Markdown. */
import { lexicographicSortSchema, printSchema } from 'graphql'
import { open, type Rule } from '../access/rules.ts'
import { accessTable } from '../access/table.ts'
import { buildSchema } from './schema.ts'

/** The text of schema.graphql. */
export const schemaText = (): string => `${printSchema(lexicographicSortSchema(buildSchema()))}\n`

/** The access table as the README shows it; parts of a record, which have no rule of their own, are left out. */
export function matrixText(): string {
  const rows = Object.entries(accessTable)
    .filter(([name, rule]) => rule !== open || name.startsWith('Mutation.'))
    .map(([name, rule]) => {
      const { key, session } = rule.$any ?? everybody
      const cells = [rule === open ? 'yes' : 'no', cell(key, '`'), cell(session), rule.plan ? 'needed' : '—']
      return `| \`${name}\` | ${cells.join(' | ')} |`
    })
  return ['| type or field | nobody | API key | session | running plan |', '|---|---|---|---|---|', ...rows].join('\n')
}

const everybody: NonNullable<Rule['$any']> = { key: 'any', session: 'any' }

/** What a kind of credential needs; a rule that does not name it lets none of it pass. */
const cell = (needed: string | undefined, quote = ''): string =>
  needed === undefined ? 'no' : needed === 'any' ? 'yes' : quote + needed + quote
