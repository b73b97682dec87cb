/** Signing in, in the schema. After it the rest of the document runs as whom it made the caller. */
import { type MailSignIn, verifyCode, verifyMagicLink } from '../domain/login.ts'
import { requestLogin } from '../domain/login-requests.ts'
import { findSelf } from '../domain/people.ts'
import type { SignIn } from '../domain/sessions.ts'
import type { Builder } from './builder.ts'
import type { Context } from './context.ts'
import type { Refs } from './refs.ts'

/** The same answer for an unknown address: who has an account is nobody's business. */
const checkYourEmail = 'Check your email'

export function defineLogin(builder: Builder, refs: Refs): void {
  const requestLoginPayload = builder.objectRef<{ ok: boolean; message: string }>('RequestLoginPayload').implement({
    description: 'The same for every address, known or not.',
    fields: (t) => ({
      ok: t.exposeBoolean('ok', { description: 'Always true.' }),
      message: t.exposeString('message', { description: 'What to do next, for a human.' }),
    }),
  })
  refs.signInPayload.implement({
    description: 'A new session, read as that session.',
    fields: (t) => ({
      ok: t.boolean({ description: 'Always true.', resolve: () => true }),
      token: t.string({
        nullable: true,
        description: 'The bearer token, shown this once; null where a cookie holds the session instead.',
        resolve: ({ token, inCookie }) => (inCookie ? null : token),
      }),
      expiresAt: t.expose('expiresAt', { type: 'DateTime', description: 'When the session ends.' }),
      person: t.field({
        type: refs.person,
        nullable: true,
        description: 'Who is signed in.',
        resolve: (signIn, _args, { deps }) => ('person' in signIn ? signIn.person : findSelf(deps, signIn.viewer)),
      }),
      district: t.field({
        type: refs.district,
        nullable: true,
        description: 'The district of the session.',
        resolve: (signIn, _args, { loaders }) => ('district' in signIn ? signIn.district : loaders.district(signIn.viewer.districtId)),
      }),
    }),
  })
  builder.mutationFields((t) => ({
    requestLogin: t.field({
      type: requestLoginPayload,
      nullable: true,
      description:
        'Sends a mail with a code and a link, if the address belongs to somebody. The answer does not tell. One a document, as of everything that signs in by mail.',
      args: { email: t.arg.string({ required: true, description: 'The address.' }) },
      resolve: async (_root, { email }, context) => {
        context.outgoing.keepBrowser(await requestLogin(context.deps, context.client, { email }))
        return { ok: true, message: checkYourEmail }
      },
    }),
    verifyCode: t.field({
      type: refs.signInPayload,
      nullable: true,
      description:
        'Signs in by the six digits of a mail, within 10 minutes. RATE_LIMITED where too many codes were wrong: the link of the same mail works then.',
      args: {
        code: t.arg.string({ required: true, description: 'The six digits.' }),
        email: t.arg.string({
          description:
            'The address that the mail went to: needed where the mail was asked for by another browser and from another network.',
        }),
      },
      resolve: async (_root, args, context) => signedInByMail(context, await verifyCode(context.deps, context.client, args)),
    }),
    verifyMagicLink: t.field({
      type: refs.signInPayload,
      nullable: true,
      description: 'Signs in by the link of a mail, within 30 minutes.',
      args: { token: t.arg.string({ required: true, description: 'The token of the link.' }) },
      resolve: async (_root, args, context) => signedInByMail(context, await verifyMagicLink(context.deps, context.client, args)),
    }),
  }))
}

function signedInByMail(context: Context, signIn: MailSignIn): MailSignIn & { inCookie: boolean } {
  const answer = signedInAs(context, signIn)
  if (signIn.deviceToken !== undefined) context.outgoing.keepDevice(signIn.deviceToken)
  return answer
}

/** From here on the document runs as the new session, which a cookie holds where the client is one of our own pages. */
export function signedInAs<Kind extends SignIn>(context: Context, signIn: Kind): Kind & { inCookie: boolean } {
  context.become(signIn.viewer)
  return { ...signIn, inCookie: context.outgoing.keepSession(signIn.token) }
}
