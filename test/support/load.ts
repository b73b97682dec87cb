/** Clients that ask without a pause, each one request at a time, and take down whatever is not the answer that it should be. */
import { once } from 'node:events'
import { Agent, request } from 'node:http'
import { text } from 'node:stream/consumers'
import { parsed, type RawAnswer, type RawRequest } from './http.ts'

export interface Asked extends RawRequest {
  readonly path: string
}

export interface LoadOptions {
  readonly url: string
  readonly clients: number
  /** What they ask, in turn. Each is to be answered with 200. */
  readonly requests: readonly Asked[]
  /** Whether they use their connection again, until an answer ends it. */
  readonly keepAlive: boolean
  /** Asked before a connection is opened: a client that may not is done. */
  readonly mayConnect: () => boolean
}

export interface LoadAnswer extends RawAnswer {
  /** By `performance.now()`. */
  readonly askedAtMs: number
}

export interface Load {
  /** All whole answers so far. */
  readonly answers: readonly LoadAnswer[]
  /** The requests that got no whole answer, or none with 200. */
  readonly failures: readonly string[]
  /** Resolves when all clients are done. */
  readonly done: Promise<void>
}

export function startLoad({ url, clients, requests, keepAlive, mayConnect }: LoadOptions): Load {
  const answers: LoadAnswer[] = []
  const failures: string[] = []
  const client = async (number: number): Promise<void> => {
    const agent = new Agent({ keepAlive, maxSockets: 1 })
    let isConnected = false
    for (let at = number; isConnected || mayConnect(); at++) {
      const asked = requests[at % requests.length]!
      const askedAtMs = performance.now()
      try {
        const answer = await ask(url, asked, agent)
        answers.push({ ...answer, askedAtMs })
        isConnected = keepAlive && answer.headers.connection !== 'close'
        if (answer.status !== 200) failures.push(`${asked.path}: ${answer.status} ${answer.text}`)
      } catch (error) {
        failures.push(`${asked.path}: ${(error as Error).message}`)
        isConnected = false
        if (failures.length > 100) break
      }
    }
    agent.destroy()
  }
  const all = Promise.all(Array.from({ length: clients }, (_, number) => client(number)))
  return { answers, failures, done: all.then(() => {}) }
}

/** One request by a connection of the agent's. @throws where no whole answer comes */
export async function ask(url: string, { path, method = 'GET', headers = {}, body }: Asked, agent: Agent): Promise<RawAnswer> {
  const length = body === undefined ? {} : { 'Content-Length': String(Buffer.byteLength(body)) }
  const sent = request(url + path, { method, headers: { ...length, ...headers }, agent })
  sent.end(body)
  const [res] = await once(sent, 'response')
  const answer = await text(res)
  return { status: res.statusCode, headers: res.headers, text: answer, json: parsed(answer) }
}
