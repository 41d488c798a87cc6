// The waveform: a slider whose track is a picture of the audio. Without peaks it is a plain
// seek bar.

import { h } from "./dom.js";
import { formatDuration, t } from "./i18n.js";

/** @typedef {import("./peaks.js").Peaks} Peaks */
/** @typedef {{from: number, to: number}} Loop seconds */
/** @typedef {{at: number, to?: number}} Mark the place of a tag or a note, in seconds */

/** A drag shorter than this many pixels is a click. */
const CLICK = 4;

export class Waveform extends HTMLElement {
  duration = 0;
  position = 0;
  /** @type {Peaks|null} */
  peaks = null;
  /** @type {Loop|null} */
  loop = null;
  /** @type {Mark[]} */
  marks = [];
  /** @type {Float32Array[]} the highest peak of each pixel, for each lane */
  #columns = [];
  #columnsOf = "";
  #frame = 0;
  /** @type {{x: number, at: number, select: boolean}|null} */
  #drag = null;

  connectedCallback() {
    if (this.firstChild) return;
    this.canvas = h("canvas", { "aria-hidden": "true" });
    this.lanes = h("div", { className: "lanes", "aria-hidden": "true" });
    this.hint = h("output", { className: "hint", "aria-hidden": "true" });
    this.append(this.canvas, this.lanes, this.hint);
    this.tabIndex = 0;
    this.dir = "ltr"; // time runs from left to right in every language
    for (const [name, value] of [["role", "slider"], ["aria-label", t("player.position")], ["aria-valuemin", "0"]]) this.setAttribute(name, value);
    new ResizeObserver(() => this.update()).observe(this);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.update());
    new MutationObserver(() => this.update()).observe(document.documentElement, { attributeFilter: ["data-theme"] });
    this.addEventListener("pointerdown", (e) => this.#down(e));
    this.addEventListener("pointermove", (e) => this.#move(e));
    this.addEventListener("pointerup", (e) => this.#up(e));
    this.addEventListener("pointercancel", () => (this.#drag = null));
    this.addEventListener("pointerleave", () => (this.hint.value = ""));
    this.addEventListener("keydown", (e) => this.#key(e));
    this.update();
  }

  /** @param {Peaks|null} peaks that are new or have grown */
  show(peaks) {
    this.peaks = peaks;
    this.#columnsOf = "";
    this.update();
  }

  /** Draws what has changed, at the next frame. */
  update() {
    if (!this.#frame) this.#frame = requestAnimationFrame(() => this.#draw());
  }

  /** @param {PointerEvent} e */
  #time(e) {
    const box = this.getBoundingClientRect();
    return Math.min(1, Math.max(0, (e.clientX - box.left) / box.width)) * this.duration;
  }

  /** @param {PointerEvent} e */
  #down(e) {
    if (e.button || !this.duration) return;
    this.setPointerCapture(e.pointerId);
    this.#drag = { x: e.clientX, at: this.#time(e), select: e.shiftKey };
    if (!e.shiftKey) this.#send("seek", { time: this.#drag.at });
  }

  /** @param {PointerEvent} e */
  #move(e) {
    const time = this.#time(e);
    this.hint.value = this.duration ? formatDuration(Math.floor(time)) : "";
    this.hint.style.left = `${e.clientX - this.getBoundingClientRect().left}px`;
    if (!this.#drag) return;
    if (!this.#drag.select) return this.#send("seek", { time });
    if (Math.abs(e.clientX - this.#drag.x) < CLICK) return;
    this.loop = { from: Math.min(time, this.#drag.at), to: Math.max(time, this.#drag.at) };
    this.update();
  }

  /** @param {PointerEvent} e */
  #up(e) {
    if (this.#drag?.select) this.#send("loop", { loop: Math.abs(e.clientX - this.#drag.x) < CLICK ? null : this.loop });
    this.#drag = null;
  }

  /** @param {KeyboardEvent} e the keys of a slider; keys.js has the others */
  #key(e) {
    /** @type {Record<string, number>} */
    const to = { ArrowUp: this.position + 5, ArrowDown: this.position - 5, PageUp: this.position + 60, PageDown: this.position - 60, Home: 0, End: this.duration };
    if (!(e.key in to) || e.ctrlKey || e.metaKey || e.altKey) return;
    e.preventDefault();
    this.#send("seek", { time: to[e.key] });
  }

  /** @param {string} name @param {object} detail */
  #send(name, detail) {
    this.dispatchEvent(new CustomEvent(name, { detail }));
  }

  #draw() {
    this.#frame = 0;
    const seconds = Math.floor(this.position);
    this.setAttribute("aria-valuemax", String(Math.floor(this.duration)));
    this.setAttribute("aria-valuenow", String(seconds));
    this.setAttribute("aria-valuetext", t("player.of", { time: formatDuration(seconds), total: formatDuration(this.duration) }));
    const lanes = this.peaks?.channels.length ?? 0;
    this.classList.toggle("plain", !lanes);
    if (this.lanes.childElementCount !== (lanes === 2 ? 2 : 0)) {
      this.lanes.replaceChildren(...(lanes === 2 ? ["left", "right"].map((side) => h("span", {}, t(`player.${side}`))) : []));
    }
    const scale = devicePixelRatio || 1;
    const width = Math.round(this.clientWidth * scale), height = Math.round(this.clientHeight * scale);
    if (!width || !height) return;
    if (this.canvas.width !== width || this.canvas.height !== height) Object.assign(this.canvas, { width, height });
    const g = /** @type {CanvasRenderingContext2D} */ (this.canvas.getContext("2d"));
    const style = getComputedStyle(this);
    const color = (/** @type {string} */ name) => style.getPropertyValue(name).trim();
    const x = (/** @type {number} */ time) => (this.duration ? (time / this.duration) * width : 0);
    g.clearRect(0, 0, width, height);
    if (this.loop) {
      g.fillStyle = color("--soft");
      g.fillRect(x(this.loop.from), 0, Math.max(2, x(this.loop.to) - x(this.loop.from)), height);
    }
    const played = Math.round(x(this.position));
    const colors = [color("--accent"), color("--edge")];
    if (lanes) this.#bars(g, width, height, played, colors);
    else {
      [[0, played], [played, width]].forEach(([from, to], i) => {
        g.fillStyle = colors[i];
        g.fillRect(from, height / 2 - 2 * scale, to - from, 4 * scale);
      });
    }
    g.fillStyle = color("--danger");
    for (const { at, to } of this.marks) g.fillRect(x(at) - 2 * scale, 0, Math.max(4 * scale, x(to ?? at) - x(at)), 7 * scale);
    g.fillStyle = color("--fg");
    g.fillRect(Math.min(played, width - 2 * scale), 0, 2 * scale, height);
  }

  /** @param {CanvasRenderingContext2D} g @param {number} width @param {number} height @param {number} played @param {string[]} colors */
  #bars(g, width, height, played, colors) {
    const columns = this.#measure(width);
    const top = Math.max(0.02, ...columns.map((c) => c.reduce((a, b) => Math.max(a, b), 0)));
    const lane = height / columns.length;
    columns.forEach((column, n) => {
      const middle = lane * (n + 0.5);
      g.fillStyle = colors[played > 0 ? 0 : 1];
      column.forEach((peak, i) => {
        const half = Math.max(0.5, (peak / top) * (lane / 2 - 2));
        if (i === played) g.fillStyle = colors[1];
        g.fillRect(i, middle - half, 1, half * 2);
      });
    });
  }

  /** Returns the highest peak of each pixel. @param {number} width */
  #measure(width) {
    const { channels, length, bucket } = /** @type {Peaks} */ (this.peaks);
    const of = `${width} ${length} ${this.duration} ${channels.length}`;
    if (of === this.#columnsOf) return this.#columns;
    this.#columnsOf = of;
    const each = this.duration / bucket / width; // peaks in a pixel
    this.#columns = channels.map((peaks) => Float32Array.from({ length: width }, (_, i) => {
      let max = 0;
      for (let p = Math.floor(i * each); p < Math.min(length, Math.max(Math.floor(i * each) + 1, (i + 1) * each)); p++) max = Math.max(max, peaks[p]);
      return max;
    }));
    return this.#columns;
  }
}

customElements.define("wave-form", Waveform);
