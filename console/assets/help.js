// The help dialog: the keys of the list and of the player.
import { byId, h } from "./dom.js";
import { t } from "./i18n.js";
/** @import { Shortcut } from "../types.js" */

/** @type {Shortcut[]} */
const listKeys = [["/", "search"], ["↑ ↓", "move"], ["Page↑ Page↓", "page"], ["Home End", "ends"], ["Enter", "enter"], ["Space", "space"],
  ["Esc", "close"], ["?", "help"]].map(([keys, text]) => ({ keys, text: `help.${text}` }));

/** @param {Shortcut[]} keys */
const table = (keys) => h("dl", {}, ...keys.flatMap(({ keys, text }) => [
  h("dt", {}, ...keys.split(" ").flatMap((key) => [h("kbd", {}, key), " "])), h("dd", {}, t(text))]));

/**
 * Shows the dialog. single.on switches keys without Ctrl or Alt, for people who dictate (WCAG 2.1.4).
 * @param {Shortcut[]} playerKeys @param {{on: boolean}} single
 */
export function showHelp(playerKeys, single) {
  const dialog = /** @type {HTMLDialogElement} */ (byId("help"));
  const box = h("input", { type: "checkbox", checked: single.on, onchange: () => { single.on = box.checked; } });
  dialog.replaceChildren(
    h("h2", { id: "help-title" }, t("help.open")),
    h("h3", {}, t("list.label")), table(listKeys),
    h("h3", {}, t("app.player")), table(playerKeys),
    h("label", { className: "check" }, box, " ", t("help.single")),
    h("form", { method: "dialog" }, h("button", { className: "primary" }, t("app.close"))),
  );
  if (!dialog.open) dialog.showModal();
}
