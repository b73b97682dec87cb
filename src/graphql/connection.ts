/** Relay connections: edges, nodes, pageInfo, and a total that is counted only when it is asked for. */
import type { ArgBuilder, ObjectRef } from '@pothos/core'
import type { Edge, Page, Sorted } from '../domain/page.ts'
import type { Builder, SchemaTypes } from './builder.ts'
import { reads } from './needs.ts'

type Ref<Shape> = ObjectRef<PothosSchemaTypes.ExtendDefaultTypes<SchemaTypes>, Shape>

const ofCursors = reads<Sorted>('sortKey')

/** The PageInfo of a builder's schema; made once and shared by its connections. */
export function definePageInfo(builder: Builder) {
  return builder.objectRef<Page<unknown>>('PageInfo').implement({
    description: 'Where a page lies in its list (Relay).',
    fields: (t) => ({
      hasNextPage: t.exposeBoolean('hasNextPage', { description: 'Whether there are records after this page.' }),
      hasPreviousPage: t.exposeBoolean('hasPreviousPage', { description: 'Whether there are records before this page.' }),
      startCursor: t.exposeString('startCursor', {
        extensions: ofCursors,
        nullable: true,
        description: 'Cursor of the first record; null on an empty page.',
      }),
      endCursor: t.exposeString('endCursor', {
        extensions: ofCursors,
        nullable: true,
        description: 'Cursor of the last record; null on an empty page.',
      }),
    }),
  })
}

/** `PersonConnection` and `PersonEdge` for `Person`, and so on. */
export function defineConnection<Row>(builder: Builder, pageInfo: Ref<Page<unknown>>, name: string, node: Ref<Row>, plural: string) {
  const edge = builder.objectRef<Edge<Row>>(`${name}Edge`).implement({
    description: `One of the ${plural} in a list, with its place.`,
    fields: (t) => ({
      cursor: t.exposeString('cursor', {
        extensions: ofCursors,
        description: 'The place of this record: give it to `after` or `before`.',
      }),
      node: t.expose('node', { type: node, description: 'The record.' } as never),
    }),
  })
  return builder.objectRef<Page<Row>>(`${name}Connection`).implement({
    description: `A page of ${plural}.`,
    fields: (t) => ({
      edges: t.expose('edges', { type: [edge], description: 'The records with their cursors.' } as never),
      nodes: t.expose('nodes', { type: [node], description: 'The records alone.' } as never),
      pageInfo: t.field({ type: pageInfo, description: 'Where this page lies in the list.', resolve: (page) => page }),
      totalCount: t.int({
        description: 'How many there are on all pages together. Counted only when asked for.',
        resolve: (page) => page.total(),
      }),
    }),
  })
}

/** The two arguments of a connection that is read in one direction. */
export const forwardArgs = (t: ArgBuilder<PothosSchemaTypes.ExtendDefaultTypes<SchemaTypes>>) => ({
  first: t.int({ description: 'How many records from the front: at most 200, 50 when nothing is said.' }),
  after: t.string({ description: 'Only records after this cursor.' }),
})

/** The four arguments of a connection. */
export const pageArgs = (t: ArgBuilder<PothosSchemaTypes.ExtendDefaultTypes<SchemaTypes>>) => ({
  ...forwardArgs(t),
  last: t.int({ description: 'How many records from the back: at most 200.' }),
  before: t.string({ description: 'Only records before this cursor.' }),
})
