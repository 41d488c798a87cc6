// The form of filters. Its change event means that the value may have changed.
import { button, h, labeled, on } from "./dom.js";
import { t } from "./i18n.js";
import { countFilters, noFilters } from "./view.js";
/** @import { Filters } from "../types.js" */

const pause = 400; // ms without a key before typed text counts

/** The choices of each field: value and text. @type {Record<string, string[][]>} */
const choices = {
  range: [["", "filters.range.all"], ...["today", "yesterday", "7d", "30d", "custom"].map((v) => [v, `filters.range.${v}`])],
  direction: [["", "filters.any"], ...["inbound", "outbound"].map((v) => [v, `list.${v}`])],
  side: [["", "filters.side.both"], ["from", "filters.side.from"], ["to", "filters.side.to"]],
  min: [["", "filters.any"], ...["10", "60", "300", "1800"].map((v) => [v, `filters.min.${v}`])],
  state: [["", "filters.any"], ...["ready", "pending", "empty", "failed"].map((v) => [v, `state.${v}`])],
};

export class RecordingFilters extends HTMLElement {
  /** @type {Record<string, any>} */
  #fields = {};
  #timer = 0;
  #owners = h("datalist", { id: "owner-names" });
  #reset = button("filters.reset", () => { this.value = { ...noFilters }; this.#tell(); });

  connectedCallback() {
    const labels = ["range", "from", "to", "number", "side", "direction", "owner", "tag", "min", "state"].map((name) => {
      const type = { from: "date", to: "date", number: "search" }[name] ?? "text";
      this.#fields[name] = choices[name] ? h("select", {}, ...choices[name].map(([value, text]) => h("option", { value }, t(text))))
        : h("input", { type, autocomplete: "off", spellcheck: false });
      return labeled(t(`filters.${name}`), this.#fields[name]);
    });
    this.#fields.owner.setAttribute("list", this.#owners.id);
    const onsubmit = (/** @type {Event} */ e) => { e.preventDefault(); this.#tell(); };
    this.append(h("form", { role: "search", onsubmit }, ...labels, this.#owners, this.#reset));
    on(this, "input", ({ target }) => {
      this.#update();
      clearTimeout(this.#timer);
      if (target.matches("input:not([type=date])")) this.#timer = setTimeout(() => this.#tell(), pause);
    });
    this.#update();
  }

  #tell() {
    clearTimeout(this.#timer);
    this.dispatchEvent(new Event("change"));
  }

  /** @returns {Filters} */
  get value() {
    const value = { ...noFilters };
    for (const name of /** @type {(keyof Filters)[]} */ (Object.keys(value))) value[name] = this.#fields[name].value.trim();
    if (value.range === "custom") value.range = "";
    else value.from = value.to = "";
    return value;
  }

  set value(value) {
    for (const [name, text] of Object.entries(value)) {
      const field = this.#fields[name];
      field.value = text;
      if (field.value === text || !field.options) continue;
      // A link may have a value that the form does not offer, such as 90 seconds.
      field.append(h("option", { value: text, selected: true }, name === "min" ? t("filters.min.n", { n: Number(text) }) : text));
    }
    if (!value.range && (value.from || value.to)) this.#fields.range.value = "custom";
    this.#update();
  }

  /** @param {Map<string, string>} names of owners by ID */
  set owners(names) {
    this.#owners.replaceChildren(...[...names].map(([value, label]) => h("option", { value, label })));
  }

  #update() {
    const custom = this.#fields.range.value === "custom";
    for (const name of ["from", "to"]) this.#fields[name].parentElement.hidden = !custom;
    this.#reset.hidden = !custom && !countFilters(this.value);
  }

  /** Shows or hides the form. @param {HTMLElement} button */
  toggle(button) {
    const open = getComputedStyle(this).display === "none";
    this.className = open ? "open" : "closed";
    button.ariaExpanded = String(open);
  }

  focusSearch() {
    this.className = "open";
    this.#fields.number.select();
  }
}

customElements.define("recording-filters", RecordingFilters);
