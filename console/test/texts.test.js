import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import test from "node:test";
import { texts } from "../assets/texts.js";
import { formatDuration, formatTime, t, toDate, toGregorian } from "../assets/i18n.js";

const folder = new URL("../assets/", import.meta.url);
const code = readdirSync(folder).filter((name) => /\.(js|html)$/.test(name) && name !== "texts.js")
  .map((name) => readFileSync(new URL(name, folder), "utf8")).join("\n");

test("every text exists in both languages and is not empty", () => {
  assert.deepEqual(Object.keys(texts.de), Object.keys(texts.en));
  for (const [language, table] of Object.entries(texts)) {
    for (const [key, text] of Object.entries(table)) assert.ok(typeof text === "string" && text.trim(), `${language} ${key}`);
  }
});

test("both languages have the same placeholders", () => {
  const names = (text) => [...text.matchAll(/\{(\w+)\}/g)].map((m) => m[1]).sort();
  for (const key of Object.keys(texts.en)) assert.deepEqual(names(texts.de[key]), names(texts.en[key]), key);
});

test("a text for one has a text for the others", () => {
  const stems = Object.keys(texts.en).filter((key) => key.endsWith(".one")).map((key) => key.slice(0, -4));
  assert.ok(stems.length > 2, String(stems));
  for (const stem of stems) assert.ok(texts.en[`${stem}.other`], stem);
});

test("every key that the page names exists", () => {
  const used = [...code.matchAll(/\bt\("([^"]+)"|data-(?:t|label)="([^"]+)"/g)].map((m) => m[1] ?? m[2]);
  assert.ok(used.length > 40, `only ${used.length} keys found`);
  for (const key of used) assert.ok(texts.en[key] || texts.en[`${key}.other`], key);
});

test("every text is used", () => {
  const templates = [...code.matchAll(/`([\w.-]+)\.\$\{/g)].map((m) => m[1]);
  const suffixes = [...code.matchAll(/`\$\{\w+\}\.(\w+)`/g)].map((m) => m[1]);
  for (const key of Object.keys(texts.en)) {
    const stem = key.replace(/\.(one|other)$/, "");
    const parent = stem.slice(0, stem.lastIndexOf("."));
    const used = code.includes(`"${key}"`) || code.includes(`"${stem}"`) || templates.some((p) => stem.startsWith(`${p}.`)) || suffixes.some((s) => stem === `${parent}.${s}` && code.includes(`"${parent}"`));
    assert.ok(used, key);
  }
});

test("t fills in values and chooses the form of a number", () => {
  assert.equal(t("list.count", { n: 1 }), "1 recording");
  assert.equal(t("list.count", { n: 1234 }), "1,234 recordings");
  assert.equal(t("error.code", { status: "503", message: "x" }), "Error 503: x");
  assert.equal(t("no.such.key"), "no.such.key");
});

test("times and lengths", () => {
  assert.equal(toDate(62167219200 + 86400).toISOString(), "1970-01-02T00:00:00.000Z");
  assert.equal(toGregorian(new Date(1999)), 62167219201);
  const lengths = { 0: "0:00", 5: "0:05", 65: "1:05", 3599.6: "1:00:00", 3723: "1:02:03", 360000: "100:00:00" };
  for (const [seconds, want] of Object.entries(lengths)) assert.equal(formatDuration(Number(seconds)), want);
  assert.equal(formatDuration(undefined), "0:00");
  for (const start of [undefined, 0, NaN, 1e300]) assert.equal(formatTime(start), "", String(start));
  assert.match(formatTime(63962989920), /^Nov 2\d(, 2026)?, \d+:\d\d/);
});
