// The peaks of audio: for each channel, the largest amplitude of each short stretch.

/** Seconds that one peak stands for, so that short audio is fine and an hour stays small. @param {number} duration */
export const bucketFor = (duration) => (duration && duration < 300 ? 0.01 : 0.05);

/** Collects peaks, from 0 to 1, as audio is decoded. */
export class Buckets {
  /** @param {number} bucket seconds */
  constructor(bucket = 0.05) {
    this.bucket = bucket;
    /** @type {Float32Array[]} */
    this.channels = [];
    this.length = 0; // peaks in each channel
    this.from = 0; // first peak that take has not returned
  }

  /**
   * Adds samples of one channel that begin at a time.
   * @param {number} channel @param {ArrayLike<number>} samples from -1 to 1, or whole numbers if scale is given
   * @param {number} start seconds @param {number} rate samples per second
   * @param {{offset?: number, step?: number, scale?: number}} [how] where samples of the channel are
   */
  add(channel, samples, start, rate, { offset = 0, step = 1, scale = 1 } = {}) {
    const { bucket: length } = this;
    let bucket = Math.max(0, Math.floor(start / length + 1e-9));
    for (let i = offset; i < samples.length; bucket++) {
      const frames = Math.max(1, Math.ceil(((bucket + 1) * length - start) * rate - 1e-6));
      const end = Math.min(samples.length, offset + frames * step);
      let max = 0;
      for (; i < end; i += step) {
        const v = samples[i] < 0 ? -samples[i] : samples[i];
        if (v > max) max = v;
      }
      this.#raise(channel, bucket, Math.min(1, max * scale));
    }
  }

  /** @param {number} channel @param {number} bucket @param {number} value */
  #raise(channel, bucket, value) {
    let peaks = (this.channels[channel] ??= new Float32Array(4096));
    if (bucket >= peaks.length) {
      peaks = new Float32Array(Math.max(bucket + 1, peaks.length * 2));
      peaks.set(this.channels[channel]);
      this.channels[channel] = peaks;
    }
    if (value > peaks[bucket]) peaks[bucket] = value;
    if (bucket >= this.length) this.length = bucket + 1;
    if (bucket < this.from) this.from = bucket;
  }

  /** Returns the peaks since the last call, and the index of the first. */
  take() {
    const from = Math.max(0, this.from - 1); // the last one may have grown since
    const peaks = this.channels.map((c) => c.slice(from, this.length));
    this.from = this.length;
    return { from, peaks };
  }
}
