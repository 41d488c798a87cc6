// Light, dark, or the same as the system.
import { h, byId } from "./dom.js";
import { t } from "./i18n.js";

const stored = "console.theme";

/** @param {string} theme light, dark or "" */
function apply(theme) {
  if (theme) document.documentElement.dataset.theme = theme;
  else delete document.documentElement.dataset.theme;
  dispatchEvent(new Event("themechange")); // for what is drawn on a canvas
}

/** Applies the stored theme and fills the menu's field. */
export function setUpTheme() {
  const field = /** @type {HTMLSelectElement} */ (byId("theme"));
  field.replaceChildren(...["", "light", "dark"].map((v) => h("option", { value: v }, t(`menu.theme.${v || "system"}`))));
  field.value = localStorage.getItem(stored) ?? "";
  field.onchange = () => {
    if (field.value) localStorage.setItem(stored, field.value);
    else localStorage.removeItem(stored);
    apply(field.value);
  };
  apply(field.value);
}
