/** The credential itself in the schema: who it is, and what it may. */
import type { SignedInViewer } from '../access/viewer.ts'
import { getApiKey } from '../domain/api-keys.ts'
import { inLanguage } from '../domain/multilingual.ts'
import { findSelf } from '../domain/people.ts'
import { getSession, listMemberships, type Membership } from '../domain/sessions.ts'
import type { Builder } from './builder.ts'
import { signedIn } from './context.ts'
import { languageArg, wishes } from './language.ts'
import type { Refs } from './refs.ts'

export function defineMe(builder: Builder, refs: Refs): void {
  const credential = builder.unionType('Credential', {
    description: 'What the caller proves to be: a session or an API key.',
    types: [refs.session, refs.apiKey],
    resolveType: (value) => ('hint' in value ? 'ApiKey' : 'Session'),
  })
  const membership = builder.objectRef<Membership>('Membership').implement({
    description: 'A district that the address of this session belongs to.',
    fields: (t) => ({
      districtId: t.exposeID('districtId', { description: 'The district.' }),
      districtName: t.string({
        description: 'What the district is called.',
        args: { language: languageArg(t) },
        resolve: async ({ district }, { language }, context) => inLanguage(district.name, await wishes(context, language)),
      }),
      personId: t.exposeID('id', { description: 'Who one is in it.' }),
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
