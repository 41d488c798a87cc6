// One row of the list.
import { h } from "./dom.js";
import { formatDuration, formatTime, t } from "./i18n.js";
import { party, tagsOf } from "./view.js";
/** @import { Recording } from "../types.js" */

/** The columns in their order. */
export const columns = ["play", "when", "direction", "from", "to", "length", "owner", "tags", "state"];

/** An empty row. Rows are reused while the list scrolls. */
export function makeRow() {
  const play = h("button", { type: "button", tabIndex: -1, className: "play" }, "▶");
  return h("div", { role: "row", className: "row" }, ...columns.map((name, i) =>
    h("div", { role: "gridcell", className: `cell ${name}`, "aria-colindex": String(i + 1) }, ...(name === "play" ? [play] : []))));
}

/**
 * @param {HTMLElement} row
 * @param {Recording} recording
 * @param {Map<string, string>} owners
 */
export function fillRow(row, recording, owners) {
  const [play, when, direction, from, to, length, owner, tags, state] = /** @type {any} */ (row.children);
  const known = recording._read_only?.state;
  const inbound = recording.direction !== "outbound";
  const button = play.firstChild;
  const time = formatTime(recording.start);
  button.disabled = known !== undefined && known !== "ready";
  button.setAttribute("aria-label", `${t("list.play")}: ${time}`);
  when.textContent = time;
  direction.replaceChildren(h("span", { "aria-hidden": "true" }, inbound ? "↙" : "↗"), ` ${t(inbound ? "list.inbound" : "list.outbound")}`);
  fillParty(from, party(recording, "from"));
  fillParty(to, party(recording, "to"));
  length.textContent = recording.duration ? formatDuration(recording.duration) : "–";
  const id = recording.owner_id ?? "";
  owner.textContent = owners.get(id) ?? (id.length > 12 ? `${id.slice(0, 8)}…` : id);
  owner.title = id;
  tags.replaceChildren(...tagsOf(recording).map((tag) => h("span", { className: "tag" }, tag)));
  state.textContent = known ? t(`state.${known}`) : "";
  state.title = recording._read_only?.reason ?? "";
  row.dataset.state = known ?? "";
}

/**
 * @param {HTMLElement} cell
 * @param {{name: string, number: string}} party
 */
function fillParty(cell, { name, number }) {
  const shown = h("bdi", { className: name ? "muted" : "" }, number || (name ? "" : t("list.unknown")));
  cell.replaceChildren(...(name ? [h("bdi", {}, name), " "] : []), shown);
  cell.title = `${name} ${number}`.trim();
}
