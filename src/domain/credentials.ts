/**
 * Who holds a token, remembered for as long as nothing it stands on can have changed without this instance having heard of it:
 * whatever ends or changes a credential says so through the database, and while that channel is down nothing is remembered.
 */
import { LRUCache } from 'lru-cache'
import type { SessionViewer, SignedInViewer } from '../access/viewer.ts'
import type { Deps } from '../deps.ts'
import { findCredential } from './authentication.ts'
import { Problem } from './problem.ts'
import { isApiKey, isToken } from './tokens.ts'
import { inTurns } from './turns.ts'

export interface Credentials {
  /**
   * Who holds this token: at once, where that is remembered.
   * @throws Problem INVALID_CREDENTIAL when it is unknown, expired, revoked, or its person archived
   */
  authenticate(token: string): SignedInViewer | Promise<SignedInViewer>
  /** Nothing that stands on this is remembered any more: this instance has ended or changed it, and need not hear of that. */
  ended(name: string): void
  /** Why nothing is remembered, and what to do about it; nothing where it is. */
  trouble(): string | undefined
}

const mostRemembered = 10_000
/** A look at the row every so often keeps its last use to the minute. */
const longestMs = 30_000
/** Of keys, and of sessions, this many are looked up at once: wrong ones do not hold up mail and probes, nor a locked table of the ones the others. */
const mostLookups = 2
/** With the time of a lookup, below the 5 s within which a request is answered. */
const longestWaitMs = 1_000

export function rememberedCredentials({ db }: Pick<Deps, 'db'>): Credentials {
  const known = new Remembered()
  const channel = db.watch('credentials', { heard: (change) => known.drop(change), missed: () => known.clear() })
  const inTurnOf = { keys: inTurns(mostLookups, longestWaitMs), sessions: inTurns(mostLookups, longestWaitMs) }
  const lookups = new Map<string, Lookup>()

  async function lookUp(token: string, lookup: Lookup): Promise<SignedInViewer> {
    lookup.changes = known.changes
    const { viewer, goodForMs } = await findCredential(db.aside, token)
    // What was heard while it was looked up may have been about it.
    if (channel.isLive() && known.changes === lookup.changes) known.keep(token, viewer, Math.min(goodForMs ?? longestMs, longestMs))
    return viewer
  }
  return {
    authenticate(token) {
      const isKey = isApiKey(token)
      if (!isKey && !isToken(token)) return Promise.reject(new Problem('INVALID_CREDENTIAL'))
      const isLive = channel.isLive()
      const remembered = isLive ? known.get(token) : undefined
      if (remembered) return remembered
      // Whoever comes meanwhile waits for the same answer, unless something may have changed since that was asked for.
      const underWay = lookups.get(token)
      if (underWay?.viewer && (underWay.changes === undefined || (isLive && underWay.changes === known.changes))) return underWay.viewer
      const lookup: Lookup = {}
      lookups.set(token, lookup)
      lookup.viewer = inTurnOf[isKey ? 'keys' : 'sessions'](() => lookUp(token, lookup)).finally(() => {
        if (lookups.get(token) === lookup) lookups.delete(token)
      })
      return lookup.viewer
    },
    ended: (name) => known.drop(name),
    trouble: () => channel.trouble(),
  }
}

interface Lookup {
  /** What had been heard when it began; nothing while it waits for its turn. */
  changes?: number
  viewer?: Promise<SignedInViewer>
}

/**
 * Viewers by their token, and by each thing they stand on, under the names that the database's triggers give these. By the token itself,
 * which is in memory with every request anyway: to hash it costs as much as all else that is done for a small answer.
 */
class Remembered {
  /** How often anything was heard. */
  changes = 0
  private readonly standingOn = new Map<string, Set<string>>()
  /** Each with the moment from which it is not believed: the cache's own lifetimes cost a timer every millisecond. */
  private readonly viewers = new LRUCache<string, { readonly viewer: SignedInViewer; readonly until: number }>({
    max: mostRemembered,
    dispose: ({ viewer }, token) => {
      for (const name of foundations(viewer)) {
        const tokens = this.standingOn.get(name)
        if (tokens?.delete(token) && tokens.size === 0) this.standingOn.delete(name)
      }
    },
  })

  get(token: string): SignedInViewer | undefined {
    const found = this.viewers.get(token)
    return found && performance.now() < found.until ? found.viewer : undefined
  }

  keep(token: string, viewer: SignedInViewer, ms: number): void {
    if (ms < 1) return
    this.viewers.delete(token)
    this.viewers.set(token, { viewer, until: performance.now() + ms })
    for (const name of foundations(viewer)) {
      const tokens = this.standingOn.get(name)
      if (tokens) tokens.add(token)
      else this.standingOn.set(name, new Set([token]))
    }
  }

  drop(name: string): void {
    this.changes++
    for (const token of this.standingOn.get(name) ?? []) this.viewers.delete(token)
  }

  clear(): void {
    this.changes++
    this.viewers.clear()
  }
}

/** The names of what a credential stands on: those by which the database's triggers announce a change, and the address of a sign-in. */
export const foundation = {
  credential: (id: string) => `credential:${id}`,
  person: ({ districtId, personId }: Pick<SessionViewer, 'districtId' | 'personId'>) => `person:${districtId}/${personId}`,
  district: (id: string) => `district:${id}`,
  /** All sessions that proved it, in whichever district. */
  address: (emailKey: string) => `address:${emailKey}`,
} as const

function foundations(viewer: SignedInViewer): string[] {
  const district = foundation.district(viewer.districtId)
  return viewer.kind === 'key'
    ? [foundation.credential(viewer.keyId), district]
    : [foundation.credential(viewer.sessionId), foundation.person(viewer), foundation.address(viewer.emailKey), district]
}
