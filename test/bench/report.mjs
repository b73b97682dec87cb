/** What was measured, as the tables of the README. */

/** PERFORMANCE goals: of the limit, and times each peer. */
const goals = {
  limit: { W1: 0.7, W2: 0.6, W3: 0.85 },
  'Mercurius 16': { W1: 1.2, W2: 1.5, W3: 1.4 },
  'PostGraphile 5 (Node 24)': { W1: 2.5, W2: 1.8, W3: 3 },
  'Apollo Server 5 + Prisma 7': { W1: 4, W2: 10, W3: 4 },
}
const workloads = ['W1', 'W2', 'W3']

/** @param servers `{ name, memoryMb, firstAnswerMs, at16, at64 }` each, the results by workload */
export function serversTable(servers) {
  const figures = ({ at16, at64 }) =>
    workloads
      .map((each) => `${whole(at16[each].rate)} / ${whole(at64[each].rate)}`)
      .concat(workloads.map((each) => whole(at16[each].cpuMicros)))
  return table(
    [
      'requests a second at 16 / 64 connections',
      ...workloads,
      ...workloads.map((each) => `${each}: CPU µs`),
      'memory MB',
      'first answer s',
    ],
    servers.map((server) => [server.name, ...figures(server), whole(server.memoryMb), (server.firstAnswerMs / 1_000).toFixed(2)]),
  )
}

/**
 * What the gateway does in a second as a multiple of what each other one does, and what it is to be; and in brackets the other one's
 * processor time as a multiple of the gateway's, which moves less from run to run.
 */
export function ratiosTable(gateway, others) {
  return table(
    ['gateway ÷', ...workloads.flatMap((each) => [`${each} at 16`, `${each} at 64`, 'goal'])],
    others.map(({ name, at16, at64 }) => [
      name,
      ...workloads.flatMap((each) => [
        ratio(gateway.at16[each], at16[each]),
        ratio(gateway.at64[each], at64[each]),
        goals[name]?.[each].toFixed(2) ?? '',
      ]),
    ]),
  )
}

const ratio = (ours, theirs) => `${(ours.rate / theirs.rate).toFixed(2)} (${(theirs.cpuMicros / ours.cpuMicros).toFixed(2)})`

/** @param rows `[what, figure, goal]` each */
export const otherGoalsTable = (rows) => table(['', 'measured', 'goal'], rows)

export const whole = (number) => Math.round(number).toLocaleString('en')

function table(head, rows) {
  const line = (cells) => `| ${cells.join(' | ')} |`
  return [line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n')
}
