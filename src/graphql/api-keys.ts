/** API keys in the schema: read by their holders, managed by sessions with Settings. */
import { scopes } from '../access/scopes.ts'
import {
  type ApiKey,
  createApiKey,
  type CreatedApiKey,
  listApiKeys,
  longestOverlap,
  revokeApiKey,
  rotateApiKey,
} from '../domain/api-keys.ts'
import { foundation } from '../domain/credentials.ts'
import type { Builder } from './builder.ts'
import { sessionOf } from './context.ts'
import { neededOf } from './needs.ts'
import type { Refs } from './refs.ts'

export function defineApiKeys(builder: Builder, refs: Refs): void {
  const scope = builder.enumType('Scope', {
    description: 'What an API key may do. A write scope does not include reading.',
    values: Object.fromEntries(
      scopes.map(({ id, description }) => [
        id.replace(':', '_').toUpperCase(),
        { value: id, description: `${description} (\`${id}\` in REST).` },
      ]),
    ),
  })
  refs.apiKey.implement({
    description: 'A long-lived credential of a district, for an integration. It works on when whoever created it leaves.',
    fields: (t) => ({
      id: t.exposeID('id', { description: 'Opaque; not the key.' }),
      name: t.exposeString('name', { description: 'What its owner calls it.' }),
      hint: t.exposeString('hint', { description: 'The last four characters of the key.' }),
      scopes: t.field({ type: [scope], description: 'What it may do.', resolve: (key) => [...key.scopes] }),
      createdAt: t.expose('createdAt', { type: 'DateTime', description: 'When it was created.' }),
      lastUsedAt: t.expose('lastUsedAt', {
        type: 'DateTime',
        nullable: true,
        description: 'When it was last used, to the minute; null when it never was.',
      }),
      expiresAt: t.expose('expiresAt', { type: 'DateTime', nullable: true, description: 'When it ends; null for one that does not.' }),
      revokedAt: t.expose('revokedAt', {
        type: 'DateTime',
        nullable: true,
        description: 'When it was revoked; null for one that was not.',
      }),
      createdBy: t.field({
        type: refs.person,
        nullable: true,
        description: 'Who created it, when the caller sees them; null for one made by an operator.',
        resolve: ({ createdById }, _args, { loaders }, info) =>
          createdById === null ? null : loaders.person(createdById, neededOf('Person', info)),
      }),
    }),
  })

  const input = builder.inputType('CreateApiKeyInput', {
    description: 'A key to be.',
    fields: (t) => ({
      name: t.string({ required: true, description: 'What its owner will know it by: 1 to 100 characters.' }),
      scopes: t.field({ type: [scope], required: true, description: 'What it may do: at least one.' }),
      expiresAt: t.field({ type: 'DateTime', description: 'When it ends; never, when nothing is said.' }),
    }),
  })
  const createPayload = builder.objectRef<CreatedApiKey>('CreateApiKeyPayload').implement({
    description: 'A new key.',
    fields: (t) => ({
      apiKey: t.field({ type: refs.apiKey, description: 'The key as it can be read from now on.', resolve: ({ apiKey }) => apiKey }),
      key: t.exposeString('key', { description: 'The secret, this once. It is kept only as a hash.' }),
    }),
  })
  const payload = builder.objectRef<ApiKey>('ApiKeyPayload').implement({
    description: 'A key that was changed.',
    fields: (t) => ({ apiKey: t.field({ type: refs.apiKey, description: 'The key as it is now.', resolve: (apiKey) => apiKey }) }),
  })

  builder.queryFields((t) => ({
    apiKeys: t.field({
      type: [refs.apiKey],
      nullable: true,
      description: 'The keys of the district, the newest first. For sessions with Settings.',
      args: {
        includeEnded: t.arg.boolean({
          required: true,
          defaultValue: false,
          description: 'Also those that were revoked or have run out.',
        }),
      },
      resolve: (_root, args, context) => listApiKeys(context.deps, sessionOf(context).viewer, args),
    }),
  }))
  builder.mutationFields((t) => ({
    createApiKey: t.field({
      type: createPayload,
      nullable: true,
      description: 'Creates a key for the district. For sessions with Settings.',
      args: { input: t.arg({ type: input, required: true, description: 'What it is called and may do.' }) },
      resolve: (_root, args, context) => createApiKey(context.deps, sessionOf(context), args.input),
    }),
    rotateApiKey: t.field({
      type: createPayload,
      nullable: true,
      description: 'Gives a key a new secret: a new key of the same name, scopes and end. For sessions with Settings.',
      args: {
        id: t.arg.id({ required: true, description: 'The id of the key to replace.' }),
        overlapMinutes: t.arg.int({
          required: true,
          defaultValue: 0,
          description: `How long the old key still works: 0 (it dies at once) to ${longestOverlap}, which is a week.`,
        }),
      },
      resolve: (_root, { id, overlapMinutes }, context) =>
        context.ending([foundation.credential(id)], rotateApiKey(context.deps, sessionOf(context), id, overlapMinutes)),
    }),
    revokeApiKey: t.field({
      type: payload,
      nullable: true,
      description: 'Ends a key: the next request with it is refused. For sessions with Settings, whatever the plan.',
      args: { id: t.arg.id({ required: true, description: 'The id of the key.' }) },
      resolve: (_root, { id }, context) => context.ending([foundation.credential(id)], revokeApiKey(context.deps, sessionOf(context), id)),
    }),
  }))
}
