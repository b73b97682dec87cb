/** E-mail addresses: one spelling for comparing, one validation for all doors. */
import { z } from 'zod'

const maxLength = 254 // RFC 5321, 4.5.3.1.3

/**
 * What two spellings of one address have in common: NFKC, lower case, no space around it. NFKC once more, since a capital may be
 * composed of two characters where the small letter is one (J̌ and ǰ).
 */
export const emailKey = (email: string): string => email.normalize('NFKC').trim().toLowerCase().normalize('NFKC')

/** What may stand before the @ and, but for the apostrophe of O'Brien, between the dots after it. */
const address = /^[^\s@,;:"<>()[\]\\\p{Cc}\p{Cs}]+@[^\s@,;:"'<>()[\]\\\p{Cc}\p{Cs}.]+(\.[^\s@,;:"'<>()[\]\\\p{Cc}\p{Cs}.]+)+$/u

const sentence = 'This is not an e-mail address.'

/** A line break or another control character but the tab: at an end, too, where space is trimmed, it means a second line. */
const control = /[^\P{Cc}\t]|[\u2028\u2029]/u

/** What stands behind the last @, under the one spelling that domains are compared in. */
function withDomainKey(email: string): string {
  const at = email.lastIndexOf('@')
  return at === -1 ? email : email.slice(0, at) + emailKey(email.slice(at))
}

/**
 * One address: NFKC first, then checked, so that what is validated is what is used. Commas, double quotes, semicolons and
 * line breaks, which make two recipients of one string, are refused; space around it is not part of it.
 *
 * The domain is kept as its key has it: in which district it may be written in capitals, mail for one key goes to one domain. (ẞ in a
 * domain is ss to one mail server and ß to the next: whoever owned the one would sign in as the other.)
 */
export const emailSchema = z
  .string('An e-mail address is needed, as one string.')
  .max(1_000, { error: sentence, abort: true }) // no pattern looks at more
  .refine((email) => !control.test(email), { error: sentence, abort: true })
  .transform((email) => withDomainKey(email.normalize('NFKC').trim()))
  .refine((email) => email.length <= maxLength && address.test(email), sentence)
