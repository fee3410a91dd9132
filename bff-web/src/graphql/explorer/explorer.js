"use strict";

const EXAMPLES = [
  {
    name: "An order with its customer",
    query: "query Order($id: ID!) {\n  order(id: $id) {\n    id\n    description\n    status\n    lines { description quantity price }\n    total\n    customer { name email }\n    sources {\n      order { state ageSeconds reason }\n      customer { state ageSeconds reason }\n    }\n  }\n}\n",
    variables: { id: 1 },
  },
  {
    name: "Twenty orders with their customers: two calls",
    query: "query Latest($first: Int, $after: String) {\n  orders(first: $first, after: $after) {\n    edges {\n      cursor\n      node { id status placedAt total currency customer { name } }\n    }\n    pageInfo { hasNextPage endCursor }\n    sources { orders { state } customers { state reason } }\n  }\n}\n",
    variables: { first: 20 },
  },
  {
    name: "A customer and their orders",
    query: "query Customer($id: ID!) {\n  customer(id: $id) {\n    name\n    phone\n    address { text street postcode city country }\n    orders(first: 5) {\n      nodes { id description status total }\n    }\n  }\n}\n",
    variables: { id: 56 },
  },
  {
    name: "Place an order, once for its key",
    query: "mutation Place($input: NewOrderInput!, $key: String!) {\n  placeOrder(input: $input, idempotencyKey: $key) {\n    order { id status total customer { name } }\n  }\n}\n",
    variables: () => ({
      input: {
        customerId: 56,
        description: "two things",
        currency: "EUR",
        lines: [{ description: "notebook", quantity: 2, price: 3.5 }],
      },
      key: Array.from(crypto.getRandomValues(new Uint8Array(8)), (byte) => byte.toString(16).padStart(2, "0")).join(""),
    }),
  },
  {
    name: "Cancel an order",
    query: "mutation Cancel($id: ID!) {\n  cancelOrder(id: $id) {\n    order { id status }\n  }\n}\n",
    variables: { id: 1 },
  },
];

const SCHEMA = `{ __schema { queryType { name } mutationType { name } types { name kind description
  fields { name description args { name type { ...T } } type { ...T } }
  inputFields { name description type { ...T } } enumValues { name description } } } }
  fragment T on __Type { kind name ofType { kind name ofType { kind name ofType { kind name } } } }`;

const find = (id) => document.getElementById(id);
const [query, variables, result, sources, status] = ["query", "variables", "result", "sources", "status"].map(find);

function element(name, attributes, ...children) {
  const made = Object.assign(document.createElement(name), attributes);
  made.append(...children);
  return made;
}

function send(body) {
  return fetch(location.pathname, {
    method: "POST",
    headers: { "Content-Type": "application/json", Accept: "application/graphql-response+json, application/json;q=0.9" },
    body: JSON.stringify(body),
  });
}

/* Only what is running may write its answer. */
let running = 0;

async function run() {
  const mine = ++running;
  let given;
  try {
    given = variables.value.trim() ? JSON.parse(variables.value) : {};
  } catch (error) {
    say(`The variables are no JSON: ${error.message}`, true);
    variables.focus();
    return;
  }
  say("Asking …");
  const begun = performance.now();
  try {
    const response = await send({ query: query.value, variables: given });
    const answer = JSON.parse(await response.text());
    if (mine === running) show(response.status, answer, performance.now() - begun);
  } catch (error) {
    if (mine === running) say(`No answer: ${error.message}`, true);
  }
}

function say(text, isError = false) {
  status.textContent = text;
  status.className = isError ? "error" : "";
}

function show(code, answer, took) {
  const cost = answer.extensions?.cost;
  const parts = [`${code}`, `${Math.round(took)} ms`];
  if (cost) {
    parts.push(`cost ${cost.complexity} of ${cost.maxComplexity}`, `depth ${cost.depth} of ${cost.maxDepth}`);
  }
  if (answer.errors) parts.push(answer.errors.length === 1 ? "1 error" : `${answer.errors.length} errors`);
  say(parts.join(" · "), Boolean(answer.errors));
  const told = Object.entries(answer.extensions?.sources ?? {});
  sources.replaceChildren(...told.map(([name, source]) => {
    const age = source.ageSeconds === undefined ? "" : `, ${source.ageSeconds} s old`;
    const reason = source.reason ? ` (${source.reason})` : "";
    return element("li", { className: source.state, textContent: `${name}: ${source.state}${age}${reason}` });
  }));
  result.replaceChildren(...coloured(JSON.stringify(answer, null, 2)));
  result.scrollTop = 0;
}

/* Names, texts and numbers of indented JSON, each in a colour of its own. */
function* coloured(json) {
  const token = /("(?:\\.|[^"\\])*")(\s*:)?|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?|\b(?:true|false|null)\b/g;
  let last = 0;
  for (const found of json.matchAll(token)) {
    yield json.slice(last, found.index);
    const text = found[1] ?? found[0];
    const kind = found[1] ? (found[2] ? "name" : "string") : "number";
    yield element("span", { className: kind, textContent: text });
    yield found[0].slice(text.length);
    last = found.index + found[0].length;
  }
  yield json.slice(last);
}

function choose(example) {
  query.value = example.query;
  const given = typeof example.variables === "function" ? example.variables() : example.variables;
  variables.value = JSON.stringify(given, null, 2);
}

function typeName(type) {
  if (type.kind === "NON_NULL") return `${typeName(type.ofType)}!`;
  if (type.kind === "LIST") return `[${typeName(type.ofType)}]`;
  return type.name;
}

function innermost(type) {
  return type.ofType ? innermost(type.ofType) : type;
}

/* What a field is in a query: with the arguments that it needs, and room for what is in it. */
function written(field) {
  const needed = (field.args ?? []).filter((argument) => argument.type.kind === "NON_NULL");
  const list = needed.length ? `(${needed.map((argument) => `${argument.name}: $${argument.name}`).join(", ")})` : "";
  return `${field.name}${list}${innermost(field.type).kind === "OBJECT" ? " {  }" : ""}`;
}

function insert(text) {
  const at = query.selectionStart;
  const before = query.value.slice(0, at);
  const space = before === "" || /[\s({]$/.test(before) ? "" : " ";
  query.focus();
  query.setRangeText(`${space}${text} `, at, query.selectionEnd, "end");
  const inner = text.endsWith("{  }") ? query.selectionStart - 3 : query.selectionStart;
  query.setSelectionRange(inner, inner);
}

function entry(type, field) {
  const shown = field.type ? `: ${typeName(field.type)}` : "";
  const args = field.args?.length ? `(${field.args.map((one) => `${one.name}: ${typeName(one.type)}`).join(", ")})` : "";
  const name = element("button", { type: "button", textContent: field.name, title: field.description ?? "" });
  name.addEventListener("click", () => insert(type.kind === "OBJECT" ? written(field) : field.name));
  return element("li", {}, name, element("span", { className: "type", textContent: `${args}${shown}` }));
}

async function reference() {
  const response = await send({ query: SCHEMA });
  const answer = await response.json();
  if (!answer.data) {
    find("types").textContent = "The schema is not told here.";
    return;
  }
  const { queryType, mutationType, types } = answer.data.__schema;
  const first = [queryType?.name, mutationType?.name];
  const rank = (type) => (first.indexOf(type.name) + 1) || first.length + 1;
  const known = types.filter((type) => !type.name.startsWith("__") && (type.fields || type.inputFields || type.enumValues));
  known.sort((one, other) => rank(one) - rank(other) || one.name.localeCompare(other.name));
  find("types").replaceChildren(...known.map((type) => {
    const members = type.fields ?? type.inputFields ?? type.enumValues;
    return element("details", { open: first.includes(type.name) },
      element("summary", { textContent: type.name, title: type.description ?? "" }),
      element("ul", {}, ...members.map((member) => entry(type, member))));
  }));
}

const examples = find("examples");
examples.append(...EXAMPLES.map((example, at) => element("option", { value: at, textContent: example.name })));
examples.addEventListener("change", () => choose(EXAMPLES[examples.value]));
find("run").addEventListener("click", run);
document.addEventListener("keydown", (event) => {
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
    event.preventDefault();
    run();
  }
});
choose(EXAMPLES[0]);
reference();
/* An address that ends in #run shows the first example with its answer. */
if (location.hash === "#run") run();
