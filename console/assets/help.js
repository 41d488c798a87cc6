// The help dialog: the keys of the list and of the player.
import { find, h } from "./dom.js";
import { t } from "./i18n.js";
import { shortcuts, singleKeys } from "./keys.js";

const listKeys = Object.entries({ search: "/", move: "↑ ↓", page: "Page↑ Page↓", ends: "Home End", enter: "Enter", space: "Space", close: "Esc", help: "?" })
  .map(([text, keys]) => ({ keys, text: `help.${text}` }));

/** @param {string} title @param {{keys: string, text: string}[]} keys */
const table = (title, keys) => h("div", {}, h("h3", {}, t(title)), h("dl", {}, ...keys.flatMap(({ keys, text }) => [
  h("dt", {}, ...keys.split(" ").flatMap((key) => [h("kbd", {}, key), " "])), h("dd", {}, t(text))])));

/** Shows the dialog. */
export function showHelp() {
  const dialog = find("#help");
  const box = h("input", { type: "checkbox", checked: singleKeys.on, onchange: () => { singleKeys.on = box.checked; } });
  dialog.replaceChildren(
    h("h2", { id: "help-title", tabIndex: -1, autofocus: true }, t("help.open")),
    h("div", { className: "keys" }, table("list.label", listKeys), table("player.label", shortcuts)),
    h("label", { className: "check" }, box, " ", t("player.key.single")),
    h("form", { method: "dialog" }, h("button", { className: "primary" }, t("app.close"))),
  );
  dialog.showModal();
}
