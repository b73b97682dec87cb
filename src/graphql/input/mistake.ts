/**
 * What is wrong with a value that a client sent, as a variable or as a literal: told apart by kind, so that nobody has to read it out
 * of a sentence. The sentences are graphql-js's, and quote a bounded part of the value.
 */
import {
  GraphQLError,
  type GraphQLInputObjectType,
  type GraphQLLeafType,
  isEnumType,
  isRequiredInputField,
  isSpecifiedScalarType,
} from 'graphql'
import { mostQuoted, quote } from '../../domain/quote.ts'

/** How many mistakes of a request are told. A last sentence says that others were left out. */
export const mostMistakes = 5

/**
 * `missing`: a required value is not there. `null`: it must not be null. `unknown`: the type has no such member. `shape`: an object is
 * needed. `value`: it is no value of this scalar or enum.
 */
export type MistakeKind = 'missing' | 'null' | 'unknown' | 'shape' | 'value'

/** From an argument or a variable to what is inside it. */
export type Place = readonly (string | number)[]

export class InputMistake extends GraphQLError {
  readonly kind: MistakeKind
  /** The named type of the place; of a member that is missing or unknown, that of its object. */
  readonly typeName: string
  /** As a dotted path: `input.tags.0`. */
  readonly field: string

  constructor(kind: MistakeKind, typeName: string, place: Place, sentence: string) {
    super(sentence.toWellFormed()) // a member's name may be no Unicode
    this.kind = kind
    this.typeName = typeName
    this.field = place.map((part) => quote(String(part))).join('.')
  }
}

/**
 * What graphql-js or a scalar of ours says of a value, where the value is short enough to be repeated.
 * @param shown the value as it is quoted. @param told whether the sentence before this one quotes it, too
 */
export function valueSentence(type: GraphQLLeafType, shown: string, { message }: Error, { told = false } = {}): string {
  const isOurs = !isEnumType(type) && !isSpecifiedScalarType(type) // they quote nothing
  if (isOurs || shown.length < mostQuoted - 2) return message
  return told ? `${type.name} cannot represent it.` : `${type.name} cannot represent the value ${shown}.`
}

/** @param error what graphql-js says, with suggestions where the caller may have them */
export const unknownMemberSentence = (type: GraphQLInputObjectType, member: string, { message }: Error): string =>
  member.length < mostQuoted ? message : `Field "${quote(member)}" is not defined by type "${type.name}".`

/**
 * The members that an object lacks, in the order in which graphql-js complains of them.
 * @param has whether the object has a member
 */
export function* missingMembers(type: GraphQLInputObjectType, has: (member: string) => boolean): Generator<string> {
  for (const member of Object.values(type.getFields())) if (isRequiredInputField(member) && !has(member.name)) yield member.name
}
