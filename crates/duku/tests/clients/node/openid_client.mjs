// openid-client discovers the server, exchanges the key in both ways, queries the API and asks about its token.

import { check, checkProducts, clientId, clientSecret, graphqlUrl, issuer, rejectionOf, timeoutSeconds } from './common.mjs'
import * as client from 'openid-client'

// `allowInsecureRequests`: on this machine's own address there is nobody to listen in.
const options = { execute: [client.allowInsecureRequests], timeout: timeoutSeconds }
const discover = (authentication) =>
  client.discovery(new URL(issuer), clientId, undefined, authentication, options)

for (const authenticate of [client.ClientSecretBasic, client.ClientSecretPost]) {
  const way = authenticate.name
  const config = await discover(authenticate(clientSecret))
  for (const parameters of [{}, { scope: 'openid' }]) {
    const tokens = await client.clientCredentialsGrant(config, parameters)
    check(tokens.expiresIn() > 295, `${way}: the token lives only ${tokens.expiresIn()} s`)
    check(tokens.refresh_token === undefined, `${way}: there is a refresh token, against RFC 6749, 4.4.3`)

    const body = JSON.stringify({ query: '{ subjects { id name } }' })
    const headers = new Headers({ 'content-type': 'application/json' })
    const response = await client.fetchProtectedResource(
      config, tokens.access_token, new URL(graphqlUrl), 'POST', body, headers,
    )
    checkProducts((await response.json()).data)

    const about = await client.tokenIntrospection(config, tokens.access_token)
    check(about.active === true, `${way}: the server calls its own new token inactive: ${JSON.stringify(about)}`)
  }

  const stranger = await discover(authenticate(`${clientSecret}x`))
  const error = await rejectionOf(client.clientCredentialsGrant(stranger), `${way}: a wrong secret was accepted`)
  check(error.status === 401, `${way}: a wrong secret gave ${error}`)
}

console.log('openid-client: discovery, client_secret_basic and client_secret_post, query and introspection')
