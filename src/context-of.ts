/** From an HTTP request to a Context: one look at the credential, the client's address, and the cookies it may use. */
import type { IncomingMessage, ServerResponse } from 'node:http'
import { anonymous, type Viewer } from './access/viewer.ts'
import type { Deps } from './deps.ts'
import { bearerToken } from './domain/authentication.ts'
import { clientAddress, networkOf } from './domain/client.ts'
import type { Credentials } from './domain/credentials.ts'
import { Problem } from './domain/problem.ts'
import { sessionLifetimeDays } from './domain/sessions.ts'
import { isToken } from './domain/tokens.ts'
import { deviceLifetimeDays } from './domain/trusted-devices.ts'
import { Context } from './graphql/context.ts'
import { cookieJar, cookieOf } from './http/cookies.ts'
import { Deadline } from './http/deadline.ts'
import { headersNamed } from './http/messages.ts'

/** RFC 6265bis, 5.5: a cookie lives at most 400 days. The browser's is renewed with every request for a code. */
const browserCookieSeconds = 180 * 86_400

/**
 * Reads who asks, and from where.
 * @param deadline of the request, where it has begun
 * @throws Problem INVALID_CREDENTIAL or MALFORMED_CREDENTIAL when a credential came and is not good
 */
export async function contextOf(
  { deps, credentials }: { deps: Deps; credentials: Credentials },
  req: IncomingMessage,
  res: ServerResponse,
  requestId: string,
  deadline: Deadline = new Deadline(req),
): Promise<Context> {
  const cookies = cookieJar(deps.config.publicUrl, res)
  const authorization = headersNamed(req, 'authorization')
  // A present Authorization header, even a wrong one, makes the cookie count for nothing.
  const cookieSession = authorization.length === 0 && mayUseCookieSession(deps.config.publicUrl, req)
  const tokenIn = (cookie: string): string | undefined => {
    const token = cookieOf(req, cookie)
    return token !== undefined && isToken(token) ? token : undefined
  }
  const [browserToken, deviceToken] = [tokenIn(cookies.browser), tokenIn(cookies.device)]
  return new Context({
    deps: { ...deps, db: deps.db.within(deadline) },
    deadline,
    credentials,
    viewer: await viewerOf(credentials, authorization, cookieSession ? cookieOf(req, cookies.session) : undefined),
    client: {
      requestId,
      network: networkOf(
        clientAddress(req.socket.remoteAddress, req.headers['x-forwarded-for'] as string | undefined, deps.config.trustedProxyHops),
      ),
      userAgent: req.headers['user-agent']?.slice(0, 300) ?? null,
      browserToken,
      deviceToken,
      // No GET sets a cookie.
      keepsCookies: req.method !== 'GET' && (cookieSession || browserToken !== undefined || deviceToken !== undefined),
      idempotencyKey: req.headers['idempotency-key'] as string | undefined,
    },
    outgoing: {
      keepBrowser: (token) => cookies.set(cookies.browser, token, browserCookieSeconds),
      keepDevice: (token) => cookies.set(cookies.device, token, deviceLifetimeDays * 86_400),
      keepSession(token) {
        if (cookieSession) cookies.set(cookies.session, token ?? '', token === undefined ? 0 : sessionLifetimeDays * 86_400)
        return cookieSession
      },
    },
  })
}

function viewerOf(credentials: Credentials, authorization: readonly string[], cookie: string | undefined): Viewer | Promise<Viewer> {
  const token = bearerToken(authorization)
  if (token !== undefined) return credentials.authenticate(token)
  return cookie !== undefined && isToken(cookie) ? viewerOfCookie(credentials, cookie) : anonymous
}

async function viewerOfCookie(credentials: Credentials, token: string): Promise<Viewer> {
  try {
    return await credentials.authenticate(token)
  } catch (error) {
    // A browser cannot help sending an old cookie: it is simply signed out.
    if (error instanceof Problem && error.reason === 'INVALID_CREDENTIAL') return anonymous
    throw error
  }
}

/**
 * Only a page of this very origin holds its session in a cookie: the browser says so in headers that no script can
 * forge, and the X-Session header cannot be sent across origins without being asked for first.
 */
function mayUseCookieSession(publicUrl: string, { method, url, headers }: IncomingMessage): boolean {
  return (
    method === 'POST' &&
    url?.split('?')[0] === '/graphql' &&
    headers['x-session'] === 'cookie' &&
    headers['sec-fetch-site'] === 'same-origin' &&
    headers.origin !== undefined &&
    (headers.origin === new URL(publicUrl).origin || isLoopbackAlias(publicUrl, headers.origin, headers.host))
  )
}

/** A gateway on this machine is as well reached as localhost as it is by its number. */
const isLoopbackAlias = (publicUrl: string, origin: string, host: string | undefined): boolean =>
  origin === `http://${host}` && [publicUrl, origin].every((url) => /^(localhost|127\.\d+\.\d+\.\d+|\[::1\])$/.test(new URL(url).hostname))
