// The view that the page's URL describes: filters, account and the open recording. Nothing here
// touches the page, so tests can run it without a browser.
import { readTags, tagName } from "./annotations.js";
import { toGregorian } from "./i18n.js";
/** @import { Filters, ListParams, LocalFilter, Query, Recording, View } from "../types.js" */

/** @type {Filters} */
export const noFilters = { range: "", from: "", to: "", direction: "", number: "", side: "", owner: "", tag: "", min: "", state: "" };

/** Reads the query of the page's URL and ignores what it does not know. @param {string} search @returns {View} */
export function parseView(search) {
  const query = new URLSearchParams(search);
  const get = (/** @type {string} */ name) => query.get(name)?.trim() ?? "";
  const filters = /** @type {Filters} */ (Object.fromEntries(Object.keys(noFilters).map((name) => [name, get(name)])));
  return { filters, account: get("account"), recording: get("recording") };
}

/** Writes a view as a query. @param {View} view */
export function viewQuery({ filters, account, recording }) {
  const query = new URLSearchParams(Object.entries({ account, ...filters, recording }).filter(([, value]) => value));
  return query.size ? `?${query}` : "";
}

/** Returns how many filters select something. @param {Filters} filters */
export function countFilters({ from, to, side, ...rest }) {
  return Object.values({ ...rest, range: rest.range || from || to }).filter(Boolean).length;
}

/**
 * Translates filters into what the list API compares itself (docs/contract.md, List) and a test
 * for the rest. The API compares whole values only: it has no "contains", no "at least", no "or"
 * between two fields, and does not see _read_only.
 * @param {Filters} filters @param {Date} [now] @returns {Query}
 */
export function toQuery(filters, now = new Date()) {
  /** @type {ListParams} */
  const params = { ...bounds(filters, now), owner: filters.owner, filter_direction: filters.direction };
  /** @type {LocalFilter[]} */
  const local = [];
  if (filters.number) addNumber(filters, params, local);
  if (filters.tag) params.has_key = `user_metadata.tags.${tagName(filters.tag)}`;
  const min = Number(filters.min);
  if (min > 0) local.push(["min", (r) => (r.duration ?? 0) >= min]);
  if (filters.state) local.push(["state", (r) => r._read_only?.state === filters.state]);
  return {
    params, localNames: local.map(([name]) => name),
    local: local.length ? (r) => local.every(([, test]) => test(r)) : null,
  };
}

/** @param {Filters} filters @param {ListParams} params @param {LocalFilter[]} local */
function addNumber({ number, side }, params, local) {
  const digits = number.replace(/[\s()./-]/g, "");
  const isNumber = /^\+?\d+$/.test(digits);
  if (side && isNumber) {
    const bare = digits.replace("+", "");
    params[`filter_${side === "from" ? "caller" : "callee"}_id_number`] = JSON.stringify([...new Set([number, bare, `+${bare}`])]);
    return;
  }
  const wanted = (isNumber ? digits : number).toLowerCase();
  local.push(["number", (r) => {
    const from = [r.caller_id_name, r.caller_id_number, r.from];
    const to = [r.callee_id_name, r.callee_id_number, r.to];
    return [...(side === "to" ? [] : from), ...(side === "from" ? [] : to)].some((text) => text?.toLowerCase().includes(wanted));
  }]);
}

/** Returns the bounds of the list. They are days of the viewer's time zone. @param {Filters} filters @param {Date} now */
function bounds({ range, from, to }, now) {
  const day = (/** @type {number} */ ago) => new Date(now.getFullYear(), now.getMonth(), now.getDate() - ago);
  const since = { today: 0, yesterday: 1, "7d": 6, "30d": 29 }[range];
  const first = since === undefined ? dayOf(from) : day(since);
  const after = since === undefined ? dayOf(to, 1) : range === "yesterday" ? day(0) : null;
  return { created_from: first ? toGregorian(first) : undefined, created_to: after ? toGregorian(after) - 1 : undefined };
}

/** @param {string} date YYYY-MM-DD @param {number} [later] days */
function dayOf(date, later = 0) {
  const parts = /^(\d{4})-(\d\d)-(\d\d)$/.exec(date);
  return parts && new Date(Number(parts[1]), Number(parts[2]) - 1, Number(parts[3]) + later);
}

/** Returns the names of a recording's tags. @param {Recording} recording */
export const tagsOf = (recording) => readTags(recording.user_metadata).map(({ name }) => name);

/**
 * Returns how a party of a call is shown: its name, if it has one, and its number.
 * @param {Recording} r @param {"from" | "to"} side
 */
export function party(r, side) {
  const [name = "", number, address = ""] = side === "from"
    ? [r.caller_id_name, r.caller_id_number, r.from] : [r.callee_id_name, r.callee_id_number, r.to];
  const shown = number || (address === "unknown@unknown" ? "" : address.split("@")[0]);
  return { name: name === shown ? "" : name, number: shown };
}
