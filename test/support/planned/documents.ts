/** Random documents that are, nearly always, valid in a schema; with variables to match, of which some do not. */
import {
  type GraphQLCompositeType,
  type GraphQLField,
  type GraphQLSchema,
  getNamedType,
  isAbstractType,
  isCompositeType,
  isRequiredArgument,
  isUnionType,
  type OperationTypeNode,
  SchemaMetaFieldDef,
  TypeMetaFieldDef,
  TypeNameMetaFieldDef,
} from 'graphql'
import type { Dice } from '../../../src/domain/made-up-dice.ts'
import { type ScalarJson, Values } from './values.ts'

/** What a schema does not say of itself. */
export interface Hints {
  readonly operations: readonly OperationTypeNode[]
  /** Fields of a type that are to be asked for most of the time. */
  likely(type: string): readonly string[] | undefined
  readonly scalar: ScalarJson
  readonly maxFields: number
}

export interface GeneratedDocument {
  readonly query: string
  readonly variables: Readonly<Record<string, unknown>>
  readonly operationName: string | undefined
}

export function generateDocument(schema: GraphQLSchema, dice: Dice, hints: Hints): GeneratedDocument {
  return new Generation(schema, dice, hints).document()
}

/** Names that mean something on an ordinary object. */
const oddNames = ['__proto__', 'constructor', 'toString', 'then', 'toJSON', 'length', 'hasOwnProperty', '__typename']
const maxDepth = 5

class Generation {
  private readonly schema: GraphQLSchema
  private readonly dice: Dice
  private readonly hints: Hints
  private readonly values: Values
  private readonly fragments = new Map<string, { readonly type: string; readonly text: string }>()
  private fields = 0

  constructor(schema: GraphQLSchema, dice: Dice, hints: Hints) {
    this.schema = schema
    this.dice = dice
    this.hints = hints
    this.values = new Values(dice, hints.scalar)
  }

  document(): GeneratedDocument {
    const { dice } = this
    const operation = dice.pick(this.hints.operations)
    const selected = this.selectionSet(this.schema.getRootType(operation)!, maxDepth)
    const fragments = [...this.fragments].map(([name, { type, text }]) => `fragment ${name} on ${type} ${text}`)
    const used = new Set([selected, ...fragments].join().match(/(?<=\$)\w+/g))
    const variables = [...this.values.declared].filter(([name]) => used.has(name)).map(([name, type]) => `$${name}: ${type}`)
    const declared = variables.length > 0 ? `(${variables.join(', ')})` : ''
    const named = declared !== '' || dice.chance(0.3)
    const operations = [`${operation}${named ? ` Op${declared}` : ''} ${selected}`]
    const several = named && dice.chance(0.1)
    if (several) operations.splice(dice.below(2), 0, 'query Other { __typename }')
    return { query: [...operations, ...fragments].join('\n'), variables: this.values.given, operationName: several ? 'Op' : undefined }
  }

  private selectionSet(type: GraphQLCompositeType, depth: number): string {
    const selections = Array.from({ length: 1 + this.dice.below(4) }, () => this.selection(type, depth))
    return `{ ${selections.join(' ')} }`
  }

  private selection(type: GraphQLCompositeType, depth: number): string {
    const { dice } = this
    if (depth > 0 && this.fields < this.hints.maxFields) {
      const within = isAbstractType(type) && dice.chance(0.7) ? dice.pick(this.schema.getPossibleTypes(type)) : type
      if (dice.chance(isUnionType(type) ? 0.5 : 0.1))
        return `...${within !== type || dice.chance(0.5) ? ` on ${within.name}` : ''}${this.directives()} ${this.selectionSet(within, depth - 1)}`
      if (dice.chance(isUnionType(type) ? 0.5 : 0.1)) return `...${this.fragmentOn(within, depth - 1)}${this.directives()}`
    }
    if (isUnionType(type) || dice.chance(0.05)) return `${this.alias(dice.chance(0.3))}__typename${this.directives()}`
    return this.field(type, depth)
  }

  private fragmentOn(type: GraphQLCompositeType, depth: number): string {
    const known = [...this.fragments].filter(([, fragment]) => fragment.type === type.name).map(([name]) => name)
    if (known.length > 0 && this.dice.chance(0.5)) return this.dice.pick(known)
    const text = this.selectionSet(type, depth)
    const name = `F${this.fragments.size}`
    this.fragments.set(name, { type: type.name, text })
    return name
  }

  private field(type: Exclude<GraphQLCompositeType, { getTypes(): unknown }>, depth: number): string {
    const { dice } = this
    const likely = dice.chance(0.9) ? this.hints.likely(type.name) : undefined
    const isQuery = type === this.schema.getQueryType()
    const fields = type.getFields()
    const field =
      isQuery && dice.chance(0.02) ? dice.pick([SchemaMetaFieldDef, TypeMetaFieldDef]) : fields[dice.pick(likely ?? Object.keys(fields))]!
    const inside = getNamedType(field.type)
    const isFull = depth <= 0 || this.fields >= this.hints.maxFields
    if (isCompositeType(inside) && isFull) return `${this.alias(false)}${TypeNameMetaFieldDef.name}`
    this.fields++
    const args = this.arguments(field)
    const alias = this.alias(args !== '' || dice.chance(0.2))
    return `${alias}${field.name}${args}${this.directives()}${isCompositeType(inside) ? ` ${this.selectionSet(inside, depth - 1)}` : ''}`
  }

  private alias(wanted: boolean): string {
    if (!wanted) return ''
    return this.dice.chance(0.1) ? `${this.dice.pick(oddNames)}: ` : `x${this.dice.below(1_000_000)}: `
  }

  private directives(): string {
    const { dice } = this
    if (!dice.chance(0.12)) return ''
    const directive = () => {
      const condition = dice.chance(0.2) ? String(dice.chance(0.5)) : `$${this.condition()}`
      return ` @${dice.pick(['skip', 'include'])}(if: ${condition})`
    }
    const [first, second] = [directive(), directive()]
    return dice.chance(0.1) && first.slice(0, 3) !== second.slice(0, 3) ? first + second : first
  }

  /** A variable for a directive: given, left to its default, and now and then null, which no directive takes. */
  private condition(): string {
    const { dice } = this
    if (dice.chance(0.7)) return this.values.variable('Boolean!', dice.chance(0.5))
    return this.values.variable(
      `Boolean = ${dice.chance(0.5)}`,
      dice.pick([true, false, undefined, undefined, dice.chance(0.2) ? null : true]),
    )
  }

  private arguments({ args }: GraphQLField<unknown, unknown>): string {
    const given = args.filter((arg) => isRequiredArgument(arg) || this.dice.chance(0.4))
    return given.length > 0 ? `(${given.map(({ name, type }) => `${name}: ${this.values.value(type, name)}`).join(', ')})` : ''
  }
}
