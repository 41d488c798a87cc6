// Light, dark, or the same as the system.
import { find, h } from "./dom.js";
import { t } from "./i18n.js";

const stored = "console.theme";

/** @param {string} theme light, dark or "" */
function apply(theme) {
  document.documentElement.dataset.theme = theme;
  dispatchEvent(new Event("themechange")); // for what is drawn on a canvas
}

/** Applies the stored theme and fills the menu's field. */
export function setUpTheme() {
  const field = find("#theme");
  field.append(...["", "light", "dark"].map((value) => h("option", { value }, t(`menu.theme.${value || "system"}`))));
  field.value = localStorage.getItem(stored) ?? "";
  field.onchange = () => {
    localStorage.setItem(stored, field.value);
    apply(field.value);
  };
  apply(field.value);
}
