// The API reference: the OpenAPI document this server serves, made readable without a network.

import * as api from '/web/api.js';
import { el, setText } from '/web/dom.js';
import { notice } from '/web/notice.js';
import '/web/page-bar.js';
import { matches, sections } from '/web/schema-model.js';
import { breakable, operationView } from '/web/schema-operation.js';
import { prose } from '/web/schema-tree.js';
import { count, reason } from '/web/wording.js';

const filter = document.getElementById('filter');
const main = document.getElementById('operations');
let shown = [];

function show(description) {
  const { title, version, description: about } = description.info;
  setText(document.getElementById('title'), `${title} ${version}`);
  document.title = `${title} API reference`;
  document.getElementById('about').replaceChildren(...prose(about));
  const listed = sections(description).map((section) => ({ ...section, ...views(description, section) }));
  document.getElementById('sections').replaceChildren(...listed.map((section) => section.view));
  document.getElementById('contents').replaceChildren(...listed.map((section) => section.links));
  shown = listed;
  main.removeAttribute('aria-busy');
}

function views(description, { name, description: about, operations }) {
  const entries = operations.map((operation) => ({
    operation,
    view: operationView(description, operation),
    link: el('li', {}, el('a', { href: `#${operation.id}` }, el('span', { class: 'method', 'data-method': operation.method }, operation.method), el('span', {}, breakable(operation.path)))),
  }));
  return {
    entries,
    view: el('section', { class: 'tag' }, el('h2', {}, name), prose(about), entries.map(({ view }) => view)),
    links: el('section', {}, el('h2', {}, name), el('ul', {}, entries.map(({ link }) => link))),
  };
}

function narrow() {
  const query = filter.value.trim();
  let found = 0;
  for (const { view, links, entries } of shown) {
    const here = entries.filter(({ operation, view: row, link }) => {
      const fits = matches(operation, query);
      row.hidden = link.hidden = !fits;
      return fits;
    });
    view.hidden = links.hidden = !here.length;
    found += here.length;
  }
  setText(document.getElementById('found'), query ? `${count(found)} found` : '');
}

// A link to an operation opens it, also when the filter had put it away.
function follow() {
  const target = document.getElementById(decodeURIComponent(location.hash.slice(1)));
  if (!target?.matches('.operation')) return;
  if (target.hidden) {
    filter.value = '';
    narrow();
  }
  target.open = true;
  target.scrollIntoView();
  target.firstElementChild.focus({ preventScroll: true });
}

async function start() {
  api.session().then(({ data }) => document.querySelector('page-bar').identify(data), () => {});
  const { data } = await api.read('/schema/openapi.json').catch(failed);
  if (!data) return;
  show(data);
  narrow();
  follow();
}

function failed(problem) {
  const action = { label: 'Try again', run: () => location.reload() };
  main.replaceChildren(notice({ name: 'failed', symbol: 'alert', title: 'The reference did not load', text: reason(problem), action, heading: 'h1' }));
  return {};
}

filter.addEventListener('input', narrow);
document.addEventListener('click', (click) => click.target.closest?.('a[href^="#"]')?.hash === location.hash && follow());
addEventListener('hashchange', follow);
start();
