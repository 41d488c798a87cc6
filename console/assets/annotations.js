// Tags and notes: their shape in user_metadata, and what to do when two people
// change them at once. docs/reference/tags-and-notes.md describes the shape.

/** @typedef {{name: string, at?: number}} Tag a tag; at is its place in seconds */
/** @typedef {{id: string, text: string, at?: number, to?: number, by?: string, created?: string}} Note created is RFC 3339 */
/** @typedef {Record<string, any>} Json */
/** @typedef {{kind: "tags"|"notes", key: string, value: any, base?: any}} Edit value is null to remove the key;
 * base is what the person saw when the edit began */
/** @typedef {Edit & {theirs: any}} Conflict theirs is undefined if another client removed the key */

/** The longest tag and note, in characters. All user_metadata of a recording has 16 KiB. */
export const limits = { tag: 40, note: 2000 };

/** @param {any} v @returns {v is Json} */
const isObject = (v) => typeof v === "object" && v !== null && !Array.isArray(v);

/** @param {any} v @returns {number|undefined} */
const place = (v) => (typeof v === "number" && v >= 0 ? v : undefined);

/**
 * Returns tags or notes as a map, whichever form a client wrote: a map, a list, or one text.
 * @param {Json|undefined} metadata @param {"tags"|"notes"} kind @returns {Json}
 */
export function entries(metadata, kind) {
  const v = metadata?.[kind];
  if (isObject(v)) return v;
  /** @type {Json} */
  const map = {};
  (Array.isArray(v) ? v : typeof v === "string" && v ? [v] : []).forEach((item, i) => {
    const name = isObject(item) ? item.name ?? item.text : item;
    if (typeof name !== "string" || !name) return;
    if (kind === "notes") map[`n${i + 1}`] = isObject(item) ? item : { text: name };
    else map[tagName(name)] = place(item?.at) === undefined ? true : { at: item.at };
  });
  return map;
}

/** @param {Json|undefined} metadata @returns {Tag[]} tags by place, then by name */
export function readTags(metadata) {
  return Object.entries(entries(metadata, "tags"))
    .filter(([, v]) => v !== null && v !== false)
    .map(([name, v]) => ({ name, at: place(v?.at) }))
    .sort((a, b) => (a.at ?? -1) - (b.at ?? -1) || a.name.localeCompare(b.name));
}

/** @param {Json|undefined} metadata @returns {Note[]} notes by place, then by time of writing */
export function readNotes(metadata) {
  return Object.entries(entries(metadata, "notes"))
    .filter(([, v]) => typeof (v?.text ?? v) === "string")
    .map(([id, v]) => /** @type {Note} */ (isObject(v) ? { ...v, id, text: String(v.text), at: place(v.at), to: place(v.to) } : { id, text: String(v) }))
    .sort((a, b) => (a.at ?? -1) - (b.at ?? -1) || String(a.created ?? "").localeCompare(String(b.created ?? "")));
}

/** The places of all tags and notes. @param {Json|undefined} metadata @returns {{at: number, to?: number}[]} */
export function placesOf(metadata) {
  const all = [...readTags(metadata), ...readNotes(metadata)];
  return /** @type {{at: number, to?: number}[]} */ (all.filter((entry) => entry.at !== undefined));
}

/**
 * Returns text as the name of a tag. Filters split their path at dots, so a tag has none.
 * @param {string} text
 */
export function tagName(text) {
  return text.normalize("NFC").replace(/[.\s\p{Cc}]+/gu, " ").trim().slice(0, limits.tag).trim();
}

/** The query parameter that finds recordings with a tag. @param {string} name @returns {[string, string]} */
export const tagFilter = (name) => ["has_key", `user_metadata.tags.${tagName(name)}`];

/** @returns {string} an ID for a new note */
export function noteId() {
  return "n" + Array.from(crypto.getRandomValues(new Uint8Array(6)), (b) => b.toString(36).padStart(2, "0")).join("");
}

/**
 * Returns the patch of user_metadata that makes edits. A list that another client wrote
 * becomes a map, because a patch cannot change one item of a list.
 * @param {Json|undefined} metadata as stored @param {Edit[]} edits @returns {Json}
 */
export function patchOf(metadata, edits) {
  /** @type {Json} */
  const patch = {};
  for (const { kind, key, value } of edits) {
    const whole = metadata?.[kind] !== undefined && !isObject(metadata[kind]);
    patch[kind] ??= whole ? { ...entries(metadata, kind) } : {};
    if (whole && value === null) delete patch[kind][key];
    else patch[kind][key] = isObject(value) && !whole ? withNulls(value, metadata?.[kind]?.[key]) : value;
  }
  return patch;
}

/** Adds a null for each member that value no longer has, since a patch merges. @param {Json} value @param {any} old */
function withNulls(value, old) {
  const gone = isObject(old) ? Object.keys(old).filter((k) => !(k in value)) : [];
  return { ...value, ...Object.fromEntries(gone.map((k) => [k, null])) };
}

/** @param {any} a @param {any} b @returns {boolean} */
export function same(a, b) {
  if (!isObject(a) || !isObject(b)) return (a ?? null) === (b ?? null);
  const keys = new Set([...Object.keys(a), ...Object.keys(b)]);
  return [...keys].every((k) => same(a[k], b[k]));
}

/**
 * Compares edits with what is stored now. An edit is safe if other clients left its key alone,
 * and done if another client made the same change. Otherwise a person decides.
 * @param {Json|undefined} stored @param {Edit[]} edits @returns {{safe: Edit[], conflicts: Conflict[]}}
 */
export function rebase(stored, edits) {
  /** @type {Edit[]} */
  const safe = [];
  /** @type {Conflict[]} */
  const conflicts = [];
  for (const edit of edits) {
    const now = entries(stored, edit.kind)[edit.key];
    if (same(now, edit.value)) continue;
    if (same(now, edit.base)) safe.push(edit);
    else conflicts.push({ ...edit, theirs: now });
  }
  return { safe, conflicts };
}

/**
 * Returns the edits that settle a conflict. "both" keeps the other note and adds mine as
 * a new one; of a tag it keeps the one with a place.
 * @param {Conflict} c @param {"mine"|"theirs"|"both"} choice @returns {Edit[]}
 */
export function settle(c, choice) {
  const { kind, key, value, theirs } = c;
  if (choice === "theirs" || (choice === "both" && value === null)) return [];
  if (choice === "both" && theirs !== undefined) {
    if (kind === "notes") return [{ kind, key: noteId(), value }];
    if (isObject(theirs)) return [];
  }
  return [{ kind, key, value, base: theirs }];
}
