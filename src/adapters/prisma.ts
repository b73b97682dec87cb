/** Prisma on the connections that the statements run on, loaded when it is first asked for. */
import type { SqlMigrationAwareDriverAdapterFactory } from '@prisma/driver-adapter-utils'
import type { PrismaClient } from '../generated/prisma/client.ts'
import { answered } from './database-errors.ts'

export interface LazyPrisma {
  connect(): Promise<PrismaClient>
  disconnect(): Promise<void>
}

export function prismaOn(adapter: SqlMigrationAwareDriverAdapterFactory): LazyPrisma {
  let client: Promise<PrismaClient> | undefined
  return {
    connect: () => (client ??= load(adapter)),
    disconnect: async () => (await client)?.$disconnect(),
  }
}

async function load(adapter: SqlMigrationAwareDriverAdapterFactory): Promise<PrismaClient> {
  const { PrismaClient: Client } = await import('../generated/prisma/client.ts')
  return new Client({ adapter }).$extends({
    query: { $allOperations: ({ args, query }) => answered(query(args)) },
  }) as unknown as PrismaClient
}
