/**
 * THE MATRIX: who may do what, a row for each guarded type and each root field that needs one. Nothing else decides.
 *
 * A type's row guards every field that leads to it; a connection is guarded like what it carries, where it is entered.
 * A field's own row (`Type.field`) stands in place of its type's. Which rows of a table a viewer sees is visibility.ts.
 */
import { member, open, ownSession, reading, type Rule, signedIn } from './rules.ts'

export type AccessTable = Readonly<Record<string, Rule>>

export const accessTable: AccessTable = {
  Person: reading('people'),
  Interview: reading('interviews'),
  District: signedIn,
  Me: signedIn,

  'Query.district': member,
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

  // Parts of a record: guarded where the record is entered.
  ApiKey: open,
  Board: open,
  Credential: open,
  Form: open,
  FormField: open,
  FormFieldOption: open,
  InterviewResponse: open,
  LocalizedText: open,
  LogoutPayload: open,
  Membership: open,
  PageInfo: open,
  Profile: open,
  Recording: open,
  RequestLoginPayload: open,
  Role: open,
  RoleAssignment: open,
  RolePermissions: open,
  Session: open,
  SignInPayload: open,
}
