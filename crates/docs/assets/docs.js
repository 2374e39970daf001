/* The documentation's own script. Every page works without it; it copies code, searches as you type and marks where you are. */
(() => {
  'use strict';
  const one = (selector, root = document) => root.querySelector(selector);
  const all = (selector, root = document) => [...root.querySelectorAll(selector)];
  const make = (name, properties = {}, ...children) => {
    const element = Object.assign(document.createElement(name), properties);
    element.append(...children);
    return element;
  };

  const region = one('[data-live]');
  function say(text) {
    region.textContent = '';
    setTimeout(() => { region.textContent = text; }, 50);
  }

  // ---- Copying code. On a console only what was typed is copied.
  function codeOf(snippet) {
    const commands = all('.cmd', snippet);
    return commands.length ? commands.map((command) => command.textContent).join('\n') : one('code', snippet).textContent.trimEnd();
  }
  async function write(snippet) {
    try {
      await navigator.clipboard.writeText(codeOf(snippet));
      return true;
    } catch {
      // Plain http has no clipboard API: the old way copies what is selected.
      const area = make('textarea', { value: codeOf(snippet), className: 'vh', readOnly: true });
      document.body.append(area);
      area.select();
      const done = document.execCommand('copy');
      area.remove();
      return done;
    }
  }
  for (const snippet of all('.snippet')) {
    const button = make('button', { type: 'button', className: 'button small', textContent: 'Copy' });
    let timer;
    button.addEventListener('click', async () => {
      const done = await write(snippet);
      button.focus();
      button.textContent = done ? 'Copied' : 'Select it';
      button.toggleAttribute('data-copied', true);
      say(done ? 'Code copied' : 'It could not be copied. Select it and press Ctrl and C.');
      clearTimeout(timer);
      timer = setTimeout(() => { button.textContent = 'Copy'; button.removeAttribute('data-copied'); }, 2000);
    });
    snippet.append(button);
  }

  // ---- Searching as you type: a list below the box (WAI-ARIA's combobox); Enter without a choice opens the whole page of results.
  const form = one('[data-search]');
  const input = one('input', form);
  const list = make('ul', { id: 'page.results' });
  list.setAttribute('role', 'listbox');
  list.setAttribute('aria-label', 'Places that fit');
  const nothing = make('p');
  const panel = make('div', { className: 'docs-list', hidden: true }, list, nothing);
  form.append(panel);
  for (const [name, value] of Object.entries({ role: 'combobox', 'aria-autocomplete': 'list', 'aria-expanded': 'false', 'aria-controls': list.id })) input.setAttribute(name, value);
  let chosen = -1, asked, timer, shownFor = '';

  const options = () => all('[role="option"]', list);
  function choose(index) {
    const found = options();
    chosen = found.length ? (index + found.length) % found.length : -1;
    found.forEach((option, at) => option.setAttribute('aria-selected', String(at === chosen)));
    if (chosen < 0) return input.removeAttribute('aria-activedescendant');
    input.setAttribute('aria-activedescendant', found[chosen].id);
    found[chosen].scrollIntoView({ block: 'nearest' });
  }
  function unchoose() {
    chosen = -1;
    input.removeAttribute('aria-activedescendant');
    for (const option of options()) option.setAttribute('aria-selected', 'false');
  }
  function open(isOpen) {
    panel.hidden = !isOpen;
    list.hidden = !list.childElementCount;
    nothing.hidden = !list.hidden;
    // A list of nothing is none.
    input.setAttribute('aria-expanded', String(isOpen && !list.hidden));
    if (!isOpen) unchoose();
  }
  function option(result, index) {
    const excerpt = make('p', {}, ...result.parts.map((part) => part.hit ? make('mark', { textContent: part.text }) : part.text));
    const item = make('li', { id: `page.result-${index}` }, make('strong', { textContent: result.section || result.title }));
    if (result.section) item.append(make('span', { className: 'where', textContent: result.title }));
    item.append(excerpt);
    item.setAttribute('role', 'option');
    item.setAttribute('aria-selected', 'false');
    item.dataset.path = result.path;
    return item;
  }
  async function search() {
    const query = input.value.trim();
    if (query === shownFor && !panel.hidden) return;
    asked?.abort();
    if (!query) { shownFor = ''; list.replaceChildren(); return open(false); }
    asked = new AbortController();
    try {
      const address = new URL(form.action);
      address.searchParams.set('q', query);
      const answer = await fetch(address, { headers: { accept: 'application/json' }, signal: asked.signal });
      const { results = [], error } = await answer.json();
      const shown = results.slice(0, 8);
      list.replaceChildren(...shown.map(option));
      nothing.textContent = error ?? `Nothing has “${query}” in it.`;
      shownFor = query;
      open(document.activeElement === input);
      unchoose();
      say(shown.length ? `${shown.length} ${shown.length === 1 ? 'place fits' : 'places fit'}` : 'Nothing fits');
    } catch (error) {
      if (error.name !== 'AbortError') open(false);
    }
  }
  input.addEventListener('input', () => { clearTimeout(timer); timer = setTimeout(search, 120); });
  input.addEventListener('focus', () => { if (shownFor && shownFor === input.value.trim()) open(true); });
  input.addEventListener('blur', () => setTimeout(() => open(false), 150));
  input.addEventListener('keydown', (event) => {
    if (event.isComposing) return;
    if (event.key === 'ArrowDown' || event.key === 'ArrowUp') {
      if (panel.hidden) { if (list.childElementCount) open(true); else search(); }
      const step = event.key === 'ArrowDown' ? chosen + 1 : chosen < 0 ? -1 : chosen - 1;
      choose(step);
      event.preventDefault();
    } else if (event.key === 'Enter' && chosen >= 0 && !panel.hidden) {
      event.preventDefault();
      go(options()[chosen]);
    } else if (event.key === 'Escape' && !panel.hidden) {
      event.preventDefault();
      open(false);
    }
  });
  panel.addEventListener('mousedown', (event) => event.preventDefault());
  list.addEventListener('click', (event) => go(event.target.closest('[role="option"]')));
  function go(item) {
    if (!item) return;
    open(false);
    location.assign(item.dataset.path);
  }
  document.addEventListener('keydown', (event) => {
    const typing = event.target.closest?.('input, textarea, select, [contenteditable]');
    if (event.key !== '/' || typing || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    input.focus();
    input.select();
  });

  // ---- Where you are: the page in the navigation, the heading in the contents.
  const nav = one('.docs-nav');
  // The style sheet shows them open where there is room; this says so to whoever does not look.
  for (const [fold, width] of [[nav, '52.01rem'], [one('.docs-toc'), '74.01rem']]) {
    if (!fold) continue;
    const roomy = matchMedia(`(min-width: ${width})`);
    const follow = () => { fold.open = roomy.matches; };
    roomy.addEventListener('change', follow);
    follow();
  }
  const current = one('[aria-current="page"]', nav);
  if (current && nav.scrollHeight > nav.clientHeight) nav.scrollTop = current.offsetTop - nav.clientHeight / 2;
  const contents = one('.docs-toc');
  const links = new Map(all('.docs-toc a').map((link) => [decodeURIComponent(link.hash.slice(1)), link]));
  const headings = [...links.keys()].map((id) => document.getElementById(id)).filter(Boolean);
  if (headings.length) {
    let waiting = false;
    const mark = () => {
      waiting = false;
      const above = headings.filter((heading) => heading.getBoundingClientRect().top < 140);
      const atEnd = innerHeight + scrollY >= document.documentElement.scrollHeight - 2;
      const at = (atEnd && headings.at(-1).getBoundingClientRect().top < innerHeight ? headings.at(-1) : above.at(-1))?.id;
      for (const [id, link] of links) link.toggleAttribute('aria-current', id === at);
      const link = links.get(at);
      link?.setAttribute('aria-current', 'true');
      if (link && contents.scrollHeight > contents.clientHeight) contents.scrollTop = link.offsetTop - contents.clientHeight / 2;
    };
    addEventListener('scroll', () => { if (!waiting) { waiting = true; requestAnimationFrame(mark); } }, { passive: true });
    mark();
  }
  for (const link of all('.docs-toc a')) link.addEventListener('click', () => { if (matchMedia('(max-width: 74rem)').matches) link.closest('details').open = false; });
})();
