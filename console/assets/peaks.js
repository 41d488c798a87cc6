// Peaks of a recording's audio, for the waveform.

import { bucketFor } from "./buckets.js";

/** @typedef {{channels: Float32Array[], length: number, bucket: number}} Peaks length is the number of peaks
 * of a channel, and bucket the seconds that each stands for */

/** Audio longer or larger than this has no waveform. */
const MAX_SECONDS = 3900, MAX_BYTES = 256 << 20;

/** The peaks of the last recordings. @type {Map<string, Peaks>} */
const kept = new Map();

/** Decoders. Each has a thread of its own in the browser. @returns {OfflineAudioContext[]} */
const decoders = (/** @type {number} */ rate) =>
  Array.from({ length: Math.min(4, navigator.hardwareConcurrency || 2) }, () => new OfflineAudioContext(1, 1, rate));

/**
 * Computes peaks in a worker and shows them as they grow.
 * @param {string} id of the recording @param {number} duration seconds, 0 if unknown
 * @param {() => Promise<import("./peaks-worker.js").Source>} audioUrl returns a URL that is valid now
 * @param {(peaks: Peaks) => void} show is called several times
 * @param {AbortSignal} signal
 * @returns {Promise<void>} rejects with an Error whose message is "long", "large", "type" or "failed"
 */
export async function loadPeaks(id, duration, audioUrl, show, signal) {
  const known = kept.get(id);
  if (known) return show(known);
  if (duration > MAX_SECONDS) throw new Error("long");
  const bucket = bucketFor(duration);
  const source = await audioUrl();
  if (signal.aborted) return;
  const worker = new Worker(new URL("./peaks-worker.js", import.meta.url), { type: "module" });
  signal.addEventListener("abort", () => worker.terminate());
  /** @type {Peaks} */
  const peaks = { channels: [], length: 0, bucket };
  /** @type {Map<number, OfflineAudioContext[]>} */
  const pools = new Map();
  let turn = 0;
  const decode = async (/** @type {ArrayBuffer} */ bytes, /** @type {number} */ rate, /** @type {number} */ number) => {
    const pool = pools.get(rate) ?? decoders(rate);
    pools.set(rate, pool);
    try {
      const audio = await pool[turn++ % pool.length].decodeAudioData(bytes);
      const channels = Array.from({ length: Math.min(2, audio.numberOfChannels) }, (_, c) => audio.getChannelData(c));
      worker.postMessage({ number, channels, rate: audio.sampleRate }, channels.map((c) => c.buffer));
    } catch {
      worker.postMessage({ number });
    }
  };
  try {
    await new Promise((resolve, reject) => {
      worker.onerror = () => reject(new Error("failed"));
      worker.onmessage = ({ data }) => {
        if (data.done) resolve(undefined);
        else if (data.failed) reject(new Error(data.failed));
        else if (data.decode) void decode(data.decode, data.rate, data.number);
        else if (data.renew) audioUrl().then((s) => worker.postMessage({ number: data.number, source: s }), () => worker.postMessage({ number: data.number }));
        else if (data.peaks && !signal.aborted) show(grow(peaks, data));
      };
      worker.postMessage({ source, maxSeconds: MAX_SECONDS, maxBytes: MAX_BYTES, ahead: 6, bucket });
    });
  } finally {
    worker.terminate();
  }
  kept.set(id, peaks);
  if (kept.size > 8) kept.delete(/** @type {string} */ (kept.keys().next().value));
}

/** Adds the peaks from an index on. @param {Peaks} peaks @param {{from: number, peaks: Float32Array[]}} part */
function grow(peaks, { from, peaks: parts }) {
  parts.forEach((part, c) => {
    const old = peaks.channels[c] ?? new Float32Array(0);
    const end = from + part.length;
    const all = end > old.length ? new Float32Array(Math.max(end, old.length * 2)) : old;
    if (all !== old) all.set(old);
    all.set(part, from);
    peaks.channels[c] = all;
    peaks.length = Math.max(peaks.length, end);
  });
  return peaks;
}
