// Faults of the dashboard's layout that a person sees and axe-core does not. It is the body of a function and returns sentences.
// The documentation is text: links in its tables stand where words end, and its foot comes after <main>.
if (location.pathname.startsWith('/docs')) return [];

const faults = [];
const dialog = document.querySelector('dialog[open] .dialog-body');
const root = dialog ?? document.querySelector('main');
const visible = (e) => e.checkVisibility({ visibilityProperty: true });
const isHidden = (e) => e.closest('.vh, [hidden], template, script') !== null || !visible(e);
const name = (e) => `<${e.localName}${e.className ? ` class="${e.className}"` : ''}> “${(e.textContent ?? '').replace(/\s+/g, ' ').trim().slice(0, 40)}”`;

// What is seen of an element: with what its children show outside it, without what it cuts off or hides.
function seen(element) {
  const box = element.getBoundingClientRect();
  let { left, right, top, bottom } = box;
  if (getComputedStyle(element).overflow === 'visible') {
    for (const child of element.children) {
      if (isHidden(child) || ['absolute', 'fixed'].includes(getComputedStyle(child).position)) continue;
      const inner = seen(child);
      if (!inner) continue;
      left = Math.min(left, inner.left); right = Math.max(right, inner.right);
      top = Math.min(top, inner.top); bottom = Math.max(bottom, inner.bottom);
    }
  }
  return right > left && bottom > top ? { left, right, top, bottom } : null;
}

// ---- Siblings: no two overlap, and what stands apart stands apart.
const APART = [
  ['.form, .section', 16],
  ['.head', 12],
  ['.notice, .panel, .card, .once, .actions, .code, .table, .scroll, .empty, .errors, .copy, .tabs, .steps', 8],
  ['.field, .list', 4],
];
const apart = (e) => APART.find(([what]) => e.matches(what))?.[1] ?? 0;
for (const parent of [root, ...root.querySelectorAll('*')]) {
  if (isHidden(parent) || parent.closest('svg, table, pre, code')) continue;
  const children = [...parent.children].filter((e) => {
    const style = getComputedStyle(e);
    return !isHidden(e) && style.display !== 'inline' && ['static', 'relative', 'sticky'].includes(style.position) && !e.closest('svg');
  });
  for (let at = 1; at < children.length; at++) {
    const [before, after] = [children[at - 1], children[at]];
    const [a, b] = [seen(before), seen(after)];
    if (!a || !b) continue;
    const across = Math.min(a.right, b.right) - Math.max(a.left, b.left);
    const between = b.top - a.bottom;
    if (across > 1 && between < -3 && a.top < b.bottom - 1) {
      faults.push(`${name(before)} and ${name(after)} overlap by ${-between}px`);
    } else if (across > 1 && between >= -3) {
      const wanted = Math.max(apart(before), apart(after));
      if (wanted > 0 && between < wanted - 0.5) faults.push(`${between}px between ${name(before)} and ${name(after)}, not ${wanted}px`);
    }
  }
}

// ---- Nothing scrolls beyond the end.
if (dialog) {
  const end = Math.max(...[...dialog.children].map((e) => e.getBoundingClientRect().bottom)) + dialog.scrollTop - dialog.getBoundingClientRect().top;
  if (dialog.scrollHeight > Math.max(dialog.clientHeight, end + 48)) faults.push(`the dialog scrolls to ${dialog.scrollHeight}px, and its content ends at ${end}px`);
} else {
  const last = document.querySelector('.foot') ?? document.querySelector('main');
  const end = last.getBoundingClientRect().bottom + scrollY;
  const { scrollHeight } = document.documentElement;
  if (scrollHeight > Math.max(innerHeight, end + 17)) faults.push(`the page scrolls to ${scrollHeight}px, and its last element ends at ${end}px`);
}

// ---- The rows of a table have one layout: what is the same thing begins at the same place of each row.
for (const table of root.querySelectorAll('table')) {
  if (isHidden(table)) continue;
  const places = new Map();
  for (const row of table.tBodies[0]?.rows ?? []) {
    const start = row.getBoundingClientRect().left;
    [...row.cells].forEach((cell, column) => {
      for (const part of [cell, ...cell.querySelectorAll(':scope > *, :scope > div > *')]) {
        if (isHidden(part) || part.closest('.row-actions') && part !== cell || getComputedStyle(part).display === 'inline' && part.matches('.tag, .muted')) continue;
        const what = `column ${column + 1}, ${part.localName}.${part.className}`;
        const left = Math.round(part.getBoundingClientRect().left - start);
        if (!places.has(what)) places.set(what, left);
        else if (Math.abs(places.get(what) - left) > 1) faults.push(`${what} begins at ${places.get(what)}px in one row and at ${left}px in another: ${name(row)}`);
      }
    });
  }
}

// ---- On a wide screen nothing of a list or an identifier is cut off.
for (const part of innerWidth < 1280 ? [] : root.querySelectorAll('.scroll, .id > code')) {
  if (!isHidden(part) && part.scrollWidth > part.clientWidth + 1 && getComputedStyle(part).display !== 'inline') {
    faults.push(`${name(part)} is ${part.scrollWidth}px wide and shows ${part.clientWidth}px`);
  }
}
return faults;
