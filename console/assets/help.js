// The help dialog: the keys of the list and of the player.
import { byId, h } from "./dom.js";
import { t } from "./i18n.js";
import { shortcuts, singleKeys } from "./keys.js";

const listKeys = [["/", "search"], ["↑ ↓", "move"], ["Page↑ Page↓", "page"], ["Home End", "ends"], ["Enter", "enter"], ["Space", "space"],
  ["Esc", "close"], ["?", "help"]].map(([keys, text]) => ({ keys, text: `help.${text}` }));

/** @param {{keys: string, text: string}[]} keys */
const table = (keys) => h("dl", {}, ...keys.flatMap(({ keys, text }) => [
  h("dt", {}, ...keys.split(" ").flatMap((key) => [h("kbd", {}, key), " "])), h("dd", {}, t(text))]));

/** Shows the dialog. */
export function showHelp() {
  const dialog = /** @type {HTMLDialogElement} */ (byId("help"));
  const box = h("input", { type: "checkbox", checked: singleKeys.on, onchange: () => { singleKeys.on = box.checked; } });
  dialog.replaceChildren(
    h("h2", { id: "help-title", tabIndex: -1, autofocus: true }, t("help.open")),
    h("div", { className: "keys" }, h("div", {}, h("h3", {}, t("list.label")), table(listKeys)), h("div", {}, h("h3", {}, t("player.label")), table(shortcuts))),
    h("label", { className: "check" }, box, " ", t("player.key.single")),
    h("form", { method: "dialog" }, h("button", { className: "primary" }, t("app.close"))),
  );
  if (!dialog.open) dialog.showModal();
}
