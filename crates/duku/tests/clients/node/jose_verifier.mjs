// jose verifies an access token by the published keys, as RFC 9068 asks an API to.

import { accessToken, check, clientId, graphqlUrl, issuer, rejectionOf, timeoutSeconds } from './common.mjs'
import { createRemoteJWKSet, jwtVerify } from 'jose'

const discovered = await (await fetch(`${issuer}/.well-known/openid-configuration`)).json()
check(discovered.issuer === issuer, `discovery calls the issuer ${discovered.issuer}, not ${issuer}`)
const keys = createRemoteJWKSet(new URL(discovered.jwks_uri), { timeoutDuration: timeoutSeconds * 1000 })

const token = await accessToken()
const expected = {
  issuer,
  audience: graphqlUrl,
  typ: 'at+jwt',
  subject: clientId,
  requiredClaims: ['iat', 'exp', 'jti', 'client_id', 'scope', 'org_id', 'org_name'],
}
const { payload, protectedHeader } = await jwtVerify(token, keys, expected)
check(payload.client_id === clientId && payload.azp === clientId, `the token belongs to ${payload.client_id}`)

// The same call must be able to fail, or it has proved nothing.
const elsewhere = { ...expected, audience: 'https://elsewhere.example/graphql' }
const forElsewhere = await rejectionOf(jwtVerify(token, keys, elsewhere), 'another API would accept this token')
check(forElsewhere.code === 'ERR_JWT_CLAIM_VALIDATION_FAILED', `rejected elsewhere, but with ${forElsewhere}`)

const [header, , signature] = token.split('.')
const changed = Buffer.from(JSON.stringify({ ...payload, org_id: 'org_other' })).toString('base64url')
const forged = await rejectionOf(jwtVerify([header, changed, signature].join('.'), keys, expected), 'a forged token passes')
check(forged.code === 'ERR_JWS_SIGNATURE_VERIFICATION_FAILED', `a forged token is rejected, but with ${forged}`)

console.log(`jose: ${protectedHeader.alg} signature by the published key, issuer, audience, type at+jwt and claims`)
