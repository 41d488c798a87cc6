// One row of the list.
import { h } from "./dom.js";
import { formatDuration, formatTime, t, toDate } from "./i18n.js";
import { party, tagsOf } from "./view.js";
/** @import { Recording } from "../types.js" */

/** The columns in their order. */
export const columns = ["play", "when", "direction", "from", "to", "length", "owner", "tags", "state"];

/** Makes an empty row. Rows are reused while the list scrolls. */
export function makeRow() {
  const play = h("button", { type: "button", tabIndex: -1, className: "play" });
  return h("div", { role: "row", className: "row" }, ...columns.map((name) =>
    h("div", { role: "gridcell", className: `cell ${name}` }, ...(name === "play" ? [play] : []))));
}

/** @param {HTMLElement} row @param {Recording} recording @param {Map<string, string>} owners names by ID */
export function fillRow(row, recording, owners) {
  const { direction = "", duration, owner_id: id = "", start = 0, _read_only: { state = "", reason = "" } = {} } = recording;
  const [play, when, ...cells] = /** @type {any} */ (row.children);
  const time = formatTime(start);
  play.firstChild.disabled = state && state !== "ready";
  play.firstChild.ariaLabel = `${t("player.play")}: ${time}`;
  when.textContent = time;
  when.title = time && toDate(start).toLocaleString();
  const arrow = h("span", { "aria-hidden": "true" }, direction === "outbound" ? "↗ " : "↙ ");
  const content = [
    /^(in|out)bound$/.test(direction) ? [arrow, t(`list.${direction}`)] : [direction],
    parties(recording, "from"), parties(recording, "to"),
    [duration ? formatDuration(duration) : "–"],
    [owners.get(id) ?? (id.length > 12 ? `${id.slice(0, 8)}…` : id)],
    tagsOf(recording).flatMap((tag) => [h("span", { className: "chip" }, tag), " "]),
    [state && t(`state.${state}`)],
  ];
  cells.forEach((/** @type {HTMLElement} */ cell, /** @type {number} */ i) => {
    cell.replaceChildren(...content[i]);
    cell.title = columns[i + 2] === "owner" ? id : columns[i + 2] === "state" ? reason : cell.textContent ?? "";
  });
  row.dataset.state = state;
}

/** @param {Recording} recording @param {"from" | "to"} side */
function parties(recording, side) {
  const { name, number } = party(recording, side);
  if (!name) return [h("bdi", {}, number || t("list.unknown"))];
  return [h("bdi", {}, name), " ", h("bdi", { className: "muted" }, number)];
}
