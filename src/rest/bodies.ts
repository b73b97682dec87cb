/** Results of GraphQL as the documented JSON: one pure function a resource, members in the documented order. */

/** What the fragments below ask for. */
export interface PersonResult {
  readonly id: string
  readonly first: string
  readonly last: string
  readonly email: string
  readonly language: string
  readonly roles: readonly { readonly role: { readonly id: string }; readonly rank: 'PRIMARY' | 'SECONDARY' }[]
  readonly districtId: string
}

export interface DistrictResult {
  readonly id: string
  readonly names: readonly { readonly language: string; readonly text: string }[]
  readonly accent: string
  readonly languages: readonly string[]
  readonly billingPlan: string
}

export interface SignInResult {
  readonly ok: boolean
  readonly token: string
  readonly person: PersonResult
  readonly district: DistrictResult
}

export const signInFields = `
  ok token
  person { id first last email language roles { role { id } rank } districtId }
  district { id names { language text } accent languages billingPlan }`

const selfBody = ({ id, first, last, email, language, roles, districtId }: PersonResult) => ({
  id,
  first,
  last,
  email,
  language,
  roles: Object.fromEntries(roles.map(({ role, rank }) => [role.id, rank === 'PRIMARY' ? 1 : 2])),
  district_id: districtId,
})

export const signInBody = ({ ok, token, person, district }: SignInResult) => ({
  ok,
  token,
  person: selfBody(person),
  district: {
    id: district.id,
    name: Object.fromEntries(district.names.map(({ language, text }) => [language, text])),
    accent: district.accent,
    languages: district.languages,
    billing_plan: district.billingPlan,
  },
})

export const meBody = ({ person, districtId }: { person: PersonResult | null; districtId: string }) => ({
  person: person && selfBody(person),
  districtId,
})
