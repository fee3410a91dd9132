// Asks a running bff-web as clients do: node check.mjs GRAPHQL_URL CUSTOMER_FAULTS_URL
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { buildClientSchema, getIntrospectionQuery } from "graphql";
import { serverAudits } from "graphql-http";
import { ClientError, GraphQLClient, gql } from "graphql-request";

const [url, faults] = process.argv.slice(2);
const client = new GraphQLClient(url);

async function reads() {
  const { order } = await client.request(gql`
    query Order($id: ID!) { order(id: $id) { id total customer { name } } }
  `, { id: 1 });
  assert.deepEqual(order, { id: "1", total: 5.5, customer: { name: "John Doe" } });
  const byUrl = new GraphQLClient(url, { method: "GET", headers: { "GraphQL-Preflight": "1" } });
  assert.equal((await byUrl.request("{ order(id: 1) { total } }")).order.total, 5.5);
}

async function pages() {
  const seen = new Set();
  let after = null;
  for (let page = 0; page < 3; page++) {
    const { orders } = await client.request(gql`
      query Page($after: String) { orders(first: 7, after: $after) { edges { cursor node { id } } pageInfo { endCursor hasNextPage } } }
    `, { after });
    for (const edge of orders.edges) seen.add(edge.node.id);
    assert.equal(orders.pageInfo.endCursor, orders.edges.at(-1).cursor);
    after = orders.pageInfo.endCursor;
  }
  assert.equal(seen.size, 21);
}

async function writes() {
  const place = gql`
    mutation Place($input: NewOrderInput!, $key: String!) {
      placeOrder(input: $input, idempotencyKey: $key) { order { id status total } }
    }
  `;
  const input = { customerId: 56, description: "two things", currency: "EUR", lines: [{ description: "notebook", quantity: 2, price: 3.5 }] };
  const key = randomUUID();
  const first = await client.request(place, { input, key });
  const again = await client.request(place, { input, key });
  assert.deepEqual(first, again);
  assert.equal(first.placeOrder.order.total, 7);
  const refused = await client.request(place, { input: { ...input, currency: "euro" }, key }).catch((error) => error);
  assert.ok(refused instanceof ClientError);
  const { code, errors } = refused.response.errors[0].extensions;
  assert.deepEqual([code, errors.map((error) => error.field)], ["invalidInput", ["currency"]]);
  const { cancelOrder } = await client.request(gql`
    mutation Cancel($id: ID!) { cancelOrder(id: $id) { order { status } } }
  `, { id: first.placeOrder.order.id });
  assert.equal(cancelOrder.order.status, "cancelled");
}

async function partial() {
  const set = (body) => fetch(faults, { method: "PUT", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) });
  assert.ok((await set({ faults: [{ refuse: true }] })).ok);
  const patient = new GraphQLClient(url, { errorPolicy: "all" });
  const { data, errors, extensions } = await patient.rawRequest("{ order(id: 4321) { id customer { name } } }");
  assert.deepEqual(data, { order: { id: "4321", customer: null } });
  assert.deepEqual(errors[0].path, ["order", "customer"]);
  assert.deepEqual([errors[0].extensions.code, extensions.sources.order.state, extensions.sources.customers.state],
    ["upstreamUnavailable", "fresh", "omitted"]);
  assert.ok((await set({ faults: [] })).ok);
}

async function schema() {
  const built = buildClientSchema(await client.request(getIntrospectionQuery()));
  assert.ok(built.getType("OrderConnection"));
}

async function audits() {
  const audited = serverAudits({
    url,
    fetchFn: (target, init = {}) => {
      // What every GET needs here, so that no page of another site can send it.
      const preflight = init.method === "POST" ? {} : { "GraphQL-Preflight": "1" };
      return fetch(target, { ...init, headers: { ...init.headers, ...preflight } });
    },
  });
  const wrong = [];
  for (const audit of audited) {
    const result = await audit.fn();
    if (result.status !== "ok") wrong.push(`${result.status}: ${audit.id} ${audit.name}: ${result.reason}`);
  }
  assert.deepEqual(wrong, []);
  return audited.length;
}

for (const check of [reads, pages, writes, schema, partial]) await check();
console.log(`graphql-client-check: a client gets what it asks for, and all ${await audits()} audits pass`);
