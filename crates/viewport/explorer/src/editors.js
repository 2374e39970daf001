// The three editors: query, variables, result.

import { acceptCompletion, autocompletion, closeBrackets, closeBracketsKeymap } from '@codemirror/autocomplete'
import { json, jsonParseLinter } from '@codemirror/lang-json'
import { HighlightStyle, bracketMatching, indentOnInput, syntaxHighlighting } from '@codemirror/language'
import { linter, lintKeymap } from '@codemirror/lint'
import { EditorState, Prec } from '@codemirror/state'
import { EditorView, keymap, lineNumbers } from '@codemirror/view'
import { tags } from '@lezer/highlight'
import { minimalSetup } from 'codemirror'
import { graphql } from 'cm6-graphql'

const colours = HighlightStyle.define([
  { tag: [tags.keyword, tags.definitionKeyword, tags.operatorKeyword], color: 'var(--x-accent)', fontWeight: '600' },
  { tag: [tags.typeName, tags.className], color: 'var(--x-type)' },
  { tag: [tags.propertyName, tags.name], color: 'var(--x-ink)' },
  { tag: [tags.variableName, tags.attributeName, tags.special(tags.name)], color: 'var(--x-amber)' },
  { tag: [tags.string, tags.special(tags.string)], color: 'var(--x-string)' },
  { tag: [tags.number, tags.integer, tags.float, tags.bool, tags.null, tags.atom], color: 'var(--x-amber)' },
  { tag: [tags.comment, tags.lineComment], color: 'var(--x-muted)', fontStyle: 'italic' },
  { tag: [tags.punctuation, tags.paren, tags.brace, tags.bracket, tags.separator], color: 'var(--x-muted)' },
  { tag: tags.invalid, color: 'var(--x-red)' },
])

const theme = EditorView.theme({
  '&': { color: 'var(--x-ink)', backgroundColor: 'var(--x-paper)', fontSize: '0.875rem' },
  // The frame around the editor shows the focus, with its rounded corners.
  '&.cm-focused': { outline: 'none' },
  '.cm-scroller': { fontFamily: 'var(--x-mono)', lineHeight: '1.55', overflow: 'auto' },
  '.cm-content': { padding: '0.75rem 0', caretColor: 'var(--x-ink)' },
  '.cm-line': { padding: '0 0.75rem' },
  '.cm-cursor': { borderLeftColor: 'var(--x-ink)', borderLeftWidth: '2px' },
  '.cm-gutters': { backgroundColor: 'transparent', color: 'var(--x-muted)', border: 'none' },
  '.cm-lineNumbers .cm-gutterElement': { padding: '0 0 0 0.75rem', minWidth: '2rem' },
  '&.cm-focused > .cm-scroller > .cm-selectionLayer .cm-selectionBackground, .cm-selectionBackground': {
    backgroundColor: 'var(--x-selection)',
  },
  '&.cm-focused .cm-matchingBracket': { backgroundColor: 'var(--x-selection)', outline: '1px solid var(--x-line)' },
  '.cm-tooltip': {
    backgroundColor: 'var(--x-raised)',
    color: 'var(--x-ink)',
    border: '1px solid var(--x-line)',
    borderRadius: 'var(--x-radius)',
    overflow: 'hidden',
  },
  '.cm-tooltip.cm-tooltip-autocomplete > ul': { fontFamily: 'var(--x-mono)', fontSize: '0.8125rem' },
  '.cm-tooltip.cm-tooltip-autocomplete > ul > li': { padding: '0.25rem 0.5rem' },
  '.cm-tooltip-autocomplete ul li[aria-selected]': { backgroundColor: 'var(--x-accent)', color: 'var(--x-paper)' },
  '.cm-tooltip-autocomplete ul li[aria-selected] .cm-completionDetail': { color: 'inherit' },
  '.cm-completionMatchedText': { textDecoration: 'none', fontWeight: '700' },
  '.cm-completionDetail': { color: 'var(--x-muted)', fontStyle: 'normal' },
  '.cm-tooltip.cm-completionInfo': { padding: '0.5rem 0.75rem', maxWidth: '22rem', fontSize: '0.8125rem' },
  '.cm-diagnostic': { padding: '0.375rem 0.75rem', fontSize: '0.8125rem', borderLeftWidth: '3px' },
  '.cm-diagnostic-error': { borderLeftColor: 'var(--x-red)' },
  '.cm-diagnostic-warning': { borderLeftColor: 'var(--x-amber)' },
  '.cm-lintRange-error': { backgroundImage: 'none', borderBottom: '2px dotted var(--x-red)' },
  '.cm-lintRange-warning': { backgroundImage: 'none', borderBottom: '2px dotted var(--x-amber)' },
})

const appearance = [theme, syntaxHighlighting(colours), EditorView.lineWrapping]

// Only an open list of suggestions keeps the Tab key; Escape closes it, and Tab leaves the editor.
const keys = (onRun) =>
  Prec.highest(
    keymap.of([
      { key: 'Mod-Enter', run: () => (onRun(), true) },
      { key: 'Tab', run: acceptCompletion },
    ]),
  )

// Where typed text replaces coloured text, Chromium keeps its look with `style` attributes, which the policy forbids
// and reports. So the selection is replaced here, before the browser does it.
const overwriting = EditorView.domEventHandlers({
  beforeinput(event, view) {
    const { from, to, empty } = view.state.selection.main
    if (event.inputType !== 'insertText' || !event.data || event.isComposing || empty) return false
    const insert = () => view.state.update(view.state.replaceSelection(event.data), { userEvent: 'input.type', scrollIntoView: true })
    const handlers = view.state.facet(EditorView.inputHandler)
    if (!handlers.some((handler) => handler(view, from, to, event.data, insert))) view.dispatch(insert())
    return true
  },
})

const writing = [
  overwriting,
  minimalSetup,
  autocompletion({ icons: false }),
  bracketMatching(),
  closeBrackets(),
  indentOnInput(),
  keymap.of([...closeBracketsKeymap, ...lintKeymap]),
]

function onChange(listener) {
  return EditorView.updateListener.of((update) => {
    if (update.docChanged || update.selectionSet) listener()
  })
}

/** What assistive technology calls an editor, and what explains it. */
function named(label, describedBy) {
  // An editable element has its place in the tab order anyway, but axe-core wants to read it.
  const attributes = { 'aria-label': label, tabindex: '0' }
  if (describedBy) attributes['aria-describedby'] = describedBy
  return EditorView.contentAttributes.of(attributes)
}

/** The editor of the query; `options` go to cm6-graphql. */
export function queryEditor(root, { onRun, changed, hint, options }) {
  const extensions = [keys(onRun), writing, lineNumbers(), graphql(undefined, options), appearance]
  return new EditorView({ root, extensions: [...extensions, named('GraphQL query', hint), onChange(changed)] })
}

/** The editor of the variables. */
export function variablesEditor(root, { onRun, changed, hint }) {
  const check = jsonParseLinter()
  const lint = linter((view) => (view.state.doc.toString().trim() ? check(view) : []))
  const extensions = [keys(onRun), writing, json(), lint, appearance]
  return new EditorView({ root, extensions: [...extensions, named('Variables, as JSON', hint), onChange(changed)] })
}

/** Shows JSON; it can be focused, scrolled and selected by keyboard, not changed. */
export function resultView(root) {
  const frozen = [EditorState.readOnly.of(true), EditorView.editable.of(false)]
  const attributes = EditorView.contentAttributes.of({ tabindex: '0', 'aria-readonly': 'true', 'aria-label': 'Result' })
  return new EditorView({ root, extensions: [minimalSetup, json(), bracketMatching(), appearance, frozen, attributes] })
}

/** Replaces all text, as one step that Undo takes back. */
export function replace(view, text) {
  view.dispatch({ changes: { from: 0, to: view.state.doc.length, insert: text } })
}
