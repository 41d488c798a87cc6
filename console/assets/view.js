// The view that the page's URL describes: filters, account and the open recording. Nothing
// here touches the page, so that tests can run it without a browser.
import { toGregorian } from "./i18n.js";
/** @import { Filters, ListParams, Query, Recording } from "../types.js" */

/** @type {Filters} */
export const noFilters = { range: "", from: "", to: "", direction: "", number: "", side: "", owner: "", tag: "", min: "", state: "" };

/**
 * @typedef {Object} View
 * @property {Filters} filters
 * @property {string} account
 * @property {string} recording the ID of the open recording, or ""
 */

/**
 * Reads the query of the page's URL. Unknown parameters are ignored.
 * @param {string} search
 * @returns {View}
 */
export function parseView(search) {
  const query = new URLSearchParams(search);
  const filters = { ...noFilters };
  for (const name of names()) filters[name] = query.get(name)?.trim() ?? "";
  return { filters, account: query.get("account") ?? "", recording: query.get("recording") ?? "" };
}

/**
 * Writes a view as a query. parseView reads it back.
 * @param {View} view
 */
export function viewQuery({ filters, account, recording }) {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries({ account, ...filters, recording })) if (value) query.set(name, value);
  const text = query.toString();
  return text ? `?${text}` : "";
}

/**
 * The number of filters that select something.
 * @param {Filters} filters
 */
export function countFilters(filters) {
  const { from, to, side, ...rest } = filters;
  return Object.values(rest).filter(Boolean).length + (!rest.range && (from || to) ? 1 : 0);
}

/** @returns {(keyof Filters)[]} */
function names() {
  return /** @type {(keyof Filters)[]} */ (Object.keys(noFilters));
}

/**
 * Translates filters into what the list API compares itself (docs/contract.md, List) and a test
 * for the rest. The API compares whole values only: it has no "contains", no "at least", no "or"
 * between two fields, and does not see _read_only.
 * @param {Filters} filters
 * @param {Date} [now]
 * @returns {Query}
 */
export function toQuery(filters, now = new Date()) {
  /** @type {ListParams} */
  const params = { ...bounds(filters, now) };
  /** @type {[string, (recording: Recording) => boolean][]} */
  const local = [];
  if (filters.owner) params.owner = filters.owner;
  if (filters.direction) params.filter_direction = filters.direction;
  if (filters.number) addNumber(filters, params, local);
  if (filters.tag.includes(".")) local.push(["tag", (r) => tagsOf(r).includes(filters.tag)]); // a dot separates keys
  else if (filters.tag) params.has_key = `user_metadata.tags.${filters.tag}`;
  const min = Number(filters.min);
  if (min > 0) local.push(["min", (r) => (r.duration ?? 0) >= min]);
  if (filters.state) local.push(["state", (r) => r._read_only?.state === filters.state]);
  return {
    params,
    local: local.length ? (r) => local.every(([, test]) => test(r)) : null,
    localNames: local.map(([name]) => name),
  };
}

/**
 * @param {Filters} filters
 * @param {ListParams} params
 * @param {[string, (recording: Recording) => boolean][]} local
 */
function addNumber({ number, side }, params, local) {
  const digits = number.replace(/[\s()./-]/g, "");
  if (side && /^\+?\d+$/.test(digits)) {
    const bare = digits.replace("+", "");
    params[`filter_${side === "from" ? "caller" : "callee"}_id_number`] = JSON.stringify([...new Set([number, bare, `+${bare}`])]);
    return;
  }
  const wanted = (/^\+?\d+$/.test(digits) ? digits : number).toLowerCase();
  local.push(["number", (r) => partiesText(r, side).includes(wanted)]);
}

/**
 * The names and numbers in which a word is looked for.
 * @param {Recording} r
 * @param {string} side
 */
function partiesText(r, side) {
  const from = [r.caller_id_name, r.caller_id_number, r.from];
  const to = [r.callee_id_name, r.callee_id_number, r.to];
  return (side === "from" ? from : side === "to" ? to : [...from, ...to]).join("\n").toLowerCase();
}

/**
 * The bounds of the list. They are days of the viewer's time zone.
 * @param {Filters} filters
 * @param {Date} now
 */
function bounds({ range, from, to }, now) {
  const day = (/** @type {number} */ ago) => new Date(now.getFullYear(), now.getMonth(), now.getDate() - ago);
  const since = { today: 0, yesterday: 1, "7d": 6, "30d": 29 }[range];
  if (since !== undefined) {
    return { created_from: toGregorian(day(since)), ...(range === "yesterday" && { created_to: toGregorian(day(0)) - 1 }) };
  }
  const first = dayStart(from, 0);
  const after = dayStart(to, 1);
  return { ...(first && { created_from: toGregorian(first) }), ...(after && { created_to: toGregorian(after) - 1 }) };
}

/**
 * @param {string} date YYYY-MM-DD
 * @param {number} later days
 */
function dayStart(date, later) {
  const parts = /^(\d{4})-(\d\d)-(\d\d)$/.exec(date);
  return parts && new Date(Number(parts[1]), Number(parts[2]) - 1, Number(parts[3]) + later);
}

/**
 * The tags of a recording, sorted.
 * @param {Recording} recording
 * @returns {string[]}
 */
export function tagsOf({ user_metadata: metadata }) {
  const tags = metadata?.tags;
  if (!tags || typeof tags !== "object" || Array.isArray(tags)) return [];
  return Object.keys(tags).filter((name) => tags[name] !== null).sort();
}

/**
 * How one party of a call is shown: its name and its number, without repeating itself.
 * @param {Recording} r
 * @param {"from" | "to"} side
 * @returns {{name: string, number: string}}
 */
export function party(r, side) {
  const [name, number, address] = side === "from"
    ? [r.caller_id_name, r.caller_id_number, r.from] : [r.callee_id_name, r.callee_id_number, r.to];
  const user = address && address !== "unknown@unknown" ? address.split("@")[0] : "";
  const shown = number || user;
  return { name: name && name !== shown ? name : "", number: shown };
}
