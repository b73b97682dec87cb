/** Names for prepared statements, so that a connection parses and plans what comes again and again once. */
import { createHash } from 'node:crypto'
import { LRUCache } from 'lru-cache'

/** As many as a connection keeps prepared; far more than common documents have shapes of statements. */
const mostNames = 200
/** Connections are opened anew for the sake of names no more often. */
const generationMs = 60_000
/** Statements that came once are remembered to be known when they come again. */
const mostNewcomers = 1_000

/**
 * A name a statement, from its second time on. When there are too many, all are named anew, on new connections: however many shapes are
 * asked for, no connection keeps more, and what is in use is soon named again.
 */
export class StatementNames {
  private readonly newcomers = new LRUCache<string, true>({ max: mostNewcomers })
  private readonly names = new Map<string, string>()
  private readonly onOutgrown: () => void
  private begunAt = Date.now()
  private isOff: boolean

  /**
   * @param isOff none is ever given: a transaction-mode pooler gives each statement another connection
   * @param onOutgrown connections with the names so far are to be replaced
   */
  constructor(isOff: boolean, onOutgrown: () => void) {
    this.isOff = isOff
    this.onOutgrown = onOutgrown
  }

  of(text: string): string | undefined {
    if (this.isOff) return undefined
    const known = this.names.get(text)
    if (known !== undefined) return known
    if (!this.newcomers.has(text)) {
      this.newcomers.set(text, true)
      return undefined
    }
    if (this.names.size >= mostNames) {
      if (Date.now() - this.begunAt < generationMs) return undefined
      this.names.clear()
      this.begunAt = Date.now()
      this.onOutgrown()
    }
    // Of the text itself: whoever else may be on a connection, behind a pooler that nobody told of, means the same by it.
    const name = createHash('sha256').update(text).digest('base64url').slice(0, 22)
    this.names.set(text, name)
    return name
  }

  /** From now on there are none. */
  giveUp(): void {
    this.isOff = true
  }
}
