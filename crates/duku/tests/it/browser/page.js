// What the harness asks a page. It is the body of a function; `arguments` are a question and its words.
// It looks through open shadow roots too, as a person does.

const [question, words, inside] = arguments;
const tidy = (text) => (text ?? '').replace(/\s+/g, ' ').trim();

function* deep(root) {
  for (const element of root.querySelectorAll('*')) {
    yield element;
    if (element.shadowRoot) yield* deep(element.shadowRoot);
  }
}

const visible = (element) => element.checkVisibility({ visibilityProperty: true });

function labelOf(element) {
  const root = element.getRootNode();
  const ids = element.getAttribute('aria-labelledby');
  if (ids) return tidy(ids.split(/\s+/).map((id) => root.getElementById(id)?.textContent).join(' '));
  const own = element.getAttribute('aria-label');
  if (own) return tidy(own);
  if (element.labels?.length) return tidy([...element.labels].map(wordsOf).join(' '));
  return '';
}

// A label's own words: not those of the controls in it.
function wordsOf(label) {
  const copy = label.cloneNode(true);
  copy.querySelectorAll('input, select, textarea, button').forEach((control) => control.remove());
  return copy.textContent;
}

function nameOf(element) {
  const button = element.matches('input[type=submit], input[type=button], input[type=reset]');
  return labelOf(element) || tidy(button ? element.value : element.innerText) || tidy(element.title);
}

// A modal dialogue is the whole world while it is open.
function world() {
  const modal = [...deep(document)].filter((element) => element.matches('dialog:modal')).at(-1);
  return modal ?? document;
}

function all(selector) {
  let root = world();
  if (inside) {
    const parts = 'tr, li, article, section, fieldset, form, dialog, details, .card';
    const holding = [...deep(root)].filter((e) => e.matches(parts) && visible(e) && tidy(e.innerText).includes(inside));
    const smallest = holding.filter((e) => !holding.some((other) => other !== e && e.contains(other)));
    if (smallest.length !== 1) throw new Error(`${smallest.length} parts of the page hold “${inside}”`);
    root = smallest[0];
  }
  return [...deep(root)].filter((element) => element.matches(selector));
}

function theOne(found, what, names) {
  if (found.length === 1) return found[0];
  if (found.length > 1) return `${found.length} ${what} are called “${words}”`;
  return `no ${what} is called “${words}”; there are: ${names.filter(Boolean).join(' | ') || 'none'}`;
}

function named(candidates, name, what) {
  const found = candidates.filter((element) => name(element) === words);
  return theOne(found, what, candidates.map(name));
}

const PRESSABLE = 'a[href], button, summary, [role=button], [role=tab], [role=menuitem], input[type=submit], input[type=button]';
const FIELDS = 'input:not([type=hidden], [type=submit], [type=button]), textarea, select, [contenteditable=true]';

function textOf(root) {
  const own = root.innerText ?? [...root.children].filter(visible).map((child) => child.innerText ?? '').join('\n');
  const shadows = [...root.querySelectorAll('*')].filter((element) => element.shadowRoot && visible(element));
  return [own, ...shadows.map((element) => textOf(element.shadowRoot))].join('\n');
}

function describe(element) {
  const role = element.getAttribute('role') ?? { a: 'link', input: element.type }[element.localName] ?? element.localName;
  const name = nameOf(element).slice(0, 60);
  return name ? `${role} “${name}”` : role;
}

switch (question) {
  case 'pressable':
    return named(all(PRESSABLE).filter(visible), nameOf, 'button or link');
  case 'css': {
    const found = all(words).filter(visible);
    return found[0] ?? `nothing visible matches \`${words}\``;
  }
  case 'field':
    return named(all(FIELDS), labelOf, 'field');
  case 'choice': {
    const found = named(all(FIELDS), labelOf, 'field');
    // A control that a style sheet hides is pressed by its label.
    return typeof found === 'string' || visible(found) ? found : (found.labels?.[0] ?? found);
  }
  case 'option': {
    const [label, option] = words;
    const list = all('select').filter((element) => labelOf(element) === label);
    if (list.length !== 1) return `${list.length} lists are called “${label}”`;
    const options = [...list[0].options];
    return options.find((one) => tidy(one.text) === option) ?? `“${label}” offers ${options.map((one) => tidy(one.text)).join(' | ')}`;
  }
  case 'text':
    return tidy(textOf(document.body));
  case 'focused': {
    let element = document.activeElement;
    while (element?.shadowRoot?.activeElement) element = element.shadowRoot.activeElement;
    return element && element !== document.body ? describe(element) : 'nothing';
  }
}
throw new Error(`no such question: ${question}`);
