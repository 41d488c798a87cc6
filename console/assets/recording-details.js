// The details of one recording: its tags and notes, which can be edited, and its fields.

import { limits, noteId, patchOf, readNotes, readTags, rebase, settle, tagName } from "./annotations.js";
import { h } from "./dom.js";
import { formatDuration, formatTime, t } from "./i18n.js";
import { detailsOnly, listen } from "./keys.js";
import { whyOf } from "./recording-player.js";
import { removeRecording } from "./remove.js";
import { claimsOf } from "./session.js";
import { shareRecording } from "./share.js";
import { party } from "./view.js";

/** @typedef {import("../types.js").Recording} Recording */
/** @typedef {import("./annotations.js").Edit} Edit */
/** @typedef {import("./annotations.js").Note} Note */

/** How often edits are sent again after a change by another client. */
const TRIES = 5;

export class RecordingDetails extends HTMLElement {
  /** @type {import("./api.js").Api|undefined} */
  api;
  /** @type {Recording|null} */
  #recording = null;
  #etag = "";
  #life = new AbortController();
  #turn = new AbortController();
  /** Edits that follow each other. */
  #queue = Promise.resolve();

  connectedCallback() {
    this.#life = new AbortController();
    listen(this, detailsOnly, this.#life.signal);
  }

  disconnectedCallback() {
    this.#life.abort();
    this.#turn.abort();
  }

  get recording() {
    return this.#recording;
  }

  set recording(/** @type {Recording|null} */ recording) {
    const other = recording?.id !== this.#recording?.id;
    this.#recording = recording;
    if (!other) {
      this.#fill();
      return;
    }
    this.#turn.abort();
    this.#turn = new AbortController();
    this.#etag = "";
    this.replaceChildren();
    if (!recording) return;
    this.#build();
    void this.#refresh(this.#turn.signal);
  }

  /** @returns {any} the player, which knows the place */
  get player() {
    return document.querySelector("recording-player");
  }

  /** Reads the document, which is newer than the list's, with its revision. @param {AbortSignal} signal */
  async #refresh(signal) {
    if (!this.api || !this.#recording) return;
    try {
      const { recording, etag } = await this.api.get(this.#recording.id, { signal });
      if (!signal.aborted) this.#take(recording, etag);
    } catch (err) {
      if (!signal.aborted) this.#say(whyOf(err));
    }
  }

  /** @param {Recording} recording @param {string} etag */
  #take(recording, etag) {
    this.#recording = recording;
    this.#etag = etag;
    this.#fill();
    this.dispatchEvent(new CustomEvent("changed", { detail: { recording } }));
  }

  #build() {
    const button = (/** @type {string} */ text, /** @type {() => void} */ onclick, className = "") => h("button", { type: "button", className, onclick }, t(text));
    this.status = h("p", { role: "status", className: "muted" });
    this.conflicts = h("div", { role: "alert", className: "conflicts" });
    this.tags = h("ul", { className: "tags", "aria-label": t("details.tags") });
    this.notes = h("ul", { className: "notes", "aria-label": t("details.notes") });
    this.tagText = h("input", { maxLength: limits.tag, "aria-label": t("details.tag.new"), placeholder: t("details.tag.new") });
    this.tagPlace = this.#placeBox();
    this.tagForm = h("form", { className: "add", onsubmit: (/** @type {Event} */ e) => this.#submitTag(e) }, this.tagText, this.tagPlace.label, h("button", {}, t("details.add")));
    this.noteText = h("textarea", { rows: 2, maxLength: limits.note, "aria-label": t("details.note.new"), placeholder: t("details.note.new") });
    this.notePlace = this.#placeBox(true);
    this.noteForm = h("form", { className: "add", onsubmit: (/** @type {Event} */ e) => this.#submitNote(e) }, this.noteText, this.notePlace.label, h("button", {}, t("details.add")));
    this.fields = h("dl", { className: "fields" });
    this.shareButton = button("share.open", () => this.share());
    this.removeButton = button("details.delete", () => this.delete(), "danger");
    this.append(this.status, this.conflicts, h("h2", {}, t("details.tags")), this.tags, this.tagForm, h("h2", {}, t("details.notes")), this.notes, this.noteForm,
      h("h2", {}, t("details.fields")), this.fields, h("div", { className: "add" }, this.shareButton, this.removeButton));
    this.shareButton.hidden = true;
    void this.api?.offers("/links").then((yes) => (this.shareButton.hidden = !yes || !this.api?.may("POST")));
    this.#fill();
  }

  /** A box that puts an entry at the player's place. */
  #placeBox(checked = false) {
    const box = h("input", { type: "checkbox", checked });
    return { box, label: h("label", { className: "place" }, box, t("details.here")) };
  }

  /** @param {HTMLInputElement|undefined} box @returns {{at?: number}} */
  #place(box) {
    return box?.checked && this.player ? { at: Math.round(this.player.position * 10) / 10 } : {};
  }

  #fill() {
    const r = this.#recording;
    if (!r || !this.tags) return;
    const may = this.api?.may("PATCH") ?? false;
    this.tagForm.hidden = this.noteForm.hidden = !may;
    this.removeButton.hidden = !this.api?.may("DELETE");
    this.tags.replaceChildren(...readTags(r.user_metadata).map(({ name, at }) => h("li", {},
      at === undefined ? name : this.#jump(at, name),
      ...(may ? [this.#small("details.tag.remove", { name }, () => this.save([{ kind: "tags", key: name, value: null }]))] : []))));
    this.notes.replaceChildren(...readNotes(r.user_metadata).map((note) => this.#note(note, may)));
    const from = party(r, "from"), to = party(r, "to");
    const fields = {
      "details.when": formatTime(r.start), "list.direction": r.direction && t(`list.${r.direction}`), "list.from": `${from.name} ${from.number}`.trim(), "list.to": `${to.name} ${to.number}`.trim(),
      "list.length": formatDuration(r.duration), "list.owner": r.owner_id, "details.type": r.content_type ?? r.media_type, "details.id": r.id,
    };
    this.fields.replaceChildren(...Object.entries(fields).filter(([, v]) => v).flatMap(([name, v]) => [h("dt", {}, t(name)), h("dd", {}, String(v))]));
    this.player?.recording?.id === r.id && this.player.mark(r);
  }

  /** @param {number} at @param {string} [name] */
  #jump(at, name) {
    const text = `${name ?? ""} ${formatDuration(Math.floor(at))}`.trim();
    return h("button", { type: "button", className: "jump", "aria-label": t("details.jump", { text }), onclick: () => this.player?.seekTo(at) }, text);
  }

  /** @param {string} text @param {Record<string, string>} values @param {() => void} onclick */
  #small(text, values, onclick, shown = "×") {
    return h("button", { type: "button", className: "small", "aria-label": t(text, values), title: t(text, values), onclick }, shown);
  }

  /** @param {Note} note @param {boolean} may */
  #note(note, may) {
    const { id, ...value } = note;
    const text = h("p", {}, note.text);
    const item = h("li", {}, ...(note.at === undefined ? [] : [this.#jump(note.at)]), text);
    const edit = () => {
      const box = h("textarea", { value: note.text, rows: 3, maxLength: limits.note, "aria-label": t("details.note.edit", { text: note.text.slice(0, 40) }) });
      const done = () => (box.value.trim() && box.value !== note.text ? this.save([{ kind: "notes", key: id, value: { ...plain(value), text: box.value.trim() } }]) : this.#fill());
      box.onkeydown = (/** @type {KeyboardEvent} */ e) => {
        if (e.key === "Escape") this.#fill();
        else if (!(e.key === "Enter" && (e.ctrlKey || e.metaKey))) return;
        else done();
        e.preventDefault();
        e.stopPropagation();
      };
      item.replaceChildren(box, h("button", { type: "button", onclick: done }, t("details.save")), h("button", { type: "button", onclick: () => this.#fill() }, t("details.cancel")));
      box.focus();
    };
    const short = { text: note.text.slice(0, 40) };
    if (may) item.append(this.#small("details.note.edit", short, edit, "✎"), this.#small("details.note.remove", short, () => this.save([{ kind: "notes", key: id, value: null }])));
    return item;
  }

  /** @param {Event} e */
  #submitTag(e) {
    e.preventDefault();
    const key = tagName(this.tagText.value);
    const place = this.#place(this.tagPlace?.box);
    if (key) void this.save([{ kind: "tags", key, value: place.at === undefined ? true : place }], () => (this.tagText.value = ""));
  }

  /** @param {Event} e */
  #submitNote(e) {
    e.preventDefault();
    const text = this.noteText.value.trim();
    const by = claimsOf(this.api?.token ?? "").owner;
    const value = { text, ...this.#place(this.notePlace?.box), ...(by ? { by } : {}), created: new Date().toISOString().replace(/\.\d+/, "") };
    if (text) void this.save([{ kind: "notes", key: noteId(), value }], () => (this.noteText.value = ""));
  }

  /**
   * Stores edits, one after the other. Text stays in its box until then() says that it is stored.
   * @param {Edit[]} edits @param {() => void} [then]
   */
  save(edits, then = () => {}) {
    const turn = this.#turn.signal;
    return (this.#queue = this.#queue.then(async () => {
      if (turn.aborted) return;
      try {
        await this.#store(edits, turn);
        then();
      } catch (err) {
        if (!turn.aborted) this.#failed(/** @type {any} */ (err), edits, then);
      }
    }));
  }

  /** @param {Edit[]} edits @param {AbortSignal} signal */
  async #store(edits, signal) {
    const api = this.api, id = this.#recording?.id ?? "";
    if (!api) return;
    if (!this.#etag) await this.#refresh(signal);
    for (let left = TRIES; edits.length; left--) {
      const base = this.#recording?.user_metadata;
      try {
        const { recording, etag } = await api.patch(id, patchOf(base, edits), this.#etag, { signal });
        this.#take(recording, etag);
        return this.#say(t("details.saved"));
      } catch (err) {
        if (/** @type {any} */ (err).status !== 412 || left === 0) throw err;
      }
      const fresh = await api.get(id, { signal });
      const { safe, conflicts } = rebase(base, fresh.recording.user_metadata, edits);
      this.#take(fresh.recording, fresh.etag);
      for (const c of conflicts) this.#conflict(c);
      edits = safe;
    }
  }

  /** Shows both versions, until the person has chosen. @param {import("./annotations.js").Conflict} c */
  #conflict(c) {
    const shown = (/** @type {any} */ v) => String(v === undefined || v === null ? t("details.removed") : v.text ?? (v.at === undefined ? c.key : `${c.key} ${formatDuration(v.at)}`));
    const choose = (/** @type {"mine"|"theirs"|"both"} */ choice) => h("button", { type: "button", onclick: () => void this.save(settle(c, choice), () => box.remove()) }, t(`conflict.${choice}`));
    const both = c.kind === "notes" && c.value && c.theirs ? [choose("both")] : [];
    const box = h("div", {}, h("p", {}, t("conflict.title")), h("dl", {}, h("dt", {}, t("conflict.yours")), h("dd", {}, shown(c.value)), h("dt", {}, t("conflict.other")), h("dd", {}, shown(c.theirs))),
      ...both, choose("mine"), choose("theirs"));
    this.conflicts.append(box);
    this.#say("");
    box.scrollIntoView({ block: "nearest" });
    box.querySelector("button")?.focus();
  }

  /** @param {import("./api.js").ApiError} err @param {Edit[]} edits @param {() => void} then */
  #failed(err, edits, then) {
    this.#fill();
    if (err.status === 403) return this.#say(t("details.forbidden"));
    this.#say(whyOf(err));
    this.status.append(" ", h("button", { type: "button", onclick: () => void this.save(edits, then) }, t("error.retry")));
  }

  /** @param {string} text */
  #say(text) {
    if (this.status) this.status.textContent = text;
  }

  addTag() {
    if (!this.tagForm.hidden) this.tagText.focus();
  }

  addNote() {
    if (!this.noteForm.hidden) this.noteText.focus();
  }

  share() {
    if (this.api && this.#recording && !this.shareButton.hidden) void shareRecording(this.api, this.#recording);
  }

  async delete() {
    const recording = this.#recording;
    if (!this.api || !recording || this.removeButton.hidden) return;
    const event = await removeRecording(this.api, recording);
    if (event) this.dispatchEvent(event);
    else this.#fill();
  }
}

/** Leaves out members without a value. @param {object} value */
const plain = (value) => Object.fromEntries(Object.entries(value).filter(([, v]) => v !== undefined));

customElements.define("recording-details", RecordingDetails);
