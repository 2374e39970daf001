// The audit of the GraphQL-over-HTTP specification's reference implementation: every MUST has to hold.

import { accessToken, check, graphqlUrl, timeoutSeconds } from './common.mjs'
import { serverAudits } from 'graphql-http'

const authorization = `Bearer ${await accessToken()}`
const fetchFn = (target, init = {}) =>
  fetch(target, {
    ...init,
    headers: { ...init.headers, authorization },
    signal: AbortSignal.timeout(timeoutSeconds * 1000),
  })

const levels = { MUST: [], SHOULD: [], MAY: [] }
for (const audit of serverAudits({ url: graphqlUrl, fetchFn })) {
  const result = await audit.fn()
  levels[audit.name.split(' ')[0]].push(result)
}

const failures = (level) => levels[level].filter((result) => result.status !== 'ok')
const listed = (results) => results.map((result) => `\n  ${result.id} ${result.name}: ${result.reason}`).join('')
const score = (level) => `${levels[level].length - failures(level).length} of ${levels[level].length} ${level}`

check(levels.MUST.length > 0, 'the audit knows no MUST: has its naming changed?')
check(failures('MUST').length === 0, `broken: ${score('MUST')}${listed(failures('MUST'))}`)

console.log(`graphql-http audit: ${['MUST', 'SHOULD', 'MAY'].map(score).join(', ')}${listed(failures('SHOULD'))}`)
