// CSV of the recordings that pass the filters. The API writes CSV too, but it cannot apply the
// filters that only this page has.
import { h } from "./dom.js";
import { formatTime, t, toDate } from "./i18n.js";
import { Pager } from "./pager.js";
import { party, tagsOf, toQuery } from "./view.js";
/** @import { Filters, Recording } from "../types.js" */
/** @import { Api } from "./api.js" */

/** @type {Record<string, (recording: Recording) => string | number | undefined>} */
const columns = {
  id: (r) => r.id,
  start: (r) => formatTime(r.start) && toDate(r.start ?? 0).toISOString().replace(".000", ""),
  direction: (r) => r.direction,
  from_name: (r) => party(r, "from").name,
  from_number: (r) => party(r, "from").number,
  to_name: (r) => party(r, "to").name,
  to_number: (r) => party(r, "to").number,
  seconds: (r) => r.duration,
  owner_id: (r) => r.owner_id,
  tags: (r) => tagsOf(r).join(" "),
  state: (r) => r._read_only?.state,
};

/**
 * Returns text that no spreadsheet evaluates: a ' precedes what begins like a formula, even after
 * characters that spreadsheets drop. A phone number with a sign stays as it is.
 * @param {string} text
 */
export function defuse(text) {
  const visible = text.replace(/^[\s\p{Cc}\p{Cf}\p{M}]+/u, "");
  const formula = /^[=+\-@＝＋－＠﹦﹢﹣﹫−]/.test(visible) && !/^[+-]\d+$/.test(visible);
  return formula || /^[\t\r\n]/.test(text) ? `'${text}` : text;
}

/** @param {(string | number | undefined)[]} cells */
export function csvLine(cells) {
  return cells.map((cell = "") => {
    const text = typeof cell === "number" ? String(cell) : defuse(cell);
    return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
  }).join(",") + "\r\n";
}

/** @param {Recording} recording */
export const csvRow = (recording) => csvLine(Object.values(columns).map((cell) => cell(recording)));

/**
 * Loads all recordings that pass the filters and saves them as a file.
 * @param {Api} api @param {Filters} filters @param {(count: number) => void} progress @param {AbortSignal} signal
 */
export async function exportCsv(api, filters, progress, signal) {
  const pager = new Pager(api, toQuery(filters));
  const parts = ["\ufeff", csvLine(Object.keys(columns))]; // Excel needs the byte order mark
  for (let count = 0; !pager.done; progress(count)) {
    await pager.more(signal);
    count += pager.rows.length;
    parts.push(...pager.rows.splice(0).map(csvRow));
  }
  const href = URL.createObjectURL(new Blob(parts, { type: "text/csv" }));
  h("a", { href, download: `${t("app.title").toLowerCase()}-${new Date().toISOString().slice(0, 10)}.csv` }).click();
  setTimeout(() => URL.revokeObjectURL(href), 60_000);
}
