// openid-client proves itself without a secret: with a private key of its own, and with a workload's token in two grants.

import { check, checkProducts, clientId, graphqlUrl, issuer, rejectionOf, timeoutSeconds } from './common.mjs'
import { createPrivateKey } from 'node:crypto'
import * as client from 'openid-client'

const options = { execute: [client.allowInsecureRequests], timeout: timeoutSeconds }
const discover = (id, authentication) => client.discovery(new URL(issuer), id, undefined, authentication, options)

async function query(config, token) {
  const body = JSON.stringify({ query: '{ subjects { id name } }' })
  const headers = new Headers({ 'content-type': 'application/json' })
  const response = await client.fetchProtectedResource(config, token, new URL(graphqlUrl), 'POST', body, headers)
  checkProducts((await response.json()).data)
}

const algorithm = { name: 'ECDSA', namedCurve: 'P-256' }
const document = createPrivateKey(process.env.DUKU_TEST_PRIVATE_KEY).export({ type: 'pkcs8', format: 'der' })
const privateKey = await crypto.subtle.importKey('pkcs8', document, algorithm, false, ['sign'])

const config = await discover(process.env.DUKU_TEST_SECRETLESS_CLIENT_ID, client.PrivateKeyJwt(privateKey))
const { token_endpoint_auth_methods_supported: methods } = config.serverMetadata()
check(methods.includes('private_key_jwt'), `discovery does not offer private_key_jwt: ${methods}`)
for (let count = 0; count < 2; count += 1) {
  const tokens = await client.clientCredentialsGrant(config)
  check(tokens.refresh_token === undefined, 'there is a refresh token, against RFC 6749, 4.4.3')
  await query(config, tokens.access_token)
}

const { privateKey: another } = await crypto.subtle.generateKey(algorithm, false, ['sign', 'verify'])
for (const [id, key] of [[process.env.DUKU_TEST_SECRETLESS_CLIENT_ID, another], [clientId, privateKey]]) {
  const stranger = await discover(id, client.PrivateKeyJwt(key))
  const error = await rejectionOf(client.clientCredentialsGrant(stranger), 'a key that is not the client\'s was accepted')
  check(error.status === 401, `a key that is not the client's gave ${error}`)
}

const [exchanged, granted] = process.env.DUKU_TEST_WORKLOAD_TOKENS.split(' ')
const workload = await discover(process.env.DUKU_TEST_WORKLOAD_CLIENT_ID, client.None())
const subject = { subject_token: exchanged, subject_token_type: 'urn:ietf:params:oauth:token-type:jwt' }
const exchange = () => client.genericGrantRequest(workload, 'urn:ietf:params:oauth:grant-type:token-exchange', subject)
const tokens = await exchange()
check(
  tokens.issued_token_type === 'urn:ietf:params:oauth:token-type:access_token',
  `issued_token_type is ${tokens.issued_token_type}`,
)
await query(workload, tokens.access_token)
const again = await rejectionOf(exchange(), 'a token was exchanged twice')
check(/exchanged before/.test(again.error_description), `a replay was rejected with ${again.error_description}`)

const bearer = 'urn:ietf:params:oauth:grant-type:jwt-bearer'
await query(workload, (await client.genericGrantRequest(workload, bearer, { assertion: granted })).access_token)

console.log('openid-client: private_key_jwt, token exchange and jwt-bearer; no replay, no other key')
