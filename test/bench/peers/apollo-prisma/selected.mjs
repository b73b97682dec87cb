/** What a resolver reads of the selection below its own field, so that it asks the database for that and no more. */
import { getArgumentValues, getNamedType } from 'graphql'

/** The fields selected at the end of each path below the field being resolved, by name, with their arguments. */
export function selectedAt(info, paths) {
  const type = getNamedType(info.returnType)
  return new Map(paths.flatMap((path) => below(info, type, info.fieldNodes, path)))
}

function below(info, type, nodes, [name, ...rest]) {
  const fields = nodes.flatMap((node) => fieldsOf(info, node.selectionSet)).filter((field) => field.name.value in type.getFields())
  if (name === undefined) {
    return fields.map((field) => [field.name.value, getArgumentValues(type.getFields()[field.name.value], field, info.variableValues)])
  }
  const chosen = fields.filter((field) => field.name.value === name)
  return chosen.length === 0 ? [] : below(info, getNamedType(type.getFields()[name].type), chosen, rest)
}

function fieldsOf(info, { selections }) {
  return selections.flatMap((selection) => {
    if (selection.kind === 'Field') return [selection]
    return fieldsOf(info, (selection.kind === 'InlineFragment' ? selection : info.fragments[selection.name.value]).selectionSet)
  })
}
