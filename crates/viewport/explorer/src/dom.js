// Elements without strings of HTML: nothing that a server or a schema says can become markup.

/** Makes an element: `h('a', { href: '/' }, 'Home')`; `on…` properties become listeners. */
export function h(tag, properties = {}, ...children) {
  const element = document.createElement(tag)
  for (const [name, value] of Object.entries(properties)) {
    if (value === undefined || value === null || value === false) continue
    if (name.startsWith('on')) element.addEventListener(name.slice(2), value)
    else element.setAttribute(name, value === true ? '' : value)
  }
  element.append(...children.filter((child) => child !== null && child !== undefined && child !== false))
  return element
}

/** Prose in which `backticks` are code. */
export function prose(text) {
  const parts = text.trim().split('`')
  return h('p', { class: 'prose' }, ...parts.map((part, index) => (index % 2 ? h('code', {}, part) : part)))
}

/** Copies, or selects `fallback` where the browser keeps the clipboard from pages without TLS. */
export async function copy(text, fallback) {
  try {
    await navigator.clipboard.writeText(text)
    return true
  } catch {
    getSelection().selectAllChildren(fallback)
    return false
  }
}
