/**
 * THE MATRIX: who may do what, a row for each guarded type and each root field that needs one. Nothing else decides.
 *
 * A type's row guards every field that leads to it; a connection is guarded like what it carries, where it is entered.
 * A field's own row (`Type.field`) stands in place of its type's. Which rows of a table a viewer sees is visibility.ts.
 */
import { administering, member, open, ownSession, reading, type Rule, settings, signedIn, writing } from './rules.ts'

export type AccessTable = Readonly<Record<string, Rule>>

export const accessTable: AccessTable = {
  Person: reading('people'),
  Interview: reading('interviews'),
  District: signedIn,
  Me: signedIn,

  'Query.district': member,
  'Query.apiKeys': settings,
  'Query.auditEvents': settings,
  'Query.sessions': ownSession,
  // A credential may always know itself, even where the plan has run out.
  'Me.person': signedIn,
  'Me.credential': signedIn,
  'Me.memberships': ownSession,

  'Mutation.requestLogin': open,
  'Mutation.verifyCode': open,
  'Mutation.verifyMagicLink': open,
  // Whoever reads this answer has proved a moment ago to be that person.
  'SignInPayload.person': open,
  'SignInPayload.district': open,
  'Mutation.logout': ownSession,
  'Mutation.switchDistrict': ownSession,
  'Mutation.revokeSession': ownSession,
  'Mutation.revokeOtherSessions': ownSession,

  // The answer names the record; the record beside it is guarded by its type.
  'Mutation.createPerson': writing('people'),
  'Mutation.updatePerson': writing('people'),
  'Mutation.createInterview': writing('interviews'),
  'Mutation.updateInterview': writing('interviews'),

  'Mutation.createApiKey': settings,
  'Mutation.rotateApiKey': settings,
  // A key that has leaked can be ended whatever the plan.
  'Mutation.revokeApiKey': administering,

  // Parts of a record: guarded where the record is entered.
  ApiKey: open,
  ApiKeyPayload: open,
  AuditEvent: open,
  Board: open,
  CreateApiKeyPayload: open,
  Credential: open,
  Form: open,
  FormField: open,
  FormFieldOption: open,
  InterviewPayload: open,
  InterviewResponse: open,
  LocalizedText: open,
  LogoutPayload: open,
  Membership: open,
  PageInfo: open,
  PersonPayload: open,
  Profile: open,
  Recording: open,
  RequestLoginPayload: open,
  RevokeOtherSessionsPayload: open,
  RevokeSessionPayload: open,
  Role: open,
  RoleAssignment: open,
  RolePermissions: open,
  Session: open,
  SignInPayload: open,
}
