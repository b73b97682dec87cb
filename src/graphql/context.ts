/** What a request's resolvers are given: the dependencies, who asks, from where, and what is loaded together. */
import { anonymous, type SessionViewer, type SignedInViewer, type Viewer } from '../access/viewer.ts'
import type { Deps, Queryable } from '../deps.ts'
import { sessionById } from '../domain/authentication.ts'
import type { Caller, Client } from '../domain/client.ts'
import type { Credentials } from '../domain/credentials.ts'
import type { Deadline } from '../http/deadline.ts'
import { Loaders } from './loaders.ts'

/** What the answer carries beside its body. */
export interface Outgoing {
  /** Keeps the secret that binds a login request to this browser. */
  keepBrowser(token: string): void
  /** Keeps the secret by which this browser is known to have been signed in with. */
  keepDevice(token: string): void
  /**
   * Keeps (or with `undefined` ends) the session in this browser's cookie.
   * @returns whether a cookie is how this client holds its session; if so the token must not be answered
   */
  keepSession(token: string | undefined): boolean
}

export class Context {
  readonly deps: Deps
  readonly deadline: Deadline
  readonly credentials: Credentials
  readonly client: Client
  readonly outgoing: Outgoing
  viewer: Viewer
  /** What the request asks of the record that it changes, as a context sees it. @throws Problem OTHER_VERSION */
  precondition: ((context: Context) => Promise<void>) | undefined
  private loading: Loaders | undefined

  constructor(parts: Pick<Context, 'deps' | 'deadline' | 'credentials' | 'viewer' | 'client' | 'outgoing'>) {
    this.deps = parts.deps
    this.deadline = parts.deadline
    this.credentials = parts.credentials
    this.client = parts.client
    this.outgoing = parts.outgoing
    this.viewer = parts.viewer
  }

  get loaders(): Loaders {
    return (this.loading ??= new Loaders(this.deps, this.viewer))
  }

  /** The same request, reading inside a transaction what is seen there. */
  within(tx: Queryable): Context {
    const db = {
      ...this.deps.db,
      query: tx.query.bind(tx),
      transaction: <Result>(work: (joined: Queryable) => Promise<Result>) => work(tx),
    }
    const { deadline, credentials, client, outgoing, viewer } = this
    return new Context({ deadline, credentials, client, outgoing, viewer, deps: { ...this.deps, db } })
  }

  /**
   * Does what ends or changes credentials: whatever comes of it, this instance remembers none of them from now on.
   * @param names what they stand on
   */
  async ending<Result>(names: readonly string[], work: Promise<Result>): Promise<Result> {
    try {
      return await work
    } finally {
      for (const name of names) this.credentials.ended(name)
    }
  }

  /** From here on the document is executed as somebody else: after signing in or out nothing of before may linger. */
  become(viewer: Viewer): void {
    this.viewer = viewer
    this.forget()
  }

  /** What was read before a write need not be there any more. */
  forget(): void {
    this.loading = undefined
  }

  /** After a change of what the caller may do, or of whether there still is one. */
  async lookAgain(): Promise<void> {
    if (this.viewer.kind !== 'session') return this.forget()
    const viewer = (await sessionById(this.deps.db, this.viewer.sessionId)) ?? anonymous
    this.become(viewer)
    if (viewer === anonymous) this.outgoing.keepSession(undefined)
  }
}

/** The viewer of a field that the access table keeps from the anonymous. */
export function signedIn({ viewer }: Context): SignedInViewer {
  if (viewer.kind === 'anonymous') throw new Error('a field for signed-in callers was reached without a credential')
  return viewer
}

/** The caller of a field that the access table keeps from the anonymous. */
export const callerOf = (context: Context): Caller => ({
  viewer: signedIn(context),
  client: context.client,
  precondition: context.precondition && ((tx) => context.precondition!(context.within(tx))),
})

/** The caller of a field that the access table keeps for sessions. */
export function sessionOf({ viewer, client }: Context): Caller<SessionViewer> {
  if (viewer.kind !== 'session') throw new Error('a field for sessions was reached without one')
  return { viewer, client }
}
