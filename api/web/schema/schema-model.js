// An OpenAPI 3.1 document as the reference page reads it; no document of the browser's in here.

const METHODS = ['get', 'put', 'post', 'patch', 'delete', 'head', 'options', 'trace'];

// Operations under their first tag, tags in the order the document names or first uses them.
export function sections(document) {
  const byTag = new Map((document.tags ?? []).map((tag) => [tag.name, { ...tag, operations: [] }]));
  for (const operation of operations(document)) {
    if (!byTag.has(operation.tag)) byTag.set(operation.tag, { name: operation.tag, operations: [] });
    byTag.get(operation.tag).operations.push(operation);
  }
  return [...byTag.values()].filter((section) => section.operations.length);
}

function operations(document) {
  return Object.entries(document.paths ?? {}).flatMap(([path, item]) =>
    METHODS.filter((method) => item[method]).map((method) => {
      const operation = item[method];
      return {
        ...operation,
        method: method.toUpperCase(),
        path,
        tag: operation.tags?.[0] ?? 'Other',
        id: operation.operationId ?? `${method}${path}`.replace(/[^\w]+/g, '-'),
        parameters: parameters(document, item.parameters, operation.parameters),
        security: operation.security ?? document.security ?? [],
      };
    }),
  );
}

function parameters(document, shared = [], own = []) {
  const resolved = [...shared, ...own].map((parameter) => resolve(document, parameter));
  return [...new Map(resolved.map((parameter) => [`${parameter.in} ${parameter.name}`, parameter])).values()];
}

export function matches(operation, query) {
  const text = [operation.method, operation.path, operation.summary, operation.description, operation.id, operation.tag].join(' ').toLowerCase();
  return query.toLowerCase().split(/\s+/).every((word) => text.includes(word));
}

// Follows $ref; what stands beside a $ref (3.1 allows it) wins over what it points to.
export function resolve(document, node) {
  const followed = new Set();
  let current = node ?? {};
  while (typeof current.$ref === 'string' && !followed.has(current.$ref)) {
    const { $ref, ...beside } = current;
    followed.add($ref);
    current = { ...pointed(document, $ref), ...beside };
  }
  return current;
}

export function refName(ref) {
  return decodeURIComponent(ref.split('/').at(-1));
}

function pointed(document, ref) {
  if (!ref.startsWith('#/')) return {};
  const keys = ref.slice(2).split('/').map((key) => decodeURIComponent(key).replace(/~1/g, '/').replace(/~0/g, '~'));
  return keys.reduce((node, key) => node?.[key], document) ?? {};
}

// One schema with its $ref followed and its allOf folded in.
export function flat(document, schema) {
  const { allOf, ...rest } = resolve(document, schema);
  if (!allOf) return rest;
  return [...allOf.map((part) => flat(document, part)), rest].reduce((whole, part) => ({
    ...whole,
    ...part,
    properties: { ...whole.properties, ...part.properties },
    required: [...(whole.required ?? []), ...(part.required ?? [])],
  }));
}

export function variants(schema) {
  return (schema.oneOf ?? schema.anyOf ?? []).filter((variant) => variant.type !== 'null');
}

export function typeOf(document, schema) {
  if (schema === true || schema == null) return 'anything';
  if (schema.$ref) return named(document, schema);
  const several = schema.oneOf ?? schema.anyOf;
  if (several) return several.map((variant) => typeOf(document, variant)).join(' or ');
  const whole = flat(document, schema);
  if ('const' in whole) return JSON.stringify(whole.const);
  if (whole.type === 'array') return `list of ${typeOf(document, whole.items)}`;
  if (Array.isArray(whole.type)) return whole.type.join(' or ');
  if (whole.type) return whole.format ? `${whole.type} (${whole.format})` : whole.type;
  return whole.properties ? 'object' : whole.enum ? 'one of' : 'anything';
}

function named(document, { $ref }) {
  const target = resolve(document, { $ref });
  return target.properties || target.oneOf || target.anyOf ? target.title ?? refName($ref) : typeOf(document, target);
}

const BOUNDS = [
  ['minimum', (value) => `at least ${value}`],
  ['exclusiveMinimum', (value) => `more than ${value}`],
  ['maximum', (value) => `at most ${value}`],
  ['exclusiveMaximum', (value) => `less than ${value}`],
  ['multipleOf', (value) => `in steps of ${value}`],
  ['minLength', (value) => value > 0 && (value === 1 ? 'not empty' : `${value} characters or more`)],
  ['maxLength', (value) => `${value} characters or fewer`],
  ['minItems', (value) => value > 0 && (value === 1 ? 'not empty' : `${value} items or more`)],
  ['maxItems', (value) => `${value} items or fewer`],
  ['uniqueItems', (value) => value && 'no item twice'],
  ['pattern', (value) => `matches ${value}`],
  ['default', (value) => `${JSON.stringify(value)} when absent`],
  ['enum', (values) => `one of ${values.map((value) => JSON.stringify(value)).join(', ')}`],
  ['deprecated', (value) => value && 'deprecated'],
  ['readOnly', (value) => value && 'only in replies'],
  ['writeOnly', (value) => value && 'only in requests'],
  ['additionalProperties', (value) => value === false && 'no other fields'],
];

export function bounds(document, schema) {
  const whole = flat(document, schema);
  return BOUNDS.filter(([key]) => key in whole).map(([key, say]) => say(whole[key])).filter(Boolean);
}
