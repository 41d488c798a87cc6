import assert from "node:assert/strict";
import test from "node:test";
import { countFilters, noFilters, parseView, party, tagsOf, toQuery, viewQuery } from "../assets/view.js";
import { toGregorian } from "../assets/i18n.js";

const now = new Date(2026, 2, 15, 13, 45); // local time
const midnight = (day, month = 2) => toGregorian(new Date(2026, month, day));
const query = (filters) => toQuery({ ...noFilters, ...filters }, now);
const sent = (filters) => Object.fromEntries(Object.entries(query(filters).params).filter(([, v]) => v !== undefined && v !== ""));

test("a view survives the address bar", () => {
  const views = [
    { filters: noFilters, account: "", recording: "" },
    { filters: { ...noFilters, range: "7d", tag: "a & b=c#d", number: "+49 (30) 1" }, account: "a1", recording: "202611-x" },
    { filters: { range: "r", from: "2026-01-01", to: "2026-02-01", direction: "inbound", number: "ü%", side: "to", owner: "o", tag: "+", min: "60", state: "failed" }, account: "a", recording: "r" },
  ];
  for (const view of views) assert.deepEqual(parseView(viewQuery(view)), view);
  assert.equal(viewQuery(views[0]), "");
});

test("unknown parameters of the address are ignored", () => {
  assert.deepEqual(parseView("?token=secret&x=1&min=%2060%20").filters, { ...noFilters, min: "60" });
});

test("filters are counted once each, and sides only with a number", () => {
  assert.equal(countFilters(noFilters), 0);
  assert.equal(countFilters({ ...noFilters, from: "2026-01-01", to: "2026-01-02" }), 1);
  assert.equal(countFilters({ ...noFilters, range: "7d", number: "1", side: "from", min: "10" }), 3);
});

test("ranges are whole days of the viewer's time zone", () => {
  assert.deepEqual(sent({}), {});
  assert.deepEqual(sent({ range: "today" }), { created_from: midnight(15) });
  assert.deepEqual(sent({ range: "yesterday" }), { created_from: midnight(14), created_to: midnight(15) - 1 });
  assert.deepEqual(sent({ range: "7d" }), { created_from: midnight(9) });
  assert.deepEqual(sent({ range: "30d" }), { created_from: midnight(14, 1) });
  assert.deepEqual(sent({ from: "2026-03-01", to: "2026-03-01" }), { created_from: midnight(1), created_to: midnight(2) - 1 });
  assert.deepEqual(sent({ to: "2026-03-31" }), { created_to: midnight(1, 3) - 1 });
  assert.deepEqual(sent({ from: "yesterday", to: "1" }), {});
});

test("the API compares direction, owner, tag and the number of one side", () => {
  const all = query({ direction: "inbound", owner: "u1", tag: "vip", number: "+1 (555) 010-0", side: "from" });
  assert.equal(all.local, null);
  assert.deepEqual(all.localNames, []);
  assert.deepEqual(sent({ direction: "inbound", owner: "u1", tag: "vip", number: "1001", side: "to" }), {
    filter_direction: "inbound", owner: "u1", has_key: "user_metadata.tags.vip", filter_callee_id_number: '["1001","+1001"]',
  });
  assert.equal(sent({ number: "+1 555", side: "from" }).filter_caller_id_number, '["+1 555","1555","+1555"]');
});

test("the page compares what the API cannot, and names it", () => {
  const { local, localNames } = query({ number: "reyes", min: "60", state: "ready" });
  assert.deepEqual(localNames, ["number", "min", "state"]);
  const fits = { id: "1", caller_id_name: "Dana Reyes", duration: 60, _read_only: { state: "ready" } };
  assert.equal(local(fits), true);
  for (const other of [{ caller_id_name: "Kim" }, { duration: 59 }, { duration: undefined }, { _read_only: undefined }, { _read_only: { state: "failed" } }]) {
    assert.equal(local({ ...fits, ...other }), false, JSON.stringify(other));
  }
});

test("a number is found in part, on either side or on one", () => {
  const recording = { id: "1", from: "+15550142@pbx.example.com", caller_id_number: "+15550142", callee_id_number: "1001", callee_id_name: "Front desk" };
  const found = (number, side = "") => query({ number, side }).local(recording);
  assert.equal(found("555-01 42"), true);
  assert.equal(found("1001"), true);
  assert.equal(found("desk", "to"), true);
  assert.equal(found("desk", "from"), false);
  assert.equal(found("9"), false);
});

test("the tag of a filter has the form in which the page stores tags", () => {
  assert.equal(sent({ tag: " v1.2  beta" }).has_key, "user_metadata.tags.v1 2 beta");
});

test("tags are read from what any client may have written", () => {
  assert.deepEqual(tagsOf({ id: "1", user_metadata: { tags: { vip: {}, gone: null, "a b": { at: 3 } } } }), ["vip", "a b"]);
  assert.deepEqual(tagsOf({ id: "1", user_metadata: { tags: ["x", "y"] } }), ["x", "y"]);
  for (const metadata of [undefined, {}, { tags: {} }]) assert.deepEqual(tagsOf({ id: "1", user_metadata: metadata }), []);
});

test("a party is its name and number, and never repeats itself", () => {
  const of = (fields) => party({ id: "1", ...fields }, "from");
  assert.deepEqual(of({ caller_id_name: "Dana", caller_id_number: "12" }), { name: "Dana", number: "12" });
  assert.deepEqual(of({ caller_id_name: "12", caller_id_number: "12" }), { name: "", number: "12" });
  assert.deepEqual(of({ from: "1001@pbx" }), { name: "", number: "1001" });
  assert.deepEqual(of({ from: "unknown@unknown", caller_id_number: "" }), { name: "", number: "" });
  assert.deepEqual(of({}), { name: "", number: "" });
});
