/** API keys: listed, created and revoked by a session with Settings. */
import { z } from 'zod'
import {
  apiKeyBody,
  apiKeyFields,
  type ApiKeyResult,
  apiKeysSchema,
  exampleApiKey,
  exampleNewApiKey,
  newApiKeyBody,
  newApiKeySchema,
  scopeSchema,
} from '../bodies/api-key.ts'
import { okSchema } from '../bodies/sign-in.ts'
import { inputOf, scopesIn } from '../members.ts'
import { noSuchRecord, planLapsed } from '../refusals.ts'
import { record, type Route } from '../route.ts'

export const keyRoutes: readonly Route[] = [
  record({
    name: 'listApiKeys',
    method: 'GET',
    path: '/api/keys',
    document: `{ apiKeys { ${apiKeyFields} } }`,
    body: ({ apiKeys }: { apiKeys: ApiKeyResult[] }) => apiKeys.map(apiKeyBody),
    docs: {
      tag: 'API keys',
      summary: 'List API keys',
      description: 'Those that work. Needs the Settings permission.',
      access: 'session',
      answer: { description: 'All of them, the newest first.', schema: apiKeysSchema, example: [exampleApiKey] },
      refusals: { 402: planLapsed },
    },
  }),
  record({
    name: 'createApiKey',
    method: 'POST',
    path: '/api/keys',
    document: `mutation ($input: CreateApiKeyInput!) { createApiKey(input: $input) { apiKey { ${apiKeyFields} } key } }`,
    variables: ({ body }) => ({ input: inputOf(body, { name: ['name'], scopes: ['scopes', scopesIn] }) }),
    status: 201,
    body: ({ createApiKey }: { createApiKey: { apiKey: ApiKeyResult; key: string } }) => newApiKeyBody(createApiKey),
    docs: {
      tag: 'API keys',
      summary: 'Create an API key',
      description: 'The key itself is in this answer, and nowhere ever again. Needs the Settings permission.',
      access: 'session',
      body: {
        schema: z
          .object({
            name: z.string().min(1).max(100).meta({ description: 'What its owner will know it by.' }),
            scopes: z.array(scopeSchema).min(1).meta({ description: 'What it may do.' }),
          })
          .meta({ id: 'CreateApiKey', description: 'A key to be.' }),
        example: { name: 'Directory', scopes: ['read:people'] },
      },
      answer: { description: 'The key.', schema: newApiKeySchema, example: exampleNewApiKey },
      refusals: {
        400: { description: 'A member is missing or wrong.', example: 'name is required.', request: { body: { scopes: ['read:people'] } } },
        402: planLapsed,
      },
    },
  }),
  record({
    name: 'revokeApiKey',
    method: 'DELETE',
    path: '/api/keys/:id',
    document: 'mutation ($id: ID!) { revokeApiKey(id: $id) { apiKey { id } } }',
    variables: ({ params }) => ({ id: params['id'] }),
    body: () => ({ ok: true as const }),
    docs: {
      tag: 'API keys',
      summary: 'Revoke an API key',
      description: 'The next request with it is refused. Needs the Settings permission, whatever the plan.',
      access: 'session',
      params: { id: { description: 'The id of the key.', schema: z.string(), example: 'ghi56' } },
      answer: { description: 'The key is revoked.', schema: okSchema, example: { ok: true } },
      refusals: { 404: { ...noSuchRecord({ id: 'nope0' }), example: 'There is no such API key.' } },
    },
  }),
]
