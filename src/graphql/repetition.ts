/** How often one selection set asks for the same field, every fragment put where it is spread: under names of its own, and at all. */
import { type DocumentNode, type FragmentDefinitionNode, Kind, type SelectionSetNode } from 'graphql'

/** What one selection set asks for. */
export interface Repetition {
  /** How many members its answer has. */
  readonly names: number
  readonly fields: readonly {
    readonly field: string
    /** How many of the names are of this field. */
    readonly aliases: number
    readonly times: number
  }[]
}

type Counts = Map<string, { readonly aliases: Set<string>; times: number }>

/** For each selection set. A fragment is counted once, and its counts are added where it is spread. */
export function* repetitions(document: DocumentNode): Generator<Repetition> {
  const fragments = new Map<string, FragmentDefinitionNode>()
  for (const each of document.definitions) if (each.kind === Kind.FRAGMENT_DEFINITION) fragments.set(each.name.value, each)
  const known = new Map<string, Counts>()

  const countsOf = (name: string): Counts => {
    const counted = known.get(name)
    if (counted) return counted
    known.set(name, new Map()) // one that spreads itself ends here; validation refuses it
    const fragment = fragments.get(name)
    const counts = fragment ? count(fragment.selectionSet, new Map()) : new Map()
    known.set(name, counts)
    return counts
  }
  const count = ({ selections }: SelectionSetNode, counts: Counts): Counts => {
    for (const selection of selections) {
      if (selection.kind === Kind.INLINE_FRAGMENT) count(selection.selectionSet, counts)
      else if (selection.kind === Kind.FRAGMENT_SPREAD)
        for (const [field, { aliases, times }] of countsOf(selection.name.value)) add(counts, field, aliases, times)
      else add(counts, selection.name.value, [(selection.alias ?? selection.name).value], 1)
    }
    return counts
  }
  for (const set of selectionSets(document)) {
    const fields = [...count(set, new Map())].map(([field, { aliases, times }]) => ({ field, aliases: aliases.size, times }))
    yield { names: fields.reduce((sum, { aliases }) => sum + aliases, 0), fields }
  }
}

/** Every one that is written in a document, the outer before those inside. */
function selectionSets({ definitions }: DocumentNode): SelectionSetNode[] {
  const sets = definitions.flatMap((each) => ('selectionSet' in each ? [each.selectionSet] : []))
  for (const { selections } of sets)
    for (const selection of selections) if ('selectionSet' in selection && selection.selectionSet) sets.push(selection.selectionSet)
  return sets
}

/** Fragments that spread others twice multiply: beyond this it is all the same. */
const mostTimes = 1_000_000

function add(counts: Counts, field: string, aliases: Iterable<string>, times: number): void {
  const counted = counts.get(field) ?? { aliases: new Set<string>(), times: 0 }
  counts.set(field, counted)
  counted.times = Math.min(counted.times + times, mostTimes)
  for (const alias of aliases) counted.aliases.add(alias)
}
