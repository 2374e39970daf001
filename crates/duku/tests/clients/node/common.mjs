// What every script here needs: where the server is, who asks, and how to fail with a clear message.

import { webcrypto } from 'node:crypto'

// Node.js 18 has it and does not show it to modules. Import this file first.
globalThis.crypto ??= webcrypto

function setting(name) {
  const value = process.env[name]
  check(value, `${name} is not set`)
  return value
}

export const url = setting('DUKU_URL').replace(/\/$/, '')
export const clientId = setting('DUKU_CLIENT_ID')
export const clientSecret = setting('DUKU_CLIENT_SECRET')

export const issuer = `${url}/realms/duku`
export const tokenPath = '/realms/duku/protocol/openid-connect/token'
export const graphqlUrl = `${url}/graphql`

// The server is on this machine; whoever waits longer than this waits for ever.
export const timeoutSeconds = 10

/** Ends the script with the complaint unless the condition holds. */
export function check(condition, complaint) {
  if (!condition) {
    console.error(complaint)
    process.exit(1)
  }
}

/** What the promise was rejected with; a promise that is kept ends the script. */
export async function rejectionOf(promise, complaint) {
  try {
    await promise
  } catch (error) {
    return error
  }
  return check(false, complaint)
}

/** The answer's `data` for `{ subjects { id name } }` has the organisation's product. */
export function checkProducts(data) {
  const names = data?.subjects?.map((subject) => subject.name) ?? []
  check(names.includes('Shop'), `the product Shop is missing in ${JSON.stringify(data)}`)
}

/** An access token, got without any library: for the scripts that are about what comes after. */
export async function accessToken() {
  const body = new URLSearchParams({
    grant_type: 'client_credentials',
    client_id: clientId,
    client_secret: clientSecret,
  })
  const signal = AbortSignal.timeout(timeoutSeconds * 1000)
  const response = await fetch(url + tokenPath, { method: 'POST', body, signal })
  const answer = await response.text()
  check(response.status === 200, `no token: ${response.status} ${answer}`)
  return JSON.parse(answer).access_token
}
