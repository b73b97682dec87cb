/** What `npm start` prints: the next steps of whoever started it, each line complete enough to follow or to paste. */
import sql from 'sql-template-tag'
import type { Deps } from './deps.ts'
import type { Demo } from './domain/demo.ts'
import { adminRole } from './domain/district-defaults.ts'
import { columns, computed } from './sql/columns.ts'
import { statement } from './sql/statement.ts'

/** The facts that the text is made of. */
export interface WelcomeFacts {
  readonly publicUrl: string
  /** The page that shows sign-in mail, where it is printed and shown here; `undefined` where a provider sends it. */
  readonly mailPage: string | undefined
  readonly database: 'embedded' | 'server'
  /** Made a moment ago. Its key is printed here and nowhere else. */
  readonly demo?: Demo | undefined
  /** What was there already, as far as it was looked at. */
  readonly found?: FoundData | undefined
}

interface FoundData {
  readonly districts?: number
  readonly people?: number
  readonly districtId?: string
  readonly adminEmail?: string
}

/** Looks at the database; on a server it reads two rows, however many there are. */
export async function welcomeFacts({ db, config }: Pick<Deps, 'db' | 'config'>, demo?: Demo): Promise<WelcomeFacts> {
  const database = config.databaseUrl === undefined ? 'embedded' : 'server'
  const mailPage = config.devMail ? `${localUrl(config)}/dev/mail` : undefined
  const facts = { publicUrl: config.publicUrl, mailPage, database } as const
  if (demo) return { ...facts, demo }
  if (database === 'server') {
    const [district, another] = await db.query(statement`select ${columns('District', 'd', 'id')} from districts d limit 2`)
    const found = another || !district ? {} : { districtId: district.id }
    return district ? { ...facts, found } : facts
  }
  const [found] = await db.query(
    statement`select ${computed('districts', 'int', sql`(select count(*)::int from districts)`)},
          ${computed('people', 'int', sql`(select count(*)::int from people)`)},
          ${computed('districtId', 'text?', sql`first.id`)}, ${computed('adminEmail', 'text?', sql`first.email`)}
        from (select 1) as one left join lateral (
          select d.id, (select p.email from people p where p.district_id = d.id and p.roles ? ${adminRole} and not p.archived order by p.created_at, p.id limit 1) as email
          from districts d order by d.created_at, d.id limit 1) as first on true`,
  )
  const { districts, people, districtId, adminEmail } = found!
  return {
    ...facts,
    ...(districtId === null ? {} : { found: { districts, people, districtId, ...(adminEmail === null ? {} : { adminEmail }) } }),
  }
}

/** Plain text, for a terminal and for a pipe. */
export function welcomeText(facts: WelcomeFacts): string {
  const { publicUrl, database, demo, found } = facts
  const key = demo?.key ?? 'ck_YOUR_KEY'
  const lines = [
    '',
    `Credentials Gateway runs at ${publicUrl}`,
    '',
    ...(demo ? firstStart(demo) : found ? laterStart(facts) : emptyDatabase(facts)),
    '',
    'Explore in a browser (GraphiQL):',
    `  ${publicUrl}/graphql`,
    '  To ask there with the key, put this into its Headers:',
    `  {"Authorization": "Bearer ${key}"}`,
    '',
    'Ask for people with an API key (paste this line into another terminal):',
    `  ${curl(publicUrl, key)}`,
    '',
    ...(demo ? [] : [...anotherKey(facts), '']),
    ...signIn(facts),
    '',
    database === 'embedded' ? 'Stop with Ctrl+C. The data stays for the next start.' : 'Stop with Ctrl+C.',
    '',
  ]
  return `${lines.join('\n')}\n`
}

const firstStart = ({ districtId, key }: Demo): string[] => [
  'This is the first start, so a demo district has been made up, with people and interviews.',
  `  District:  ${districtId}`,
  `  API key:   ${key}`,
  'Keep the key: it is kept only as a hash and is never shown again.',
]

const laterStart = ({ found }: WelcomeFacts): string[] =>
  found?.districts === undefined || found.people === undefined
    ? ['It found the data of its PostgreSQL server.']
    : [`It found the data of ${amount(found.districts, 'district', 'districts')} with ${amount(found.people, 'person', 'people')}.`]

const emptyDatabase = ({ database }: WelcomeFacts): string[] => [
  'The database has no district yet. Make one with its administrator:',
  ...(database === 'embedded' ? ['  (stop the gateway first: the embedded database takes one process at a time)'] : []),
  '  npx credentials-gateway district create --name "My District" --admin-email you@example.org --admin-first Jane --admin-last Doe',
]

const anotherKey = ({ database, found }: WelcomeFacts): string[] => [
  database === 'embedded'
    ? 'Keys are kept only as hashes and cannot be shown again. To make another, stop the gateway (Ctrl+C) and run:'
    : 'Keys are kept only as hashes and cannot be shown again. To make one:',
  `  npx credentials-gateway api-key create --district ${found?.districtId ?? 'DISTRICT_ID'} --name "My key" --scope read:people --scope read:interviews`,
]

function signIn({ publicUrl, mailPage, demo, found }: WelcomeFacts): string[] {
  const address = demo?.adminEmail ?? found?.adminEmail
  const who = address === undefined ? 'with the address of a person of the district' : `as the administrator, ${address}`
  return [
    `Sign in ${who}:`,
    `  1. Open ${publicUrl}/ and ask for a sign-in mail to ${address ?? 'that address'}.`,
    mailPage === undefined
      ? '  2. The mail goes to that address.'
      : `  2. No mail leaves this machine: it appears in this terminal, and at ${mailPage}`,
    '  3. Type its six digits into the page, or open its link.',
  ]
}

const curl = (publicUrl: string, key: string): string =>
  `curl -s ${publicUrl}/graphql -H 'Authorization: Bearer ${key}' -H 'Content-Type: application/json' -d '{"query":"{ people(first: 5) { totalCount nodes { first last email } } }"}'`

/** The page of mail answers to this machine alone, under one of its own names. */
const localUrl = ({ publicUrl, port }: Pick<Deps['config'], 'publicUrl' | 'port'>): string =>
  ['localhost', '127.0.0.1', '[::1]'].includes(new URL(publicUrl).hostname) ? publicUrl : `http://localhost:${port}`

const amount = (count: number, one: string, many: string): string => `${count} ${count === 1 ? one : many}`
