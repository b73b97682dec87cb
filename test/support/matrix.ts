/** Walks the schema from given root fields so that every field of every object type is asked for once, and reads what came. */
import {
  getNamedType,
  type GraphQLField,
  type GraphQLObjectType,
  type GraphQLSchema,
  isListType,
  isNonNullType,
  isObjectType,
  isRequiredArgument,
  isUnionType,
} from 'graphql'

/** A root field with arguments to ask it with. */
export interface Probe {
  readonly field: string
  /** What is asked for, in words. */
  readonly title: string
  readonly operation: 'query' | 'mutation'
  /** The arguments as they are written, `(id: "1")`, for whoever holds this token. */
  readonly args?: (token: string | undefined) => Promise<string> | string
  /** Types to look into here, though another probe has done so. */
  readonly again?: readonly string[]
}

/** A field to ask for: `coordinate` is `Type.field`. */
interface Selection {
  readonly coordinate: string
  readonly name: string
  /** In the answer; members of a union have fields of one name and several types. */
  readonly key: string
  readonly list: boolean
  /** What to ask for inside; `undefined` for a leaf. */
  inside: Inside[] | undefined
}
interface Inside {
  readonly typeName: string
  readonly selections: Selection[]
}
export interface Plan {
  readonly probe: Probe
  readonly root: Selection
}

/** One plan a probe. Breadth first, so that a type is looked into where it is nearest to a root field. */
export function planOf(schema: GraphQLSchema, probes: readonly Probe[]): Plan[] {
  const seen = new Set<string>()
  const queue: { selection: Selection; type: GraphQLObjectType[]; probe: Probe }[] = []
  const select = (
    parent: string,
    field: GraphQLField<unknown, unknown>,
    probe: Probe,
    { isRoot = false, inUnion = false } = {},
  ): Selection => {
    const needed = field.args.filter(isRequiredArgument).map(({ name }) => name)
    if (needed.length > 0 && !isRoot) throw new Error(`${parent}.${field.name} needs ${needed.join(', ')}: the matrix has no value for it`)
    const type = getNamedType(field.type)
    const nullable = isNonNullType(field.type) ? field.type.ofType : field.type
    const members = isUnionType(type) ? [...type.getTypes()] : isObjectType(type) ? [type] : []
    const selection: Selection = {
      coordinate: `${parent}.${field.name}`,
      name: field.name,
      key: inUnion ? `${parent}_${field.name}` : field.name,
      list: isListType(nullable),
      inside: members.length > 0 ? [] : undefined,
    }
    if (members.length > 0) queue.push({ selection, type: members, probe })
    return selection
  }

  const plans = probes.map((probe): Plan => {
    const rootType = probe.operation === 'query' ? schema.getQueryType() : schema.getMutationType()
    const field = rootType?.getFields()[probe.field]
    if (!rootType || !field) throw new Error(`there is no ${probe.operation} ${probe.field}`)
    return { probe, root: select(rootType.name, field, probe, { isRoot: true }) }
  })
  const againDone = new Set<string>()
  for (let next = queue.shift(); next; next = queue.shift()) {
    const { selection, type, probe } = next
    for (const member of type) {
      const again = `${probe.title} ${member.name}`
      if (seen.has(member.name) && !(probe.again?.includes(member.name) && !againDone.has(again))) {
        // How many there are is told all the same.
        const total = member.getFields()['totalCount']
        selection.inside!.push({
          typeName: member.name,
          selections: total ? [{ coordinate: '', name: 'totalCount', key: 'totalCount', list: false, inside: undefined }] : [],
        })
        continue
      }
      seen.add(member.name)
      againDone.add(again)
      selection.inside!.push({
        typeName: member.name,
        selections: Object.values(member.getFields()).map((field) => select(member.name, field, probe, { inUnion: type.length > 1 })),
      })
    }
  }
  return plans
}

/** The document in which whoever holds this token asks for all of a plan. */
export async function documentOf({ probe, root }: Plan, token: string | undefined): Promise<string> {
  return `${probe.operation} { ${root.name}${(await probe.args?.(token)) ?? ''}${inside(root)} }`
}

function inside({ inside: parts }: Selection): string {
  if (parts === undefined) return ''
  const written = parts.map(({ typeName, selections }) =>
    selections.length === 0
      ? ''
      : `... on ${typeName} { ${selections.map((each) => `${each.key}: ${each.name}${inside(each)}`).join(' ')} }`,
  )
  return ` { __typename ${written.join(' ')} }`
}

/** Every field of a plan: where it was asked for, and how to find it in an answer. */
export function rowsOf({ root }: Plan): { path: string[]; coordinate: string; list: boolean }[] {
  const walk = (selection: Selection, path: string[]): { path: string[]; coordinate: string; list: boolean }[] => {
    const here = [...path, selection.key]
    const below = (selection.inside ?? []).flatMap(({ selections }) =>
      selections.filter(({ coordinate }) => coordinate !== '').flatMap((each) => walk(each, here)),
    )
    return [{ path: here, coordinate: selection.coordinate, list: selection.list }, ...below]
  }
  return walk(root, [])
}

export interface GraphqlBody {
  readonly data?: unknown
  readonly errors?: readonly { readonly path?: readonly (string | number)[]; readonly extensions: { readonly code: string } }[]
}

const statuses: Record<string, string> = { UNAUTHENTICATED: '401', PAYMENT_REQUIRED: '402', FORBIDDEN: '403', NOT_FOUND: '404' }

/** What came at a path: `yes`, `[3]` for a list of three, `(3)` for a connection of three, `null`, a refusal, `·` for no way to it. */
export function outcome({ data, errors = [] }: GraphqlBody, path: readonly string[]): string {
  const refused = errors.find((error) => (error.path ?? []).filter((step) => typeof step === 'string').join('.') === path.join('.'))
  if (refused) return statuses[refused.extensions.code] ?? refused.extensions.code
  let places: unknown[] = [data]
  for (const step of path) {
    places = places
      .flat(2)
      .filter((place): place is Record<string, unknown> => typeof place === 'object' && place !== null)
      .filter((place) => step in place)
      .map((place) => place[step])
  }
  if (places.length === 0) return '·'
  const present = places.filter((place) => place !== null)
  if (present.length === 0) return 'null'
  if (present.every(Array.isArray)) return `[${Math.max(...present.map(({ length }) => length))}]`
  const totals = present.map((place) => (place as { totalCount?: number }).totalCount).filter((total) => total !== undefined)
  return totals.length > 0 ? `(${Math.max(...totals)})` : 'yes'
}
