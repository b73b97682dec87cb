/** The types that several files refer to, by name and shape, so that features can point at each other. */
import type { ApiKey } from '../domain/api-keys.ts'
import type { District, Form, FormField, Named, Role } from '../domain/districts.ts'
import type { Interview } from '../domain/interviews.ts'
import type { Person } from '../domain/people.ts'
import type { MailSignIn } from '../domain/login.ts'
import type { Session, SignIn } from '../domain/sessions.ts'
import type { Builder } from './builder.ts'
import { defineConnection, definePageInfo } from './connection.ts'

export interface Refs extends ReturnType<typeof makeRefs> {}

export function makeRefs(builder: Builder) {
  const person = builder.objectRef<Person>('Person')
  const interview = builder.objectRef<Interview>('Interview')
  const pageInfo = definePageInfo(builder)
  return {
    pageInfo,
    person,
    personConnection: defineConnection(builder, pageInfo, 'Person', person, 'people'),
    interview,
    interviewConnection: defineConnection(builder, pageInfo, 'Interview', interview, 'interviews'),
    district: builder.objectRef<District>('District'),
    role: builder.objectRef<Role>('Role'),
    roleRank: builder.enumType('RoleRank', {
      description: 'How a person holds a role.',
      values: {
        PRIMARY: { value: 1, description: 'The role they are known by.' },
        SECONDARY: { value: 2, description: 'A further role.' },
      },
    }),
    board: builder.objectRef<Named>('Board'),
    form: builder.objectRef<Form>('Form'),
    formField: builder.objectRef<FormField>('FormField'),
    profile: builder.objectRef<Named>('Profile'),
    apiKey: builder.objectRef<ApiKey>('ApiKey'),
    session: builder.objectRef<Session>('Session'),
    /** `inCookie`: a cookie holds the session, and the token must not be answered. */
    signInPayload: builder.objectRef<(SignIn | MailSignIn) & { readonly inCookie: boolean }>('SignInPayload'),
  }
}
