/** Three suites: `gateway` needs nothing but Node, `postgres` a PostgreSQL server, `browser` a Chromium. */
import { fileURLToPath } from 'node:url'
import { defineConfig } from 'vitest/config'

// A slow machine is no failure: these limits only end what hangs.
const patienceMs = 120_000
// An embedded PostgreSQL takes up to 0.9 GB a worker.
const workers = 2

// Where continuous integration finds the numbers.
const report = process.env['TEST_REPORT']

const suite = (name: string, include: string) => ({
  // The one copy of graphql that Node gives to all that stand on it: with vite's own choice there are two, and `instanceof GraphQLError` fails.
  resolve: { alias: [{ find: /^graphql$/, replacement: fileURLToPath(import.meta.resolve('graphql')) }] },
  test: {
    name,
    include: [include],
    testTimeout: patienceMs,
    hookTimeout: patienceMs,
    teardownTimeout: patienceMs,
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
