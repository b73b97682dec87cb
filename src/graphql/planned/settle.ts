/** Waiting for the promises among an object's values, in exactly as many turns as graphql-js takes: errors are told in the order of turns. */
import type { ObjMap } from 'graphql/jsutils/ObjMap.js'

/**
 * What `promiseForObject` of graphql-js promises, for an object whose promises are known by their keys: the same object,
 * its promises replaced by their values, two turns after the last of them is fulfilled, or the first rejection.
 */
export function settle(object: ObjMap<unknown>, keys: readonly string[]): Promise<ObjMap<unknown>> {
  const [key] = keys
  if (key !== undefined && keys.length === 1)
    return Promise.resolve(object[key])
      .then((value) => {
        object[key] = value
      })
      .then(() => object)
  return Promise.all(keys.map((each) => object[each])).then((values) => {
    for (let i = 0; i < keys.length; i++) object[keys[i]!] = values[i]
    return object
  })
}

/** Listens to promises whose outcome has come to nothing. */
export function ignoreRejections(values: readonly unknown[]): void {
  for (const value of values) if (value instanceof Promise) value.catch(() => {})
}
