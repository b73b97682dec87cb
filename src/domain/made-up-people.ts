/** One made-up person, and one made-up interview: rows as the domain writes them, drawn by dice. */
import type { NewPerson } from './bulk-insert.ts'
import type { Interview } from './interviews.ts'
import { adminRole, boardRole, candidateRole, defaultBoard, defaultForm, defaultProfile, mentorRole } from './district-defaults.ts'
import type { Dice } from './made-up-dice.ts'
import { boardNotes, tags, type Tongue, tongues } from './made-up-texts.ts'
import { makeId } from './tokens.ts'

/** Fixed, so that a seed makes the same data on any day; all of it lies in the past. */
const lastMoment = Date.UTC(2025, 11, 31)
const dayMs = 86_400_000
const yearMs = 365 * dayMs
const years = 10

const tongueByPercent = tongues.flatMap((tongue) => Array.from({ length: tongue.percent }, () => tongue))

export type Part = 'admin' | 'mentor' | 'board' | 'candidate'

/** @param number makes the address unique; nobody else in these data has it */
export function madeUpPerson(dice: Dice, districtId: string, number: number, part: Part): NewPerson & { readonly createdAt: Date } {
  const tongue = dice.pick(tongueByPercent)
  const first = dice.pick(tongue.first)
  const last = dice.pick(tongue.last)
  const createdAt = new Date(lastMoment - Math.floor(dice.fraction() * years * yearMs))
  return {
    districtId,
    id: makeId(dice.bytes),
    first,
    last,
    email: `${mailbox(first, last)}.${number}@${dice.chance(0.8) ? 'example.org' : 'example.com'}`,
    language: tongue.language === 'pt' && dice.chance(0.5) ? 'pt-BR' : tongue.language,
    roles: rolesOf(dice, part),
    tags: part === 'candidate' ? madeUpTags(dice) : [],
    archived: part === 'candidate' && dice.chance(0.03),
    createdAt,
    updatedAt: between(dice, createdAt),
  }
}

/** An interview of that person with the board of their district. */
export function madeUpInterview(
  dice: Dice,
  { districtId, id: personId, createdAt: since }: NewPerson & { readonly createdAt: Date },
): Interview {
  const held = between(dice, since)
  const createdAt = new Date(held.getTime() + dice.below(dayMs / 2))
  return {
    districtId,
    id: makeId(dice.bytes),
    personId,
    date: held.toISOString().slice(0, 10),
    boardId: defaultBoard.id,
    formId: defaultForm.id,
    profileId: defaultProfile.id,
    published: dice.chance(0.8),
    responses: madeUpResponses(dice, dice.pick(tongueByPercent)),
    recordings: dice.chance(0.02) ? { '1a': madeUpRecording(held) } : {},
    createdAt,
    updatedAt: between(dice, createdAt),
  }
}

function rolesOf(dice: Dice, part: Part): Record<string, number> {
  switch (part) {
    case 'admin':
      return { [adminRole]: 1 }
    case 'mentor':
      return dice.chance(0.1) ? { [mentorRole]: 1, [boardRole]: 2 } : { [mentorRole]: 1 }
    case 'board':
      return { [boardRole]: 1 }
    case 'candidate':
      return dice.chance(0.02) ? { [candidateRole]: 1, [mentorRole]: 2 } : { [candidateRole]: 1 }
  }
}

function madeUpTags(dice: Dice): string[] {
  const count = dice.chance(0.4) ? 1 : dice.chance(0.2) ? 2 : 0
  return [...new Set(Array.from({ length: count }, () => dice.pick(tags)))]
}

/** By the ids of the default form's fields. */
function madeUpResponses(dice: Dice, { language, excited, workOn }: Tongue): Record<string, unknown> {
  const [english] = tongues
  return {
    '1a': dice.chance(0.85) ? 1 : 2,
    '1b': { ...(dice.chance(0.3) ? { en: dice.pick(english!.excited) } : {}), [language]: dice.pick(excited) },
    '1c': { [language]: dice.pick(workOn) },
    ...(dice.chance(0.3) ? { '1d': { en: dice.pick(boardNotes) } } : {}),
    '1f': dice.chance(0.7) ? 1 : 0,
  }
}

const madeUpRecording = (held: Date) => ({
  name: `Interview of ${held.toISOString().slice(0, 10)}`,
  url: `https://media.example.org/interviews/${held.getTime()}.mp3`,
  transcript: 'Board: What has changed since we last met?\nCandidate: I ask for help earlier, and people say yes.',
  summary: 'Speaks about asking for help and sharing the work.',
})

/** A moment from this one to the last of the data. */
const between = (dice: Dice, from: Date): Date =>
  new Date(from.getTime() + Math.floor(dice.fraction() * Math.max(0, lastMoment - from.getTime())))

/** A name in the letters of an address; a word where it has none of them. */
function mailbox(first: string, last: string): string {
  const letters = (name: string) =>
    name
      .normalize('NFKD')
      .toLowerCase()
      .replace(/[^a-z]/g, '')
  return [letters(first), letters(last)].filter(Boolean).join('.') || 'member'
}
