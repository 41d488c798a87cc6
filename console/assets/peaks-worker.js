// The worker that computes peaks. It fetches the audio by range and decodes WAV. Of other
// types it sends pieces to the page, since only a page has decodeAudioData.

import { Buckets } from "./buckets.js";
import { Mp3Cutter, frameAt } from "./mp3.js";
import { OggCutter } from "./ogg.js";
import { windows } from "./ranges.js";
import { WavPeaks, id3Length, join, parseWav } from "./wav.js";

/** @typedef {{url: string, headers?: Record<string, string>}} Source */
/** @typedef {{source: Source, maxSeconds: number, maxBytes: number, ahead: number, bucket: number}} Task
 * ahead is how many pieces may be with the page at once */

/** Decoded whole, audio of other types must be at most this large. */
const WHOLE = 8 << 20;

/** Bytes that show the type. A WAV may have other chunks before its audio. */
const HEAD = 64 << 10;

/** Thrown if there will be no peaks. The message is part of the key of a text. */
class NoPeaks extends Error {}

const scope = /** @type {any} */ (self);

/** Answers to what the worker has asked the page, by number. @type {Map<number, (answer: any) => void>} */
const asked = new Map();
let questions = 0;

/** @param {object} question @param {Transferable[]} [transfer] @returns {Promise<any>} */
function ask(question, transfer = []) {
  const number = ++questions;
  scope.postMessage({ ...question, number }, transfer);
  return new Promise((resolve) => asked.set(number, resolve));
}

scope.onmessage = (/** @type {MessageEvent} */ { data }) => {
  if (!data.number) return void run(data);
  asked.get(data.number)?.(data);
  asked.delete(data.number);
};

/** @param {Task} task */
async function run(task) {
  try {
    await compute(task);
    scope.postMessage({ done: true });
  } catch (err) {
    scope.postMessage({ failed: err instanceof NoPeaks ? err.message : "failed" });
  }
}

/**
 * Returns a function that fetches a range. An expired URL is renewed, and the fetch is
 * tried three times.
 * @param {Source} source
 */
function fetcher(source) {
  /** @type {Promise<Source>|undefined} */
  let renewal;
  return async (/** @type {number} */ from, /** @type {number} */ to) => {
    for (let attempt = 1; ; attempt++) {
      const used = source;
      const r = await fetch(used.url, { headers: { ...used.headers, range: `bytes=${from}-${to}` } }).catch(() => undefined);
      if (r && (r.ok || r.status === 416)) return r;
      if (attempt === 3) throw new NoPeaks("failed");
      const wait = Math.min(10, Number(r?.headers.get("retry-after")) || attempt);
      if (!r || r.status === 429 || r.status >= 500) await new Promise((resolve) => setTimeout(resolve, wait * 1000));
      if (used === source) {
        renewal ??= ask({ renew: true }).then((a) => a.source ?? used);
        source = await renewal;
        renewal = undefined;
      } 
    }
  };
}

/** @param {Task} task */
async function compute({ source, maxSeconds, maxBytes, ahead, bucket }) {
  const buckets = new Buckets(bucket);
  let size = 0, shown = 0;
  const show = (last = false) => {
    if (!last && performance.now() - shown < 150) return;
    shown = performance.now();
    const part = buckets.take();
    scope.postMessage(part, part.peaks.map((p) => p.buffer));
  };
  const tooLong = (/** @type {number} */ seconds) => {
    if (seconds > maxSeconds) throw new NoPeaks("long");
  };
  /** @type {Set<Promise<void>>} */
  const decoding = new Set();
  const decode = async (/** @type {import("./mp3.js").Piece} */ piece) => {
    const { channels, rate } = await ask({ decode: piece.bytes.buffer, rate: piece.rate }, [piece.bytes.buffer]);
    if (!channels) throw new NoPeaks("type");
    const length = channels[0].length / rate;
    // The piece begins with frames of the one before it, or lacks the delay of the encoder.
    const skip = Number.isFinite(piece.length) ? Math.max(0, Math.round((length - piece.length) * rate)) : 0;
    channels.slice(0, 2).forEach((/** @type {Float32Array} */ c, /** @type {number} */ i) => buckets.add(i, c.subarray(skip), piece.start, rate));
    show();
  };
  const consume = async (/** @type {import("./mp3.js").Piece[]} */ pieces) => {
    for (const piece of pieces) {
      tooLong(piece.start);
      const p = decode(piece).finally(() => decoding.delete(p));
      p.catch(() => {}); // reported by the next wait
      decoding.add(p);
      if (decoding.size >= ahead) await Promise.race(decoding);
    }
  };

  let head = new Uint8Array(0);
  /** @type {WavPeaks|Mp3Cutter|OggCutter|Whole|undefined} */
  let sink;
  const feed = async (/** @type {Uint8Array} */ bytes, last = false) => {
    if (sink instanceof WavPeaks) sink.push(bytes);
    else if (sink) await consume(sink.push(bytes, last));
    show();
  };
  const begin = async () => {
    sink = sinkFor(head, buckets);
    if (sink instanceof WavPeaks) tooLong(sink.duration(size || head.length));
    await feed(head);
  };
  for await (const bytes of windows(fetcher(source), (n) => (size = n))) {
    if (size > maxBytes) throw new NoPeaks("large");
    if (sink) await feed(bytes);
    else {
      head = join(head, bytes);
      if (head.length >= HEAD) await begin();
    }
  }
  if (!head.length) throw new NoPeaks("type");
  if (!sink) await begin();
  await feed(new Uint8Array(0), true);
  await Promise.all(decoding);
  if (!buckets.length) throw new NoPeaks("type");
  show(true);
}

/**
 * Chooses what to do with audio by its first bytes.
 * @param {Uint8Array} head @param {Buckets} buckets
 */
function sinkFor(head, buckets) {
  const wav = parseWav(head);
  if (wav) return new WavPeaks(wav, buckets);
  const at = Math.min(id3Length(head), head.length);
  const magic = String.fromCharCode(...head.subarray(at, at + 4));
  if (magic === "OggS") return new OggCutter();
  if (magic === "RIFF") throw new NoPeaks("type");
  if (String.fromCharCode(...head.subarray(4, 8)) === "ftyp") return new Whole();
  for (let i = at; i < Math.min(head.length, at + 65536); i++) if (frameAt(head, i)) return new Mp3Cutter();
  return at ? new Mp3Cutter() : new Whole();
}

/** Keeps audio that cannot be cut, such as MP4, and returns it as one piece. */
class Whole {
  constructor() {
    this.bytes = new Uint8Array(0);
  }

  /** @param {Uint8Array} bytes @param {boolean} last @returns {import("./mp3.js").Piece[]} */
  push(bytes, last) {
    this.bytes = join(this.bytes, bytes);
    if (this.bytes.length > WHOLE) throw new NoPeaks("type");
    return last ? [{ bytes: this.bytes, rate: 16000, start: 0, length: NaN }] : [];
  }
}
