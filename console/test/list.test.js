import assert from "node:assert/strict";
import test from "node:test";
import { csvLine, csvRow, defuse } from "../assets/csv.js";
import { Pager, step } from "../assets/pager.js";
import { moveBy, scrollToRow, visibleRows } from "../assets/window.js";

test("visible rows are those in sight and some beyond, within the list", () => {
  assert.deepEqual(visibleRows(0, 440, 44, 100000), { first: 0, last: 18 });
  assert.deepEqual(visibleRows(44000, 440, 44, 100000), { first: 992, last: 1018 });
  assert.deepEqual(visibleRows(44 * 100000 - 440, 440, 44, 100000), { first: 99982, last: 100000 });
  assert.deepEqual(visibleRows(0, 440, 44, 3), { first: 0, last: 3 });
  assert.deepEqual(visibleRows(0, 440, 0, 3), { first: 0, last: 0 });
  assert.deepEqual(visibleRows(1e6, 440, 44, 3), { first: 3, last: 3 }); // the list has become shorter
  assert.deepEqual(visibleRows(0, 440, 44, 0), { first: 0, last: 0 });
});

test("every row in sight is rendered at any scroll position", () => {
  for (let top = 0; top < 3000; top += 7) {
    const { first, last } = visibleRows(top, 300, 44, 60, 0);
    for (let i = 0; i < 60; i++) {
      const inSight = (i + 1) * 44 > top && i * 44 < top + 300;
      assert.ok(!inSight || (i >= first && i < last), `row ${i} at ${top}`);
    }
  }
});

test("scrolling to a row moves as little as possible", () => {
  assert.equal(scrollToRow(5, 0, 440, 44), 0);
  assert.equal(scrollToRow(10, 0, 440, 44), 44);
  assert.equal(scrollToRow(3, 440, 440, 44), 132);
  assert.equal(scrollToRow(3, 0, 20, 44), 132); // a row that is higher than the room: its beginning
});

test("keys move within the list", () => {
  const to = { ArrowDown: 6, ArrowUp: 4, PageDown: 15, PageUp: 0, Home: 0, End: 99, Enter: undefined, a: undefined };
  for (const [key, want] of Object.entries(to)) assert.equal(moveBy(key, 5, 100, 10), want, key);
  assert.equal(moveBy("ArrowDown", -1, 100, 10), 0);
  assert.equal(moveBy("ArrowDown", 99, 100, 10), 99);
});

/** A list of total recordings, of which every nth matches. */
function source(total, everyNth = 1) {
  const asked = [];
  return { asked, list: async (params) => {
    asked.push(params);
    const from = Number(params.start_key ?? 0);
    const to = Math.min(total, from + params.page_size);
    const data = Array.from({ length: to - from }, (_, i) => ({ id: String(from + i), match: (from + i) % everyNth === 0, custom_channel_vars: {} }));
    return { data, nextStartKey: to < total ? String(to) : undefined };
  } };
}

const all = { params: {}, local: null, localNames: [] };
const some = { params: { owner: "u" }, local: (r) => r.match, localNames: ["min"] };

test("a pager follows the cursors to the end and has each recording once", async () => {
  const api = source(3210);
  const pager = new Pager(api, all);
  while (!pager.done) await pager.more();
  assert.deepEqual(pager.rows.map((r) => r.id), Array.from({ length: 3210 }, (_, i) => String(i)));
  assert.equal(pager.rows[0].custom_channel_vars, undefined);
  assert.deepEqual(api.asked.slice(0, 6).map((p) => p.page_size), [50, 50, 250, 250, 1000, 1000]);
});

test("a pager passes over empty pages before the end", async () => {
  const pages = [{ data: [], nextStartKey: "1" }, { data: [], nextStartKey: "2" }, { data: [{ id: "x" }], nextStartKey: undefined }];
  const pager = new Pager({ list: async () => pages.shift() }, all);
  await pager.more();
  assert.equal(pager.rows.length, 1);
  assert.ok(pager.done && !pager.paused);
});

test("a filter of the page stops after a number of recordings, and goes on when asked", async () => {
  const pager = new Pager(source(20000, 10000), some);
  await pager.more();
  assert.ok(pager.paused && pager.examined >= step && pager.examined < step + 1000, String(pager.examined));
  assert.equal(pager.rows.length, 1);
  await pager.more();
  while (!pager.done) await pager.more();
  assert.equal(pager.paused, false);
  assert.deepEqual(pager.rows.map((r) => r.id), ["0", "10000"]);
  assert.equal(pager.examined, 20000);
});

test("a pager goes on after an error without losing or repeating a recording", async () => {
  const api = source(500);
  let failing = true;
  const pager = new Pager({ list: async (params) => {
    if (params.start_key === "100" && failing) throw new Error("503");
    return api.list(params);
  } }, all);
  await assert.rejects(async () => { while (!pager.done) await pager.more(); }, /503/);
  failing = false;
  while (!pager.done) await pager.more();
  assert.equal(new Set(pager.rows.map((r) => r.id)).size, 500);
  assert.equal(pager.rows.length, 500);
});

test("an aborted page changes nothing", async () => {
  const stop = new AbortController();
  const pager = new Pager({ list: async () => { stop.abort(); return { data: [{ id: "1" }], nextStartKey: undefined }; } }, all);
  await assert.rejects(pager.more(stop.signal), { name: "AbortError" });
  assert.equal(pager.rows.length, 0);
  assert.equal(pager.done, false);
});

test("CSV cells are quoted and defused", () => {
  assert.equal(csvLine(["a,b", 'say "x"', "two\nlines", 5, undefined]), '"a,b","say ""x""","two\nlines",5,\r\n');
  for (const text of ["=1+1", "@x", "-x", " =1", "\u200b=1", "＝1", "\t1", "+1-2", "\u00a0@x"]) assert.equal(defuse(text), `'${text}`, JSON.stringify(text));
  for (const text of ["+15550100", "-5", "plain", "", "a=1", " 1"]) assert.equal(defuse(text), text, JSON.stringify(text));
});

test("a CSV row has what the list shows", () => {
  const row = csvRow({
    id: "202611-x", start: 63962989920, direction: "inbound", caller_id_name: "Dana", caller_id_number: "+15550142", to: "1001@pbx",
    duration: 14, owner_id: "u", user_metadata: { tags: { a: true, b: {} } }, _read_only: { state: "ready" },
  });
  assert.equal(row, "202611-x,2026-11-27T09:12:00Z,inbound,Dana,+15550142,,1001,14,u,a b,ready\r\n");
  assert.equal(csvRow({ id: "1" }), "1,,,,,,,,,,\r\n");
});
