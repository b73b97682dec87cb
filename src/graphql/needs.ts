/** Which members of its rows a field needs, read from what is selected of them. */
import {
  type FieldNode,
  getNamedType,
  type GraphQLObjectType,
  type GraphQLResolveInfo,
  isObjectType,
  Kind,
  type SelectionSetNode,
} from 'graphql'
import type { Needed } from '../sql/needed.ts'

/** Says of a field what its resolver reads of the row, where that is not the member of the field's own name. */
export const reads = <Row>(...members: Needed<Row>): { readonly reads: Needed<Row> } => ({ reads: members })

/**
 * The members that this field's selection reads of its rows, themselves or inside a connection. Everything that might be asked counts:
 * @skip and @include only ever need less. The same list for the same field of a document, as long as that is kept.
 */
export function neededOf<Row>(row: string, info: GraphQLResolveInfo): Needed<Row> {
  const [node, ...more] = info.fieldNodes
  if (more.length > 0) return sorted<Row>(info.fieldNodes.flatMap((each) => membersOf(row, each, info)))
  let needed = known.get(node!)
  if (!needed) known.set(node!, (needed = sorted(membersOf(row, node!, info))))
  return needed as Needed<Row>
}

const known = new WeakMap<FieldNode, readonly string[]>()

/** One order for one set, so that it makes one statement. */
const sorted = <Row>(members: readonly string[]): Needed<Row> => [...new Set(members)].sort() as unknown as Needed<Row>

function membersOf(row: string, { selectionSet }: FieldNode, { schema, fragments, returnType }: GraphQLResolveInfo): string[] {
  const inside = ({ selections }: SelectionSetNode, type: GraphQLObjectType): string[] =>
    selections.flatMap((selection) => {
      if (selection.kind !== Kind.FIELD) {
        const { typeCondition, selectionSet: within } =
          selection.kind === Kind.FRAGMENT_SPREAD ? fragments[selection.name.value]! : selection
        const on = typeCondition && schema.getType(typeCondition.name.value)
        return inside(within, isObjectType(on) ? on : type)
      }
      const field = type.getFields()[selection.name.value]
      if (!field) return [] // __typename
      const read = field.extensions['reads'] as string[] | undefined
      if (type.name === row) return read ?? [field.name]
      const on = getNamedType(field.type)
      const around = selection.selectionSet && isObjectType(on) && /(Connection|Edge|PageInfo)$/.test(type.name)
      return around ? inside(selection.selectionSet, on) : (read ?? [])
    })
  const type = getNamedType(returnType)
  return selectionSet && isObjectType(type) ? inside(selectionSet, type) : []
}
