/** Sessions in the schema: one's own, listed, ended, and moved between one's districts. */
import { anonymous, type SessionViewer } from '../access/viewer.ts'
import type { Caller } from '../domain/client.ts'
import { foundation } from '../domain/credentials.ts'
import { listSessions, logout, revokeOtherSessions, revokeSession, switchDistrict } from '../domain/sessions.ts'
import type { Builder } from './builder.ts'
import { sessionOf } from './context.ts'
import { signedInAs } from './login.ts'
import type { Refs } from './refs.ts'

export function defineSessions(builder: Builder, refs: Refs): void {
  refs.session.implement({
    description: 'A sign-in of a person, alive for 30 days.',
    fields: (t) => ({
      id: t.exposeID('id', { description: 'Opaque; not the token.' }),
      districtId: t.exposeID('districtId', { description: 'The district it is good for.' }),
      createdAt: t.expose('createdAt', { type: 'DateTime', description: 'When it began.' }),
      lastSeenAt: t.expose('lastSeenAt', { type: 'DateTime', description: 'When it was last used, to the minute.' }),
      expiresAt: t.expose('expiresAt', { type: 'DateTime', description: 'When it ends.' }),
      userAgent: t.exposeString('userAgent', { nullable: true, description: 'What the client called itself.' }),
      location: t.exposeString('address', {
        nullable: true,
        description: 'The network it was opened from: an IPv4 address without its last number, or the /48 of an IPv6 one.',
      }),
      current: t.boolean({
        description: 'Whether it is the one that asks.',
        resolve: ({ id }, _args, { viewer }) => viewer.kind === 'session' && viewer.sessionId === id,
      }),
    }),
  })
  const logoutPayload = builder.objectRef<{ ok: boolean }>('LogoutPayload').implement({
    description: 'The session is over.',
    fields: (t) => ({ ok: t.exposeBoolean('ok', { description: 'Always true.' }) }),
  })
  const revokePayload = builder.objectRef<{ id: string }>('RevokeSessionPayload').implement({
    description: 'The session is over.',
    fields: (t) => ({ id: t.exposeID('id', { description: 'The id it had.' }) }),
  })
  const revokeOthersPayload = builder.objectRef<{ revokedCount: number }>('RevokeOtherSessionsPayload').implement({
    description: 'All others are over.',
    fields: (t) => ({ revokedCount: t.exposeInt('revokedCount', { description: 'How many there were.' }) }),
  })

  builder.queryFields((t) => ({
    sessions: t.field({
      type: [refs.session],
      nullable: true,
      description: 'One’s own sessions, the last used first: those of the same address, in every district. For sessions only.',
      resolve: (_root, _args, context) => listSessions(context.deps, sessionOf(context).viewer),
    }),
  }))
  builder.mutationFields((t) => ({
    logout: t.field({
      type: logoutPayload,
      nullable: true,
      description: 'Ends the session that asks.',
      resolve: async (_root, _args, context) => {
        const caller = sessionOf(context)
        await context.ending(ofAddress(caller), logout(context.deps, caller))
        context.become(anonymous)
        context.outgoing.keepSession(undefined)
        return { ok: true }
      },
    }),
    revokeSession: t.field({
      type: revokePayload,
      nullable: true,
      description: 'Ends one of one’s own sessions. For sessions only.',
      args: { id: t.arg.id({ required: true, description: 'The id of the session.' }) },
      resolve: async (_root, { id }, context) => {
        const caller = sessionOf(context)
        await context.ending(ofAddress(caller), revokeSession(context.deps, caller, id))
        if (id === caller.viewer.sessionId) await context.lookAgain()
        return { id }
      },
    }),
    revokeOtherSessions: t.field({
      type: revokeOthersPayload,
      nullable: true,
      description: 'Ends all of one’s own sessions but the one that asks. For sessions only.',
      resolve: async (_root, _args, context) => {
        const caller = sessionOf(context)
        return { revokedCount: await context.ending(ofAddress(caller), revokeOtherSessions(context.deps, caller)) }
      },
    }),
    switchDistrict: t.field({
      type: refs.signInPayload,
      nullable: true,
      description:
        'Moves the session to another district that its address belongs to: the old token ends with this, and the new session lives no longer.',
      args: { districtId: t.arg.id({ required: true, description: 'One of the districts of `me.memberships`.' }) },
      resolve: async (_root, { districtId }, context) => {
        const caller = sessionOf(context)
        return signedInAs(context, await context.ending(ofAddress(caller), switchDistrict(context.deps, caller, districtId)))
      },
    }),
  }))
}

/** What one's own sessions stand on, all of them. */
const ofAddress = ({ viewer }: Caller<SessionViewer>): readonly string[] => [foundation.address(viewer.emailKey)]
