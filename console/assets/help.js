// The help dialog: the keys of the list, and those of the player.
import { byId, h } from "./dom.js";
import { t } from "./i18n.js";
import { singleKeys } from "./keys.js";
/** @import { Shortcut } from "../types.js" */

/** @type {Shortcut[]} */
const listKeys = [
  { keys: "/", text: "help.search" },
  { keys: "↑ ↓", text: "help.move" },
  { keys: "Page↑ Page↓", text: "help.page" },
  { keys: "Home End", text: "help.ends" },
  { keys: "Enter", text: "help.enter" },
  { keys: "Space", text: "help.space" },
  { keys: "Esc", text: "help.close" },
  { keys: "?", text: "help.help" },
];

/** @param {Shortcut[]} keys */
const table = (keys) => h("dl", {}, ...keys.flatMap(({ keys, text }) => [
  h("dt", {}, ...keys.split(" ").flatMap((key) => [h("kbd", {}, key), " "])), h("dd", {}, t(text)),
]));

/** @param {Shortcut[]} playerKeys */
export function showHelp(playerKeys) {
  const dialog = /** @type {HTMLDialogElement} */ (byId("help"));
  dialog.replaceChildren(
    h("h2", { id: "help-title" }, t("help.title")),
    h("h3", {}, t("help.list")), table(listKeys),
    ...(playerKeys.length ? [h("h3", {}, t("help.player")), table(playerKeys)] : []),
    h("p", {}, h("label", { className: "place" },
      h("input", { type: "checkbox", checked: singleKeys.on, onchange: (/** @type {any} */ e) => (singleKeys.on = e.target.checked) }), t("player.key.single"))),
    h("form", { method: "dialog" }, h("button", { className: "primary" }, t("app.close"))),
  );
  if (!dialog.open) dialog.showModal();
}
