/** The schema: every feature's types and fields, put together. */
import type { GraphQLSchema } from 'graphql'
import { accessTable } from '../access/table.ts'
import { defineApiKeys } from './api-keys.ts'
import { defineAudit } from './audit.ts'
import { createBuilder } from './builder.ts'
import { defineDistricts } from './districts.ts'
import { defineInterviewWrites } from './interview-writes.ts'
import { defineInterviewArgs, defineInterviews } from './interviews.ts'
import { defineLogin } from './login.ts'
import { defineMe } from './me.ts'
import { definePeopleWrites } from './people-writes.ts'
import { definePeople } from './people.ts'
import { makeRefs } from './refs.ts'
import { defineSessions } from './sessions.ts'

/** @throws PothosSchemaError when the access table and the schema do not fit */
export function buildSchema(access = accessTable): GraphQLSchema {
  const builder = createBuilder(access)
  builder.queryType({ description: 'What can be read.' })
  builder.mutationType({ description: 'What can be changed. The fields of one document run one after the other.' })
  const refs = makeRefs(builder)
  const interviewArgs = defineInterviewArgs(builder)
  defineMe(builder, refs)
  definePeople(builder, refs, interviewArgs)
  definePeopleWrites(builder, refs)
  defineInterviews(builder, refs, interviewArgs)
  defineInterviewWrites(builder, refs)
  defineDistricts(builder, refs)
  defineLogin(builder, refs)
  defineSessions(builder, refs)
  defineApiKeys(builder, refs)
  defineAudit(builder, refs)
  return builder.toSchema()
}
