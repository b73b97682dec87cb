/** Where Prisma's command line finds the schema. `generate` and `validate` run on WebAssembly alone. */
import { defineConfig } from 'prisma/config'

// The command line insists on a native engine before every command, even those that never start it.
process.env['PRISMA_SCHEMA_ENGINE_BINARY'] ??= process.execPath

export default defineConfig({
  schema: 'prisma/schema.prisma',
  migrations: { path: 'prisma/migrations' },
})
