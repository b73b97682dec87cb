/** The credential itself in the schema: who it is, and what it may. */
import { scopes } from '../access/scopes.ts'
import type { SignedInViewer } from '../access/viewer.ts'
import { type ApiKey, getApiKey } from '../domain/api-keys.ts'
import { inLanguage } from '../domain/multilingual.ts'
import { findSelf } from '../domain/people.ts'
import { getSession, listMemberships, type Membership, type Session } from '../domain/sessions.ts'
import type { Builder } from './builder.ts'
import { signedIn } from './context.ts'
import { languageArg, wishes } from './language.ts'
import type { Refs } from './refs.ts'

export function defineMe(builder: Builder, refs: Refs): void {
  const scope = builder.enumType('Scope', {
    description: 'What an API key may do. A write scope does not include reading.',
    values: Object.fromEntries(
      scopes.map(({ id, description }) => [
        id.replace(':', '_').toUpperCase(),
        { value: id, description: `${description} (\`${id}\` in REST).` },
      ]),
    ),
  })
  const session = builder.objectRef<Session>('Session').implement({
    description: 'A sign-in of a person, alive for 30 days.',
    fields: (t) => ({
      id: t.exposeID('id', { description: 'Opaque; not the token.' }),
      createdAt: t.expose('createdAt', { type: 'DateTime', description: 'When the person signed in.' }),
      lastSeenAt: t.expose('lastSeenAt', { type: 'DateTime', description: 'When it was last used.' }),
      expiresAt: t.expose('expiresAt', { type: 'DateTime', description: 'When it ends.' }),
      userAgent: t.exposeString('userAgent', { nullable: true, description: 'What the client called itself.' }),
      location: t.exposeString('location', { nullable: true, description: 'The network it was opened from.' }),
      current: t.boolean({
        description: 'Whether it is the one that asks.',
        resolve: ({ id }, _args, { viewer }) => viewer.kind === 'session' && viewer.sessionId === id,
      }),
    }),
  })
  const apiKey = builder.objectRef<ApiKey>('ApiKey').implement({
    description: 'A long-lived credential of a district, for an integration.',
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
        resolve: ({ createdById }, _args, { loaders }) => (createdById === null ? null : loaders.person.load(createdById)),
      }),
    }),
  })
  const credential = builder.unionType('Credential', {
    description: 'What the caller proves to be: a session or an API key.',
    types: [session, apiKey],
    resolveType: (value) => ('hint' in value ? 'ApiKey' : 'Session'),
  })
  const membership = builder.objectRef<Membership>('Membership').implement({
    description: 'A district that the address of this session belongs to.',
    fields: (t) => ({
      districtId: t.exposeID('districtId', { description: 'The district.' }),
      districtName: t.string({
        description: 'What the district is called.',
        args: { language: languageArg(t) },
        resolve: async ({ districtName }, { language }, context) => inLanguage(districtName, await wishes(context, language)),
      }),
      personId: t.exposeID('personId', { description: 'Who one is in it.' }),
      current: t.boolean({
        description: 'Whether it is the district of this session.',
        resolve: ({ districtId }, _args, { viewer }) => viewer.kind === 'session' && viewer.districtId === districtId,
      }),
    }),
  })
  const me = builder.objectRef<SignedInViewer>('Me').implement({
    description: 'The caller.',
    fields: (t) => ({
      person: t.field({
        type: refs.person,
        nullable: true,
        description: 'Who is signed in; null for an API key.',
        resolve: (viewer, _args, { deps }) => (viewer.kind === 'session' ? findSelf(deps, viewer) : null),
      }),
      district: t.field({
        type: refs.district,
        description: 'The district the credential is good for.',
        resolve: ({ districtId }, _args, { loaders }) => loaders.district(districtId),
      }),
      districtId: t.exposeID('districtId', { description: 'Its id.' }),
      credential: t.field({
        type: credential,
        description: 'The session or the key itself.',
        resolve: (viewer, _args, { deps }) => (viewer.kind === 'session' ? getSession(deps, viewer) : getApiKey(deps, viewer)),
      }),
      memberships: t.field({
        type: [membership],
        nullable: true,
        description: 'Every district that the address of this session belongs to. For sessions only.',
        resolve: (viewer, _args, { deps }) => (viewer.kind === 'session' ? listMemberships(deps, viewer) : null),
      }),
    }),
  })

  builder.queryFields((t) => ({
    me: t.field({
      type: me,
      nullable: true,
      description: 'The caller: any credential.',
      resolve: (_root, _args, context) => signedIn(context),
    }),
  }))
}
