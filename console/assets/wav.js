// Peaks of WAV, decoded here: PCM of 8, 16, 24 and 32 bits, floats, A-law and µ-law.

import { Buckets } from "./buckets.js";

/** @typedef {{format: number, channels: number, rate: number, bits: number, block: number, start: number, size: number}} Wav
 * block is the bytes of one sample of all channels; start and size are those of the data */

const PCM = 1, FLOAT = 3, ALAW = 6, ULAW = 7, EXTENSIBLE = 0xfffe;

/**
 * Reads the header. ID3v2 tags may precede it.
 * @param {Uint8Array} b the beginning of the file
 * @returns {Wav|undefined} undefined if b is not a WAV that this file decodes
 */
export function parseWav(b) {
  const v = new DataView(b.buffer, b.byteOffset, b.byteLength);
  let at = id3Length(b);
  if (at + 12 > b.length || !/^(RIFF|RF64)$/.test(text(b, at)) || text(b, at + 8) !== "WAVE") return;
  /** @type {Wav|undefined} */
  let wav;
  for (at += 12; at + 8 <= b.length; ) {
    const name = text(b, at), size = v.getUint32(at + 4, true), body = at + 8;
    if (name === "data") {
      if (!wav) return;
      // A recorder that writes to a pipe leaves 0 or the largest number here.
      const open = size === 0 || size >= 0xfffffff0;
      return { ...wav, start: body, size: open ? Infinity : size };
    }
    if (name === "fmt " && body + 16 <= b.length) {
      let format = v.getUint16(body, true);
      if (format === EXTENSIBLE && size >= 26 && body + 26 <= b.length) format = v.getUint16(body + 24, true);
      wav = { format, channels: v.getUint16(body + 2, true), rate: v.getUint32(body + 4, true), bits: v.getUint16(body + 14, true), block: v.getUint16(body + 12, true), start: 0, size: 0 };
      if (!reader(wav) || !wav.rate || !wav.channels || wav.block !== (wav.channels * wav.bits) / 8) return;
    }
    at = body + size + (size & 1);
  }
}

/** The length of the ID3v2 tags that b begins with. @param {Uint8Array} b */
export function id3Length(b) {
  let at = 0;
  while (at + 10 <= b.length && b[at] === 0x49 && b[at + 1] === 0x44 && b[at + 2] === 0x33)
    at += 10 + (b[at + 6] << 21) + (b[at + 7] << 14) + (b[at + 8] << 7) + b[at + 9] + (b[at + 5] & 0x10 ? 10 : 0);
  return at;
}

/** @param {Uint8Array} b @param {number} at */
const text = (b, at) => String.fromCharCode(...b.subarray(at, at + 4));

/** The amplitude of an A-law byte, of 32768 (ITU-T G.711). @param {number} a */
export function alaw(a) {
  a ^= 0x55;
  const exponent = (a >> 4) & 7, mantissa = ((a & 15) << 4) + 8;
  const v = exponent ? (mantissa + 256) << (exponent - 1) : mantissa;
  return a & 0x80 ? v : -v;
}

/** The amplitude of a µ-law byte, of 32768 (ITU-T G.711). @param {number} u */
export function ulaw(u) {
  u = ~u & 255;
  const v = ((((u & 15) << 3) + 132) << ((u >> 4) & 7)) - 132;
  return u & 0x80 ? -v : v;
}

/** @param {(v: number) => number} f */
const table = (f) => Int16Array.from({ length: 256 }, (_, i) => f(i));
/** @type {Record<number, Int16Array>} */
const tables = { [ALAW]: table(alaw), [ULAW]: table(ulaw) };

/**
 * Returns how to read a format: bytes, whose buffer is aligned, become numbers, and scale
 * makes them -1 to 1.
 * @param {{format: number, bits: number}} wav
 * @returns {{read: (b: Uint8Array) => ArrayLike<number>, scale: number}|undefined}
 */
function reader({ format, bits }) {
  const law = tables[format];
  if (law && bits === 8) return { scale: 1 / 32768, read: (b) => Int16Array.from(b, (v) => law[v]) };
  if (format === FLOAT && bits === 32) return { scale: 1, read: (b) => new Float32Array(b.buffer, 0, b.length >> 2) };
  if (format === FLOAT && bits === 64) return { scale: 1, read: (b) => new Float64Array(b.buffer, 0, b.length >> 3) };
  if (format !== PCM) return;
  if (bits === 8) return { scale: 1 / 128, read: (b) => Int8Array.from(b, (v) => v - 128) };
  if (bits === 16) return { scale: 1 / 32768, read: (b) => new Int16Array(b.buffer, 0, b.length >> 1) };
  if (bits === 32) return { scale: 1 / 2147483648, read: (b) => new Int32Array(b.buffer, 0, b.length >> 2) };
  if (bits !== 24) return;
  return {
    scale: 1 / 8388608,
    read: (b) => {
      const out = new Int32Array(b.length / 3);
      for (let i = 0, j = 0; i < out.length; i++, j += 3) out[i] = b[j] | (b[j + 1] << 8) | ((b[j + 2] << 24) >> 8);
      return out;
    },
  };
}

/** Takes the bytes of a WAV in windows of any length, and collects its peaks. */
export class WavPeaks {
  /** @param {Wav} wav @param {Buckets} buckets */
  constructor(wav, buckets) {
    this.wav = wav;
    this.buckets = buckets;
    this.at = 0; // offset in the file of the next byte
    this.frames = 0;
    this.rest = new Uint8Array(0); // part of a sample
    this.how = /** @type {{read: (b: Uint8Array) => ArrayLike<number>, scale: number}} */ (reader(wav));
  }

  /** @param {Uint8Array} bytes */
  push(bytes) {
    const { start, size, block, channels, rate } = this.wav;
    const data = bytes.subarray(Math.max(0, start - this.at), Math.max(0, start + size - this.at));
    this.at += bytes.length;
    const whole = Math.floor((this.rest.length + data.length) / block) * block;
    const joined = new Uint8Array(whole); // aligned, which typed arrays need
    const fromRest = this.rest.subarray(0, whole);
    joined.set(fromRest);
    joined.set(data.subarray(0, whole - fromRest.length), fromRest.length);
    this.rest = whole ? data.slice(whole - fromRest.length) : join(this.rest, data);
    const samples = this.how.read(joined);
    for (let c = 0; c < Math.min(channels, 2); c++)
      this.buckets.add(c, samples, this.frames / rate, rate, { offset: c, step: channels, scale: this.how.scale });
    this.frames += whole / block;
  }

  /** The length of the audio in a file of some bytes, in seconds. @param {number} fileSize */
  duration(fileSize) {
    return Math.min(this.wav.size, Math.max(0, fileSize - this.wav.start)) / this.wav.block / this.wav.rate;
  }
}

/** @param {Uint8Array} a @param {Uint8Array} b */
export function join(a, b) {
  const out = new Uint8Array(a.length + b.length);
  out.set(a);
  out.set(b, a.length);
  return out;
}
