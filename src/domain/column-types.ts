/** What is in JSON columns, and in columns of a few values: the types that schema.prisma names in brackets. */
import type { Scope as KeyScope } from '../access/scopes.ts'
import type { RolePermissions as Permissions } from '../access/viewer.ts'
import type { ActorType, AuditAction as Action, RecordType } from './audit.ts'
import type { FieldType as TypeOfField } from './form-answers.ts'
import type { Recording } from './interviews.ts'
import type { Multilingual as Texts } from './multilingual.ts'

declare global {
  export namespace PrismaJson {
    export type Multilingual = Texts
    export type RolePermissions = Permissions
    export type FieldType = TypeOfField
    export type FieldOptions = readonly { readonly id: string; readonly name: Texts }[]
    /** Rank by role id: 1 primary, 2 secondary. */
    export type RoleRanks = Readonly<Record<string, number>>
    /** By form field id; private fields are still in it (responses.ts takes them out). */
    export type Responses = Readonly<Record<string, unknown>>
    export type Recordings = Readonly<Record<string, Recording>>
    export type Scope = KeyScope
    export type AuditActorType = ActorType
    export type AuditAction = Action
    export type AuditRecordType = RecordType
  }
}
