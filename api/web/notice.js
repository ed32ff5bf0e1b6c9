// A quiet panel in place of content: empty, failed, signed out, not found.

import { el } from '/web/dom.js';
import { icon } from '/web/icons.js';

export function notice({ name, symbol = 'ring', title, text, action = null, heading = 'h2' }) {
  return el(
    'div',
    { class: 'notice', 'data-notice': name },
    icon(symbol),
    el(heading, { tabindex: '-1' }, title),
    text && el('p', {}, text),
    action && control(action),
  );
}

function control({ label, href, run }) {
  if (href) return el('a', { class: 'button', href }, label);
  return el('button', { type: 'button', class: 'button', onclick: run }, label);
}
