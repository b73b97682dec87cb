/** Work that is done again and again beside the requests. */

/**
 * Does it now and at every interval, never twice at once.
 * @param work is told whether it should come to an end
 * @returns how to stop it; it resolves when what was under way is through
 */
export function repeatedly(intervalMs: number, work: (stopped: () => boolean) => Promise<void>): () => Promise<void> {
  let stopped = false
  let underWay: Promise<void> | undefined
  const begin = (): void => {
    underWay ??= work(() => stopped).finally(() => {
      underWay = undefined
    })
  }
  const timer = setInterval(begin, intervalMs)
  begin()
  return async () => {
    stopped = true
    clearInterval(timer)
    await underWay
  }
}
