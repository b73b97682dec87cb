/** Secrets: how each is made, recognised and kept. Random ones are kept as a hash; derived ones need the secret key. */
import { createHmac, hash, timingSafeEqual } from 'node:crypto'
import type { Random } from '../deps.ts'

const keyAlphabet = 'abcdefghijklmnopqrstuvwxyz0123456789'
const idAlphabet = keyAlphabet

/** `ck_` and 32 characters of a–z and 0–9: 165 bits. */
export const makeApiKey = (random: Random): string => `ck_${randomText(random, keyAlphabet, 32)}`
export const isApiKey = (token: string): boolean => /^ck_[a-z0-9]{32}$/.test(token)
/** The last four characters, by which its owner recognises a key. */
export const hintOf = (key: string): string => key.slice(-4)

/** An opaque id of 12 characters (62 bits): unique within a district, and nothing can be read from it. */
export const makeId = (random: Random): string => randomText(random, idAlphabet, 12)

/** 256 bits, as base64url: a session's bearer token, or the secret of a browser's cookie. */
export const makeToken = (random: Random): string => random(32).toString('base64url')
export const isToken = (token: string): boolean => /^[A-Za-z0-9_-]{43}$/.test(token)

/** What the database keeps of a random secret. Not for codes: a million values are hashed in a second. */
export const hashToken = (token: string): string => hash('sha256', token, 'base64url')

/** A name for a secret key that tells nothing about it: rows say by it which key they were derived under. */
export const secretId = (secret: string): string => derive(secret, 'id').toString('base64url').slice(0, 8)

/** The six digits of a login request: a truncated HMAC (RFC 4226's way), so that no plaintext has to be kept. */
export function loginCode(secret: string, requestId: string, draw: number): string {
  const mac = derive(secret, 'login-code', requestId, String(draw))
  return String(mac.readUIntBE(0, 6) % 1_000_000).padStart(6, '0')
}
/** What the database keeps of a code. */
export const codeMac = (secret: string, code: string): string => derive(secret, 'login-code-at-rest', code).toString('base64url')

/** The 256 bits of a login request's link. */
export const linkToken = (secret: string, requestId: string): string => derive(secret, 'magic-link', requestId).toString('base64url')

/** What counters know an address by. */
export const addressMac = (secret: string, emailKey: string): string => derive(secret, 'address', emailKey).toString('base64url')

/** What the database keeps of a body that may come again: whether it is the same can be told, and nothing else. */
export const inputMac = (secret: string, input: string): string => derive(secret, 'idempotent-input', input).toString('base64url')

/** The seal of a row of the audit trail, over the row and the seal before it. In hex: an operator gives it to a command. */
export const auditMac = (secret: string, row: string): string => derive(secret, 'audit-trail', row).toString('hex')

/** Compares in a time that tells nothing about where two texts differ. */
export function equalSecrets(a: string, b: string): boolean {
  const left = Buffer.from(a)
  const right = Buffer.from(b)
  return left.length === right.length && timingSafeEqual(left, right)
}

/** HMAC-SHA-256 over length-prefixed parts: no two lists of parts give the same input. */
function derive(secret: string, ...parts: string[]): Buffer {
  const mac = createHmac('sha256', secret)
  for (const part of parts) mac.update(`${Buffer.byteLength(part)}:${part}`)
  return mac.digest()
}

/** Characters drawn without bias: bytes past the last whole multiple of the alphabet are thrown away. */
function randomText(random: Random, alphabet: string, length: number): string {
  const limit = 256 - (256 % alphabet.length)
  let text = ''
  while (text.length < length) {
    for (const byte of random(length - text.length + 8)) {
      if (byte < limit && text.length < length) text += alphabet[byte % alphabet.length]
    }
  }
  return text
}
