/** Promises among values: told apart, waited for in exactly as many turns as graphql-js takes, since errors come in the order of turns. */
import { isPromise } from 'graphql/jsutils/isPromise.js'
import type { ObjMap } from 'graphql/jsutils/ObjMap.js'

/** As `isPromise` of graphql-js, which looks for `then` in strings and numbers too. */
export function isThenable(value: unknown): value is Promise<unknown> {
  return (typeof value === 'object' || typeof value === 'function') && isPromise(value)
}

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
