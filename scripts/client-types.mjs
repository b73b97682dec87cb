/** Writes schema.graphql as types that gql.tada reads, for the documents of the client libraries in the tests. tsc needs it, running them does not. */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { minifyIntrospection, outputIntrospectionFile } from 'gql.tada/internal'
import { buildSchema, introspectionFromSchema } from 'graphql'

const schema = minifyIntrospection(introspectionFromSchema(buildSchema(readFileSync('schema.graphql', 'utf8'))))
mkdirSync('test/generated', { recursive: true })
writeFileSync('test/generated/schema.d.ts', outputIntrospectionFile(schema, { fileType: '.d.ts', shouldPreprocess: true }))
