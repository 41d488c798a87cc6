// Cuts MP3 into pieces that a browser can decode one by one.

import { id3Length, join } from "./wav.js";

/** @typedef {{bytes: Uint8Array, rate: number, start: number, length: number}} Piece
 * rate in Hz; start and length in seconds: decoded audio ends at start + length */

const RATES = [44100, 48000, 32000];
const KBPS1 = [0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320];
const KBPS2 = [0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160];

/**
 * Reads the header of a layer III frame (ISO/IEC 11172-3, 2.4.2.3).
 * @param {Uint8Array} b @param {number} i
 * @returns {{size: number, rate: number, samples: number, id: number}|undefined} size in bytes; id is
 * equal for the frames of one stream
 */
export function frameAt(b, i) {
  if (b[i] !== 0xff || (b[i + 1] & 0xe6) !== 0xe2) return;
  const version = (b[i + 1] >> 3) & 3; // 3: MPEG-1, 2: MPEG-2, 0: MPEG-2.5
  const kbps = (version === 3 ? KBPS1 : KBPS2)[b[i + 2] >> 4];
  const base = RATES[(b[i + 2] >> 2) & 3];
  if (version === 1 || !kbps || !base) return;
  const rate = base >> (version === 3 ? 0 : version === 2 ? 1 : 2);
  const samples = version === 3 ? 1152 : 576;
  const size = Math.floor(((samples / 8) * kbps * 1000) / rate) + ((b[i + 2] >> 1) & 1);
  return { size, rate, samples, id: (b[i + 1] << 8) | (b[i + 2] & 0x0c) };
}

/** @param {Uint8Array} b @param {number} i @param {number} size reports whether the frame is a Xing, Info or VBRI header */
function isInfo(b, i, size) {
  const s = String.fromCharCode(...b.subarray(i + 4, i + Math.min(size, 48)));
  return /Xing|Info|VBRI/.test(s);
}

/** The longest piece. Decoded in stereo at 48 kHz, it takes 23 MB. */
const MAX_BYTES = 256 << 10, MAX_SECONDS = 60;

/**
 * Frames before a piece that are decoded with it and thrown away: a frame may use bits of
 * frames before it, up to 511 bytes back.
 */
const LEAD = 10;

/** Takes an MP3 in windows of any length and returns pieces. */
export class Mp3Cutter {
  constructor() {
    this.buffer = new Uint8Array(0);
    this.id = 0; // of the stream; 0 before the first frame
    this.seconds = 0; // of the frames that have been cut
    this.skip = 0; // bytes of a tag that are still to come
    this.begun = false;
    this.frames = /** @type {number[]} */ ([]); // offsets in buffer of the frames of the next piece
    this.lead = 0; // how many of them the last piece has had
    this.pos = 0; // in buffer: the next byte to look at
    this.length = 0; // seconds of the next piece
    this.rate = 0;
  }

  /** @param {Uint8Array} bytes @param {boolean} [last] @returns {Piece[]} */
  push(bytes, last = false) {
    /** @type {Piece[]} */
    const pieces = [];
    if (this.skip) {
      const n = Math.min(this.skip, bytes.length);
      this.skip -= n;
      bytes = bytes.subarray(n);
    }
    this.buffer = join(this.buffer, bytes);
    if (!this.begun && this.buffer.length >= 10) {
      this.begun = true;
      const tag = id3Length(this.buffer);
      this.skip = Math.max(0, tag - this.buffer.length);
      this.pos = Math.min(tag, this.buffer.length);
    }
    while (this.pos + 4 <= this.buffer.length) {
      const f = frameAt(this.buffer, this.pos);
      const end = f ? this.pos + f.size : 0;
      const fits = f && (f.id === this.id || (!this.id && confirmed(this.buffer, end, f.id)));
      if (f && !this.id && end + 4 > this.buffer.length && !last) break; // the next frame is not here yet
      if (!f || !fits) {
        this.pos++;
        continue;
      }
      if (end > this.buffer.length) break;
      if (this.id || !isInfo(this.buffer, this.pos, f.size)) this.#take(f, pieces);
      this.id = f.id;
      this.pos += f.size; // a cut has moved it
    }
    if (last && this.frames.length > this.lead) pieces.push(this.#cut());
    if (!this.frames.length) this.#drop(this.pos);
    return pieces;
  }

  /** @param {{rate: number, samples: number}} f @param {Piece[]} pieces */
  #take(f, pieces) {
    if (this.frames.length > this.lead && (this.pos - this.frames[0] > MAX_BYTES || this.length > MAX_SECONDS)) pieces.push(this.#cut());
    this.rate = f.rate;
    this.length += f.samples / f.rate;
    this.frames.push(this.pos);
  }

  /** @returns {Piece} */
  #cut() {
    const piece = { bytes: this.buffer.slice(this.frames[0], this.pos), rate: this.rate, start: this.seconds, length: this.length };
    this.seconds += this.length;
    this.length = 0;
    this.frames = this.frames.slice(-LEAD);
    this.lead = this.frames.length;
    this.#drop(this.frames[0]);
    return piece;
  }

  /** Forgets the first n bytes. @param {number} n */
  #drop(n) {
    this.buffer = this.buffer.subarray(n);
    this.pos -= n;
    this.frames = this.frames.map((f) => f - n);
  }
}

/** Reports whether a frame of the same stream begins at i, or the bytes end there. @param {Uint8Array} b @param {number} i @param {number} id */
const confirmed = (b, i, id) => i + 4 > b.length || frameAt(b, i)?.id === id;
