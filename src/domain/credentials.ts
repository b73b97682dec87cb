/**
 * Who holds a token, remembered for as long as nothing it stands on can have changed without this instance having heard of it:
 * whatever ends or changes a credential says so through the database, and while that channel is down nothing is remembered.
 */
import { LRUCache } from 'lru-cache'
import type { SignedInViewer } from '../access/viewer.ts'
import type { Deps } from '../deps.ts'
import { findCredential } from './authentication.ts'
import { hashToken } from './tokens.ts'

export interface Credentials {
  /**
   * Who holds this token.
   * @throws Problem INVALID_CREDENTIAL when it is unknown, expired, revoked, or its person archived
   */
  authenticate(token: string): Promise<SignedInViewer>
  /** Resolves when this instance has heard of everything that was committed before the call. */
  caughtUp(): Promise<void>
}

const mostRemembered = 10_000
/** A look at the row every so often keeps its last use to the minute. */
const longestMs = 30_000

export function rememberedCredentials({ db }: Pick<Deps, 'db'>): Credentials {
  const known = new Remembered()
  const channel = db.watch('credentials', { heard: (change) => known.drop(change), missed: () => known.clear() })
  return {
    async authenticate(token) {
      const hash = hashToken(token)
      const remembered = channel.isLive() ? known.get(hash) : undefined
      if (remembered) return remembered
      const { changes } = known
      const { viewer, goodForMs } = await findCredential(db, token)
      // What was heard while it was looked up may have been about it.
      if (channel.isLive() && known.changes === changes) known.keep(hash, viewer, Math.min(goodForMs ?? longestMs, longestMs))
      return viewer
    },
    caughtUp: () => channel.caughtUp(),
  }
}

/** Viewers by the hash of their token, and by each thing they stand on, under the names that the database's triggers give these. */
class Remembered {
  /** How often anything was heard. */
  changes = 0
  private readonly standingOn = new Map<string, Set<string>>()
  private readonly viewers = new LRUCache<string, SignedInViewer>({
    max: mostRemembered,
    dispose: (viewer, hash) => {
      for (const name of foundations(viewer)) {
        const hashes = this.standingOn.get(name)
        if (hashes?.delete(hash) && hashes.size === 0) this.standingOn.delete(name)
      }
    },
  })

  get(hash: string): SignedInViewer | undefined {
    return this.viewers.get(hash)
  }

  keep(hash: string, viewer: SignedInViewer, ms: number): void {
    if (ms < 1) return
    this.viewers.delete(hash)
    this.viewers.set(hash, viewer, { ttl: ms })
    for (const name of foundations(viewer)) {
      const hashes = this.standingOn.get(name)
      if (hashes) hashes.add(hash)
      else this.standingOn.set(name, new Set([hash]))
    }
  }

  drop(name: string): void {
    this.changes++
    for (const hash of this.standingOn.get(name) ?? []) this.viewers.delete(hash)
  }

  clear(): void {
    this.changes++
    this.viewers.clear()
  }
}

function foundations(viewer: SignedInViewer): string[] {
  return viewer.kind === 'key'
    ? [`credential:${viewer.keyId}`, `district:${viewer.districtId}`]
    : [`credential:${viewer.sessionId}`, `person:${viewer.districtId}/${viewer.personId}`, `district:${viewer.districtId}`]
}
