/** An API key as its district may see it; the key itself once, when it is created. */
import { z } from 'zod'
import { type Scope, scopes } from '../../access/scopes.ts'
import { unixMs, unixMsSchema } from './pieces.ts'

export const apiKeyFields = 'id name hint scopes createdAt'

export interface ApiKeyResult {
  readonly id: string
  readonly name: string
  readonly hint: string
  /** As GraphQL spells them. */
  readonly scopes: readonly string[]
  readonly createdAt: string
}

export const scopeSchema = z
  .enum(scopes.map(({ id }) => id))
  .meta({ id: 'Scope', description: scopes.map(({ id, description }) => `\`${id}\`: ${description}.`).join(' ') })

const front = {
  id: z.string().meta({ description: 'Opaque; not the key.' }),
  name: z.string().meta({ description: 'What its owner calls it.' }),
}
const back = {
  hint: z.string().meta({ description: 'The last four characters of the key.' }),
  scopes: z.array(scopeSchema).meta({ description: 'What it may do.' }),
  created_at: unixMsSchema('When it was created, in Unix milliseconds.'),
}

const apiKeySchema = z.object({ ...front, ...back }).meta({ id: 'ApiKey', description: 'An API key that works.' })

export const apiKeysSchema = z.array(apiKeySchema).meta({ id: 'ApiKeys', description: 'The keys that work, the newest first.' })

export const newApiKeySchema = z
  .object({ ...front, key: z.string().meta({ description: 'The key itself: shown this once.' }), ...back })
  .meta({ id: 'NewApiKey', description: 'An API key that was just created.' })

const backBody = ({ hint, scopes: given, createdAt }: ApiKeyResult) => ({
  hint,
  scopes: given.map((scope) => scope.replace('_', ':').toLowerCase() as Scope),
  created_at: unixMs(createdAt),
})

export const apiKeyBody = (apiKey: ApiKeyResult): z.output<typeof apiKeySchema> => ({
  id: apiKey.id,
  name: apiKey.name,
  ...backBody(apiKey),
})

export const newApiKeyBody = ({ apiKey, key }: { apiKey: ApiKeyResult; key: string }): z.output<typeof newApiKeySchema> => ({
  id: apiKey.id,
  name: apiKey.name,
  key,
  ...backBody(apiKey),
})

const exampleBack = { hint: 'o5p6', scopes: ['read:people' as const], created_at: 1_773_446_400_000 }

export const exampleApiKey: z.output<typeof apiKeySchema> = { id: 'ghi56', name: 'Directory', ...exampleBack }

export const exampleNewApiKey: z.output<typeof newApiKeySchema> = {
  id: 'ghi56',
  name: 'Directory',
  key: 'ck_a1b2c3d4e5f6g7h8i9j0k1l2m3n4o5p6',
  ...exampleBack,
}
