/** Prints the SQL that leads from the migrations to schema.prisma, for whoever adds the next migration; nothing when they agree. */
import { PGlite } from '@electric-sql/pglite'
import { PrismaPGlite } from 'pglite-prisma-adapter'
import { readMigrations, readSchema } from '../dist/adapters/migrations.js'
import { SchemaTool } from '../dist/adapters/schema-engine.js'

const schema = readSchema()
const tool = await SchemaTool.connect(new PrismaPGlite(await PGlite.create()), schema)
const difference = await tool.drift(readMigrations(), schema)
if (difference === '') console.error('The migrations build what schema.prisma says.')
else console.log(difference)
process.exit(0)
