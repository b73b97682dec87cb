/** Random values for arguments, as literals and as variables: given, null, left out, left to a default, and now and then wrong. */
import { type GraphQLInputType, isEnumType, isInputObjectType, isListType, isNonNullType, isRequiredInputField } from 'graphql'
import type { Dice } from '../../../src/domain/made-up-dice.ts'

/** JSON for a scalar, by the name of the argument or member that takes it. */
export type ScalarJson = (type: string, name: string) => unknown

export class Values {
  /** The types of the variables by their names, as they are declared. */
  readonly declared = new Map<string, string>()
  /** The variables that are given. */
  readonly given: Record<string, unknown> = {}
  private readonly dice: Dice
  private readonly scalar: ScalarJson

  constructor(dice: Dice, scalar: ScalarJson) {
    this.dice = dice
    this.scalar = scalar
  }

  /** What an argument may be given: a literal, which may hold variables, or a variable. */
  value(type: GraphQLInputType, name: string): string {
    return this.dice.chance(0.4) ? `$${this.variableOf(type, name)}` : this.literal(type, name, true)
  }

  private variableOf(type: GraphQLInputType, name: string): string {
    const { dice } = this
    const given = this.json(type, name)
    if (dice.chance(0.01)) return this.variable(String(type), dice.pick([{ no: 1 }, [[{}]], 'no', 1.5]))
    if (isNonNullType(type)) {
      if (dice.chance(0.7)) return this.variable(String(type), dice.chance(0.02) ? undefined : given)
      return this.variable(
        `${String(type.ofType)} = ${this.literal(type, name, false)}`,
        dice.pick([given, given, undefined, dice.chance(0.2) ? null : given]),
      )
    }
    const declared = dice.pick([String(type), String(type), `${String(type)} = ${this.literal(type, name, false)}`])
    return this.variable(declared, dice.pick([given, given, null, undefined]))
  }

  /** `undefined` is a variable that is not given. */
  variable(declared: string, value: unknown): string {
    const odd = this.dice.chance(0.02) ? this.dice.pick(['constructor', 'toString', 'valueOf']) : undefined
    const name = odd === undefined || this.declared.has(odd) ? `v${this.declared.size}` : odd
    this.declared.set(name, declared)
    if (value !== undefined) this.given[name] = value
    return name
  }

  private literal(type: GraphQLInputType, name: string, mayVary: boolean): string {
    const { dice } = this
    if (isNonNullType(type))
      return this.literal(type.ofType, name, mayVary).replace(/^null$/, () => this.present(type.ofType, name, mayVary))
    return dice.chance(0.1) ? 'null' : this.present(type, name, mayVary)
  }

  /** A literal that is not null. */
  private present(type: GraphQLInputType, name: string, mayVary: boolean): string {
    const { dice } = this
    const inner = (of: GraphQLInputType, member: string) => (mayVary ? this.value(of, member) : this.literal(of, member, false))
    if (isNonNullType(type)) return this.present(type.ofType, name, mayVary)
    if (isListType(type)) {
      if (dice.chance(0.2)) return this.present(type.ofType, name, mayVary)
      return `[${Array.from({ length: dice.below(3) }, () => inner(type.ofType, name)).join(', ')}]`
    }
    if (isEnumType(type)) return dice.pick(type.getValues()).name
    if (!isInputObjectType(type)) return literalOf(this.scalar(type.name, name))
    const members = Object.values(type.getFields()).filter((each) => isRequiredInputField(each) || dice.chance(0.3))
    return `{${members.map((each) => `${each.name}: ${inner(each.type, each.name)}`).join(', ')}}`
  }

  private json(type: GraphQLInputType, name: string): unknown {
    const { dice } = this
    if (isNonNullType(type)) return this.presentJson(type.ofType, name)
    return dice.chance(0.1) ? null : this.presentJson(type, name)
  }

  private presentJson(type: GraphQLInputType, name: string): unknown {
    const { dice } = this
    if (isNonNullType(type)) return this.presentJson(type.ofType, name)
    if (isListType(type)) {
      return dice.chance(0.2)
        ? this.presentJson(type.ofType, name)
        : Array.from({ length: dice.below(3) }, () => this.json(type.ofType, name))
    }
    if (isEnumType(type)) return dice.pick(type.getValues()).name
    if (!isInputObjectType(type)) return this.scalar(type.name, name)
    const members = Object.values(type.getFields()).filter((each) => isRequiredInputField(each) || dice.chance(0.3))
    return Object.fromEntries(members.map((each) => [each.name, this.json(each.type, each.name)]))
  }
}

/** JSON as it is written in a document. */
function literalOf(json: unknown): string {
  if (Array.isArray(json)) return `[${json.map(literalOf).join(', ')}]`
  if (typeof json !== 'object' || json === null) return JSON.stringify(json)
  return `{${Object.entries(json)
    .map(([name, value]) => `${name}: ${literalOf(value)}`)
    .join(', ')}}`
}
