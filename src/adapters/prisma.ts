/** Prisma on the connections that the statements run on. */
import type { SqlMigrationAwareDriverAdapterFactory } from '@prisma/driver-adapter-utils'
import { PrismaClient } from '../generated/prisma/client.ts'
import { answered } from './database-errors.ts'

export function prismaOn(adapter: SqlMigrationAwareDriverAdapterFactory): PrismaClient {
  const client = new PrismaClient({ adapter })
  return client.$extends({ query: { $allOperations: ({ args, query }) => answered(query(args)) } }) as unknown as PrismaClient
}
