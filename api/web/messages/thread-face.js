// Who somebody is at a glance: their initials, in a colour of their own.

import { el } from '/web/dom.js';
import { icon } from '/web/icons.js';
import { initials } from '/web/thread-model.js';

const HUES = 8;

export function face({ with: id, name, erased }) {
  if (erased) return el('span', { class: 'face', 'data-erased': true, 'aria-hidden': 'true' }, icon('ring'));
  return el('span', { class: 'face', 'data-hue': hue(id), 'aria-hidden': 'true' }, initials(name));
}

function hue(id) {
  return [...id].reduce((sum, letter) => (sum * 31 + letter.codePointAt(0)) % 997, 7) % HUES;
}
