/* Duku's own script. Every page works without it; it localises times, copies values, opens dialogs and guards shown secrets. */
(() => {
  'use strict';
  const one = (selector, root = document) => root.querySelector(selector);
  const all = (selector, root = document) => [...root.querySelectorAll(selector)];
  const dialog = one('#dialog');
  const body = one('#dialog-body');

  // ---- Saying things aloud. What is outside an open modal dialog is inert, so each dialog has its own live region.
  function say(text) {
    const region = one('dialog[open] [data-live]') ?? one('[data-live]');
    if (!region) return;
    region.textContent = '';
    setTimeout(() => { region.textContent = text; }, 50);
  }

  // ---- Times in the viewer's zone; the title keeps the exact UTC.
  const moment = new Intl.DateTimeFormat('en-GB', { day: 'numeric', month: 'short', year: 'numeric', hour: '2-digit', minute: '2-digit', timeZoneName: 'short' });
  const date = new Intl.DateTimeFormat('en-GB', { day: 'numeric', month: 'short', year: 'numeric' });

  // The same steps as `relative` in times.rs.
  function relative(then, now) {
    const seconds = Math.round((then - now) / 1000);
    const s = Math.abs(seconds);
    if (s < 45) return seconds > 0 ? 'in a moment' : 'just now';
    const minutes = Math.round(s / 60), hours = Math.round(s / 3600), days = Math.round(s / 86400);
    const [count, unit] = minutes < 60 ? [minutes, 'minute'] : hours < 24 ? [hours, 'hour'] : days < 100 ? [days, 'day']
      : days < 730 ? [Math.round(days / 30.44), 'month'] : [Math.round(days / 365.25), 'year'];
    const words = `${count} ${unit}${count === 1 ? '' : 's'}`;
    return seconds > 0 ? `in ${words}` : `${words} ago`;
  }
  function localise(root = document) {
    for (const time of all('time[datetime][data-format]', root)) {
      const at = new Date(time.dateTime);
      if (isNaN(at)) continue;
      const format = time.dataset.format;
      const now = Date.now();
      const text = format === 'relative' ? relative(at, now) : format === 'since' ? relative(Math.min(at, now), now) : format === 'date' ? date.format(at) : moment.format(at);
      if (time.textContent !== text) time.textContent = text;
    }
  }
  setInterval(localise, 60_000);

  // ---- Copying: button[data-copy="#id"].
  async function copy(button) {
    const source = one(button.dataset.copy);
    if (!source) return;
    const text = 'value' in source && source.tagName !== 'OUTPUT' ? source.value : source.textContent.trim();
    const done = await write(text, source);
    const label = one('[data-copy-label]', button);
    if (label) {
      label.dataset.before ??= label.textContent;
      label.textContent = done ? 'Copied' : 'Press Ctrl+C';
    }
    button.toggleAttribute('data-copied', done);
    say(done ? `${button.dataset.name ?? 'Value'} copied` : 'Selected. Press Ctrl and C to copy.');
    clearTimeout(button.copyTimer);
    button.copyTimer = setTimeout(() => {
      if (label) label.textContent = label.dataset.before;
      button.removeAttribute('data-copied');
    }, 2000);
  }
  async function write(text, source) {
    try {
      await navigator.clipboard.writeText(text);
      return true;
    } catch {
      // Plain http has no clipboard API: select the value, try the old way, and leave it selected if that fails too.
      if ('select' in source) source.select(); else getSelection().selectAllChildren(source);
      return document.execCommand('copy');
    }
  }

  // ---- A shown secret is not left by accident.
  let released = false;
  const guarded = () => !released && one('[data-guard]') !== null;
  function ask() {
    return new Promise((resolve) => {
      const box = document.createElement('dialog');
      box.className = 'dialog ask';
      box.setAttribute('role', 'alertdialog');
      box.setAttribute('aria-labelledby', 'ask-title');
      const title = document.createElement('h2');
      title.id = 'ask-title';
      const shown = one('[data-guard]');
      title.textContent = shown?.dataset.guard || 'Leave without storing the secret?';
      const text = document.createElement('p');
      text.textContent = shown?.dataset.guardText || 'It cannot be shown again. If it is lost, rotate the key to get a new one.';
      const row = document.createElement('div');
      row.className = 'actions';
      let leave = false;
      const answer = (label, kind, value) => {
        const button = document.createElement('button');
        button.type = 'button';
        button.className = `button ${kind}`;
        button.textContent = label;
        button.addEventListener('click', () => { leave = value; box.close(); });
        row.append(button);
        return button;
      };
      answer('Stay', 'primary', false).autofocus = true;
      answer('Leave', '', true);
      box.append(title, text, row);
      box.addEventListener('close', () => { box.remove(); resolve(leave); });
      document.body.append(box);
      box.showModal();
    });
  }
  addEventListener('beforeunload', (event) => { if (guarded()) event.preventDefault(); });
  // Neither the history nor the back-forward cache may bring a secret back.
  addEventListener('pagehide', () => { for (const shown of all('[data-guard]')) shown.replaceChildren(); });
  addEventListener('pageshow', (event) => { if (event.persisted && one('[data-guard]')) location.replace(location.pathname + location.search); });
  async function leaveFirst(event, go) {
    event.preventDefault();
    event.stopImmediatePropagation();
    if (one('dialog.ask[open]') || !await ask()) return;
    released = true;
    go();
  }

  // ---- On the page that a dialog led to, the focus is where the dialog was opened from; if that is gone, on the heading.
  const OPENER = 'duku-opener';
  let opener = '';
  function keepOpener() {
    try { sessionStorage.setItem(OPENER, opener); } catch { /* No storage: the focus begins at the top. */ }
  }
  function returnFocus() {
    let from = null;
    try { from = sessionStorage.getItem(OPENER); sessionStorage.removeItem(OPENER); } catch { /* As above. */ }
    if (from === null || one('main [autofocus]')) return;
    const to = (from && one(`main a[href="${CSS.escape(from)}"]`)) || one('main h1');
    if (to?.matches('h1')) to.tabIndex = -1;
    to?.focus();
  }
  addEventListener('pagehide', () => { if (dialog?.open) keepOpener(); });

  // ---- The one dialog. htmx fills #dialog-body, then it opens.
  function opened() {
    const title = one('h1, h2', body);
    if (title) {
      title.id ||= 'dialog-title';
      title.tabIndex = -1;
      dialog.setAttribute('aria-labelledby', title.id);
    }
    if (!dialog.open) dialog.showModal();
    const first = one('[autofocus]', body) ?? title;
    if (!body.contains(document.activeElement) || first?.autofocus) first?.focus();
    body.scrollTop = 0;
  }
  async function dismiss() {
    if (one('dialog.ask[open]')) return;
    if (!guarded() || await ask()) closeDialog();
  }
  function closeDialog() {
    released = true;
    dialog.close();
  }
  if (dialog) {
    dialog.addEventListener('cancel', (event) => {
      if (event.target === dialog) { event.preventDefault(); dismiss(); }
    });
    dialog.addEventListener('keydown', (event) => {
      if (event.key === 'Escape') { event.preventDefault(); dismiss(); }
    });
    // Only a press that begins and ends on the backdrop counts, not a selection dragged out of a field.
    let pressed = null;
    dialog.addEventListener('pointerdown', (event) => { pressed = event.target; });
    dialog.addEventListener('click', (event) => { if (event.target === dialog && pressed === dialog) dismiss(); });
    dialog.addEventListener('close', (event) => {
      if (event.target !== dialog) return;
      if (guarded()) { dialog.showModal(); dismiss(); return; }
      const reload = dialog.matches('[data-reload]') || one('[data-reload]', dialog);
      body.replaceChildren();
      released = false;
      if (reload) { keepOpener(); location.replace(location.pathname + location.search); }
    });
  }

  // ---- One submission is sent once, however often the button is pressed.
  const sending = new Map();
  function busy(form) {
    const buttons = all('button:not([type="button"])', form);
    sending.set(form, buttons);
    for (const button of buttons) {
      button.setAttribute('aria-disabled', 'true');
      button.setAttribute('aria-busy', 'true');
    }
  }
  function idle(form) {
    for (const button of sending.get(form) ?? []) {
      button.removeAttribute('aria-disabled');
      button.removeAttribute('aria-busy');
    }
    sending.delete(form);
  }
  addEventListener('pageshow', () => { for (const form of [...sending.keys()]) idle(form); });

  // ---- Confirmation by typing the object's name; the server checks it too.
  function match(input) {
    const button = input.form && one('button.danger:not([type="button"])', input.form);
    if (button) button.disabled = input.value.trim() !== input.dataset.match;
  }
  // ---- The date that a lifetime in days leads to, written out as it is chosen.
  function expiry(field) {
    const chosen = field.matches('input, select') ? field : one('input:checked', field);
    const to = one(field.dataset.expiryTo);
    const days = Number(chosen?.value);
    if (!to || !(days >= 1 && days <= 3660)) { to?.replaceChildren('…'); return; }
    const at = new Date(Date.parse(field.dataset.expiryFrom) + days * 86_400_000);
    to.textContent = date.format(at);
  }

  // ---- Wiring: a few listeners on the document, so that swapped content needs none of its own.
  function arrive(root) {
    // A list's many links need not say twice where they lead.
    for (const link of all('a[data-dialog]:not([hx-get])', root)) {
      link.setAttribute('hx-get', link.getAttribute('href'));
      link.setAttribute('hx-target', '#dialog-body');
      window.htmx?.process(link);
    }
    // The actions of a row are one stop of the Tab key; the arrows go from one to the next.
    for (const bar of all('[role="toolbar"]', root)) all('a', bar).slice(1).forEach((link) => { link.tabIndex = -1; });
    localise(root);
    all('input[data-match]', root).forEach(match);
    all('[data-expiry-from]', root).forEach(expiry);
  }
  document.addEventListener('click', (event) => {
    const target = event.target.closest?.('button, a, summary');
    for (const menu of all('details.menu[open]')) if (!menu.contains(event.target)) menu.open = false;
    if (!target) return;
    if (target.dataset.copy) return void copy(target);
    const inDialog = dialog?.contains(target);
    if (!inDialog) opener = target.getAttribute('href') ?? '';
    // A link of the dialog leads on, not back.
    else if (target.matches('a[href]:not([data-close], [data-dismiss])') && leaves(target, event)) opener = '';
    if (target.matches('[data-close]')) {
      if (inDialog) { event.preventDefault(); closeDialog(); } else released = true;
    } else if (target.matches('[data-dismiss]') && inDialog) {
      event.preventDefault();
      dismiss();
    } else if (target.matches('a[href]') && guarded() && leaves(target, event)) {
      leaveFirst(event, () => location.assign(target.href));
    }
  }, true);
  function leaves(link, event) {
    return !(event.ctrlKey || event.metaKey || event.shiftKey || event.button) && link.target !== '_blank'
      && !link.hasAttribute('download') && !link.getAttribute('href').startsWith('#') && !link.closest('[hx-get]');
  }
  document.addEventListener('submit', (event) => {
    const form = event.target;
    if (form.method === 'dialog') return;
    if (sending.has(form)) {
      event.preventDefault();
      event.stopImmediatePropagation();
    } else if (guarded() && !form.closest('[data-guard]')) {
      const submitter = event.submitter;
      leaveFirst(event, () => form.requestSubmit(submitter));
    } else if (form.method === 'post' || form.matches('[hx-post]')) {
      sending.set(form, []);
      // After this event: a button that is busy already would not send its name.
      setTimeout(() => { if (sending.has(form)) busy(form); });
    }
  }, true);
  document.addEventListener('input', (event) => {
    if (event.target.matches('input[data-match]')) match(event.target);
    const field = event.target.closest('[data-expiry-from]');
    if (field) expiry(field);
  });
  document.addEventListener('keydown', (event) => {
    const menu = event.key === 'Escape' && one('details.menu[open]');
    if (menu) { menu.open = false; one('summary', menu).focus(); }
    const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    const links = step ? all('a', event.target.closest?.('[role="toolbar"]') ?? document.createElement('p')) : [];
    const next = links[links.indexOf(event.target) + step];
    if (next) {
      for (const link of links) link.tabIndex = link === next ? 0 : -1;
      next.focus();
      event.preventDefault();
    }
  });

  // ---- htmx: of a whole page (an error, an ended session's sign-in) the dialog takes the main part, a small target nothing.
  document.addEventListener('htmx:after:request', ({ detail: { ctx } }) => {
    if (!/^\s*<!doctype/i.test(ctx.text ?? '')) return;
    if (ctx.target === body || ctx.target?.id === 'main') ctx.select = 'main > *'; else ctx.swap = 'none';
  });
  document.addEventListener('htmx:after:swap', ({ detail: { ctx } }) => {
    arrive(document);
    if (body && ctx.target === body && body.hasChildNodes()) { released = false; opened(); }
    const words = one('[data-say]');
    if (words) { say(words.dataset.say); words.removeAttribute('data-say'); }
  });
  document.addEventListener('htmx:finally:request', ({ detail: { ctx } }) => {
    if (ctx.sourceElement && sending.has(ctx.sourceElement)) idle(ctx.sourceElement);
    for (const form of [...sending.keys()]) if (!form.isConnected) sending.delete(form);
  });
  document.addEventListener('htmx:error', ({ detail: { ctx } }) => {
    const form = ctx?.sourceElement;
    if (!form?.matches('form, a')) return;
    one('[data-no-answer]', form.parentElement)?.remove();
    const notice = document.createElement('p');
    notice.className = 'notice danger';
    notice.dataset.noAnswer = '';
    notice.textContent = 'No answer came. Check your connection, then look whether it was done before you try again.';
    form.before(notice);
    say(notice.textContent);
  });

  // ---- What was just done is said once: not again after a reload.
  const here = new URL(location.href);
  if (here.searchParams.has('done')) {
    here.searchParams.delete('done');
    here.searchParams.delete('key');
    history.replaceState(null, '', here);
    say(one('.notice.success')?.textContent.trim() ?? '');
  }
  arrive(document);
  returnFocus();
})();
