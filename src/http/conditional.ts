/** Conditional requests (RFC 9110, 13): a client names the versions it has or wants to change, and is told when the one there is differs. */
import { hash } from 'node:crypto'
import type { IncomingMessage } from 'node:http'

type WithHeaders = Pick<IncomingMessage, 'headers'>

/** A strong validator (RFC 9110, 8.8.1): equal bytes have equal tags, others have others. */
export const etagOf = (content: string | Buffer): string => `"${hash('sha256', content, 'base64url')}"`

/**
 * Whether the client has this version (If-None-Match, compared weakly as RFC 9110, 13.1.2 has it), so that 304 answers it.
 * A malformed header names none.
 */
export function clientHas({ headers }: WithHeaders, etag: string): boolean {
  const named = entityTags(headers['if-none-match'] ?? '')
  return named === '*' || (named !== undefined && namesWeakly(named, etag))
}

/** What a request that changes something asks of the version there is. */
export interface WriteCondition {
  /** Whether an ETag decides, and not only that there is a version. */
  readonly namesVersions: boolean
  /** @param etag of the version there is; for a condition that names no version any text will do */
  holds(etag: string): boolean
}

/**
 * The condition of a request that changes a record: If-Match, compared strongly (RFC 9110, 13.1.1), and If-None-Match (13.1.2).
 * @returns nothing without these headers, and the name of the header that is malformed
 */
export function writeConditionOf({ headers }: WithHeaders): WriteCondition | { readonly malformed: string } | undefined {
  const [ifMatch, ifNoneMatch] = [headers['if-match'], headers['if-none-match']]
  if (ifMatch === undefined && ifNoneMatch === undefined) return undefined
  const [wanted, unwanted] = [entityTags(ifMatch ?? '*'), entityTags(ifNoneMatch ?? '""')]
  if (wanted === undefined || wanted.length === 0) return { malformed: 'If-Match' }
  if (unwanted === undefined || unwanted.length === 0) return { malformed: 'If-None-Match' }
  return {
    namesVersions: wanted !== '*' || (ifNoneMatch !== undefined && unwanted !== '*'),
    // A weak tag equals no ETag of ours in the strong comparison: they are all strong.
    holds: (etag) => (wanted === '*' || wanted.includes(etag)) && unwanted !== '*' && !namesWeakly(unwanted, etag),
  }
}

const namesWeakly = (tags: readonly string[], etag: string): boolean => tags.some((tag) => opaqueTag(tag) === opaqueTag(etag))
const opaqueTag = (etag: string): string => (etag.startsWith('W/') ? etag.slice(2) : etag)

/** The entity tags of a list, or `*`; nothing for what is neither. One pass, whatever the header holds. */
function entityTags(list: string): readonly string[] | '*' | undefined {
  if (list.trim() === '*') return '*'
  const tags: string[] = []
  let commaIsDue = false
  for (let at = 0; at < list.length; at++) {
    const character = list[at]
    if (character === ' ' || character === '\t') continue
    if (character === ',') {
      commaIsDue = false
      continue
    }
    const opening = list.startsWith('W/', at) ? at + 2 : at
    const closing = list[opening] === '"' ? list.indexOf('"', opening + 1) : -1
    if (closing === -1 || commaIsDue) return undefined
    tags.push(list.slice(at, closing + 1))
    commaIsDue = true
    at = closing
  }
  return tags
}
