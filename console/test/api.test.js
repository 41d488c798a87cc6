import assert from "node:assert/strict";
import test from "node:test";
import { Api, ApiError, expiry } from "../assets/api.js";

/** An Api whose answers are given in order. A function may throw or inspect the request. */
function fake(...answers) {
  const requests = [];
  const waits = [];
  let unauthorized = 0;
  const api = new Api({
    base: "https://x.example/live/", account: "a 1", token: "T", onUnauthorized: () => unauthorized++,
    sleep: async (ms) => { waits.push(ms); },
    fetch: async (url, init) => {
      requests.push({ url, ...init });
      const answer = answers.shift();
      return typeof answer === "function" ? answer(url, init) : answer;
    },
  });
  return { api, requests, waits, unauthorized: () => unauthorized, left: () => answers.length };
}

const json = (status, body = {}, headers = {}) => new Response(JSON.stringify(body), { status, headers });
const fails = (promise, want) => assert.rejects(promise, (err) => {
  assert.ok(err instanceof ApiError, String(err));
  for (const [key, value] of Object.entries(want)) assert.equal(err[key], value, key);
  return true;
});

test("list sends the token, the account and the filters, and returns the cursor", async () => {
  const { api, requests } = fake(json(200, { data: [{ id: "1" }], next_start_key: "k" }));
  const page = await api.list({ owner: "u/1", filter_direction: "inbound", start_key: undefined, has_key: "", page_size: 50 });
  assert.deepEqual(page, { data: [{ id: "1" }], nextStartKey: "k" });
  assert.equal(requests[0].url, "https://x.example/live/v2/accounts/a%201/users/u%2F1/recordings?filter_direction=inbound&page_size=50");
  assert.equal(requests[0].headers["X-Auth-Token"], "T");
  assert.equal(requests[0].headers["Content-Type"], undefined);
  assert.equal(requests[0].credentials, "omit");
});

test("fields that a Kazoo wrote in other types do not break the page", async () => {
  const odd = { id: "1", start: "63962989920", duration: "x", caller_id_number: 1001, to: null, owner_id: { a: 1 }, user_metadata: 5 };
  const { data } = await fake(json(200, { data: [odd] })).api.list({});
  assert.deepEqual(data, [{ id: "1", start: 63962989920, duration: 0, caller_id_number: "1001", owner_id: '{"a":1}', user_metadata: 5 }]);
  const { recording } = await fake(json(200, { data: { id: "1", from: 7 } })).api.get("1");
  assert.equal(recording.from, "7");
});

test("a GET is retried after 429 and 503, and waits at least as long as Retry-After", async () => {
  const { api, waits } = fake(json(503, {}, { "Retry-After": "2" }), json(429, {}, { "Retry-After": "5" }), json(503), json(200, { data: [] }));
  await api.list({});
  assert.equal(waits.length, 3);
  assert.ok(waits[0] >= 2000 && waits[1] >= 5000 && waits[2] > 0 && waits[2] <= 2000, String(waits));
});

test("three retries are the limit", async () => {
  const { api, requests } = fake(...Array.from({ length: 9 }, () => json(503, { message: "datastore_unreachable", data: { message: "m" } }, { "Retry-After": "1" })));
  await fails(api.get("1"), { status: 503, message: "datastore_unreachable", cause: "m", retryAfter: 1 });
  assert.equal(requests.length, 4);
});

test("a Retry-After beyond 20 seconds is left to the person", async () => {
  const { api, waits } = fake(json(429, {}, { "Retry-After": "21" }));
  await fails(api.list({}), { status: 429, retryAfter: 21 });
  assert.equal(waits.length, 0);
});

test("a PATCH is retried after 429, which did nothing, but not after 503", async () => {
  const first = fake(json(429), json(200, { data: { id: "1" } }, { ETag: '"2"' }));
  assert.deepEqual(await first.api.patch("1", { tags: { a: true } }, '"1"'), { recording: { id: "1" }, etag: '"2"' });
  assert.equal(first.requests[1].headers["If-Match"], '"1"');
  assert.equal(first.requests[1].body, '{"data":{"user_metadata":{"tags":{"a":true}}}}');
  const second = fake(json(503), json(200, { data: {} }));
  await fails(second.api.patch("1", {}), { status: 503 });
  assert.equal(second.left(), 1);
});

test("a conflict is an error with status 412", async () => {
  await fails(fake(json(412, { message: "precondition_failed", data: { doc: "/v2/errors#precondition_failed" } })).api.patch("1", {}, '"1"'), {
    status: 412, message: "precondition_failed", doc: "https://x.example/live/v2/errors#precondition_failed",
  });
});

test("a delete that is retried after a lost answer accepts that the recording is deleted", async () => {
  await fake(json(503), json(404)).api.remove("1");
  await fails(fake(json(404)).api.remove("1"), { status: 404 });
  await fails(fake(json(429), json(404)).api.remove("1"), { status: 404 });
});

test("a create keeps its idempotency key through retries", async () => {
  const upload = { method: "PUT", url: "https://b.example/x", headers: {}, expires: "" };
  const { api, requests } = fake(json(503), json(201, { data: { id: "1", _read_only: { upload } } }));
  const made = await api.create({ data: {} });
  assert.deepEqual(made.upload, upload);
  assert.match(requests[0].headers["Idempotency-Key"], /^[0-9a-f]{32}$/);
  assert.equal(requests[0].headers["Idempotency-Key"], requests[1].headers["Idempotency-Key"]);
});

test("401 ends the session, and 403 is remembered for its method", async () => {
  const { api, unauthorized } = fake(json(401), json(403));
  await fails(api.get("1"), { status: 401 });
  assert.equal(unauthorized(), 1);
  assert.equal(api.may("DELETE"), true);
  await fails(api.remove("1"), { status: 403 });
  assert.equal(api.may("DELETE"), false);
  assert.equal(api.may("GET"), true);
});

test("no answer, and an answer that is not JSON, are errors with status 0", async () => {
  await fails(fake(() => { throw new TypeError("failed to fetch"); }).api.list({}), { status: 0, cause: "failed to fetch" });
  await fails(fake(new Response("<html>", { status: 200 })).api.list({}), { status: 0 });
  await fails(fake(new Response("<html>", { status: 502, statusText: "Bad Gateway" })).api.list({}), { status: 502, message: "Bad Gateway" });
});

test("an aborted request throws the abort, not an ApiError", async () => {
  const stop = new AbortController();
  const { api } = fake((url, { signal }) => new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason))));
  const listed = api.list({}, { signal: stop.signal });
  stop.abort();
  await assert.rejects(listed, { name: "AbortError" });
});

test("audioUrl returns the address that the redirect led to, and when it expires", async () => {
  const url = "https://bucket.example/key?X-Amz-Date=20261128T105957Z&X-Amz-Expires=628";
  const redirected = (to) => Object.defineProperties(new Response("x", { status: 206 }), { redirected: { value: true }, url: { value: to } });
  const { api, requests } = fake(redirected(url));
  assert.deepEqual(await api.audioUrl("1"), { url, expires: Date.UTC(2026, 10, 28, 11, 10, 25) });
  assert.equal(requests[0].url, "https://x.example/live/v2/accounts/a%201/recordings/1/audio?inline=true&delivery=redirect");
  assert.equal(requests[0].headers.Range, "bytes=0-0");
});

test("audioUrl falls back to the API's own address", async () => {
  const own = "https://x.example/live/v2/accounts/a%201/recordings/1/audio?inline=true&auth_token=T";
  assert.deepEqual(await fake(new Response("x", { status: 206 })).api.audioUrl("1"), { url: own });
  assert.deepEqual(await fake(() => { throw new TypeError("CORS"); }).api.audioUrl("1"), { url: own });
  await fails(fake(json(404)).api.audioUrl("1"), { status: 404 });
});

test("fetchAudio asks for an inclusive range", async () => {
  const { api, requests } = fake(new Response("x", { status: 206 }));
  await api.fetchAudio("1", { range: [0, 99] });
  assert.equal(requests[0].headers.Range, "bytes=0-99");
});

test("offers reads the API's definition once", async () => {
  const { api, requests } = fake(json(200, { paths: { "/{version}/accounts/{account_id}/recordings/{recording_id}/links": {} } }));
  assert.equal(await api.offers("/links"), true);
  assert.equal(await api.offers("/restore"), false);
  assert.equal(requests.length, 1);
  assert.equal(await fake(json(404)).api.offers("/links"), false);
});

test("expiry of a URL that is not presigned is unknown", () => {
  assert.equal(expiry("https://x.example/a"), undefined);
  assert.equal(expiry("https://x.example/a?X-Amz-Date=bad&X-Amz-Expires=1"), undefined);
});
