/** Preloaded into a gateway's process (`node --expose-gc --import`): answers its parent with what the process has used so far. */
import { readFileSync } from 'node:fs'

/** Processor time of the main thread in ms. Elsewhere than on Linux that of the process, which is more. */
function mainThreadMs() {
  try {
    return Number(readFileSync(`/proc/self/task/${process.pid}/schedstat`, 'utf8').split(' ', 1)[0]) / 1e6
  } catch {
    const { user, system } = process.cpuUsage()
    return (user + system) / 1e3
  }
}

/**
 * The main thread's time for a fixed piece of work, by which a slow machine is known: the middle of five. Each is long, since the kernel
 * counts a running thread's time in ticks of some ms.
 */
function referenceMs() {
  const text = JSON.stringify(Array.from({ length: 20_000 }, (_, n) => ({ n, text: 'x'.repeat(20) })))
  const times = Array.from({ length: 5 }, () => {
    const before = mainThreadMs()
    for (let n = 0; n < 40; n++) JSON.stringify(JSON.parse(text))
    return mainThreadMs() - before
  })
  return times.sort((a, b) => a - b)[2]
}

process.on('message', (question) => {
  if (question === 'time') process.send(mainThreadMs())
  else if (question === 'reference') process.send(referenceMs())
  else if (question === 'resident') process.send(process.memoryUsage.rss())
  else {
    for (let n = 0; n < 3; n++) globalThis.gc()
    const { heapUsed, external } = process.memoryUsage()
    process.send(heapUsed + external)
  }
})
process.channel.unref() // the gateway ends as if there were no parent
