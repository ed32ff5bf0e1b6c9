// A schema as nested lists of fields; what is deeper, or comes again, waits folded until asked for.

import { el } from '/web/dom.js';
import { bounds, flat, refName, typeOf, variants } from '/web/schema-model.js';

const OPEN_LEVELS = 1;

export function prose(text) {
  return String(text ?? '')
    .split(/\n\s*\n/)
    .filter((paragraph) => paragraph.trim())
    .map((paragraph) => el('p', {}, paragraph.split(/(`[^`]+`)/).map(codeOrText)));
}

function codeOrText(piece) {
  return /^`[^`]+`$/.test(piece) ? el('code', {}, piece.slice(1, -1)) : piece;
}

export function schemaTree(document, schema, trail = []) {
  const ref = schema?.$ref;
  if (ref && trail.includes(ref)) return el('p', { class: 'muted' }, `${refName(ref)}, as above.`);
  const path = ref ? [...trail, ref] : trail;
  const whole = flat(document, schema);
  if (whole.type === 'array') return schemaTree(document, whole.items ?? {}, path);
  const choices = variants(whole);
  if (choices.length > 1) return alternatives(document, choices, path);
  if (choices.length === 1) return schemaTree(document, choices[0], path);
  const fields = Object.entries(whole.properties ?? {});
  const further = typeof whole.additionalProperties === 'object' ? whole.additionalProperties : null;
  if (!fields.length && !further) return null;
  return el(
    'ul',
    { class: 'fields' },
    fields.map(([name, field]) => fieldItem(document, name, field, whole.required?.includes(name), path)),
    further && fieldItem(document, 'any other name', further, false, path),
  );
}

export function fieldItem(document, name, schema, required, trail = []) {
  const limits = bounds(document, schema);
  const { description } = flat(document, schema);
  return el(
    'li',
    { class: 'field' },
    el('p', { class: 'field-head' }, el('code', { class: 'field-name' }, name), ' ', el('span', { class: 'field-type' }, typeOf(document, schema)), required && el('span', { class: 'field-required' }, 'required')),
    limits.length > 0 && el('p', { class: 'field-bounds' }, limits.join(' \u00b7 ')),
    prose(description),
    deeper(document, schema, trail),
  );
}

function deeper(document, schema, trail) {
  if (!schemaTree(document, shallow(document, schema), trail)) return null;
  const inner = el('details', { class: 'deeper', open: trail.length < OPEN_LEVELS }, el('summary', {}, 'Fields'));
  const fill = () => inner.children.length > 1 || inner.append(schemaTree(document, schema, trail));
  inner.addEventListener('toggle', fill);
  if (inner.open) fill();
  return inner;
}

// Enough of a schema to know whether there is something inside, without walking into it.
function shallow(document, schema) {
  const whole = flat(document, schema);
  if (whole.type === 'array') return shallow(document, whole.items ?? {});
  const choices = variants(whole);
  if (choices.length) return choices.some((choice) => shallow(document, choice).properties) ? { properties: { any: {} } } : {};
  const inside = Object.keys(whole.properties ?? {}).length || typeof whole.additionalProperties === 'object';
  return inside ? { properties: { any: {} } } : {};
}

function alternatives(document, choices, trail) {
  return el(
    'ul',
    { class: 'alternatives' },
    choices.map((choice) => el('li', {}, el('p', { class: 'field-head' }, 'Either ', el('span', { class: 'field-type' }, typeOf(document, choice))), schemaTree(document, choice, trail))),
  );
}
