// The keys of player and details. The help dialog lists the same table.

/**
 * @typedef {Object} Key
 * @property {string} keys as the help shows it
 * @property {string[]} on values of KeyboardEvent.key
 * @property {string} run the method of player or details
 * @property {string} text a key of texts.js
 */

/** @param {string} keys @param {string} run @param {string[]} [on] @returns {Key} */
const key = (keys, run, on = [keys]) => ({ keys, on, run, text: `player.key.${run}` });

/** The keys of the player. */
export const playerOnly = [
  key("Space", "toggle", [" "]),
  key("←", "back", ["ArrowLeft"]),
  key("→", "forward", ["ArrowRight"]),
  key(",", "slower", [",", "<"]),
  key(".", "faster", [".", ">"]),
  key("=", "normal"),
  key("-", "quieter"),
  key("+", "louder"),
  key("m", "mute"),
  key("i", "loopFrom"),
  key("o", "loopTo"),
  key("x", "loopOff"),
  key("p", "previous"),
  key("n", "next"),
  key("r", "togglePlayOn"),
  key("d", "download"),
  key("c", "copyLink"),
];

/** The keys of the details. */
export const detailsOnly = [key("t", "addTag"), key("a", "addNote"), key("s", "share"), key("Delete", "delete")];

/** All of them, for the help. */
export const shortcuts = [...playerOnly, ...detailsOnly];

const stored = "console.keys";

/** Keys without Ctrl or Alt can be switched off, for people who dictate (WCAG 2.1.4). */
export const singleKeys = {
  get on() {
    return localStorage.getItem(stored) !== "off";
  },
  set on(on) {
    localStorage.setItem(stored, on ? "on" : "off");
  },
};

/**
 * Returns the key of a table that an event means. Keys of the focused control come first:
 * text fields and lists take all, sliders take arrows, and buttons take the space bar.
 * @param {KeyboardEvent} e @param {Key[]} table @returns {Key|undefined}
 */
export function keyFor(e, table) {
  if (e.defaultPrevented || e.ctrlKey || e.metaKey || e.altKey || e.isComposing) return;
  const at = /** @type {Element} */ (e.target);
  if (at.closest?.("textarea, select, dialog, [contenteditable], input:not([type=range], [type=checkbox])")) return;
  if (at.closest?.("input[type=range]") && e.key.startsWith("Arrow")) return;
  if (e.key === " " && at.closest?.("button, a, summary, input, [role=option], [role=row]")) return;
  return table.find((k) => k.on.includes(e.key.length === 1 ? e.key.toLowerCase() : e.key));
}

/**
 * Runs the methods of element for the keys of a table, until the signal aborts.
 * @param {any} element @param {Key[]} table @param {AbortSignal} signal
 */
export function listen(element, table, signal) {
  addEventListener("keydown", (e) => {
    const found = element.recording && singleKeys.on && !document.querySelector("dialog[open]") && keyFor(e, table);
    if (!found) return;
    e.preventDefault();
    element[found.run]();
  }, { signal });
}
