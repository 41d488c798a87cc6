// Uploading audio files: choose or drop them, see their progress, retry.

import { h } from "./dom.js";
import { t, whyOf } from "./i18n.js";

/** The types that the API accepts, by the end of a file's name. @type {Record<string, string>} */
const TYPES = { mp3: "audio/mpeg", wav: "audio/wav", ogg: "audio/ogg", oga: "audio/ogg", opus: "audio/ogg", m4a: "audio/mp4", mp4: "audio/mp4" };
const PARALLEL = 2;
const POLLS = 60; // looks at a recording whose audio is examined, one every 2 s

/** The API's type of a file, or undefined. @param {string} name */
export const typeOf = (name) => TYPES[name.toLowerCase().split(".").pop() ?? ""];

/** @typedef {{file: File, key: string, item: any, bar: any, text: any, retry: any, stop: AbortController}} Job */

export class RecordingUpload extends HTMLElement {
  /** @type {import("./api.js").Api|undefined} */
  api;
  /** @type {Job[]} */
  #waiting = [];
  #running = 0;
  #life = new AbortController();

  connectedCallback() {
    this.picker = h("input", { type: "file", multiple: true, accept: Object.keys(TYPES).map((e) => `.${e}`).join(), hidden: true, onchange: () => {
      this.add(this.picker.files);
      this.picker.value = "";
    } });
    this.button = h("button", { type: "button", title: t("upload.hint"), onclick: () => this.picker.click() }, t("upload.open"));
    this.list = h("ul", { "aria-label": t("upload.list") });
    this.clear = h("button", { type: "button", onclick: () => this.#tidy() }, t("app.close"));
    this.panel = h("div", { className: "uploads", hidden: true }, this.list, this.clear);
    this.target = h("div", { className: "drop", hidden: true }, t("upload.drop"));
    this.replaceChildren(this.button, this.picker, this.panel, this.target);
    this.#life = new AbortController();
    const on = (/** @type {string} */ name, /** @type {(e: any) => void} */ run) => addEventListener(name, run, { signal: this.#life.signal });
    const files = (/** @type {DragEvent} */ e) => this.api?.may("PUT") && e.dataTransfer?.types.includes("Files");
    on("dragover", (e) => {
      if (!files(e)) return;
      e.preventDefault();
      this.target.hidden = false;
    });
    on("dragleave", (e) => e.relatedTarget || (this.target.hidden = true));
    on("drop", (e) => {
      this.target.hidden = true;
      if (!files(e)) return;
      e.preventDefault();
      this.add(e.dataTransfer.files);
    });
    on("beforeunload", (e) => this.#running && e.preventDefault());
  }

  disconnectedCallback() {
    this.#life.abort();
  }

  /** @param {Iterable<File>} files */
  add(files) {
    for (const file of files) {
      const bar = h("progress", { max: 1, value: 0, "aria-label": file.name });
      const text = h("span", { role: "status" }, t("upload.waiting"));
      const retry = h("button", { type: "button", hidden: true, onclick: () => this.#enqueue(job) }, t("error.retry"));
      const cancel = h("button", { type: "button", className: "small", "aria-label": t("upload.cancel", { name: file.name }), onclick: () => (job.stop.abort(), job.item.remove(), this.#show()) }, "×");
      const item = h("li", {}, h("b", {}, file.name), bar, text, retry, cancel);
      const key = Array.from(crypto.getRandomValues(new Uint8Array(12)), (b) => b.toString(16).padStart(2, "0")).join("");
      /** @type {Job} */
      const job = { file, key, item, bar, text, retry, stop: new AbortController() };
      this.list.append(item);
      if (typeOf(file.name) && file.size) this.#enqueue(job);
      else this.#end(job, t(file.size ? "upload.type" : "player.empty"), false);
    }
    this.#show();
  }

  #show() {
    this.panel.hidden = !this.list.childElementCount;
  }

  /** Removes what has ended. */
  #tidy() {
    for (const li of [...this.list.children]) if (li.classList.contains("ended")) li.remove();
    this.#show();
  }

  /** @param {Job} job */
  #enqueue(job) {
    job.retry.hidden = true;
    job.item.classList.remove("ended");
    this.#waiting.push(job);
    this.#next();
  }

  #next() {
    while (this.#running < PARALLEL && this.#waiting.length) {
      const job = /** @type {Job} */ (this.#waiting.shift());
      if (job.stop.signal.aborted) continue;
      this.#running++;
      void this.#run(job).finally(() => {
        this.#running--;
        this.#next();
      });
    }
  }

  /** @param {Job} job */
  async #run(job) {
    const { api } = this;
    const { file, key, stop: { signal } } = job;
    if (!api) return;
    try {
      // A retry with the same key creates nothing new and gets a fresh URL.
      const made = await api.create({ data: { name: file.name }, upload: { content_type: typeOf(file.name), size: file.size } }, { signal, key });
      this.dispatchEvent(new CustomEvent("changed", { bubbles: true, detail: { recording: made.recording } }));
      if (made.upload) await send(file, made.upload, signal, (part) => {
        job.bar.value = part;
        job.text.textContent = t("upload.sent", { percent: Math.round(part * 100) });
      });
      await this.#follow(job, made.recording.id);
    } catch (err) {
      if (signal.aborted) return;
      this.#end(job, api.may("PUT") ? whyOf(err) : t("upload.forbidden"), true);
      this.button.hidden = !api.may("PUT");
    }
  }

  /** Looks at the recording until its audio has been examined. @param {Job} job @param {string} id */
  async #follow(job, id) {
    job.bar.value = 1;
    job.text.textContent = t("upload.examined");
    for (let i = 0; i < POLLS && !job.stop.signal.aborted; i++) {
      await new Promise((resolve) => setTimeout(resolve, i ? 2000 : 500));
      const fresh = await this.api?.get(id, { signal: job.stop.signal });
      const state = fresh?.recording._read_only?.state;
      if (!fresh || state === "pending") continue;
      this.dispatchEvent(new CustomEvent("changed", { bubbles: true, detail: { recording: fresh.recording } }));
      return this.#end(job, state === "ready" ? t("state.ready") : t(`player.${state}`, { reason: fresh.recording._read_only?.reason ?? "" }), state === "failed");
    }
    this.#end(job, t("upload.pending"), false);
  }

  /** @param {Job} job @param {string} text @param {boolean} again */
  #end(job, text, again) {
    job.text.textContent = text;
    job.retry.hidden = !again;
    job.item.classList.add("ended");
  }
}

/**
 * Sends a file to where the API says. XMLHttpRequest reports progress; fetch does not.
 * @param {File} file @param {import("../types.js").Upload} upload @param {AbortSignal} signal @param {(part: number) => void} progress
 * @returns {Promise<void>}
 */
function send(file, upload, signal, progress) {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open(upload.method, upload.url);
    for (const [name, value] of Object.entries(upload.headers)) if (!/^(host|content-length)$/i.test(name)) request.setRequestHeader(name, value);
    request.upload.onprogress = (e) => progress(e.loaded / e.total);
    // 412: an earlier try has stored the audio.
    request.onload = () => (request.status < 300 || request.status === 412 ? resolve() : reject(new Error(`HTTP ${request.status}`)));
    request.onerror = () => reject(new Error(t("upload.connection")));
    signal.addEventListener("abort", () => (request.abort(), reject(signal.reason)));
    request.send(file);
  });
}

customElements.define("recording-upload", RecordingUpload);
