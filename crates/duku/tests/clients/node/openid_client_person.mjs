// openid-client takes a person through the authorization code flow with PKCE, checks the ID token and its signature,
// queries the API, asks who it is, and begins a device authorization.

import { check, checkProducts, graphqlUrl, issuer, rejectionOf, timeoutSeconds, url } from './common.mjs'
import * as client from 'openid-client'

const options = {
  execute: [client.allowInsecureRequests, client.enableNonRepudiationChecks],
  timeout: timeoutSeconds,
}
const discover = (clientId) => client.discovery(new URL(issuer), clientId, undefined, client.None(), options)

const config = await discover('viewport')
const verifier = client.randomPKCECodeVerifier()
const state = client.randomState()
const nonce = client.randomNonce()
const page = client.buildAuthorizationUrl(config, {
  redirect_uri: `${url}/login/callback`,
  scope: 'openid',
  code_challenge: await client.calculatePKCECodeChallenge(verifier),
  code_challenge_method: 'S256',
  state,
  nonce,
  max_age: '60',
})

// The person's part: the page's form, filled in.
const signal = () => AbortSignal.timeout(timeoutSeconds * 1000)
const form = await fetch(page, { signal: signal() })
check(form.status === 200 && (await form.text()).includes('name="password"'), `no sign-in page: ${form.status}`)
const body = new URLSearchParams({ email: 'ada@example.org', password: process.env.DUKU_TEST_PASSWORD })
const answer = await fetch(page, { method: 'POST', body, redirect: 'manual', signal: signal() })
check(answer.status === 303, `nobody was signed in: ${answer.status}`)

const callback = new URL(answer.headers.get('location'))
const expected = { pkceCodeVerifier: verifier, expectedState: state, expectedNonce: nonce, idTokenExpected: true, maxAge: 60 }
const tokens = await client.authorizationCodeGrant(config, callback, expected)
const claims = tokens.claims()
check(claims.email === 'ada@example.org', `the ID token is about ${claims.email}`)

const query = JSON.stringify({ query: '{ subjects { id name } }' })
const headers = new Headers({ 'content-type': 'application/json' })
const products = await client.fetchProtectedResource(
  config, tokens.access_token, new URL(graphqlUrl), 'POST', query, headers,
)
checkProducts((await products.json()).data)
const about = await client.fetchUserInfo(config, tokens.access_token, claims.sub)
check(about.email === claims.email, `userinfo says ${JSON.stringify(about)}`)

const error = await rejectionOf(client.authorizationCodeGrant(config, callback, expected), 'a code worked twice')
check(error.error === 'invalid_grant', `the second use of the code gave ${error}`)

const begun = await client.initiateDeviceAuthorization(await discover('duku-cli'), {})
check(/^[A-Z]{4}-[A-Z]{4}$/.test(begun.user_code), `the user code is ${begun.user_code}`)

const end = client.buildEndSessionUrl(config, { post_logout_redirect_uri: `${url}/login` })
check((await fetch(end, { signal: signal(), redirect: 'manual' })).headers.get('location')?.startsWith(`${url}/login`), 'logout')

console.log('openid-client: code flow with PKCE, ID token with signature, query, userinfo, device authorization, logout')
