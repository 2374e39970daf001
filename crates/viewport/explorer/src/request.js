// From what is on screen to one request, and what came of it.

import { Kind, parse } from 'graphql'

/** A server that says nothing for so long will not be waited for. */
const PATIENCE_MS = 30_000

/** What is wrong, for a person: a title, what to do, and perhaps where to go. */
export class Problem extends Error {
  constructor(title, advice, link) {
    super(title)
    Object.assign(this, { title, advice, link })
  }
}

/** The body to send; of several operations the one that the cursor is in. */
export function bodyOf(query, variables, cursor) {
  const body = { query }
  const name = operationAt(query, cursor)
  if (name) body.operationName = name
  if (variables.trim()) {
    body.variables = parsedVariables(variables)
  }
  return body
}

function parsedVariables(text) {
  let value
  try {
    value = JSON.parse(text)
  } catch (error) {
    throw new Problem('The variables are not valid JSON', `${error.message}.`)
  }
  if (value === null || typeof value !== 'object' || Array.isArray(value)) {
    throw new Problem('The variables are not an object', 'Write them like { "id": "…" }.')
  }
  return value
}

function operationAt(query, cursor) {
  let operations
  try {
    operations = parse(query).definitions.filter(({ kind }) => kind === Kind.OPERATION_DEFINITION)
  } catch {
    // The server explains it better, and the editor has underlined it.
    return undefined
  }
  if (operations.length < 2) return undefined
  const around = operations.find(({ loc }) => loc.start <= cursor && cursor <= loc.end)
  return (around ?? operations[0]).name?.value
}

/** Sends it; gives the answer, or throws a `Problem`. */
export async function send(endpoint, body, stop) {
  const started = performance.now()
  const response = await reach(endpoint, body, stop)
  if (response.status === 401 || wasSentToLogin(response)) {
    throw new Problem('You are signed out', 'Your session has ended. The query stays here while this page is open.', {
      href: '/login?next=/explorer',
      text: 'Sign in again',
    })
  }
  const text = await textOf(response, stop)
  const milliseconds = Math.round(performance.now() - started)
  let json
  try {
    json = JSON.parse(text)
  } catch {
    const said = text.trim().replace(/\s+/g, ' ').slice(0, 200)
    const type = response.headers.get('content-type') ?? 'no type'
    throw new Problem(
      `The answer is not JSON (${response.status} ${response.statusText}`.trim() + ')',
      `Something between here and the API may have answered instead. It sent ${type}: ${said || 'nothing'}`,
    )
  }
  if (asksForPassword(json)) {
    throw new Problem('Confirm that it is you', 'Your last sign-in was a while ago, and API keys ask for a newer one. Sign in, then run it again here.', {
      href: '/login?max_age=0&next=/account',
      text: 'Sign in again',
    })
  }
  return { json, status: response.status, milliseconds, bytes: new TextEncoder().encode(text).length }
}

async function reach(endpoint, body, stop) {
  try {
    return await fetch(endpoint, {
      method: 'POST',
      credentials: 'same-origin',
      cache: 'no-store',
      headers: { 'content-type': 'application/json', accept: 'application/json' },
      body: JSON.stringify(body),
      signal: AbortSignal.any([stop, AbortSignal.timeout(PATIENCE_MS)]),
    })
  } catch (error) {
    throw unreachable(error)
  }
}

async function textOf(response) {
  try {
    return await response.text()
  } catch (error) {
    throw unreachable(error)
  }
}

function unreachable(error) {
  if (error.name === 'AbortError') {
    return new Problem('Stopped', 'The server may have carried it out nevertheless.')
  }
  if (error.name === 'TimeoutError') {
    return new Problem('No answer', `The server did not answer within ${PATIENCE_MS / 1000} seconds. Try again.`)
  }
  return new Problem('The server cannot be reached', 'Check your connection, then run it again.')
}

function asksForPassword(json) {
  return Array.isArray(json?.errors) && json.errors.some((error) => error?.extensions?.reason === 'REAUTHENTICATION_REQUIRED')
}

function wasSentToLogin(response) {
  return response.redirected && new URL(response.url).pathname === '/login'
}

/** The same request from a shell, with the token that a machine would use. */
export function curlOf(endpoint, body) {
  return [
    `curl -sS ${quoted(endpoint)} \\`,
    `  -H "Authorization: Bearer $TOKEN" \\`,
    `  -H 'Content-Type: application/json' \\`,
    `  --data-raw ${quoted(JSON.stringify(body))}`,
  ].join('\n')
}

/** Inside single quotes a shell reads everything as it is, but a single quote. */
function quoted(text) {
  return `'${text.replaceAll("'", `'\\''`)}'`
}
