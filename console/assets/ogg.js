// Cuts Ogg (Opus, Vorbis) into pieces that a browser can decode one by one: its header
// pages, followed by some pages of audio.

import { join } from "./wav.js";

/** @typedef {import("./mp3.js").Piece} Piece */

const MAX_BYTES = 256 << 10, MAX_SECONDS = 60;

/** Takes an Ogg in windows of any length and returns pieces. */
export class OggCutter {
  constructor() {
    this.buffer = new Uint8Array(0);
    this.serial = -1; // of the stream with the audio
    this.rate = 0;
    this.headers = /** @type {Uint8Array[]} */ ([]);
    this.packets = 0; // header packets that are still to come
    this.pages = /** @type {Uint8Array[]} */ ([]);
    this.bytes = 0;
    this.first = -1; // granules (samples) before the audio
    this.from = 0; // granules before the next piece
    this.granule = 0; // at the end of the last page
  }

  /** @param {Uint8Array} bytes @param {boolean} [last] @returns {Piece[]} */
  push(bytes, last = false) {
    /** @type {Piece[]} */
    const pieces = [];
    const b = (this.buffer = join(this.buffer, bytes));
    let i = 0;
    for (;;) {
      while (i + 4 <= b.length && !(b[i] === 0x4f && b[i + 1] === 0x67 && b[i + 2] === 0x67 && b[i + 3] === 0x53)) i++;
      if (i + 27 > b.length || i + 27 + b[i + 26] > b.length) break;
      const lacing = b.subarray(i + 27, i + 27 + b[i + 26]);
      const end = i + 27 + lacing.length + lacing.reduce((n, v) => n + v, 0);
      if (end > b.length) break;
      this.#page(b.slice(i, end), lacing);
      i = end;
      if (this.bytes > MAX_BYTES || this.granule - this.from > MAX_SECONDS * this.rate) this.#cut(pieces);
    }
    this.buffer = b.slice(i);
    if (last) this.#cut(pieces);
    return pieces;
  }

  /** @param {Uint8Array} page @param {Uint8Array} lacing the sizes of its segments */
  #page(page, lacing) {
    const v = new DataView(page.buffer);
    const body = 27 + lacing.length;
    if (this.serial < 0) {
      const id = String.fromCharCode(...page.subarray(body, body + 8));
      if (id !== "OpusHead" && id.slice(1, 7) !== "vorbis") return;
      this.serial = v.getUint32(14, true);
      this.packets = id === "OpusHead" ? 2 : 3;
      this.rate = id === "OpusHead" ? 48000 : v.getUint32(body + 12, true);
    }
    if (v.getUint32(14, true) !== this.serial) return;
    if (this.packets > 0) {
      this.headers.push(page);
      this.packets -= lacing.filter((n) => n < 255).length;
      return;
    }
    this.pages.push(page);
    this.bytes += page.length;
    const granule = Number(v.getBigInt64(6, true));
    if (granule > this.granule) {
      // A recording that was cut out of a longer stream does not begin at 0.
      if (!this.granule && granule > this.rate * 10) this.from = granule - this.rate;
      this.granule = granule;
    }
  }

  /** @param {Piece[]} pieces */
  #cut(pieces) {
    if (!this.pages.length || this.granule <= this.from) return;
    if (this.first < 0) this.first = this.from;
    const bytes = [...this.headers, ...this.pages].reduce(join);
    pieces.push({ bytes, rate: this.rate, start: (this.from - this.first) / this.rate, length: (this.granule - this.from) / this.rate });
    this.from = this.granule;
    this.pages = [];
    this.bytes = 0;
  }
}
