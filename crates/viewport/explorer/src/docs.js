// The documentation of the schema, as pages of one panel.

import { getNamedType, isEnumType, isInputObjectType, isUnionType, isScalarType, isListType, isNonNullType } from 'graphql'
import { h, prose } from './dom.js'

const MOST_FOUND = 40

/** A panel that shows the schema's types and fields once it is given one. */
export class Docs {
  constructor() {
    this.schema = undefined
    this.trail = []
    this.search = h('input', { type: 'search', id: 'search', autocomplete: 'off', spellcheck: 'false', oninput: () => this.render() })
    this.page = h('div', { class: 'page' }, h('p', { class: 'quiet' }, 'Reading the schema…'))
    this.element = h('div', { class: 'docs' }, h('label', { for: 'search' }, 'Search types and fields'), this.search, this.page)
  }

  setSchema(schema) {
    this.schema = schema
    this.trail = []
    this.render()
  }

  /** Says why there is nothing, and offers to try again. */
  fail(problem, retry) {
    const link = problem.link && h('a', { href: problem.link.href }, problem.link.text)
    const again = h('button', { type: 'button', class: 'plain', onclick: retry }, 'Try again')
    this.page.replaceChildren(h('p', {}, h('strong', {}, problem.title), '. ', problem.advice), h('p', {}, link ?? again))
  }

  /** Opens a type, or one of its fields. */
  open(typeName, fieldName) {
    const type = this.schema?.getType(typeName)
    if (!type) return
    this.search.value = ''
    this.trail.push({ type, field: fieldName && type.getFields?.()[fieldName] })
    this.render()
    // What was clicked is gone, so the focus goes where the reading goes on.
    this.page.querySelector('h3')?.focus()
  }

  back(depth) {
    this.trail.length = depth
    this.search.value = ''
    this.render()
    this.page.querySelector('h3')?.focus()
  }

  render() {
    if (!this.schema) return
    const words = this.search.value.trim().toLowerCase()
    const at = this.trail.at(-1)
    if (words) this.page.replaceChildren(...this.found(words))
    else if (!at) this.page.replaceChildren(...this.start())
    else this.page.replaceChildren(this.crumbs(), ...(at.field ? this.field(at) : this.type(at.type)))
  }

  crumbs() {
    const steps = [{ name: 'Schema' }, ...this.trail.map(({ type, field }) => ({ name: field ? field.name : type.name }))]
    const items = steps.slice(0, -1).map((step, depth) => h('li', {}, this.button(step.name, () => this.back(depth))))
    return h('nav', { 'aria-label': 'Documentation trail' }, h('ol', { class: 'crumbs' }, ...items, h('li', { 'aria-current': 'page' }, steps.at(-1).name)))
  }

  start() {
    const roots = [this.schema.getQueryType(), this.schema.getMutationType()].filter(Boolean)
    const others = this.types().filter((type) => !roots.includes(type))
    return [
      ...roots.flatMap((type) => [heading(type.name), this.fields(type)]),
      heading('Types'),
      h('ul', { class: 'columns' }, ...others.map((type) => h('li', {}, this.link(type)))),
    ]
  }

  found(words) {
    const hits = []
    for (const type of this.types()) {
      if (type.name.toLowerCase().includes(words)) hits.push({ name: type.name, type, text: type.description })
      for (const field of fieldsOf(type)) {
        const name = `${type.name}.${field.name}`
        if (name.toLowerCase().includes(words)) hits.push({ name, type, field, text: field.description })
      }
    }
    const start = (hit) => (hit.field ?? hit.type).name.toLowerCase().startsWith(words)
    hits.sort((one, other) => start(other) - start(one))
    const items = hits.slice(0, MOST_FOUND).map(({ name, type, field, text }) =>
      h('li', {}, this.button(name, () => this.open(type.name, field?.name)), text && prose(text)),
    )
    const count = hits.length > MOST_FOUND ? `The first ${MOST_FOUND} of ${hits.length}` : `${hits.length} found`
    return [h('p', { class: 'quiet', role: 'status' }, count), h('ul', { class: 'fields' }, ...items)]
  }

  type(type) {
    const parts = [heading(type.name, kindOf(type)), type.description && prose(type.description)]
    if (isEnumType(type)) {
      const values = type.getValues().map((value) => h('li', {}, h('code', {}, value.name), value.description && prose(value.description)))
      parts.push(h('ul', { class: 'fields' }, ...values))
    }
    if (isUnionType(type)) {
      parts.push(h('ul', { class: 'fields' }, ...type.getTypes().map((one) => h('li', {}, this.link(one)))))
    }
    if (fieldsOf(type).length) parts.push(this.fields(type))
    return parts.filter(Boolean)
  }

  field({ type, field }) {
    const of = h('p', { class: 'quiet' }, 'A field of ', this.link(type), '; it gives ', ...this.typed(field.type))
    const parts = [heading(field.name), field.description && prose(field.description), of, deprecation(field)]
    if (field.args?.length) {
      parts.push(heading('Arguments'), h('ul', { class: 'fields' }, ...field.args.map((argument) => this.argument(argument))))
    }
    const named = getNamedType(field.type)
    if (fieldsOf(named).length) parts.push(heading(named.name), this.fields(named))
    return parts.filter(Boolean)
  }

  argument(argument) {
    const preset = argument.defaultValue === undefined ? '' : ` = ${JSON.stringify(argument.defaultValue)}`
    return h('li', {}, h('code', {}, argument.name), ': ', ...this.typed(argument.type), preset, argument.description && prose(argument.description))
  }

  fields(type) {
    const input = isInputObjectType(type)
    const items = fieldsOf(type).map((field) => {
      if (input) return this.argument(field)
      const name = this.button(field.name, () => this.open(type.name, field.name))
      return h('li', {}, name, ': ', ...this.typed(field.type), field.description && prose(field.description), deprecation(field))
    })
    return h('ul', { class: 'fields' }, ...items)
  }

  /** `[Subject!]!` with a link on the name. */
  typed(type) {
    if (isNonNullType(type)) return [...this.typed(type.ofType), '!']
    if (isListType(type)) return ['[', ...this.typed(type.ofType), ']']
    return [this.link(type)]
  }

  link(type) {
    return this.button(type.name, () => this.open(type.name), 'type')
  }

  button(text, onclick, kind = '') {
    return h('button', { type: 'button', class: `link ${kind}`, onclick }, text)
  }

  types() {
    return Object.values(this.schema.getTypeMap()).filter(({ name }) => !name.startsWith('__'))
  }
}

function fieldsOf(type) {
  return type.getFields ? Object.values(type.getFields()) : []
}

function deprecation({ deprecationReason }) {
  return deprecationReason && h('p', { class: 'prose warning' }, `Deprecated: ${deprecationReason}`)
}

function heading(text, kind) {
  return h('h3', { tabindex: '-1' }, text, kind && h('span', { class: 'kind' }, kind))
}

function kindOf(type) {
  if (isEnumType(type)) return 'enum'
  if (isInputObjectType(type)) return 'input'
  if (isUnionType(type)) return 'union'
  if (isScalarType(type)) return 'scalar'
  return 'type'
}
