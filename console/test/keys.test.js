import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import test from "node:test";
import { detailsOnly, keyFor, playerOnly, shortcuts } from "../assets/keys.js";
import { texts } from "../assets/texts.js";

const source = (name) => readFileSync(new URL(`../assets/${name}.js`, import.meta.url), "utf8");

test("every key has a method, a text in both languages, and one meaning", () => {
  assert.deepEqual(shortcuts, [...playerOnly, ...detailsOnly]);
  for (const [table, file] of [[playerOnly, "recording-player"], [detailsOnly, "recording-details"]]) {
    for (const { run } of table) assert.match(source(file), new RegExp(`^  (async )?${run}\\(\\) \\{$`, "m"), `${file} has no ${run}()`);
  }
  for (const { text } of shortcuts) for (const language of ["en", "de"]) assert.ok(texts[language][text], `${language} ${text}`);
  const all = shortcuts.flatMap((k) => k.on);
  assert.equal(new Set(all).size, all.length);
});

test("every action of the player has a key", () => {
  const buttons = [...source("controls").matchAll(/button\("\w+", "(\w+)"\)/g)].map((m) => m[1]);
  assert.ok(buttons.length >= 10);
  const withKeys = new Set(shortcuts.map((k) => k.run));
  for (const run of buttons) assert.ok(withKeys.has(run) || run === "toggleLoop", run); // it has i, o and x
});

/** An event at an element that closest() finds by these selectors. */
const press = (key, at = "", more = {}) => ({ key, target: { closest: (selectors) => (selectors.split(/,(?![^(]*\))/).some((s) => at && s.trim().startsWith(at)) ? {} : null) }, ...more });
const run = (...a) => keyFor(press(...a), shortcuts)?.run;

test("a key means what the table says, with Shift and Caps Lock too", () => {
  assert.equal(run(" "), "toggle");
  assert.equal(run("ArrowLeft"), "back");
  assert.equal(run("<"), "slower");
  assert.equal(run("N"), "next");
  assert.equal(run("Delete"), "delete");
  assert.equal(run("q"), undefined);
});

test("the focused control comes first", () => {
  for (const at of ["textarea", "select", "dialog", "[contenteditable]", "input:not"]) assert.equal(run("n", at), undefined, at);
  assert.equal(run(" ", "button"), undefined);
  assert.equal(run("n", "button"), "next");
  assert.equal(run("ArrowRight", "input[type=range]"), undefined);
  assert.equal(run(" ", "[role=row]"), undefined);
});

test("keys with Ctrl, Alt or Meta, and keys that are already handled, are left alone", () => {
  for (const more of [{ ctrlKey: true }, { altKey: true }, { metaKey: true }, { defaultPrevented: true }, { isComposing: true }]) assert.equal(run("n", "", more), undefined);
});
