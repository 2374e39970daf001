// Viewport's explorer: a GraphQL editor that speaks to the API as the person who is signed in.
//
// The page gives `<div id="explorer">`, whose content is what people without JavaScript see, and a data block
// `<script type="application/json" id="explorer-data">` with `endpoint`, `publicEndpoint` and `examples`.
// Everything lives in a shadow root with constructed style sheets, so a strict Content-Security-Policy holds.
// Queries and results stay in memory: they may hold a secret, and nothing here is ever stored.

import { buildClientSchema, getIntrospectionQuery } from 'graphql'
import { updateSchema } from 'cm6-graphql'
import { Docs } from './docs.js'
import { copy, h } from './dom.js'
import { queryEditor, replace, resultView, variablesEditor } from './editors.js'
import { Problem, bodyOf, curlOf, send } from './request.js'
import { tabs } from './tabs.js'
import styles from './explorer.css'

const RUN_KEYS = /Mac|iPhone|iPad/.test(navigator.platform) ? '⌘ Enter' : 'Ctrl Enter'

class Explorer {
  constructor(host, { endpoint, publicEndpoint, examples = [] }) {
    this.endpoint = endpoint
    this.publicEndpoint = publicEndpoint ?? new URL(endpoint, location.href).href
    this.examples = examples
    this.running = undefined
    this.root = host.attachShadow({ mode: 'open' })
    const sheet = new CSSStyleSheet()
    sheet.replaceSync(styles)
    this.root.adoptedStyleSheets = [sheet]
    this.build()
    if (examples.length) this.load(examples[0])
    this.readSchema()
    // A page that the browser keeps for the Back button must not bring a secret back.
    addEventListener('pagehide', () => replace(this.result, ''))
  }

  build() {
    const onRun = () => this.run()
    const changed = () => this.showCurl()
    this.docs = new Docs()
    const options = {
      onShowInDocs: (field, type, parent) => {
        this.panes.show('docs')
        if (parent && field) this.docs.open(parent, field)
        else if (type) this.docs.open(type)
      },
    }
    this.query = queryEditor(this.root, { onRun, changed, hint: 'keys', options })
    this.variables = variablesEditor(this.root, { onRun, changed, hint: 'keys' })
    this.result = resultView(this.root)
    this.runButton = h('button', { type: 'button', class: 'primary', onclick: () => (this.running ? this.running.abort() : this.run()) }, 'Run')
    this.status = h('p', { class: 'status', role: 'status' })
    this.aside = h('p', { class: 'hidden', role: 'status' })
    this.problem = h('div', { class: 'problem', role: 'alert' })
    this.problem.hidden = true
    this.empty = h('p', { class: 'quiet empty' }, 'Run the query, and its answer appears here.')
    this.result.dom.hidden = true
    this.panes = tabs('Answer and reference', [
      { id: 'result', label: 'Result', panel: h('div', { class: 'frame' }, this.empty, this.problem, this.result.dom) },
      { id: 'docs', label: 'Documentation', panel: this.docs.element },
      { id: 'curl', label: 'curl', panel: this.curlPanel() },
    ])
    this.root.append(this.exampleList(), this.columns(), this.aside)
  }

  columns() {
    const keys = h('p', { class: 'quiet keys', id: 'keys' }, kbd(RUN_KEYS), ' runs, ', kbd('Ctrl Space'), ' suggests, ', kbd('Tab'), ' moves on (while suggestions are open, ', kbd('Esc'), ' first)')
    const left = h(
      'section',
      { class: 'column', 'aria-label': 'Request' },
      h('div', { class: 'bar' }, h('h2', {}, 'Query'), this.runButton),
      h('div', { class: 'frame query' }, this.query.dom),
      h('h2', {}, 'Variables'),
      h('div', { class: 'frame variables' }, this.variables.dom),
      keys,
    )
    const right = h('section', { class: 'column', 'aria-label': 'Answer' }, h('div', { class: 'bar' }, this.panes.list, this.status), ...this.panes.panels)
    return h('div', { class: 'columns-two' }, left, right)
  }

  exampleList() {
    if (!this.examples.length) return ''
    const items = this.examples.map((example) => {
      const onclick = () => {
        this.load(example)
        this.say(`The example “${example.name}” is in the editor. Undo brings back what was there.`)
        this.query.focus()
      }
      return h('li', {}, h('button', { type: 'button', class: 'plain', onclick }, example.name))
    })
    return h('nav', { class: 'examples', 'aria-label': 'Example queries' }, h('h2', {}, 'Examples'), h('ul', {}, ...items))
  }

  curlPanel() {
    this.curl = h('pre', { tabindex: '0', role: 'region', 'aria-label': 'The request as a curl command' })
    this.copyButton = h('button', { type: 'button', class: 'plain', onclick: () => this.copyCurl() }, 'Copy')
    const what = h('p', { class: 'quiet' }, 'What is on screen, from a shell. ', h('code', {}, '$TOKEN'), ' is an access token that an API key was exchanged for.')
    return h('div', { class: 'curl' }, what, this.curl, this.copyButton)
  }

  load({ query, variables }) {
    replace(this.query, query.trim())
    const text = typeof variables === 'string' || !variables ? variables : JSON.stringify(variables, null, 2)
    replace(this.variables, text ?? '')
  }

  body() {
    return bodyOf(this.query.state.doc.toString(), this.variables.state.doc.toString(), this.query.state.selection.main.head)
  }

  async run() {
    if (this.running) return
    const stop = new AbortController()
    this.running = stop
    this.runButton.textContent = 'Stop'
    this.panes.show('result')
    this.status.textContent = 'Running…'
    try {
      this.showAnswer(await send(this.endpoint, this.body(), stop.signal))
    } catch (problem) {
      if (!(problem instanceof Problem)) throw problem
      this.showProblem(problem)
    } finally {
      this.running = undefined
      this.runButton.textContent = 'Run'
    }
  }

  showAnswer({ json, status, milliseconds, bytes }) {
    const errors = Array.isArray(json?.errors) ? json.errors.length : 0
    replace(this.result, JSON.stringify(json, null, 2))
    this.reveal(this.result.dom)
    const size = bytes < 1000 ? `${bytes} B` : `${(bytes / 1000).toFixed(1)} kB`
    const count = errors === 0 ? '' : errors === 1 ? '1 error · ' : `${errors} errors · `
    this.status.textContent = `${count}${status} · ${milliseconds} ms · ${size}`
    this.status.classList.toggle('bad', errors > 0 || status >= 400)
    this.result.requestMeasure()
  }

  showProblem({ title, advice, link }) {
    replace(this.result, '')
    this.problem.replaceChildren(h('strong', {}, title), h('p', {}, advice), this.way(link))
    this.reveal(this.problem)
    this.status.textContent = ''
  }

  /** In a tab of its own, so that the query stays. */
  way(link) {
    return link ? h('a', { href: link.href, target: '_blank' }, `${link.text} (in a new tab)`) : ''
  }

  reveal(shown) {
    for (const part of [this.empty, this.problem, this.result.dom]) part.hidden = part !== shown
    // On a narrow screen the answer is below the fold.
    this.panes.list.scrollIntoView({ block: 'nearest' })
  }

  showCurl() {
    try {
      this.curl.textContent = curlOf(this.publicEndpoint, this.body())
      this.copyButton.disabled = false
    } catch (problem) {
      this.curl.textContent = `${problem.title}. ${problem.advice}`
      this.copyButton.disabled = true
    }
  }

  async copyCurl() {
    const copied = await copy(this.curl.textContent, this.curl)
    this.copyButton.textContent = copied ? 'Copied' : 'Selected: press Ctrl C'
    this.say(copied ? 'Copied' : 'The command is selected: press Control C')
    setTimeout(() => (this.copyButton.textContent = 'Copy'), 2000)
  }

  say(words) {
    // The same words twice are announced only if they were gone in between.
    this.aside.textContent = ''
    requestAnimationFrame(() => (this.aside.textContent = words))
  }

  async readSchema() {
    try {
      const { json } = await send(this.endpoint, { query: getIntrospectionQuery() }, new AbortController().signal)
      if (!json?.data) throw new Problem('The schema cannot be read', json?.errors?.[0]?.message ?? 'The API gave no reason.')
      const schema = buildClientSchema(json.data)
      updateSchema(this.query, schema)
      this.docs.setSchema(schema)
    } catch (error) {
      const problem = error instanceof Problem ? error : new Problem('The schema cannot be read', error.message)
      this.docs.fail(problem, () => this.readSchema())
    }
  }
}

function kbd(keys) {
  return h('kbd', {}, keys)
}

const host = document.getElementById('explorer')
const data = document.getElementById('explorer-data')
if (host && data) new Explorer(host, JSON.parse(data.textContent))
