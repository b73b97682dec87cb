/** The audit trail in the schema. */
import { actorTypes, auditActions, recordTypes } from '../domain/audit.ts'
import { type AuditEvent, listAuditEvents } from '../domain/audit-trail.ts'
import type { Builder } from './builder.ts'
import { defineConnection, forwardArgs } from './connection.ts'
import { sessionOf } from './context.ts'
import { neededOf } from './needs.ts'
import type { Refs } from './refs.ts'

const described = <Name extends string>(table: Readonly<Record<Name, string>>) =>
  Object.fromEntries(Object.entries<string>(table).map(([name, description]) => [name, { description }])) as Record<
    Name,
    { description: string }
  >

export function defineAudit(builder: Builder, refs: Refs): void {
  const action = builder.enumType('AuditAction', { description: 'What was done.', values: described(auditActions) })
  const actorType = builder.enumType('AuditActorType', { description: 'What kind of actor it was.', values: described(actorTypes) })
  const recordType = builder.enumType('AuditRecordType', {
    description: 'What kind of record it was done to.',
    values: described(recordTypes),
  })
  const event = builder.objectRef<AuditEvent>('AuditEvent').implement({
    description: 'Who did what to which record, when and from where. It never holds a secret, nor a value of a record.',
    fields: (t) => ({
      id: t.exposeID('id', { description: 'Opaque, and unique within the district.' }),
      at: t.expose('at', { type: 'DateTime', description: 'When; of repeated ones, the first.' }),
      action: t.field({ type: action, description: 'What was done.', resolve: (row) => row.action }),
      actorType: t.field({ type: actorType, description: 'What kind of actor it was.', resolve: (row) => row.actorType }),
      actorId: t.exposeID('actorId', { nullable: true, description: 'The id of the person or the API key.' }),
      actor: t.field({
        type: refs.person,
        nullable: true,
        description: 'The person who did it, when the caller sees them.',
        resolve: ({ actorType: type, actorId }, _args, { loaders }, info) =>
          type === 'PERSON' && actorId !== null ? loaders.person(actorId, neededOf('Person', info)) : null,
      }),
      recordType: t.field({
        type: recordType,
        nullable: true,
        description: 'What kind of record it was done to.',
        resolve: (row) => row.recordType,
      }),
      recordId: t.exposeID('recordId', { nullable: true, description: 'The id of that record; of a field, its name.' }),
      members: t.stringList({ description: 'The names of the members that changed.', resolve: ({ members }) => [...members] }),
      address: t.exposeString('network', {
        nullable: true,
        description: 'The address it came from (of IPv6, its /64); null for an operator.',
      }),
      requestId: t.exposeString('requestId', {
        nullable: true,
        description: 'The id of the request, as in `X-Request-Id` and in the log.',
      }),
      count: t.exposeInt('count', { description: 'How often, where repeated ones are one row a minute.' }),
      number: t.exposeInt('number', { nullable: true, description: 'Its place in the chain of the district; null until it is sealed.' }),
    }),
  })
  const filter = builder.inputType('AuditEventFilter', {
    description: 'Which events. All members given must hold.',
    fields: (t) => ({
      actorId: t.id({ description: 'Those of this person or API key.' }),
      action: t.field({ type: action, description: 'Those of this kind.' }),
      recordId: t.id({ description: 'Those that were done to this record.' }),
      since: t.field({ type: 'DateTime', description: 'At this moment or later.' }),
      until: t.field({ type: 'DateTime', description: 'At this moment or earlier.' }),
    }),
  })
  const connection = defineConnection(builder, refs.pageInfo, 'AuditEvent', event, 'audit events')

  builder.queryFields((t) => ({
    auditEvents: t.field({
      type: connection,
      nullable: true,
      description: 'The audit trail of the district, the newest first. For sessions with Settings.',
      args: {
        ...forwardArgs(t.arg),
        filter: t.arg({ type: filter, description: 'Which of them; all when nothing is said.' }),
      },
      resolve: (_root, args, context) => listAuditEvents(context.deps, sessionOf(context).viewer, args),
    }),
  }))
}
