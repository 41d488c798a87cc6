import assert from "node:assert/strict";
import test from "node:test";
import { entries, noteId, patchOf, readNotes, readTags, rebase, same, settle, tagFilter, tagName } from "../assets/annotations.js";

/** What the API does with a patch (docs/contract.md, Patch): objects merge, null removes. */
function merge(stored, patch) {
  const out = { ...stored };
  for (const [key, value] of Object.entries(patch)) {
    if (value === null) delete out[key];
    else if (typeof value === "object" && !Array.isArray(value)) out[key] = merge(typeof out[key] === "object" && !Array.isArray(out[key]) ? out[key] : {}, value);
    else out[key] = value;
  }
  return out;
}

test("tags are read by place, then by name", () => {
  const tags = readTags({ tags: { vip: true, late: { at: 80 }, early: { at: 2.5 }, agent: {}, gone: null, bad: { at: "7" } } });
  assert.deepEqual(tags.map((t) => [t.name, t.at]), [["agent", undefined], ["bad", undefined], ["vip", undefined], ["early", 2.5], ["late", 80]]);
});

test("notes are read by place, then by time of writing", () => {
  const notes = readNotes({ notes: { b: { text: "B", at: 5, created: "2026-02-01T00:00:00Z" }, a: { text: "A", at: 5, created: "2026-01-01T00:00:00Z", mood: "x" }, c: { text: "C" }, d: { at: 1 } } });
  assert.deepEqual(notes.map((n) => n.id), ["c", "a", "b"]);
  assert.equal(notes[1].mood, "x");
});

test("lists and texts of other clients are read", () => {
  assert.deepEqual(readTags({ tags: ["vip", { name: "price", at: 3 }, 7] }).map((t) => [t.name, t.at]), [["vip", undefined], ["price", 3]]);
  assert.deepEqual(readTags({ tags: "vip" }).map((t) => t.name), ["vip"]);
  assert.deepEqual(readNotes({ notes: ["one", { text: "two", at: 4 }] }).map((n) => [n.text, n.at]), [["one", undefined], ["two", 4]]);
  for (const none of [undefined, {}, { tags: 7, notes: true }, { tags: null }]) assert.deepEqual([...readTags(none), ...readNotes(none)], []);
});

test("a tag's name can be found by a filter", () => {
  assert.equal(tagName("  v.i.p\n now "), "v i p now");
  assert.equal(tagName("e\u0301"), "\u00e9");
  assert.equal(tagName("x".repeat(50)).length, 40);
  assert.deepEqual(tagFilter("a.b"), ["has_key", "user_metadata.tags.a b"]);
});

test("IDs of notes differ and contain no dot", () => {
  const ids = new Set(Array.from({ length: 200 }, noteId));
  assert.equal(ids.size, 200);
  for (const id of ids) assert.match(id, /^n[a-z0-9]{12}$/);
});

test("a patch changes only what was edited", () => {
  const stored = { mine: 1, tags: { vip: true, old: true }, notes: { n1: { text: "a", at: 3 } } };
  const patch = patchOf(stored, [{ kind: "tags", key: "new", value: { at: 2 } }, { kind: "tags", key: "old", value: null }, { kind: "notes", key: "n1", value: { text: "b" } }]);
  assert.deepEqual(patch, { tags: { new: { at: 2 }, old: null }, notes: { n1: { text: "b", at: null } } });
  assert.deepEqual(merge(stored, patch), { mine: 1, tags: { vip: true, new: { at: 2 } }, notes: { n1: { text: "b" } } });
});

test("a list that another client wrote becomes a map and loses nothing", () => {
  const stored = { tags: ["vip", "old"], notes: ["one"] };
  const patch = patchOf(stored, [{ kind: "tags", key: "old", value: null }, { kind: "tags", key: "new", value: true }, { kind: "notes", key: "n9", value: { text: "two" } }]);
  const after = merge(stored, patch);
  assert.deepEqual(readTags(after).map((t) => t.name), ["new", "vip"]);
  assert.deepEqual(readNotes(after).map((n) => n.text), ["one", "two"]);
});

test("values are compared by their members", () => {
  assert.ok(same({ at: 1, x: { y: 2 } }, { x: { y: 2 }, at: 1 }));
  assert.ok(same(undefined, null));
  assert.ok(!same({ at: 1 }, { at: 2 }));
  assert.ok(!same(true, {}));
});

const note = (text) => ({ text, at: 5 });

test("an edit of a key that the other client left alone is safe", () => {
  const theirs = { notes: { n1: note("a"), n2: note("theirs") }, tags: { other: true } };
  const edits = [{ kind: "notes", key: "n1", value: note("b"), base: note("a") }, { kind: "tags", key: "mine", value: true, base: undefined }];
  assert.deepEqual(rebase(theirs, edits), { safe: edits, conflicts: [] });
});

test("the same change of both clients is done", () => {
  assert.deepEqual(rebase({ tags: {} }, [{ kind: "tags", key: "vip", value: null, base: true }]), { safe: [], conflicts: [] });
  assert.deepEqual(rebase({ notes: { n1: note("b") } }, [{ kind: "notes", key: "n1", value: note("b"), base: note("a") }]), { safe: [], conflicts: [] });
});

test("different changes of one key are a conflict that holds both", () => {
  const edit = { kind: "notes", key: "n1", value: note("mine"), base: note("a") };
  const { safe, conflicts } = rebase({ notes: { n1: note("theirs") } }, [edit]);
  assert.deepEqual(safe, []);
  assert.deepEqual(conflicts, [{ ...edit, theirs: note("theirs") }]);
});

test("a note that the other client removed is a conflict, not lost text", () => {
  const { conflicts } = rebase({ notes: {} }, [{ kind: "notes", key: "n1", value: note("mine"), base: note("a") }]);
  assert.equal(conflicts.length, 1);
  assert.equal(conflicts[0].theirs, undefined);
});

test("each way to settle a conflict has its edits", () => {
  const c = { kind: "notes", key: "n1", value: note("mine"), theirs: note("theirs") };
  assert.deepEqual(settle(c, "mine"), [{ kind: "notes", key: "n1", value: note("mine"), base: note("theirs") }]);
  assert.deepEqual(settle(c, "theirs"), []);
  const [both, ...more] = settle(c, "both");
  assert.deepEqual(more, []);
  assert.notEqual(both.key, "n1");
  const after = merge({ notes: { n1: c.theirs } }, patchOf({ notes: { n1: c.theirs } }, [both]));
  assert.deepEqual(Object.values(entries(after, "notes")).map((n) => n.text).sort(), ["mine", "theirs"]);
});
