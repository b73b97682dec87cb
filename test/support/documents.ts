/** What client libraries are given to ask, typed from schema.graphql: a document that asks for what is not there does not compile. */
import { initGraphQLTada, type TadaDocumentNode } from 'gql.tada'
import type { introspection } from '../generated/schema.d.ts'

/** A document with the types of its variables and of its result. */
export const graphql = initGraphQLTada<{
  introspection: introspection
  // None is `unknown`, which is what a field is that the schema does not have.
  scalars: { Date: string; DateTime: string; LanguageTag: string; JSON: string | number | boolean | object }
}>()

/** The document as it is; compiles only where the schema has every field it asks for. */
export function known<Result, Variables, Decoration>(
  document: TadaDocumentNode<Result, Variables, Decoration> &
    (true extends Misnamed<Result> ? 'It asks for a field that is not there.' : unknown),
): TadaDocumentNode<Result, Variables, Decoration> {
  return document
}

/** gql.tada lets a field pass that the schema does not have, as `unknown`. */
type Misnamed<Part> = unknown extends Part
  ? true
  : Part extends readonly (infer Item)[]
    ? Misnamed<Item>
    : Part extends object
      ? { [Name in keyof Part]: Misnamed<Part[Name]> }[keyof Part]
      : false

export const peoplePage = known(
  graphql(`
    query PeoplePage($first: Int!, $after: String, $filter: PersonFilter) {
      people(first: $first, after: $after, filter: $filter) {
        totalCount
        edges {
          cursor
          node {
            id
            last
          }
        }
        nodes {
          id
          roles {
            rank
          }
        }
        pageInfo {
          hasNextPage
          endCursor
        }
      }
    }
  `),
)

/** For a key that reads people alone, the first stands and the second is refused. */
export const peopleAndInterviews = known(
  graphql(`
    query PeopleAndInterviews($filter: PersonFilter) {
      people(filter: $filter) {
        totalCount
      }
      interviews {
        totalCount
      }
    }
  `),
)

export const requestLogin = known(
  graphql(`
    mutation RequestLogin($email: String!) {
      requestLogin(email: $email) {
        ok
      }
    }
  `),
)

export const verifyCode = known(
  graphql(`
    mutation VerifyCode($code: String!, $email: String) {
      verifyCode(code: $code, email: $email) {
        token
        person {
          id
        }
      }
    }
  `),
)

export const whoAmI = known(
  graphql(`
    query WhoAmI {
      me {
        person {
          id
        }
        credential {
          __typename
          ... on Session {
            current
          }
        }
      }
    }
  `),
)

export const createPerson = known(
  graphql(`
    mutation CreatePerson($input: CreatePersonInput!) {
      createPerson(input: $input) {
        id
        person {
          first
          email
          roles {
            rank
            role {
              id
            }
          }
        }
      }
    }
  `),
)
