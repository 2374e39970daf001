// Tabs as the ARIA Authoring Practices describe them: arrows move, the panel follows.

import { h } from './dom.js'

/** `entries`: `[{ id, label, panel }]`; gives the list, the panels and `show(id)`. */
export function tabs(label, entries) {
  const buttons = entries.map(({ id, label }) =>
    h('button', { type: 'button', role: 'tab', id: `tab-${id}`, 'aria-controls': `panel-${id}`, onclick: () => show(id) }, label),
  )
  const panels = entries.map(({ id, panel }) =>
    h('div', { role: 'tabpanel', id: `panel-${id}`, 'aria-labelledby': `tab-${id}` }, panel),
  )
  function show(id) {
    entries.forEach((entry, index) => {
      const chosen = entry.id === id
      buttons[index].setAttribute('aria-selected', String(chosen))
      buttons[index].tabIndex = chosen ? 0 : -1
      panels[index].hidden = !chosen
    })
  }
  function move(event) {
    const at = buttons.indexOf(event.target)
    const steps = { ArrowRight: at + 1, ArrowLeft: at - 1, Home: 0, End: buttons.length - 1 }
    if (at < 0 || !(event.key in steps)) return
    event.preventDefault()
    const next = (steps[event.key] + buttons.length) % buttons.length
    show(entries[next].id)
    buttons[next].focus()
  }
  const list = h('div', { role: 'tablist', 'aria-label': label, onkeydown: move }, ...buttons)
  show(entries[0].id)
  return { list, panels, show }
}
