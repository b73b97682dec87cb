/** Signing in and out, and who one is: the routes of the contract. */
import { z } from 'zod'
import {
  askedSchema,
  exampleMe,
  exampleSignIn,
  meBody,
  meFields,
  type MeResult,
  meSchema,
  okSchema,
  signInBody,
  signInFields,
  type SignInResult,
  signInSchema,
} from '../bodies/sign-in.ts'
import { Problem } from '../../domain/problem.ts'
import { record, type Route } from '../route.ts'

const email = z.string().meta({ description: 'The address of an account.', format: 'email' })

export const authRoutes: readonly Route[] = [
  record({
    name: 'requestLogin',
    method: 'POST',
    path: '/api/auth/request',
    document: 'mutation ($email: String!) { requestLogin(email: $email) { ok message } }',
    variables: ({ body }) => ({ email: body['email'] }),
    body: ({ requestLogin: { message } }: { requestLogin: { message: string } }) => ({ ok: true as const, message }),
    docs: {
      tag: 'Signing in',
      summary: 'Request a login code',
      description: 'If somebody has this address, a mail goes out with a six-digit code (10 minutes) and a link (30 minutes).',
      access: 'anybody',
      body: {
        schema: z.object({ email }).meta({ id: 'LoginRequest', description: 'Who wants to sign in.' }),
        example: { email: 'user@example.com' },
      },
      answer: {
        description: 'The same for every address, whoever has it.',
        schema: askedSchema,
        example: { ok: true, message: 'Check your email' },
      },
      refusals: {
        400: { description: 'This is not one address.', example: 'email is required.', request: { body: {} } },
        429: {
          description: 'Too many mails were asked for from this network address, for whomever.',
          example: new Problem('TOO_MANY_REQUESTS').message,
        },
      },
    },
  }),
  record({
    name: 'verifyCode',
    method: 'POST',
    path: '/api/auth/verify',
    document: `mutation ($code: String!, $email: String) { verifyCode(code: $code, email: $email) { ${signInFields} } }`,
    variables: ({ body }) => ({ code: body['code'], email: body['email'] }),
    body: ({ verifyCode }: { verifyCode: SignInResult }) => signInBody(verifyCode),
    docs: {
      tag: 'Signing in',
      summary: 'Verify the code',
      description: 'From another browser or network than the one that asked for it, send the address along.',
      access: 'anybody',
      body: {
        schema: z
          .object({
            code: z
              .string()
              .regex(/^\d{6}$/)
              .meta({ description: 'The code of the mail.' }),
            email: email.nullish(),
          })
          .meta({ id: 'Code', description: 'The code of a mail.' }),
        example: { code: '123456' },
      },
      answer: { description: 'The new session.', schema: signInSchema, example: exampleSignIn },
      refusals: {
        400: { description: 'This is not a code.', example: 'code is required.', request: { body: {} } },
        401: {
          description: 'The code is wrong, used, replaced or expired.',
          example: new Problem('WRONG_CODE').message,
          request: { body: { code: '000000', email: 'user@example.com' } },
        },
        429: {
          description: 'The code is not looked at: too many were wrong. The link of the same mail works.',
          example: new Problem('TOO_MANY_CODES').message,
        },
      },
    },
  }),
  record({
    name: 'verifyMagicLink',
    method: 'GET',
    path: '/api/auth/verify/:token',
    once: true,
    document: `mutation ($token: String!) { verifyMagicLink(token: $token) { ${signInFields} } }`,
    variables: ({ params }) => ({ token: params['token'] }),
    body: ({ verifyMagicLink }: { verifyMagicLink: SignInResult }) => signInBody(verifyMagicLink),
    docs: {
      tag: 'Signing in',
      summary: 'Verify via magic link',
      description: 'A browser that fetches the address ahead of its being opened (Sec-Purpose) is refused with 503, and uses nothing up.',
      access: 'anybody',
      params: {
        token: {
          description: 'The token of the link in the mail.',
          schema: z.string(),
          example: '47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU',
        },
      },
      answer: { description: 'The new session, as by the code.', schema: signInSchema, example: exampleSignIn },
      refusals: {
        400: {
          description: 'This is not the token of a link.',
          example: 'token: This is not the token of a link.',
          request: { params: { token: 'not-a-token' } },
        },
        401: {
          description: 'The link is wrong, used or expired.',
          example: new Problem('WRONG_LINK').message,
          request: { params: { token: 'wrongHBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU0AA' } },
        },
      },
    },
  }),
  record({
    name: 'logout',
    method: 'POST',
    path: '/api/auth/logout',
    document: 'mutation { logout { ok } }',
    body: () => ({ ok: true as const }),
    docs: {
      tag: 'Signing in',
      summary: 'Sign out',
      description: 'Ends the session whose token is sent. The next request with it is refused.',
      access: 'session',
      answer: { description: 'The session has ended.', schema: okSchema, example: { ok: true } },
    },
  }),
  record({
    name: 'getMe',
    method: 'GET',
    path: '/api/me',
    document: `{ me { ${meFields} } }`,
    body: ({ me }: { me: MeResult }) => meBody(me),
    docs: {
      tag: 'Signing in',
      summary: 'Get the current user',
      description: 'Who the token belongs to, and of which district; a key belongs to no person.',
      access: 'any credential',
      answer: { description: 'The caller.', schema: meSchema, example: exampleMe },
    },
  }),
]
