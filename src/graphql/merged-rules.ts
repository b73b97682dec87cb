/** Several validation rules as one: graphql-js's `visitInParallel` without what it spends on rules that do not look at a node. */
import { type ASTNode, type ASTVisitFn, type ASTVisitor, BREAK, getEnterLeaveForKind, Kind, type ValidationRule } from 'graphql'

type Visit = ASTVisitFn<ASTNode>

/** What one rule does at nodes of one kind. */
interface Look {
  /** Of the rule. */
  readonly index: number
  readonly enter?: Visit | undefined
  readonly leave?: Visit | undefined
}

/**
 * One rule that finds what these find, in the same order. `validate` would ask each of its rules at each node, and most look at few kinds.
 * Rules that edit the document are not for this: what a visit returns counts only where it is `false` or `BREAK`.
 */
export const mergedRules =
  (rules: readonly ValidationRule[]): ValidationRule =>
  (context) => {
    const visitors = rules.map((rule) => rule(context))
    /** By rule: the node whose subtree it skips, BREAK once it has stopped, null while it visits. */
    const skipped = visitors.map((): unknown => null)
    const merged: Record<string, { enter: Visit; leave: Visit }> = {}
    for (const [kind, looks] of looksOf(visitors)) {
      merged[kind] = {
        enter(node, key, parent, path, ancestors) {
          for (const { index, enter } of looks) {
            if (!enter || skipped[index] !== null) continue
            const result = enter(node, key, parent, path, ancestors)
            if (result === false) skipped[index] = node
            else if (result === BREAK) skipped[index] = BREAK
          }
        },
        leave(node, key, parent, path, ancestors) {
          for (const { index, leave } of looks) {
            if (skipped[index] === node) skipped[index] = null
            else if (leave && skipped[index] === null && leave(node, key, parent, path, ancestors) === BREAK) skipped[index] = BREAK
          }
        },
      }
    }
    return merged
  }

const kinds = Object.values(Kind)

/** By kind, in the order of the rules. Most visitors name the kinds that they look at; one with an `enter` of its own looks at the others, too. */
function looksOf(visitors: readonly ASTVisitor[]): ReadonlyMap<string, readonly Look[]> {
  const looks = new Map<string, Look[]>()
  visitors.forEach((visitor, index) => {
    for (const kind of 'enter' in visitor || 'leave' in visitor ? kinds : (Object.keys(visitor) as Kind[])) {
      const look = { index, ...getEnterLeaveForKind(visitor, kind) }
      const others = looks.get(kind)
      if (others) others.push(look)
      else looks.set(kind, [look])
    }
  })
  return looks
}
