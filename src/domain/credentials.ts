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
   * Who holds this token: at once, where that is remembered.
   * @throws Problem INVALID_CREDENTIAL when it is unknown, expired, revoked, or its person archived
   */
  authenticate(token: string): SignedInViewer | Promise<SignedInViewer>
  /** Resolves when this instance has heard of everything that was committed before the call. */
  caughtUp(): Promise<void>
}

const mostRemembered = 10_000
/** A look at the row every so often keeps its last use to the minute. */
const longestMs = 30_000
/** Of the database's ten connections a flood of tokens that are nobody's takes no more than these; who is remembered needs none. */
const mostLookups = 3

export function rememberedCredentials({ db }: Pick<Deps, 'db'>): Credentials {
  const known = new Remembered()
  const channel = db.watch('credentials', { heard: (change) => known.drop(change), missed: () => known.clear() })
  const atMost = bounded(mostLookups)
  const lookups = new Map<string, Lookup>()

  async function lookUp(token: string, hash: string): Promise<SignedInViewer> {
    const { changes } = known
    const { viewer, goodForMs } = await atMost(() => findCredential(db, token))
    // What was heard while it was looked up may have been about it.
    if (channel.isLive() && known.changes === changes) known.keep(hash, viewer, Math.min(goodForMs ?? longestMs, longestMs))
    return viewer
  }
  return {
    authenticate(token) {
      const hash = hashToken(token)
      const live = channel.isLive()
      const remembered = live ? known.get(hash) : undefined
      if (remembered) return remembered
      // Whoever comes while it is looked up waits for the same answer, unless something has changed since that was asked for.
      const underWay = lookups.get(hash)
      if (underWay && live && underWay.changes === known.changes) return underWay.viewer
      const lookup = { changes: known.changes, viewer: lookUp(token, hash) }
      lookups.set(hash, lookup)
      return lookup.viewer.finally(() => {
        if (lookups.get(hash) === lookup) lookups.delete(hash)
      })
    },
    caughtUp: () => channel.caughtUp(),
  }
}

interface Lookup {
  /** What had been heard when it began. */
  readonly changes: number
  readonly viewer: Promise<SignedInViewer>
}

/** Runs so many at once; the others wait for their turn. */
function bounded(most: number): <Result>(work: () => Promise<Result>) => Promise<Result> {
  const waiting: (() => void)[] = []
  let running = 0
  return async (work) => {
    if (running >= most) await new Promise<void>((resolve) => waiting.push(resolve))
    else running++
    try {
      return await work()
    } finally {
      const next = waiting.shift()
      if (next) next()
      else running--
    }
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
