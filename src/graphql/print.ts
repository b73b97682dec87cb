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
    .map(
      ([name, rule]) =>
        `| \`${name}\` | ${[withoutCredential(rule), forKey(rule), forSession(rule), rule.paid ? 'needed' : '—'].join(' | ')} |`,
    )
  return ['| type or field | nobody | API key | session | running plan |', '|---|---|---|---|---|', ...rows].join('\n')
}

const withoutCredential = ({ anonymous }: Rule): string => (anonymous ? 'yes' : 'no')
const forKey = ({ key }: Rule): string => (key === 'always' ? 'yes' : key === 'never' ? 'no' : `\`${key}\``)
const forSession = ({ session }: Rule): string => (session === 'always' ? 'yes' : session.needs)
