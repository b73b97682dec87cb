/** Tells a request made on this machine, to this machine, from every other: a rebound name or a proxy in between does not pass. */
import type { IncomingMessage } from 'node:http'

const loopbackV4 = /^127(\.\d{1,3}){3}$/
/** What proxies add. Behind one, the peer is loopback for the whole world. */
const proxyHeaders = ['forwarded', 'via', 'x-forwarded-for', 'x-forwarded-host', 'x-real-ip'] as const

/** Whether both the peer and the Host header (any port) are loopback, and no proxy says it stands in between. */
export function isLoopbackRequest({ headers, socket }: Pick<IncomingMessage, 'headers' | 'socket'>): boolean {
  if (proxyHeaders.some((name) => headers[name] !== undefined)) return false
  return isLoopbackPeer(socket.remoteAddress ?? '') && isLoopbackHost(headers.host ?? '')
}

const isLoopbackPeer = (address: string): boolean => address === '::1' || loopbackV4.test(address.replace(/^::ffff:/i, ''))

function isLoopbackHost(host: string): boolean {
  const name = host.replace(/:\d{1,5}$/, '').toLowerCase()
  return name === 'localhost' || name === '[::1]' || loopbackV4.test(name)
}
