// The list: a grid of which only the rows in sight are in the document. It loads more as the
// reader scrolls.
import { button, h, on } from "./dom.js";
import { formatWords, t, timeZone } from "./i18n.js";
import { columns, fillRow, makeRow } from "./list-row.js";
import { emptyState, errorState } from "./list-state.js";
import { Pager, step } from "./pager.js";
import { claimsOf } from "./session.js";
import { countFilters, noFilters, toQuery } from "./view.js";
import { moveBy, scrollToRow, visibleRows } from "./window.js";
/** @import { Filters, Recording } from "../types.js" */
/** @import { Api } from "./api.js" */

const maxRows = 200_000; // browsers limit the height of an element

/** Events: select {recording, play}; reset asks for the list without filters, own-account for the token's account. */
export class RecordingList extends HTMLElement {
  /** @type {Api | undefined} */
  api;
  ownAccount = "";
  /** Resolves when the first page has come or has failed. @type {Promise<void>} */
  loaded = Promise.resolve();
  /** @type {Filters} */
  #filters = noFilters;
  #key = "";
  /** @type {Pager | undefined} */
  #pager;
  /** @type {AbortController | null} */
  #loading = null;
  /** @type {unknown} */
  #error = null;
  /** @type {Map<string, string>} */
  #owners = new Map();
  /** The rows in the document by index. @type {Map<number, HTMLElement>} */
  #shown = new Map();
  /** What each of them shows. @type {WeakMap<HTMLElement, Recording>} */
  #content = new WeakMap();
  #active = -1;
  #selected = "";
  #rowHeight = 0;
  #frame = 0;
  #body = h("div", { role: "rowgroup", className: "rows" });
  #grid = h("div", { role: "grid", tabIndex: 0, "aria-label": t("list.label"), "aria-colcount": String(columns.length) },
    h("div", { role: "rowgroup", className: "head" }, h("div", { role: "row", className: "row", "aria-rowindex": "1" },
      ...columns.map((name) => h("div", { role: "columnheader", className: `cell ${name}` },
        h("span", { className: name === "play" ? "sr" : "" }, t(name === "play" ? "player.play" : `list.${name}`, { zone: timeZone })))))), this.#body);
  #state = h("div");
  #status = h("p", { role: "status" });
  #buttons = h("span");
  #note = h("p", { className: "note muted" });

  connectedCallback() {
    this.append(this.#note, this.#grid, this.#state, h("div", { className: "foot" }, this.#status, this.#buttons));
    on(this.#grid, "scroll", () => this.#schedule());
    on(this.#grid, "keydown", (e) => this.#onKey(e));
    on(this.#grid, "focus", () => this.#active < 0 && this.#activate(0));
    on(this.#body, "click", ({ target }) => {
      const row = target.closest(".row");
      if (row) this.#choose(Number(row.dataset.index), target.closest("button") !== null);
    });
    new ResizeObserver(() => this.#measure()).observe(this.#grid);
    on(window, "online", () => this.#error && this.#load());
  }

  get #rows() {
    return this.#pager?.rows ?? [];
  }

  get #total() {
    return Math.min(this.#rows.length, maxRows);
  }

  /** @param {Filters} filters */
  set filters(filters) {
    if (!this.api) return;
    this.#filters = filters;
    const key = JSON.stringify([this.api.account, claimsOf(this.api.token), filters]);
    if (key !== this.#key || !this.#pager) {
      this.#key = key;
      this.reload();
    } else if (this.#pager.api !== this.api) { // the same person has logged in again: go on
      this.#pager.api = this.api;
      this.#load();
    }
  }

  /** @param {Map<string, string>} owners names by ID */
  set owners(owners) {
    this.#owners = owners;
    this.#content = new WeakMap();
    this.#schedule();
  }

  /** @param {string} id the open recording */
  set selected(id) {
    this.#selected = id;
    const index = this.#indexOf(id);
    if (index >= 0 && index !== this.#active) this.#activate(index);
    this.#schedule();
  }

  /** Loads the list from its beginning. */
  reload() {
    if (!this.api) return;
    this.stop();
    const query = toQuery(this.#filters);
    this.#pager = new Pager(this.api, query);
    this.#active = -1;
    this.#grid.scrollTop = 0;
    this.#note.hidden = !query.local;
    this.#note.textContent = t("filters.local", { names: formatWords(query.localNames.map((name) => t(`filters.name.${name}`))) });
    this.loaded = this.#load();
  }

  /** Ends what is being loaded. */
  stop() {
    this.#loading?.abort();
    this.#loading = null;
  }

  async #load() {
    const pager = this.#pager;
    if (!pager || this.#loading || pager.done) return;
    const loading = (this.#loading = new AbortController());
    this.#error = null;
    this.#render();
    await pager.more(loading.signal).catch((err) => { if (this.#loading === loading) this.#error = err; });
    if (this.#loading !== loading) return; // stopped
    this.#loading = null;
    this.#render();
  }

  /** @param {string} id */
  #indexOf(id) {
    return id ? this.#rows.findIndex((r) => r.id === id) : -1;
  }

  #measure() {
    const probe = h("div", { className: "row" });
    this.#body.append(probe);
    const height = probe.offsetHeight;
    probe.remove();
    if (height !== this.#rowHeight) {
      for (const el of this.#shown.values()) el.remove();
      const top = this.#grid.scrollTop / (this.#rowHeight || 1);
      this.#rowHeight = height;
      const near = this.#shown.has(this.#active);
      this.#shown.clear();
      this.#render();
      this.#grid.scrollTop = top * height;
      if (near) this.#activate(this.#active);
    }
    this.#schedule();
  }

  #schedule() {
    this.#frame ||= requestAnimationFrame(() => {
      this.#frame = 0;
      this.#render();
    });
  }

  /** Brings the document in line with the rows, the scroll position and the state. */
  #render() {
    const total = this.#total;
    const pager = this.#pager;
    this.#renderState();
    const { scrollTop, clientHeight } = this.#grid;
    const { first, last } = visibleRows(scrollTop, clientHeight, this.#rowHeight, total);
    this.#body.style.blockSize = `${total * this.#rowHeight}px`;
    const free = [];
    for (const [index, el] of this.#shown) {
      if (index >= first && index < last) continue;
      this.#shown.delete(index);
      free.push(el);
    }
    for (let index = first; index < last; index++) this.#showRow(index, this.#shown.get(index) ?? free.pop() ?? makeRow());
    for (const el of free) el.remove();
    this.#grid.setAttribute("aria-rowcount", String(pager?.done || total === maxRows ? total + 1 : -1));
    if (this.#shown.has(this.#active)) this.#grid.setAttribute("aria-activedescendant", `row-${this.#active}`);
    else this.#grid.removeAttribute("aria-activedescendant");
    const near = scrollTop + 3 * clientHeight > total * this.#rowHeight;
    if (near && this.#rowHeight && !this.#error && !pager?.paused && total < maxRows) this.#load();
  }

  /** @param {number} index @param {HTMLElement} el */
  #showRow(index, el) {
    const recording = this.#rows[index];
    if (this.#content.get(el) !== recording) {
      fillRow(el, recording, this.#owners);
      this.#content.set(el, recording);
    }
    if (this.#shown.get(index) !== el) {
      el.id = `row-${index}`;
      el.dataset.index = String(index);
      el.setAttribute("aria-rowindex", String(index + 2));
      el.style.transform = `translateY(${index * this.#rowHeight}px)`;
      this.#shown.set(index, el);
      if (!el.isConnected) this.#body.append(el);
    }
    el.classList.toggle("active", index === this.#active);
    el.setAttribute("aria-selected", String(recording.id === this.#selected));
  }

  #renderState() {
    const pager = this.#pager;
    const total = this.#total;
    const loading = this.#loading !== null;
    this.#grid.hidden = total === 0 && !loading;
    this.#grid.setAttribute("aria-busy", String(loading));
    this.#grid.classList.toggle("first", total === 0);
    const actions = {
      retry: () => (this.#error ? this.#load() : this.reload()),
      reset: () => this.dispatchEvent(new Event("reset")),
      ownAccount: () => this.dispatchEvent(new Event("own-account")),
    };
    const state = this.#error ? errorState(this.#error, this.api?.account ?? "", this.ownAccount, actions)
      : total === 0 && pager?.done ? emptyState(countFilters(this.#filters) > 0, actions) : [];
    this.#state.className = total ? "state below" : "state";
    this.#state.hidden = !state.length;
    this.#state.role = this.#error ? "alert" : "status";
    replaceIfChanged(this.#state, state);
    replaceIfChanged(this.#buttons, loading || state.length ? [] : [pager?.paused
      ? button("list.continue", () => this.#load()) : button("list.refresh", () => this.reload())]);
    replaceIfChanged(this.#status, [new Text(this.#statusText(loading))]);
  }

  /** @param {boolean} loading */
  #statusText(loading) {
    const n = this.#total;
    const { done = false, examined = 0, paused = false, query = undefined } = this.#pager ?? {};
    if (n === maxRows) return t("list.full", { n });
    if (query?.local && examined) return t("list.examined", { n, examined }) + (paused ? ` ${t("list.paused", { step })}` : "");
    if (loading) return t(n ? "list.more" : "list.loading");
    return n ? t(done ? "list.count" : "list.so-far", { n }) : "";
  }

  /** Makes a row the active one and scrolls to it. @param {number} index */
  #activate(index) {
    if (index < 0 || index >= this.#total) return;
    this.#active = index;
    const room = this.#grid.clientHeight - this.#body.offsetTop;
    this.#grid.scrollTop = scrollToRow(index, this.#grid.scrollTop, room, this.#rowHeight);
    this.#render();
  }

  focusRow() {
    this.#grid.focus({ preventScroll: true });
  }

  /** Opens the recording below the open one and plays it. */
  async next() {
    const index = this.#indexOf(this.#selected) + 1;
    if (index >= this.#total) await this.#load();
    this.#choose(index, true);
  }

  /** Opens the recording above the open one and plays it. */
  previous() {
    this.#choose(this.#indexOf(this.#selected) - 1, true);
  }

  /** @param {number} index @param {boolean} play */
  #choose(index, play) {
    const recording = this.#rows[index];
    if (!recording || index >= this.#total) return;
    this.#activate(index);
    this.dispatchEvent(new CustomEvent("select", { detail: { recording, play } }));
  }

  /** Shows a recording as it is now. One that the list does not have comes first. @param {Recording} recording */
  replace(recording) {
    const index = this.#indexOf(recording.id);
    if (index >= 0) this.#rows[index] = recording;
    else if (this.#rows.unshift(recording) && this.#active >= 0) this.#active++;
    this.#schedule();
  }

  /** Removes a recording. @param {string} id */
  drop(id) {
    const index = this.#indexOf(id);
    if (index < 0) return;
    this.#rows.splice(index, 1);
    if (this.#active > index || this.#active === this.#total) this.#active--;
    this.#schedule();
  }

  /** @param {KeyboardEvent} event */
  #onKey(event) {
    if (event.ctrlKey || event.metaKey || event.altKey || event.shiftKey) return;
    const recording = this.#rows[this.#active];
    const page = Math.max(1, Math.floor(this.#grid.clientHeight / this.#rowHeight) - 2);
    const to = moveBy(event.key, this.#active, this.#total, page);
    if (to !== undefined) this.#activate(to);
    else if (event.key === "Enter" && recording) this.#choose(this.#active, false);
    // Space plays the active row. For the open recording it belongs to the player.
    else if (event.key === " " && recording && recording.id !== this.#selected) this.#choose(this.#active, true);
    else return;
    event.preventDefault();
    event.stopPropagation();
  }
}

/** Replaces children unless they show the same, so that a focused button stays. @param {HTMLElement} el @param {Node[]} children */
function replaceIfChanged(el, children) {
  const text = children.map((child) => child.textContent).join("\n");
  if (el.dataset.shows === text) return;
  el.dataset.shows = text;
  el.replaceChildren(...children);
}

customElements.define("recording-list", RecordingList);
