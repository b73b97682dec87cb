/** Three suites: `gateway` needs nothing but Node, `postgres` a PostgreSQL server, `browser` a Chromium. */
import { defineConfig } from 'vitest/config'

// A slow machine is no failure: these limits only end what hangs.
const patienceMs = 120_000
// An embedded PostgreSQL takes up to 0.9 GB a worker.
const workers = 2

// Where continuous integration finds the numbers.
const report = process.env['TEST_REPORT']

const suite = (name: string, include: string) => ({
  test: {
    name,
    include: [include],
    testTimeout: patienceMs,
    hookTimeout: patienceMs,
    teardownTimeout: patienceMs,
    // One copy of graphql for all: with two, `instanceof GraphQLError` fails.
    server: { deps: { inline: [/graphql/, /pothos/] } },
  },
})

export default defineConfig({
  test: {
    // Here and not in the suites, which would each run it: one database to copy from is enough for all.
    globalSetup: 'test/support/global-setup.ts',
    maxWorkers: workers,
    reporters: report === undefined ? ['default'] : ['default', ['json', { outputFile: report }]],
    projects: [
      suite('gateway', 'test/*.test.ts'),
      suite('postgres', 'test/postgres/*.test.ts'),
      suite('browser', 'test/browser/*.test.ts'),
    ],
  },
})
