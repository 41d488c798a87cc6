// The form of filters. A change event tells that its value has changed.
import { h } from "./dom.js";
import { t } from "./i18n.js";
import { noFilters } from "./view.js";
/** @import { Filters } from "../types.js" */

const pause = 400; // ms without a key before typed text counts

/** @type {Record<string, string[][]>} the choices of each field: value and text */
const choices = {
  range: [["", "filters.range.all"], ...["today", "yesterday", "7d", "30d", "custom"].map((v) => [v, `filters.range.${v}`])],
  direction: [["", "filters.any"], ["inbound", "list.inbound"], ["outbound", "list.outbound"]],
  side: [["", "filters.side.both"], ["from", "filters.side.from"], ["to", "filters.side.to"]],
  min: [["", "filters.any"], ...["10", "60", "300", "1800"].map((v) => [v, `filters.min.${v}`])],
  state: [["", "filters.any"], ...["ready", "pending", "empty", "failed"].map((v) => [v, `state.${v}`])],
};

export class RecordingFilters extends HTMLElement {
  constructor() {
    super();
    /** @type {Record<string, any>} */
    this.fields = {};
    this.timer = 0;
    for (const name of Object.keys(noFilters)) {
      const options = choices[name]?.map(([value, text]) => h("option", { value }, t(text)));
      this.fields[name] = options ? h("select", {}, ...options)
        : h("input", { type: { from: "date", to: "date", number: "search" }[name] ?? "text", autocomplete: "off", spellcheck: false });
    }
    this.names = h("datalist", { id: "owner-names" });
  }

  connectedCallback() {
    this.fields.owner.setAttribute("list", "owner-names");
    const label = (/** @type {string} */ name) => h("label", { className: name }, h("span", {}, t(`filters.${name}`)), this.fields[name]);
    const reset = h("button", { type: "button", onclick: () => { this.value = { ...noFilters }; this.tell(); } }, t("filters.reset"));
    this.form = h("form", { role: "search", onsubmit: (/** @type {Event} */ e) => { e.preventDefault(); this.tell(); } },
      ...["range", "from", "to", "number", "side", "direction", "owner", "tag", "min", "state"].map(label), this.names, reset);
    this.append(this.form);
    this.addEventListener("input", (event) => {
      this.showDates();
      clearTimeout(this.timer);
      const typed = /** @type {Element} */ (event.target).matches("input:not([type=date])");
      if (typed) this.timer = setTimeout(() => this.tell(), pause);
    });
    this.showDates();
  }

  tell() {
    clearTimeout(this.timer);
    this.dispatchEvent(new Event("change"));
  }

  /** @returns {Filters} */
  get value() {
    const value = { ...noFilters };
    for (const name of /** @type {(keyof Filters)[]} */ (Object.keys(value))) value[name] = this.fields[name].value.trim();
    if (value.range === "custom") value.range = "";
    else value.from = value.to = "";
    return value;
  }

  /** @param {Filters} value */
  set value(value) {
    for (const [name, text] of Object.entries(value)) {
      const field = this.fields[name];
      // A view may have a value that the form does not offer, such as 90 seconds.
      if (field.options && ![...field.options].some((o) => o.value === text)) field.append(h("option", { value: text }, name === "min" ? t("filters.min.n", { n: Number(text) }) : text));
      field.value = text;
    }
    if (value.from || value.to) this.fields.range.value = "custom";
    this.showDates();
  }

  /** @param {Map<string, string>} names names of owners by ID */
  set owners(names) {
    this.names.replaceChildren(...[...names].map(([value, label]) => h("option", { value, label })));
  }

  showDates() {
    const hidden = this.fields.range.value !== "custom";
    for (const name of ["from", "to"]) if (this.fields[name].parentElement) this.fields[name].parentElement.hidden = hidden;
  }

  /** @param {HTMLElement} button */
  toggle(button) {
    const open = getComputedStyle(this).display === "none";
    this.className = open ? "open" : "closed";
    button.setAttribute("aria-expanded", String(open));
  }

  focusSearch() {
    this.className = "open";
    this.fields.number.focus();
  }
}

customElements.define("recording-filters", RecordingFilters);
