// The list: a grid of which only the rows in sight are in the document. It loads more as the
// reader scrolls.
import { h } from "./dom.js";
import { t, timeZone } from "./i18n.js";
import { columns, fillRow, makeRow } from "./list-row.js";
import { emptyState, errorState } from "./list-state.js";
import { Pager, step } from "./pager.js";
import { claimsOf } from "./session.js";
import { countFilters, noFilters, toQuery } from "./view.js";
import { moveBy, scrollToRow, visibleRows } from "./window.js";
/** @import { Filters, Recording } from "../types.js" */
/** @import { Api } from "./api.js" */

// Browsers limit the height of an element; 200,000 rows stay below all limits.
const maxRows = 200_000;

/**
 * Events: select with {recording, play}; reset asks for no filters; own-account asks for the
 * token's account.
 */
export class RecordingList extends HTMLElement {
  constructor() {
    super();
    /** @type {Api | undefined} */
    this.api = undefined;
    this.ownAccount = "";
    /** @type {Filters} */
    this.wanted = noFilters;
    /** @type {Pager | null} */
    this.pager = null;
    this.key = "";
    /** Resolves when the first page has come, or has failed. @type {Promise<void>} */
    this.loaded = Promise.resolve();
    /** @type {AbortController | null} */
    this.loading = null;
    /** @type {unknown} */
    this.error = null;
    /** @type {Map<string, string>} */
    this.names = new Map();
    /** The rows in the document by index. @type {Map<number, HTMLElement>} */
    this.shown = new Map();
    /** @type {WeakMap<HTMLElement, Recording>} */
    this.content = new WeakMap();
    this.active = -1;
    this.chosen = "";
    this.rowHeight = 0;
    this.frame = 0;
    const play = h("span", { className: "sr" }, t("list.play"));
    this.body = h("div", { role: "rowgroup", className: "rows" });
    this.grid = h("div", { role: "grid", tabIndex: 0, "aria-label": t("list.label"), "aria-colcount": String(columns.length) },
      h("div", { role: "rowgroup", className: "head" }, h("div", { role: "row", className: "row", "aria-rowindex": "1" },
        ...columns.map((name) => h("div", { role: "columnheader", className: `cell ${name}` }, name === "play" ? play : t(`list.${name}`, { zone: timeZone }))))),
      this.body);
    this.state = h("div", { className: "state" });
    this.status = h("p", { role: "status" });
    this.buttons = h("span");
    this.note = h("p", { className: "note muted", hidden: true });
  }

  connectedCallback() {
    this.append(this.note, this.grid, this.state, h("div", { className: "foot" }, this.status, this.buttons));
    this.grid.addEventListener("scroll", () => this.schedule(), { passive: true });
    this.grid.addEventListener("keydown", (/** @type {KeyboardEvent} */ e) => this.onKey(e));
    this.grid.addEventListener("focus", () => this.active < 0 && this.activate(0, false));
    this.body.addEventListener("click", (/** @type {MouseEvent} */ e) => this.onClick(e));
    new ResizeObserver(() => this.measure()).observe(this.grid);
    addEventListener("online", () => this.error && this.load());
  }

  /** @param {Filters} filters */
  set filters(filters) {
    const api = this.api;
    if (!api) return;
    const key = JSON.stringify([api.account, claimsOf(api.token).owner, filters]);
    this.wanted = filters;
    if (key === this.key && this.pager) {
      this.pager.api = api; // a new login of the same person goes on where the list was
      if (this.error) this.load();
      return;
    }
    this.key = key;
    this.reload();
  }

  /** @param {Map<string, string>} names names of owners by ID */
  set owners(names) {
    this.names = names;
    this.content = new WeakMap();
    this.schedule();
  }

  /** @param {string} id the open recording */
  set selected(id) {
    this.chosen = id;
    const index = this.indexOf(id);
    if (index >= 0 && index !== this.active) this.activate(index);
    this.schedule();
  }

  /** Loads the list from its beginning. */
  reload() {
    if (!this.api) return;
    this.stop();
    const query = toQuery(this.wanted);
    this.pager = new Pager(this.api, query);
    this.active = -1;
    this.content = new WeakMap();
    this.grid.scrollTop = 0;
    this.note.hidden = !query.localNames.length;
    this.note.textContent = t("filters.local", { names: query.localNames.map((name) => t(`filters.name.${name}`)).join(", ") });
    this.loaded = this.load();
  }

  /** Ends what is being loaded. */
  stop() {
    this.loading?.abort();
    this.loading = null;
  }

  async load() {
    const pager = this.pager;
    if (!pager || this.loading || pager.done) return;
    const loading = (this.loading = new AbortController());
    this.error = null;
    this.render();
    try {
      await pager.more(loading.signal);
    } catch (err) {
      if (!loading.signal.aborted) this.error = err;
    }
    if (this.loading !== loading) return;
    this.loading = null;
    this.render();
  }

  /** The rows, as many as the list can show. */
  get rows() {
    return this.pager?.rows ?? [];
  }

  get total() {
    return Math.min(this.rows.length, maxRows);
  }

  /** @param {string} id */
  indexOf(id) {
    return id ? this.rows.findIndex((r) => r.id === id) : -1;
  }

  measure() {
    const probe = h("div", { className: "row" });
    this.body.append(probe);
    this.rowHeight = probe.offsetHeight;
    probe.remove();
    for (const el of this.shown.values()) el.remove();
    this.shown.clear();
    this.schedule();
  }

  schedule() {
    this.frame ||= requestAnimationFrame(() => {
      this.frame = 0;
      this.render();
    });
  }

  /** Brings the document in line with the rows, the scroll position and the state. */
  render() {
    const { total } = this;
    if (!this.rowHeight && total) return this.measure();
    const { scrollTop, clientHeight } = this.grid;
    const { first, last } = visibleRows(scrollTop, clientHeight, this.rowHeight, total);
    this.body.style.blockSize = `${total * this.rowHeight}px`;
    /** @type {HTMLElement[]} */
    const free = [];
    for (const [index, el] of this.shown) {
      if (index >= first && index < last) continue;
      this.shown.delete(index);
      free.push(el);
    }
    for (let index = first; index < last; index++) this.showRow(index, this.shown.get(index) ?? free.pop());
    for (const el of free) el.remove();
    const known = this.pager?.done || total === maxRows;
    this.grid.setAttribute("aria-rowcount", String(known ? total + 1 : -1));
    if (this.shown.has(this.active)) this.grid.setAttribute("aria-activedescendant", `row-${this.active}`);
    else this.grid.removeAttribute("aria-activedescendant");
    this.renderState();
    const near = scrollTop + 3 * clientHeight > total * this.rowHeight;
    if (near && !this.loading && !this.error && this.pager && !this.pager.paused && !this.pager.done && total < maxRows) this.load();
  }

  /**
   * @param {number} index
   * @param {HTMLElement | undefined} reused
   */
  showRow(index, reused) {
    const el = reused ?? makeRow();
    const recording = this.rows[index];
    if (this.content.get(el) !== recording) {
      fillRow(el, recording, this.names);
      this.content.set(el, recording);
    }
    if (this.shown.get(index) !== el) {
      el.id = `row-${index}`;
      el.dataset.index = String(index);
      el.setAttribute("aria-rowindex", String(index + 2));
      el.style.transform = `translateY(${index * this.rowHeight}px)`;
      this.shown.set(index, el);
      if (!el.isConnected) this.body.append(el);
    }
    el.classList.toggle("active", index === this.active);
    el.setAttribute("aria-selected", String(recording.id === this.chosen));
  }

  renderState() {
    const { total, pager } = this;
    const loading = this.loading !== null;
    this.grid.hidden = total === 0 && !loading;
    this.grid.setAttribute("aria-busy", String(loading));
    this.grid.classList.toggle("first", total === 0);
    const actions = {
      retry: () => (this.error ? this.load() : this.reload()),
      reset: () => this.dispatchEvent(new Event("reset")),
      ownAccount: () => this.dispatchEvent(new Event("own-account")),
    };
    /** @type {Node[]} */
    let state = [];
    if (this.error) state = errorState(this.error, { account: this.api?.account ?? "", own: this.ownAccount }, actions);
    else if (total === 0 && pager?.done) state = emptyState(countFilters(this.wanted) > 0, actions);
    replaceIfChanged(this.state, state);
    this.state.className = total ? "state below" : "state";
    this.state.hidden = state.length === 0;
    this.state.setAttribute("role", this.error ? "alert" : "status");
    const button = (/** @type {string} */ key, /** @type {() => void} */ onclick) => h("button", { type: "button", onclick }, t(key));
    replaceIfChanged(this.buttons, loading || state.length ? []
      : pager?.paused ? [button("list.continue", () => this.load())] : [button("list.refresh", () => this.reload())]);
    const text = this.statusText(loading);
    if (this.status.textContent !== text) this.status.textContent = text;
  }

  /** @param {boolean} loading */
  statusText(loading) {
    const { total, pager } = this;
    if (!pager) return "";
    if (total === maxRows) return t("list.full", { n: maxRows });
    if (pager.query.local && pager.examined) {
      return t("list.examined", { n: total, examined: pager.examined }) + (pager.paused ? ` ${t("list.paused", { step })}` : "");
    }
    if (loading) return t(total ? "list.more" : "list.loading");
    return total ? t(pager.done ? "list.count" : "list.so-far", { n: total }) : "";
  }

  /**
   * Makes a row the active one.
   * @param {number} index
   * @param {boolean} [scroll]
   */
  activate(index, scroll = true) {
    if (index < 0 || index >= this.total) return;
    this.active = index;
    if (scroll && this.rowHeight) {
      const room = this.grid.clientHeight - this.body.offsetTop;
      this.grid.scrollTop = scrollToRow(index, this.grid.scrollTop, room, this.rowHeight);
    }
    this.render();
  }

  /** Gives the focus to the list. */
  focusRow() {
    this.grid.focus({ preventScroll: true });
  }

  /** Opens the recording below the open one and plays it. */
  async next() {
    const index = this.indexOf(this.chosen) + 1;
    if (index >= this.total) await this.load();
    this.choose(index, true);
  }

  /** Opens the recording above the open one and plays it. */
  previous() {
    this.choose(this.indexOf(this.chosen) - 1, true);
  }

  /**
   * @param {number} index
   * @param {boolean} play
   */
  choose(index, play) {
    const recording = this.rows[index];
    if (!recording || index >= this.total) return;
    this.activate(index);
    this.dispatchEvent(new CustomEvent("select", { detail: { recording, play } }));
  }

  /**
   * Shows a recording as it is now. A recording that the list does not have comes first.
   * @param {Recording} recording
   */
  replace(recording) {
    const index = this.indexOf(recording.id);
    if (index >= 0) this.rows[index] = recording;
    else this.insert(recording);
    this.schedule();
  }

  /** @param {Recording} recording */
  insert(recording) {
    this.rows.unshift(recording);
    if (this.active >= 0) this.active++;
  }

  /** Removes a recording. @param {string} id */
  drop(id) {
    const index = this.indexOf(id);
    if (index < 0) return;
    this.rows.splice(index, 1);
    if (this.active > index || this.active === this.total) this.active--;
    this.schedule();
  }

  /** @param {KeyboardEvent} event */
  onKey(event) {
    if (event.ctrlKey || event.metaKey || event.altKey || event.shiftKey) return;
    const recording = this.rows[this.active];
    const page = Math.max(1, Math.floor(this.grid.clientHeight / this.rowHeight) - 2);
    const to = moveBy(event.key, this.active, this.total, page);
    if (to !== undefined) this.activate(to);
    else if (event.key === "Enter" && recording) this.choose(this.active, false);
    // Space plays the active row; for the open recording it belongs to the player.
    else if (event.key === " " && recording && recording.id !== this.chosen) this.choose(this.active, true);
    else return;
    event.preventDefault();
    event.stopPropagation();
  }

  /** @param {MouseEvent} event */
  onClick(event) {
    const target = /** @type {Element} */ (event.target);
    const row = /** @type {HTMLElement | null} */ (target.closest(".row"));
    if (row) this.choose(Number(row.dataset.index), target.closest("button.play") !== null);
  }
}

/**
 * Replaces children unless they show the same, so that a focused button stays.
 * @param {HTMLElement} el
 * @param {Node[]} children
 */
function replaceIfChanged(el, children) {
  const next = children.map((child) => child.textContent).join("\n");
  if (el.dataset.shows === next) return;
  el.dataset.shows = next;
  el.replaceChildren(...children);
}

customElements.define("recording-list", RecordingList);
