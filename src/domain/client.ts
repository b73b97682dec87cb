/** Where a request comes from, in one canonical spelling, so that no variant of an address is a second client. */
import { isIP, isIPv4 } from 'node:net'
import type { SignedInViewer } from '../access/viewer.ts'
import type { Queryable } from '../deps.ts'

/** What the domain knows of a request beside what it asks for. */
export interface Client {
  readonly requestId: string
  /** An IPv4 address, or the /64 of an IPv6 one: what counts as one client. */
  readonly network: string
  readonly userAgent: string | null
  /** The secret of this browser's cookie, when it sent a well-formed one: its login requests are known by it. */
  readonly browserToken: string | undefined
  /** The secret of the cookie that a browser keeps once somebody has signed in with it. */
  readonly deviceToken: string | undefined
  /** A cookie may be given to it with this answer: it has sent one of ours, or holds its session in one. */
  readonly keepsCookies: boolean
  /** Its Idempotency-Key header, as it came. */
  readonly idempotencyKey: string | undefined
}

/** Who asks, and with which request: what a write is done as, and remembered with. */
export interface Caller<Who extends SignedInViewer = SignedInViewer> {
  readonly viewer: Who
  readonly client: Client
  readonly precondition?: Precondition | undefined
}

/**
 * What must hold of a record for it to be changed. A write asks in its transaction, when it holds the record's row lock: whatever is
 * found to hold still does when the change is made.
 * @throws Problem OTHER_VERSION where it does not hold
 */
export type Precondition = (tx: Queryable) => Promise<void>

/**
 * The client's address: the socket's, or the N-th from the right of X-Forwarded-For where N trusted proxies append to it.
 * What stands further left was written by the client and is not believed.
 */
export function clientAddress(socketAddress: string | undefined, forwardedFor: string | undefined, trustedHops: number): string {
  if (trustedHops > 0 && forwardedFor !== undefined) {
    const named = forwardedFor
      .split(',')
      .map((part) => part.trim())
      .at(-trustedHops)
    const address = named && withoutPort(named)
    if (address !== undefined && isIP(address) !== 0) return address
  }
  return socketAddress ?? ''
}

/** `[2001:db8::1]:443` → `2001:db8::1`, `192.0.2.1:443` → `192.0.2.1`; anything else as it is. */
function withoutPort(named: string): string {
  const isBracketed = named.startsWith('[')
  const end = isBracketed ? named.indexOf(']') + 1 : named.indexOf(':')
  if (end <= 0 || !/^(:\d{1,5})?$/.test(named.slice(end))) return named
  return isBracketed ? named.slice(1, end - 1) : named.slice(0, end)
}

/** The address that limits count by: IPv4 whole (its IPv6-mapped form too), IPv6 by its /64. */
export function networkOf(address: string): string {
  if (isIPv4(address)) return address
  if (isIP(address) === 0) return 'unknown'
  const groups = ipv6Groups(address)
  const [high, low] = [groups[6]!, groups[7]!]
  const mapped = groups.slice(0, 5).every((group) => group === 0) && groups[5] === 0xffff
  if (mapped) return [high >> 8, high & 255, low >> 8, low & 255].join('.')
  return `${groups
    .slice(0, 4)
    .map((group) => group.toString(16))
    .join(':')}::/64`
}

/** Where somebody was, and not who: an IPv4 address without its last number, the /48 of an IPv6 one. */
export function coarseNetwork(network: string): string {
  if (isIPv4(network)) return `${network.slice(0, network.lastIndexOf('.'))}.0/24`
  return network.endsWith('::/64') ? `${network.split(':').slice(0, 3).join(':')}::/48` : network
}

/** The /56 around the /64 of an IPv6 address: what one site is given, often. An IPv4 address is one by itself. */
export function siteOf(network: string): string | undefined {
  if (!network.endsWith('::/64')) return undefined
  const [a, b, c, d] = network.slice(0, -'::/64'.length).split(':') as [string, string, string, string]
  return `${a}:${b}:${c}:${(parseInt(d, 16) & 0xff00).toString(16)}::/56`
}

/** The eight numbers of an IPv6 address. URL's parser knows all its spellings and writes the shortest. */
function ipv6Groups(address: string): number[] {
  const { hostname } = new URL(`http://[${address.split('%')[0]}]`)
  const [head, tail] = hostname.slice(1, -1).split('::') as [string, string?]
  const numbers = (part: string | undefined) => (part ? part.split(':').map((group) => parseInt(group, 16)) : [])
  const [left, right] = [numbers(head), numbers(tail)]
  return tail === undefined ? left : [...left, ...Array.from({ length: 8 - left.length - right.length }, () => 0), ...right]
}
