/** The log while the same failure comes again and again. */
import { Writable } from 'node:stream'
import pino from 'pino'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { onceASecond } from '../src/repeated-log.ts'

interface Line {
  readonly level: number
  readonly msg: string
  readonly err?: { readonly stack: string }
  readonly count?: number
  readonly reason?: string
  readonly requestId?: string
  readonly requestIds?: readonly string[]
}

let lines: Line[]
let say: ReturnType<typeof onceASecond>

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
  lines = []
  say = onceASecond(
    pino({}, new Writable({ write: (line: Buffer, _encoding, done) => (lines.push(JSON.parse(line.toString()) as Line), done()) })),
  )
})
afterEach(() => void vi.useRealTimers())

const refused = Object.assign(new Error('connect ECONNREFUSED 127.0.0.1:5432'), { code: 'ECONNREFUSED' })
const warn = (requestId: string, err: unknown = refused) => say.warn({ err, requestId }, 'refused for now')

test('the first of a kind is logged at once, with its stack', () => {
  warn('a')
  expect(lines).toEqual([expect.objectContaining({ level: 40, msg: 'refused for now', requestId: 'a' })])
  expect(lines[0]!.err!.stack).toContain('ECONNREFUSED')
})

test('what follows is one line a second, with how many and which, until a second passes without any', () => {
  for (let n = 0; n < 100; n++) warn(`first-${n}`)
  expect(lines).toHaveLength(1)
  vi.advanceTimersByTime(1_000)
  const ids = Array.from({ length: 20 }, (_, n) => `first-${n + 1}`)
  expect(lines.slice(1)).toEqual([
    expect.objectContaining({
      level: 40,
      msg: 'refused for now',
      count: 99,
      reason: expect.stringContaining('ECONNREFUSED'),
      requestIds: ids,
    }),
  ])
  warn('second-0')
  expect(lines).toHaveLength(2)
  vi.advanceTimersByTime(1_000)
  expect(lines.slice(2)).toEqual([expect.objectContaining({ count: 1, requestIds: ['second-0'] })])
  vi.advanceTimersByTime(1_000)
  warn('later')
  expect(lines.slice(3)).toEqual([expect.objectContaining({ requestId: 'later', err: expect.anything() })])
})

test('no timer runs once nothing happens any more', () => {
  warn('a')
  warn('b')
  expect(vi.getTimerCount()).toBe(1)
  vi.advanceTimersByTime(2_000)
  expect(vi.getTimerCount()).toBe(0)
})

test('kinds are told apart by level, message and reason', () => {
  warn('a')
  warn('b', new Error('Query read timeout'))
  say.warn({ err: refused, requestId: 'c' }, 'the database does not answer')
  say.error({ err: refused, requestId: 'd' }, 'refused for now')
  expect(lines.map(({ requestId }) => requestId)).toEqual(['a', 'b', 'c', 'd'])
})

test('unexpected errors that say the same are told apart by their place', () => {
  const here = new Error('it broke')
  const there = new Error('it broke')
  for (const err of [here, there, here]) say.error({ err, requestId: 'r' }, 'unexpected error')
  expect(lines).toHaveLength(2)
})

test('the id of every unexpected error is in the log, however many there are', () => {
  const ids = Array.from({ length: 1_000 }, (_, n) => `id-${n}`)
  const err = new Error('it broke')
  for (const requestId of ids) say.error({ err, requestId }, 'unexpected error')
  vi.advanceTimersByTime(1_000)
  expect(lines.flatMap(({ requestId, requestIds = [requestId!] }) => requestIds)).toEqual(ids)
  expect(lines.length).toBeLessThan(60)
})

test('reasons without end are so many kinds and one more', () => {
  for (let n = 0; n < 1_000; n++) warn(`id-${n}`, new Error(`reason ${n}`))
  expect(lines).toHaveLength(51)
  vi.advanceTimersByTime(1_000)
  expect(lines.slice(51)).toEqual([expect.objectContaining({ count: 949 })])
  expect(lines[51]).not.toHaveProperty('reason')
})

test('what has been counted is logged before the process ends, once', () => {
  warn('a')
  warn('b')
  say.flush()
  expect(lines.slice(1)).toEqual([expect.objectContaining({ count: 1, requestIds: ['b'] })])
  say.flush()
  expect(lines).toHaveLength(2)
})

test('whatever was thrown has a reason', () => {
  for (const err of [undefined, null, 'text', 0, {}]) warn('a', err)
  expect(lines).toHaveLength(5)
})
