/** A request's body as JSON: refused by its size, its media type and its nesting before it is parsed, and parsed once. */
import type { IncomingMessage } from 'node:http'
import { expectJson } from './media-types.ts'
import { HttpRefusal, readBody } from './messages.ts'

/** The documented bodies and GraphQL's variables have a handful of levels. */
const maxNesting = 100

/**
 * The value of a body.
 * @throws HttpRefusal 415 unless it is sent as JSON, 413 past `maxBytes`, 400 when it is no UTF-8, no JSON or nested too deep
 */
export function readJson(req: IncomingMessage, maxBytes: number): Promise<unknown> {
  expectJson(req)
  return readBody(req, maxBytes).then(parsed)
}

function parsed(text: string): unknown {
  if (isNestedDeeperThan(maxNesting, text)) throw new HttpRefusal(400, `The body is nested more than ${maxNesting} levels deep.`)
  try {
    return JSON.parse(text)
  } catch {
    throw new HttpRefusal(400, 'The body is not valid JSON.')
  }
}

const [quotationMark, backslash] = [0x22, 0x5c]
const [openBracket, closeBracket, openBrace, closeBrace] = [0x5b, 0x5d, 0x7b, 0x7d]

/** One pass over the characters. Brackets inside strings are text. */
function isNestedDeeperThan(most: number, text: string): boolean {
  let depth = 0
  for (let at = 0; at < text.length; at++) {
    const character = text.charCodeAt(at)
    if (character === quotationMark) at = endOfString(text, at + 1)
    else if (character === openBracket || character === openBrace) {
      if (++depth > most) return true
    } else if (character === closeBracket || character === closeBrace) depth--
  }
  return false
}

function endOfString(text: string, from: number): number {
  let at = from
  while (at < text.length && text.charCodeAt(at) !== quotationMark) at += text.charCodeAt(at) === backslash ? 2 : 1
  return at
}
