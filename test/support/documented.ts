/** Every answer of a REST route, whoever asks in whichever test, is one that the OpenAPI description tells of: its status, and its body. */
import type { ValidateFunction } from 'ajv'
import { Ajv2020 } from 'ajv/dist/2020.js'
import addFormats from 'ajv-formats'
import { describeRoutes } from '../../src/rest/openapi.ts'
import { routes } from '../../src/rest/routes.ts'
import type { Json } from './http.ts'

export const description: Json = describeRoutes(routes)

const ajv = new Ajv2020({ allErrors: true })
addFormats.default(ajv)
ajv.addVocabulary(Object.keys(description)) // around the schemas, whose own words are looked at strictly
ajv.addSchema(description, 'openapi.json')
const compiled = new Map<string, ValidateFunction>()

const pathPatterns = Object.keys(description.paths).map(
  (path) => [path, new RegExp(`^${path.replaceAll('.', '\\.').replaceAll(/\{\w+\}/g, '[^/]+')}$`)] as const,
)

/**
 * Compares an answer to the description of its route, where the request met one.
 * @throws Error when its status is not described, or its body is not as described
 */
export function demandDocumented(method: string, url: string, { status, json }: { status: number; json: Json }): void {
  const path = pathPatterns.find(([, pattern]) => pattern.test(url.split('?')[0]!))?.[0]
  const operation = path === undefined ? undefined : description.paths[path][method.toLowerCase()]
  if (!operation) return // refused before it met a route
  const answer = operation.responses[status]
  if (!answer) throw new Error(`${method} ${path} answers ${status}, which openapi.json does not tell of`)
  if (!answer.content) {
    if (json !== undefined) throw new Error(`${method} ${path} answers ${status} with a body, which openapi.json does not tell of`)
    return
  }
  const pointer = ['paths', path!, method.toLowerCase(), 'responses', String(status), 'content', 'application/json', 'schema']
  const validate = schemaAt(pointer)
  if (!validate(json))
    throw new Error(`${method} ${path} answers ${status} otherwise than openapi.json says: ${ajv.errorsText(validate.errors)}`)
}

/** The schema at a place in the description. */
export function schemaAt(pointer: readonly string[]): ValidateFunction {
  const $ref = `openapi.json#/${pointer.map((step) => encodeURIComponent(step.replaceAll('~', '~0').replaceAll('/', '~1'))).join('/')}`
  const known = compiled.get($ref)
  if (known) return known
  const validate = ajv.compile({ $ref })
  compiled.set($ref, validate)
  return validate
}
