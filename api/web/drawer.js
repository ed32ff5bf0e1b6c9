// A panel at the edge of the page, with a title, that a click beside it or Escape closes.

import { el, hiddenText } from '/web/dom.js';
import { icon } from '/web/icons.js';

export function drawer({ title, id, head = null, body }) {
  const heading = el('h2', { id, tabindex: '-1' }, title);
  const close = el('button', { type: 'button', class: 'icon-button', onclick: () => dialog.close() }, icon('close'), hiddenText('Close'));
  const dialog = el('dialog', { class: 'drawer', 'aria-labelledby': id }, el('header', { class: 'drawer-head' }, head ?? heading, close), head && heading, body);
  dialog.addEventListener('click', (click) => click.target === dialog && dialog.close());
  function open() {
    if (dialog.open) return;
    dialog.showModal();
    dialog.scrollTop = 0;
    heading.focus();
  }
  return { dialog, heading, open };
}
