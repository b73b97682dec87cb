/** Every REST route, as data: what it matches, the GraphQL document it executes, how the two are translated, and what is said of it. */
import { z } from 'zod'
import type { Route } from './route.ts'
import { authRoutes } from './routes/auth.ts'
import { districtRoutes } from './routes/district.ts'
import { interviewRoutes } from './routes/interviews.ts'
import { keyRoutes } from './routes/keys.ts'
import { peopleRoutes } from './routes/people.ts'

export const routes: readonly Route[] = [
  ...authRoutes,
  ...peopleRoutes,
  ...interviewRoutes,
  ...keyRoutes,
  ...districtRoutes,
  {
    kind: 'description',
    name: 'describe',
    method: 'GET',
    path: '/api/openapi.json',
    docs: {
      tag: 'Description',
      summary: 'Get this description',
      description: 'All routes of this server, as an OpenAPI document.',
      access: 'anybody',
      answer: {
        description: 'An OpenAPI 3.1 document.',
        schema: z.looseObject({ openapi: z.string() }).meta({ id: 'Description', description: 'An OpenAPI 3.1 document.' }),
        example: { openapi: '3.1.1' },
      },
    },
  },
]
