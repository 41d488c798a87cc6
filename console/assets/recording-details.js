// The details of one recording: its tags and notes, which can be edited, and its fields.

import { entries, limits, noteId, patchOf, readNotes, readTags, rebase, settle, tagName } from "./annotations.js";
import { button, find, h } from "./dom.js";
import { formatDuration, formatTime, t, whyOf } from "./i18n.js";
import { detailsOnly, listen } from "./keys.js";
import { notice, removeRecording } from "./remove.js";
import { claimsOf } from "./session.js";
import { shareRecording } from "./share.js";
import { party } from "./view.js";

/** @typedef {import("../types.js").Recording} Recording */
/** @typedef {import("./annotations.js").Edit} Edit */
/** @typedef {import("./annotations.js").Note} Note */

/**
 * A recording while it is shown, and until its edits are stored.
 * @typedef {Object} Doc
 * @property {import("./api.js").Api} api
 * @property {Recording} recording
 * @property {string} etag of recording; "" if recording is from a list
 * @property {Promise<void>} queue edits follow each other
 * @property {boolean} shown
 */

/** Texts of new notes that are not stored yet, by recording. @type {Map<string, string>} */
const drafts = new Map();

/** How often edits are sent again after a change by another client. */
const TRIES = 5;

export class RecordingDetails extends HTMLElement {
  /** @type {import("./api.js").Api|undefined} */
  api;
  /** @type {Doc|null} */
  #doc = null;
  #life = new AbortController();

  connectedCallback() {
    this.#life = new AbortController();
    listen(this, detailsOnly, this.#life.signal);
  }

  disconnectedCallback() {
    this.#life.abort();
    this.recording = null;
  }

  get recording() {
    return this.#doc?.recording ?? null;
  }

  set recording(/** @type {Recording|null} */ recording) {
    if (recording && recording.id === this.#doc?.recording.id) return;
    if (this.#doc) this.#doc.shown = false;
    this.#doc = null;
    this.replaceChildren();
    if (!recording || !this.api) return;
    const doc = (this.#doc = { api: this.api, recording, etag: "", queue: Promise.resolve(), shown: true });
    this.#build();
    this.#refresh(doc).catch((err) => this.#say(doc, whyOf(err)));
  }

  /** @returns {any} the player, which knows the place */
  get player() {
    return find("recording-player");
  }

  /** Reads the document, which is newer than the list's, with its revision. @param {Doc} doc */
  async #refresh(doc) {
    this.#take(doc, await doc.api.get(doc.recording.id));
  }

  /** @param {Doc} doc @param {{recording: Recording, etag: string}} read */
  #take(doc, { recording, etag }) {
    Object.assign(doc, { recording, etag });
    this.#fill();
    this.dispatchEvent(new CustomEvent("changed", { detail: { recording } }));
  }

  #build() {
    this.status = h("p", { role: "status", className: "muted" });
    this.conflicts = h("div", { role: "alert", className: "conflicts" });
    this.tags = h("ul", { className: "tags", "aria-label": t("details.tags") });
    this.notes = h("ul", { className: "notes", "aria-label": t("details.notes") });
    this.tagText = h("input", { maxLength: limits.tag, "aria-label": t("details.tag.new"), placeholder: t("details.tag.new") });
    this.tagPlace = this.#placeBox();
    this.tagForm = h("form", { className: "add", onsubmit: (/** @type {Event} */ e) => this.#submitTag(e) }, this.tagText, this.tagPlace.label, h("button", {}, t("details.add")));
    this.noteText = h("textarea", { rows: 2, value: drafts.get(this.recording?.id ?? "") ?? "", oninput: () => drafts.set(this.recording?.id ?? "", this.noteText.value), maxLength: limits.note, "aria-label": t("details.note.new"), placeholder: t("details.note.new") });
    this.notePlace = this.#placeBox(true);
    this.noteForm = h("form", { className: "add", onsubmit: (/** @type {Event} */ e) => this.#submitNote(e) }, this.noteText, this.notePlace.label, h("button", {}, t("details.add")));
    this.fields = h("dl", { className: "fields" });
    this.shareButton = button("share.open", () => this.share());
    this.removeButton = button("details.delete", () => this.delete());
    this.removeButton.className = "danger";
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
    const r = this.recording;
    if (!r) return;
    // An element that is drawn anew loses the focus.
    const form = this.tags.contains(document.activeElement) ? this.tagText : this.notes.contains(document.activeElement) ? this.noteText : null;
    const may = this.api?.may("PATCH") ?? false;
    this.tagForm.hidden = this.noteForm.hidden = !may;
    this.removeButton.hidden = !this.api?.may("DELETE");
    this.tags.replaceChildren(...readTags(r.user_metadata).map(({ name, at }) => h("li", {},
      at === undefined ? name : this.#jump(at, name),
      ...(may ? [this.#small("details.tag.remove", { name }, () => this.save([{ kind: "tags", key: name, value: null }]))] : []))));
    // Another note may be in an editor, with text that must not be lost.
    if (!find("recording-details .notes textarea")) this.notes.replaceChildren(...readNotes(r.user_metadata).map((note) => this.#note(note, may)));
    if (!this.contains(document.activeElement)) form?.focus();
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
    const base = entries(this.recording?.user_metadata, "notes")[id];
    const text = h("p", {}, note.text);
    const item = h("li", {}, ...(note.at === undefined ? [] : [this.#jump(note.at)]), text);
    const edit = () => {
      const box = h("textarea", { value: note.text, rows: 3, maxLength: limits.note, "aria-label": t("details.note.edit", { text: note.text.slice(0, 40) }) });
      const cancel = () => {
        item.replaceChildren(...shown);
        this.#fill();
        this.noteText.focus();
      };
      const done = () => {
        const text = box.value.trim();
        if (text && text !== note.text) void this.save([{ kind: "notes", key: id, value: { ...plain(value), text }, base }]);
        cancel();
      };
      box.onkeydown = (/** @type {KeyboardEvent} */ e) => {
        if (e.key === "Escape") cancel();
        else if (!(e.key === "Enter" && (e.ctrlKey || e.metaKey))) return;
        else done();
        e.preventDefault();
        e.stopPropagation();
      };
      const shown = [...item.childNodes];
      item.replaceChildren(box, button("details.save", done), button("details.cancel", cancel));
      box.focus();
    };
    const short = { text: note.text.slice(0, 40) };
    if (may) item.append(this.#small("details.note.edit", short, edit, "✎"), this.#small("details.note.remove", short, () => this.save([{ kind: "notes", key: id, value: null, base }])));
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
    if (text) void this.save([{ kind: "notes", key: noteId(), value }], () => {
      drafts.delete(this.recording?.id ?? "");
      this.noteText.value = "";
    });
  }

  /**
   * Stores edits, one after the other, also when another recording is shown meanwhile. Text stays
   * in its box until then() is called, when it is stored.
   * @param {Edit[]} edits @param {() => void} [then]
   */
  save(edits, then = () => {}) {
    const doc = this.#doc;
    if (!doc) return;
    edits = edits.map((e) => ({ base: entries(doc.recording.user_metadata, e.kind)[e.key], ...e }));
    return (doc.queue = doc.queue.then(async () => {
      try {
        await this.#store(doc, edits);
        if (doc.shown) then();
      } catch (err) {
        this.#failed(doc, /** @type {any} */ (err), edits, then);
      }
    }));
  }

  /** @param {Doc} doc @param {Edit[]} edits */
  async #store(doc, edits) {
    if (!doc.etag) await this.#refresh(doc);
    for (let left = TRIES; edits.length; left--) {
      const stored = doc.recording.user_metadata;
      const { safe, conflicts } = rebase(stored, edits);
      // Without a person to decide, both versions are kept.
      edits = doc.shown ? safe : [...safe, ...conflicts.flatMap((c) => settle(c, "both"))];
      try {
        if (edits.length) {
          this.#take(doc, await doc.api.patch(doc.recording.id, patchOf(stored, edits), doc.etag));
          this.#say(doc, t("details.saved"));
        }
        if (doc.shown) conflicts.forEach((c) => this.#conflict(doc, c));
        return;
      } catch (err) {
        if (/** @type {any} */ (err).status !== 412 || left === 0) throw err;
      }
      edits = [...safe, ...conflicts];
      await this.#refresh(doc);
    }
  }

  /** Shows both versions, until the person has chosen. @param {Doc} doc @param {import("./annotations.js").Conflict} c */
  #conflict(doc, c) {
    const shown = (/** @type {any} */ v) => String(v === undefined || v === null ? t("details.removed") : v.text ?? (v.at === undefined ? c.key : `${c.key} ${formatDuration(v.at)}`));
    const choose = (/** @type {"mine"|"theirs"|"both"} */ choice) => button(`conflict.${choice}`, () => void this.save(settle(c, choice), () => box.remove()));
    const both = c.kind === "notes" && c.value && c.theirs ? [choose("both")] : [];
    const box = h("div", {}, h("p", {}, t("conflict.title")), h("dl", {}, h("dt", {}, t("conflict.yours")), h("dd", {}, shown(c.value)), h("dt", {}, t("conflict.other")), h("dd", {}, shown(c.theirs))),
      ...both, choose("mine"), choose("theirs"));
    this.conflicts.append(box);
    this.#say(doc, "");
    box.scrollIntoView({ block: "nearest" });
    box.querySelector("button")?.focus();
  }

  /** @param {Doc} doc @param {import("./api.js").ApiError} err @param {Edit[]} edits @param {() => void} then */
  #failed(doc, err, edits, then) {
    const text = err.status === 403 ? t("details.forbidden") : whyOf(err);
    if (!doc.shown) return notice(text);
    this.#fill();
    this.#say(doc, text);
    if (err.status !== 403) this.status.append(" ", button("error.retry", () => void this.save(edits, then)));
  }

  /** @param {Doc} doc @param {string} text */
  #say(doc, text) {
    if (doc.shown) this.status.textContent = text;
  }

  addTag() {
    if (!this.tagForm.hidden) this.tagText.focus();
  }

  addNote() {
    if (!this.noteForm.hidden) this.noteText.focus();
  }

  share() {
    if (this.#doc && !this.shareButton.hidden) void shareRecording(this.#doc.api, this.#doc.recording);
  }

  async delete() {
    if (!this.#doc || this.removeButton.hidden) return;
    const event = await removeRecording(this.#doc.api, this.#doc.recording);
    if (event) this.dispatchEvent(event);
    else this.#fill();
  }
}

/** Leaves out members without a value. @param {object} value */
const plain = (value) => Object.fromEntries(Object.entries(value).filter(([, v]) => v !== undefined));

customElements.define("recording-details", RecordingDetails);
