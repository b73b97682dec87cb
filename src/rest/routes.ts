/** Every REST route as data: what it matches, the GraphQL document it executes, and how the two are translated. */
import { meBody, signInBody, signInFields } from './bodies.ts'

export interface Route {
  readonly method: 'GET' | 'POST' | 'PATCH' | 'DELETE'
  /** `:name` stands for one segment. */
  readonly path: `/api/${string}`
  readonly document: string
  /** From the path's parameters and the JSON body to the document's variables; none when left out. */
  readonly variables?: (request: RouteRequest) => Record<string, unknown>
  /** From the document's data to the documented body. */
  readonly body: (data: never) => unknown
}

export interface RouteRequest {
  readonly params: Readonly<Record<string, string>>
  readonly body: Readonly<Record<string, unknown>>
}

export const routes: readonly Route[] = [
  {
    method: 'POST',
    path: '/api/auth/request',
    document: 'mutation ($email: String!) { requestLogin(email: $email) { ok message } }',
    variables: ({ body }) => ({ email: body['email'] }),
    body: ({ requestLogin: { ok, message } }: { requestLogin: { ok: boolean; message: string } }) => ({ ok, message }),
  },
  {
    method: 'POST',
    path: '/api/auth/verify',
    document: `mutation ($code: String!, $email: String) { verifyCode(code: $code, email: $email) { ${signInFields} } }`,
    variables: ({ body }) => ({ code: body['code'], email: body['email'] }),
    body: ({ verifyCode }: { verifyCode: Parameters<typeof signInBody>[0] }) => signInBody(verifyCode),
  },
  {
    method: 'GET',
    path: '/api/auth/verify/:token',
    document: `mutation ($token: String!) { verifyMagicLink(token: $token) { ${signInFields} } }`,
    variables: ({ params }) => ({ token: params['token'] }),
    body: ({ verifyMagicLink }: { verifyMagicLink: Parameters<typeof signInBody>[0] }) => signInBody(verifyMagicLink),
  },
  {
    method: 'POST',
    path: '/api/auth/logout',
    document: 'mutation { logout { ok } }',
    body: ({ logout: { ok } }: { logout: { ok: boolean } }) => ({ ok }),
  },
  {
    method: 'GET',
    path: '/api/me',
    document: '{ me { person { id first last email language roles { role { id } rank } districtId } districtId } }',
    body: ({ me }: { me: Parameters<typeof meBody>[0] }) => meBody(me),
  },
]
