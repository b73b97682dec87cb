/** What signing in answers, and `/api/me`: to the letter of the contract. */
import { z } from 'zod'
import { districtBody, districtFields, type DistrictResult, districtSchema, exampleDistrict } from './district.ts'
import { exampleSelf, selfBody, selfFields, type SelfResult, selfSchema } from './person.ts'

export interface SignInResult {
  readonly ok: boolean
  readonly token: string
  readonly person: SelfResult
  readonly district: DistrictResult
}

export interface MeResult {
  readonly person: SelfResult | null
  readonly districtId: string
}

export const signInFields = `ok token person { ${selfFields} } district { ${districtFields} }`
export const meFields = `person { ${selfFields} } districtId`

export const okSchema = z.object({ ok: z.literal(true) }).meta({ id: 'Done', description: 'It is done.' })

export const askedSchema = z
  .object({ ok: z.literal(true), message: z.string() })
  .meta({ id: 'LoginRequested', description: 'The same for every address, whoever has it.' })

export const signInSchema = z
  .object({
    ok: z.literal(true),
    token: z.string().meta({ description: 'The session’s bearer token, good for 30 days; shown this once.' }),
    person: selfSchema,
    district: districtSchema,
  })
  .meta({ id: 'SignedIn', description: 'A new session.' })

export const meSchema = z
  .object({
    person: selfSchema.nullable().meta({ description: 'Null for an API key.' }),
    districtId: z.string().meta({ description: 'The district that the credential is good for.' }),
  })
  .meta({ id: 'Me', description: 'The caller.' })

export const signInBody = ({ token, person, district }: SignInResult): z.output<typeof signInSchema> => ({
  ok: true,
  token,
  person: selfBody(person),
  district: districtBody(district),
})

export const meBody = ({ person, districtId }: MeResult): z.output<typeof meSchema> => ({ person: person && selfBody(person), districtId })

export const exampleSignIn: z.output<typeof signInSchema> = {
  ok: true,
  token: 'your_session_token_here',
  person: exampleSelf,
  district: exampleDistrict,
}

export const exampleMe: z.output<typeof meSchema> = { person: exampleSelf, districtId: 'xyz99' }
