// simple-oauth2 exchanges the key by header and by body; its token queries the API.

import {
  check, checkProducts, clientId, clientSecret, graphqlUrl, rejectionOf, timeoutSeconds, tokenPath, url,
} from './common.mjs'
import { ClientCredentials } from 'simple-oauth2'

const connect = (authorizationMethod, secret) =>
  new ClientCredentials({
    client: { id: clientId, secret },
    auth: { tokenHost: url, tokenPath },
    http: { timeout: timeoutSeconds * 1000 },
    options: { authorizationMethod },
  })

for (const way of ['header', 'body']) {
  const { token } = await connect(way, clientSecret).getToken({ scope: 'openid' })
  check(token.token_type === 'Bearer', `${way}: a token of no use: ${JSON.stringify(token)}`)
  const lifetime = (token.expires_at - Date.now()) / 1000
  check(lifetime > 290 && lifetime <= 300, `${way}: the library reads a lifetime of ${lifetime} s`)

  const response = await fetch(graphqlUrl, {
    method: 'POST',
    headers: { authorization: `Bearer ${token.access_token}`, 'content-type': 'application/json' },
    body: JSON.stringify({ query: '{ subjects { id name } }' }),
    signal: AbortSignal.timeout(timeoutSeconds * 1000),
  })
  checkProducts((await response.json()).data)

  const error = await rejectionOf(connect(way, `${clientSecret}x`).getToken({}), `${way}: a wrong secret was accepted`)
  check(error.output?.statusCode === 401, `${way}: a wrong secret gave ${error}`)
  check(error.data?.payload?.error === 'invalid_client', `${way}: a wrong secret gave ${JSON.stringify(error.data?.payload)}`)
}

console.log('simple-oauth2: credentials by header and by body; a wrong secret is invalid_client')
