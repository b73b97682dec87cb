/** Where a request comes from: every spelling of an address is one client, and nobody chooses their own. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { clientAddress, networkOf } from '../src/domain/client.ts'

describe('the address of a client', () => {
  test.each([
    ['198.51.100.7', undefined],
    ['198.51.100.7', '203.0.113.9'],
    ['198.51.100.7', 'garbage, 203.0.113.9, 192.0.2.1'],
  ])("is the socket's where no proxy is trusted: %s, X-Forwarded-For %s", (socket, forwarded) => {
    expect(clientAddress(socket, forwarded, 0)).toBe('198.51.100.7')
  })

  test.each([
    [1, '203.0.113.9', '203.0.113.9'],
    [1, '1.1.1.1, 2.2.2.2,203.0.113.9', '203.0.113.9'],
    [2, '1.1.1.1, 203.0.113.9, 2.2.2.2', '203.0.113.9'],
    [3, '203.0.113.9 ,\t1.1.1.1,2.2.2.2', '203.0.113.9'],
    [1, '2001:db8::1', '2001:db8::1'],
    [1, '[2001:db8::1]', '2001:db8::1'],
    [1, '[2001:db8::1]:443', '2001:db8::1'],
    [1, '203.0.113.9:51234', '203.0.113.9'],
  ])('with %i trusted hops and X-Forwarded-For "%s" is %s', (hops, forwarded, address) => {
    expect(clientAddress('10.0.0.1', forwarded, hops)).toBe(address)
  })

  test.each([
    [1, undefined],
    [1, ''],
    [1, ','],
    [1, 'unknown'],
    [1, '203.0.113.9, '],
    [1, '203.0.113.9, _hidden'],
    [1, '999.1.1.1'],
    [1, '203.0.113.9:port'],
    [1, '[203.0.113.9'],
    [1, '[2001:db8::1]:443:443'],
    [3, '203.0.113.9, 192.0.2.1'],
  ])('is the socket\'s where the header does not hold it: %i hops, "%s"', (hops, forwarded) => {
    expect(clientAddress('10.0.0.1', forwarded, hops)).toBe('10.0.0.1')
  })

  test("what a client writes before the trusted proxy's own entry changes nothing", () => {
    fc.assert(
      fc.property(fc.string(), fc.ipV4(), (forged, real) => {
        expect(clientAddress('10.0.0.1', `${forged},${real}`, 1)).toBe(real)
      }),
    )
  })

  test('a socket without an address is not an error', () => {
    expect(networkOf(clientAddress(undefined, undefined, 0))).toBe('unknown')
  })
})

describe('the network that counts as one client', () => {
  test('of an IPv4 address is the address', () => {
    expect(networkOf('203.0.113.9')).toBe('203.0.113.9')
  })

  test.each([
    '::ffff:203.0.113.9',
    '::FFFF:203.0.113.9',
    '::ffff:cb00:7109',
    '0:0:0:0:0:ffff:203.0.113.9',
    '0000:0000:0000:0000:0000:ffff:cb00:7109',
  ])('of the IPv4-mapped %s is the IPv4 address', (address) => {
    expect(networkOf(address)).toBe('203.0.113.9')
  })

  test.each([
    '2001:db8:1:2::',
    '2001:db8:1:2::1',
    '2001:0DB8:0001:0002:ffff:ffff:ffff:ffff',
    '2001:db8:1:2:3:4:5:6',
    '2001:db8:1:2:3:4:1.2.3.4',
    '2001:db8:1:2::5%eth0',
  ])('of %s is its /64', (address) => {
    expect(networkOf(address)).toBe('2001:db8:1:2::/64')
  })

  test.each([
    ['::1', '0:0:0:0::/64'],
    ['::', '0:0:0:0::/64'],
    ['fe80::1%lo', 'fe80:0:0:0::/64'],
    ['2001:db8::1:0:0:1', '2001:db8:0:0::/64'],
    ['64:ff9b::203.0.113.9', '64:ff9b:0:0::/64'],
  ])('of %s is %s', (address, network) => {
    expect(networkOf(address)).toBe(network)
  })

  test('tells neighbouring /64s apart', () => {
    expect(networkOf('2001:db8:1:3::1')).not.toBe(networkOf('2001:db8:1:2::1'))
  })

  test('is the same for both spellings of any IPv6 address', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 0xffff }), { minLength: 8, maxLength: 8 }), (groups) => {
        const long = groups.map((group) => group.toString(16).padStart(4, '0').toUpperCase()).join(':')
        const short = groups
          .map((group) => group.toString(16))
          .join(':')
          .replace(/(^|:)0(:0)+(:|$)/, '::')
        expect(networkOf(short)).toBe(networkOf(long))
      }),
    )
  })

  test.each(['', 'garbage', '203.0.113', '203.0.113.9.1', '1:2:3', '::g', '203.0.113.9/24', 'localhost'])(
    'of "%s", which is no address, is one for all of its kind',
    (address) => {
      expect(networkOf(address)).toBe('unknown')
    },
  )

  test('is never an error, whatever the proxy wrote', () => {
    fc.assert(
      fc.property(fc.string(), fc.integer({ min: 0, max: 3 }), (forwarded, hops) => {
        expect(typeof networkOf(clientAddress('10.0.0.1', forwarded, hops))).toBe('string')
      }),
    )
  })
})
