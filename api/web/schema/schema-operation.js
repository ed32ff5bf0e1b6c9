// One operation of the API: folded to a line, filled in when it is first opened.

import { el } from '/web/dom.js';
import { flat, resolve, typeOf } from '/web/schema-model.js';
import { fieldItem, prose, schemaTree } from '/web/schema-tree.js';

export function operationView(document, operation) {
  const heading = el('h3', {}, el('span', { class: 'method', 'data-method': operation.method }, operation.method), ' ', el('code', {}, breakable(operation.path)));
  const view = el('details', { class: 'operation', id: operation.id }, el('summary', {}, heading, el('span', { class: 'operation-summary' }, operation.summary ?? '')));
  view.addEventListener('toggle', () => view.open && view.children.length === 1 && view.append(body(document, operation)));
  return view;
}

// Long paths may break after a slash, on a phone they have to.
export function breakable(path) {
  return path.split('/').flatMap((part, index) => (index ? ['/', el('wbr'), part] : [part]));
}

function body(document, operation) {
  return el(
    'div',
    { class: 'operation-body' },
    prose(operation.description),
    el('p', { class: 'operation-link' }, el('a', { href: `#${operation.id}` }, 'Link to this operation'), operation.deprecated && ' \u00b7 deprecated'),
    needs(operation),
    parameters(document, operation),
    request(document, operation),
    responses(document, operation),
  );
}

function needs({ security }) {
  if (!security.length) return null;
  const ways = security.map((way) => Object.keys(way).join(' and ') || 'nothing').join(', or ');
  return el('p', { class: 'muted' }, `Sign in with: ${ways}.`);
}

const PLACES = { path: 'In the path', query: 'In the query', header: 'In the headers', cookie: 'In cookies' };

function parameters(document, operation) {
  return Object.entries(PLACES).map(([place, title]) => {
    const here = operation.parameters.filter((parameter) => parameter.in === place);
    if (!here.length) return null;
    const items = here.map(({ name, schema = {}, description, required }) => fieldItem(document, name, description ? { ...schema, description } : schema, required));
    return el('section', {}, el('h4', {}, title), el('ul', { class: 'fields' }, items));
  });
}

function request(document, operation) {
  if (!operation.requestBody) return null;
  const { content = {}, description, required } = resolve(document, operation.requestBody);
  return el('section', {}, el('h4', {}, required ? 'Body, required' : 'Body'), prose(description), contents(document, content));
}

function responses(document, operation) {
  const answers = Object.entries(operation.responses ?? {}).map(([status, response]) => answer(document, status, resolve(document, response)));
  return el('section', {}, el('h4', {}, 'Answers'), el('ul', { class: 'answers' }, answers));
}

function answer(document, status, { description, content = {}, headers = {} }) {
  const named = Object.entries(headers).map(([name, header]) => {
    const { schema = {}, description: text, required } = resolve(document, header);
    return fieldItem(document, name, text ? { ...schema, description: text } : schema, required);
  });
  return el(
    'li',
    { class: 'answer' },
    el('p', { class: 'field-head' }, el('strong', { class: 'status', 'data-kind': status[0] }, status), ' ', description ?? ''),
    named.length > 0 && el('details', { class: 'deeper' }, el('summary', {}, 'Headers'), el('ul', { class: 'fields' }, named)),
    contents(document, content, status[0] === '2'),
  );
}

function contents(document, content, open = true) {
  return Object.entries(content).map(([type, { schema = {} }]) => {
    const label = `${type}: ${typeOf(document, schema)}`;
    const tree = schemaTree(document, schema);
    const text = prose(flat(document, schema).description);
    if (!tree) return [el('p', { class: 'field-bounds' }, label), text];
    return el('details', { class: 'deeper', open }, el('summary', {}, label), text, tree);
  });
}
