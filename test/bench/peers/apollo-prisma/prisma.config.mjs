/** Where Prisma's command line finds the schema. */
import { defineConfig } from 'prisma/config'

// The command line insists on a native engine before every command, even those that never start it.
process.env.PRISMA_SCHEMA_ENGINE_BINARY ??= process.execPath

export default defineConfig({ schema: 'schema.prisma' })
