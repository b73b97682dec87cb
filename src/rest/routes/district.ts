/** The district of the credential, with its settings. */
import {
  exampleWholeDistrict,
  wholeDistrictBody,
  wholeDistrictFields,
  type WholeDistrictResult,
  wholeDistrictSchema,
} from '../bodies/district.ts'
import { planLapsed } from '../refusals.ts'
import { record, type Route } from '../route.ts'

export const districtRoutes: readonly Route[] = [
  record({
    name: 'getDistrict',
    method: 'GET',
    path: '/api/district',
    document: `{ district { ${wholeDistrictFields} } }`,
    body: ({ district }: { district: WholeDistrictResult }) => wholeDistrictBody(district),
    revalidated: true,
    docs: {
      tag: 'District',
      summary: 'Get the district',
      description: 'Private fields of forms are there for those alone who may see the answers to them.',
      access: 'any credential',
      answer: { description: 'The district.', schema: wholeDistrictSchema, example: exampleWholeDistrict },
      refusals: { 402: planLapsed },
    },
  }),
]
