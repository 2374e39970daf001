// Writes ../assets/explorer.js, and beside it the licences of everything that is in it.

import { build } from 'esbuild'
import { readFileSync, readdirSync, writeFileSync } from 'node:fs'
import { gzipSync } from 'node:zlib'

const out = '../assets/explorer.js'
const { metafile } = await build({
  entryPoints: ['src/main.js'],
  outfile: out,
  bundle: true,
  minify: true,
  format: 'iife',
  target: ['es2022'],
  charset: 'utf8',
  legalComments: 'none',
  loader: { '.css': 'text' },
  // graphql-js checks this to warn about two copies of itself.
  define: { 'process.env.NODE_ENV': '"production"', 'globalThis.process': 'undefined' },
  banner: { js: '/* Built from crates/viewport/explorer. Licences: explorer.LICENSES.txt beside this file. */' },
  metafile: true,
})

const packages = new Set()
for (const [name, { bytesInOutput }] of Object.entries(Object.values(metafile.outputs)[0].inputs)) {
  const found = bytesInOutput && name.match(/^node_modules\/((?:@[^/]+\/)?[^/]+)\//)
  if (found) packages.add(found[1])
}
const notices = [...packages].sort().map((name) => {
  const folder = `node_modules/${name}`
  const { version, license } = JSON.parse(readFileSync(`${folder}/package.json`, 'utf8'))
  const file = readdirSync(folder).find((entry) => /^licen[cs]e/i.test(entry))
  const text = file ? readFileSync(`${folder}/${file}`, 'utf8').trim() : `Licence: ${license}`
  return `${name} ${version} (${license})\n\n${text}\n`
})
writeFileSync('../assets/explorer.LICENSES.txt', notices.join(`\n${'-'.repeat(72)}\n\n`))

const bytes = readFileSync(out)
console.log(`${out}: ${bytes.length} bytes, ${gzipSync(bytes, { level: 9 }).length} with gzip; ${packages.size} packages`)
