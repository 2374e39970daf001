// graphql-request fetches the schema; graphql builds it and checks documents against it before they are sent.

import { accessToken, check, checkProducts, graphqlUrl, rejectionOf } from './common.mjs'
import { buildClientSchema, getIntrospectionQuery, parse, validate, validateSchema } from 'graphql'
import { ClientError, GraphQLClient } from 'graphql-request'

const connect = (token) => new GraphQLClient(graphqlUrl, { headers: { authorization: `Bearer ${token}` } })
const client = connect(await accessToken())

const schema = buildClientSchema(await client.request(getIntrospectionQuery()))
const faults = validateSchema(schema)
check(faults.length === 0, `the schema that was read is not valid: ${faults.join('; ')}`)

async function run(document, variables) {
  const errors = validate(schema, parse(document))
  check(errors.length === 0, `the schema refuses ${document}: ${errors.join('; ')}`)
  return client.request(document, variables)
}

checkProducts(await run('{ subjects { id name } }'))
const { viewer } = await run('{ viewer { __typename } }')
check(viewer.__typename, 'the viewer has no type')

const create = 'mutation ($input: CreateSubjectInput!) { createSubject(input: $input) { id name } }'
const input = { name: 'From a pipeline', baseUrl: 'https://pipeline.example' }
const { createSubject } = await run(create, { input })
const { subject } = await run('query ($id: ID!) { subject(id: $id) { name baseUrl } }', { id: createSubject.id })
check(subject.name === input.name, `made ${input.name}, found ${JSON.stringify(subject)}`)

const unknown = validate(schema, parse('{ noSuchField }'))
check(unknown.length === 1, 'the schema that was read does not refuse an unknown field')

const stranger = await rejectionOf(connect('not.a.token').request('{ subjects { id } }'), 'a token that is none was accepted')
check(stranger instanceof ClientError && stranger.response.status === 401, `a token that is none gave ${stranger}`)
const code = stranger.response.errors?.[0]?.extensions?.code
check(code === 'UNAUTHENTICATED', `the library finds the error code ${code}`)

const types = Object.keys(schema.getTypeMap()).length
console.log(`graphql-request: a valid schema of ${types} types; queries and a mutation that were checked against it`)
